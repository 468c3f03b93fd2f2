import { parseExactly } from '../lib/exact-json.ts'
import { isJsonObject } from '../lib/json.ts'

/** The arguments of a call as they came, with every digit and every member; or why nobody looked into them. */
export type RawArguments = { readonly value: unknown } | { readonly refused: 'too_large' | 'unreadable' }

/** The longest request that is looked into, in bytes of JSON: no call that means something comes near it. */
export const ARGUMENTS_LIMIT = 256 * 1024

/** The arguments in the JSON text of a request. */
export function argumentsIn(request: string): RawArguments {
  if (request.length > ARGUMENTS_LIMIT || Buffer.byteLength(request) > ARGUMENTS_LIMIT) return { refused: 'too_large' }
  try {
    const message = parseExactly(request)
    const params = isJsonObject(message) ? message.params : undefined
    return { value: (isJsonObject(params) ? params.arguments : undefined) ?? {} }
  } catch {
    return { refused: 'unreadable' }
  }
}
