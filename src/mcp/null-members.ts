import { isJsonObject } from '../lib/json.ts'

/**
 * A message without the members that some clients write as null where they mean nothing: `params`, and in there
 * `arguments` and `cursor`. For before the SDK looks at it, which would answer with its validator's report.
 */
export function withoutNullMembers(message: unknown): unknown {
  if (!isJsonObject(message) || !Object.hasOwn(message, 'method')) return message
  const { params, ...rest } = message
  if (params === null) return rest
  if (!isJsonObject(params)) return message
  const { arguments: args, cursor, ...others } = params
  if (args !== null && cursor !== null) return message
  return {
    ...rest,
    params: { ...others, ...(args != null && { arguments: args }), ...(cursor != null && { cursor }) },
  }
}
