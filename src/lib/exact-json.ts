import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json'
import { visitParts } from './json.ts'

/**
 * JSON in which no digit is lost. What a double does not hold, `9007199254740993` or `1e400`, is a `LosslessNumber` with
 * its digits as text; every other value is what `JSON.parse` makes of it.
 */

/**
 * Characters of a text with such a number in it: its parser takes twice the time of `JSON.parse` and many times the
 * memory.
 */
export const EXACT_LIMIT = 1024 * 1024

/**
 * The value of a JSON text. The name of a member that is written with an escape is certain up to `limit` characters of
 * text, see below. Throws a SyntaxError on what is no JSON, and a RangeError where a number would lose digits in
 * a text that is longer than `limit`, or nested so deep that it exhausts the stack.
 */
export function parseExactly(text: string, limit: number = EXACT_LIMIT): unknown {
  const value: unknown = JSON.parse(text)
  const { losesDigits, hasEscapedName } = inspect(text)
  if (losesDigits && text.length > limit) throw new RangeError('too long to be read exactly')
  // V8 (Node 24 and 26) takes a name that is written with an escape for one with a backslash in it that it has read
  // before: `"ab\u0041"` becomes `ab\`. A text too long for the other parser is taken as it comes.
  if (!losesDigits && (!hasEscapedName || text.length > limit)) return value
  return parse(text, undefined, { parseNumber, onDuplicateKey: ({ newValue }) => newValue })
}

/** The JSON text of a value that {@link parseExactly} may have made. The caller has bounded its depth. */
export function writeExactly(value: unknown): string {
  // `JSON.stringify` would write what is in the object, not the number.
  return (visitParts(value, isLosslessNumber) ? stringify(value) : JSON.stringify(value)) ?? 'null'
}

function parseNumber(digits: string): number | LosslessNumber {
  return isHeld(digits) ? Number(digits) : new LosslessNumber(digits)
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** A double holds every number of so many digits, unless it is very large or very small. */
const ALWAYS_HELD = 15

/**
 * Whether the text, which is JSON, has a number in it that a double does not hold, and the name of a member that is
 * written with an escape. One loop over the text: a regular expression over ten megabytes of it exhausts the stack.
 */
function inspect(text: string): { losesDigits: boolean; hasEscapedName: boolean } {
  let hasEscapedName = false
  let nextBackslash = backslashFrom(text, 0)
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      if (nextBackslash < at) nextBackslash = backslashFrom(text, at)
      const end = endOfString(text, at)
      hasEscapedName ||= nextBackslash < end && isName(text, end)
      at = end
    } else if (isDigit(code)) {
      const start = at
      while (isInNumber(text.charCodeAt(at))) at += 1
      const isPlain = at - start <= ALWAYS_HELD && !hasExponent(text, start, at)
      if (!isPlain && !isHeld(text.slice(start, at))) return { losesDigits: true, hasEscapedName }
      at -= 1
    }
  }
  return { losesDigits: false, hasEscapedName }
}

/** Where the first backslash from `at` on is; infinite where there is none. */
function backslashFrom(text: string, at: number): number {
  const found = text.indexOf('\\', at)
  return found < 0 ? Number.POSITIVE_INFINITY : found
}

/** The string that ends at `end` names a member. */
function isName(text: string, end: number): boolean {
  let at = end + 1
  while (' \t\r\n'.includes(text.charAt(at)) && at < text.length) at += 1
  return text[at] === ':'
}

/** Where the string that begins at `start` has its closing quote. */
export function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Digits and what else may stand in a number after the first of them: `+ - . E e`. NaN beyond the end of a text. */
function isInNumber(code: number): boolean {
  return isDigit(code) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === 0x2d
}

function hasExponent(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if ((text.charCodeAt(at) | 0x20) === 0x65) return true
  return false
}

/** The significant digits of a double have at most this many characters in JSON. */
const SIGNIFICANT = 17
/** Far from where doubles end, at 10^308 and 10^-324. */
const SAFE_EXPONENT = 250

/** True when the double that a decimal becomes is written as the same decimal. The sign makes no difference. */
function isHeld(digits: string): boolean {
  const was = decimal(digits)
  if (was.digits.length > SIGNIFICANT) return false
  if (was.digits.length <= ALWAYS_HELD && Math.abs(was.exponent) < SAFE_EXPONENT) return true
  const is = decimal(String(Number(digits)))
  return was.digits === is.digits && was.exponent === is.exponent
}

/** Its digits without zeros at either end, and the power of ten that the last of them counts. */
function decimal(text: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = text.toLowerCase().replace('-', '').split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const all = whole + fraction
  let start = 0
  while (all[start] === '0') start += 1
  let end = all.length
  while (end > start && all[end - 1] === '0') end -= 1
  if (start === end) return { digits: '', exponent: 0 }
  return { digits: all.slice(start, end), exponent: Number(power) - fraction.length + (all.length - end) }
}
