import { stripVTControlCharacters } from 'node:util'
import type { JsonObject } from './json.ts'

/**
 * Text that came from elsewhere (AiFi, a customer record, a client, the model) made harmless before anybody reads it.
 * Such text is data: it may not forge lines, hide letters, reverse their order, or drive a terminal.
 */

/** A string of a record or an error, in characters. */
export const STRING_LIMIT = 500

/** Blanks of all kinds, line breaks and the braille blank among them. */
const BLANK = /[\s\u2800]/g
// Controls, format characters (bidi and zero-width ones among them), lone surrogates, private use, and everything else
// that Unicode wants to be drawn as nothing: fillers, variation selectors, tag characters (UAX #9, UTS #39).
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}]/gu

/**
 * One line of visible text, at most `limit` characters; a longer one ends in `…`.
 * Line breaks and tabs become spaces, ANSI sequences, control, bidi and zero-width characters go.
 */
export function harmless(text: string, limit: number = STRING_LIMIT): string {
  // Cut first: nothing beyond a few times the limit can matter, and a hostile answer may be megabytes long.
  const start = text.length > limit * 8 ? text.slice(0, limit * 8) : text
  const clean = visible(start)
  if (clean.length <= limit && start === text) return clean
  const characters = Array.from(clean)
  return characters.length > limit || start !== text ? `${characters.slice(0, limit - 1).join('')}…` : clean
}

function visible(text: string): string {
  // Nearly all text is this, and what follows takes a hundred times as long.
  if (/^[ -~]*$/.test(text)) return text
  return stripVTControlCharacters(text).replace(BLANK, ' ').replace(INVISIBLE, '')
}

/**
 * The same text with every character that does not show itself as its escape, `\u{200b}`, and a backslash doubled: what
 * it holds can be read off exactly, and texts that differ look different.
 */
export function escaped(text: string): string {
  if (/^[ -[\]-~]*$/.test(text)) return text
  const hidden = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`
  return text
    .replaceAll('\\', '\\\\')
    .replace(INVISIBLE, hidden)
    .replace(BLANK, (blank) => (blank === ' ' ? blank : hidden(blank)))
}

/** Blanks that are seen to be what they are: the space, and the one as wide as an ideograph. */
const OTHER_BLANK = /[^\S \u3000]|\u2800/
const JOINED_SCRIPTS = [
  ...['Arabic', 'Syriac', 'Nko', 'Mandaic', 'Mongolian', 'Phags_Pa'],
  ...['Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala'],
  ...['Khmer', 'Myanmar', 'Tibetan', 'Balinese', 'Javanese'],
]
const joined = `[${JOINED_SCRIPTS.map((script) => `\\p{scx=${script}}`).join('')}]`
/**
 * U+200C and U+200D where the scripts that need them have them (Unicode, section 23.2), and what makes one emoji of
 * several characters (UTS #51).
 */
const IN_PLACE = new RegExp(
  [
    `(?<=${joined})\\u200C(?=${joined})`,
    `(?<=${joined})\\u200D`,
    '(?<=\\p{Extended_Pictographic}\\uFE0F?|\\p{Emoji_Modifier})\\u200D(?=\\p{Extended_Pictographic})',
    '(?<=\\p{Extended_Pictographic})\\uFE0F',
  ].join('|'),
  'gu',
)

/** True for text of which every character can be seen: nothing in it hides, moves what is around it, or drives a terminal. */
export function showsItself(text: string): boolean {
  if (/^[ -~]*$/.test(text)) return true
  return !OTHER_BLANK.test(text) && text.replace(IN_PLACE, '').search(INVISIBLE) < 0
}

/** `metadata` of a record, in bytes of JSON. */
export const JSON_LIMIT = 8_000
/** What stands where a secret was cut out. */
const CUT = '•••'
/** Deeper values are replaced: nobody reads them, and recursion must end. */
const DEPTH_LIMIT = 12
/** More secrets than this are not looked for one by one: nothing at all is taken over then. */
const SECRETS_LIMIT = 500
/** A number with fewer digits of a secret in it gives nothing away. */
const SECRET_DIGITS = 3

/**
 * Takes over text and values from AiFi for people and models to read: harmless, bounded, and with every secret of the
 * call cut out, since AiFi's validator may echo a value (`"password" with value "…" fails`).
 */
export class Relay {
  /** Every spelling of every secret; undefined when there are too many to look for. */
  readonly #secrets: readonly string[] | undefined
  readonly #longest: number

  /** @param secrets the secret strings of the call, as they are sent. */
  constructor(secrets: readonly string[]) {
    const spelt = secrets.length > SECRETS_LIMIT ? undefined : new Set(secrets.flatMap(spellings))
    // Longest first, so that a secret inside another does not leave the rest of the longer one behind.
    this.#secrets = spelt && [...spelt].filter((each) => each !== '').sort((a, b) => b.length - a.length)
    this.#longest = this.#secrets?.[0]?.length ?? 0
  }

  /** @param limit characters. */
  text(text: string, limit: number = STRING_LIMIT): string {
    const { length } = text
    // Much more than can be shown, so that invisible characters do not crowd out what is visible.
    const window = limit * 64 + this.#longest
    // Twice, since a secret may have become one, or whole, only by what was removed from it.
    const shown = this.#cut(visible(this.#cut(text.slice(0, window), length > window)), length > window)
    return harmless(length > window ? `${shown}…` : shown, limit)
  }

  /** A JSON value with all its strings and keys taken over. Of what is over `limit` bytes, it says that it is left out. */
  json(value: unknown, limit: number = JSON_LIMIT): unknown {
    return this.#json(value, { left: limit }, 0)
  }

  #json(value: unknown, budget: Budget, depth: number): unknown {
    if (typeof value === 'string') return spend(this.text(value), budget)
    // JSON text has no -0: adding 0 makes it what the text will say.
    if (typeof value === 'number') return spend(this.#holdsSecret(value) ? CUT : value + 0, budget)
    if (typeof value !== 'object' || value === null) return spend(value, budget)
    if (depth >= DEPTH_LIMIT) return spend('[nested too deep to show]', budget)
    return Array.isArray(value) ? this.#items(value, budget, depth + 1) : this.#members(value, budget, depth + 1)
  }

  #items(array: readonly unknown[], budget: Budget, depth: number): unknown[] {
    const items: unknown[] = []
    budget.left -= 2
    for (const item of array) {
      if (budget.left <= 0) return [...items, leftOut(array.length - items.length)]
      items.push(this.#json(item, budget, depth))
    }
    return items
  }

  #members(object: object, budget: Budget, depth: number): JsonObject {
    const entries = Object.entries(object)
    const members: [string, unknown][] = []
    budget.left -= 2
    for (const [key, member] of entries) {
      if (budget.left <= 0) {
        members.push(['…', leftOut(entries.length - members.length)])
        break
      }
      members.push([String(spend(this.text(key, 200), budget)), this.#json(member, budget, depth)])
    }
    return Object.fromEntries(members)
  }

  /** False when there is no secret to look for. */
  get hasSecrets(): boolean {
    return this.#secrets?.length !== 0
  }

  /** True when a secret of the call is in a text, in whatever spelling, or in the digits of a number. */
  holdsSecret(value: string | number): boolean {
    if (typeof value === 'number') return this.#holdsSecret(value)
    return this.#secrets?.some((secret) => value.includes(secret)) ?? true
  }

  #holdsSecret(value: number): boolean {
    const digits = String(value)
    return this.#secrets?.some((secret) => secret.length >= SECRET_DIGITS && digits.includes(secret)) ?? true
  }

  /** @param cutOff the text was cut off: its end may be the beginning of a secret, and goes too. */
  #cut(text: string, cutOff: boolean): string {
    if (!this.#secrets) return CUT
    const rest = this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, CUT), text)
    return cutOff ? rest.slice(0, Math.max(0, rest.length - this.#longest)) : rest
  }
}

/** Bytes that may still be used. */
interface Budget {
  left: number
}

/** What does not fit is said to be left out, and uses up what there is. */
function spend(value: unknown, budget: Budget): unknown {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '') + 1
  const fits = bytes <= budget.left
  budget.left -= bytes
  return fits ? value : '…'
}

function leftOut(count: number): string {
  return `… ${count} more left out`
}

/** The ways in which a validator, a proxy or a page of HTML may write what it was sent. */
function spellings(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  const html = secret.replace(/[&<>"]/g, (character) => HTML[character] ?? character)
  const written = [
    secret,
    secret.trim(),
    json,
    json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    encodeURIComponent(secret.toWellFormed()),
    new URLSearchParams([['', secret]]).toString().slice(1),
    ...["'", '&#39;', '&#x27;'].map((apostrophe) => html.replaceAll("'", apostrophe)),
  ]
  return written.flatMap((each) => [each, visible(each)])
}

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** `blocked`, `blocked and role`, `blocked, role and email`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
