import { isJsonObject } from '../lib/json.ts'

/** A message as it comes in, by lines or over HTTP, before the SDK looks at it. */

/** No message that means something nests deeper; much deeper ones would exhaust the stack of whoever walks through them. */
export const MESSAGE_LEVELS = 500

/** JSON-RPC's code of an answer that is about the server, not the message. */
export const SERVER_ERROR = -32000

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
