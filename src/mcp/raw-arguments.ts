import { endOfString, parseExactly } from '../lib/exact-json.ts'
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

/**
 * The JSON text of a request that has `{}` in the place of its arguments. One look along the text, which may be ten
 * megabytes: parsed, it would be many times as large.
 */
export function withoutArguments(request: string): string {
  let depth = 0
  let isInParams = false
  for (let at = 0; at < request.length; at += 1) {
    const character = request[at]
    if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') depth -= 1
    else if (character === '"') {
      const end = endOfString(request, at)
      const value = depth <= 2 ? valueAfterName(request, end + 1) : undefined
      const name = value === undefined ? '' : request.slice(at + 1, Math.min(end, at + NAME_LIMIT))
      if (depth === 1 && value !== undefined) isInParams = name === 'params'
      if (depth === 2 && value !== undefined && isInParams && name === 'arguments')
        return `${request.slice(0, value)}{}${request.slice(endOfValue(request, value))}`
      at = end
    }
  }
  return request
}

/** Longer names are none that matters here. */
const NAME_LIMIT = 20
const BLANKS = ' \t\r\n'

/** Where the value begins if a name has ended just before `at`; undefined if it was no name. */
function valueAfterName(json: string, at: number): number | undefined {
  const colon = afterBlanks(json, at)
  return json[colon] === ':' ? afterBlanks(json, colon + 1) : undefined
}

function afterBlanks(json: string, start: number): number {
  let at = start
  while (at < json.length && BLANKS.includes(json.charAt(at))) at += 1
  return at
}

/** Just behind the value that begins at `start`. */
function endOfValue(json: string, start: number): number {
  let depth = 0
  for (let at = start; at < json.length; at += 1) {
    const character = json[at]
    if (character === '"') at = endOfString(json, at)
    else if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') depth -= 1
    if (depth < 0 || (depth === 0 && character === ',')) return at
    if (depth === 0 && (character === '}' || character === ']')) return at + 1
  }
  return json.length
}
