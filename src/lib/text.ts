import { stripVTControlCharacters } from 'node:util'

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

/** Blanks that are seen to be what they are: the space, and the one as wide as an ideograph. */
const OTHER_BLANK = /[^\S \u3000]|\u2800/
const JOINED_SCRIPTS = [
  ...['Arabic', 'Syriac', 'Nko', 'Mandaic', 'Mongolian', 'Phags_Pa'],
  ...['Devanagari', 'Bengali', 'Gurmukhi', 'Gujarati', 'Oriya', 'Tamil', 'Telugu', 'Kannada', 'Malayalam', 'Sinhala'],
  ...['Khmer', 'Myanmar', 'Tibetan', 'Balinese', 'Javanese'],
]
/** Of {@link joinersInPlace}, which takes milliseconds to make. */
let madeJoiners: RegExp | undefined

/**
 * U+200C and U+200D where the scripts that need them have them (Unicode, section 23.2), and what makes one emoji of
 * several characters (UTS #51).
 */
function joinersInPlace(): RegExp {
  const joined = `[${JOINED_SCRIPTS.map((script) => `\\p{scx=${script}}`).join('')}]`
  madeJoiners ??= new RegExp(
    [
      `(?<=${joined})\\u200C(?=${joined})`,
      `(?<=${joined})\\u200D`,
      '(?<=\\p{Extended_Pictographic}\\uFE0F?|\\p{Emoji_Modifier})\\u200D(?=\\p{Extended_Pictographic})',
      '(?<=\\p{Extended_Pictographic})\\uFE0F',
    ].join('|'),
    'gu',
  )
  return madeJoiners
}

/** True for text of which every character can be seen: nothing in it hides, moves what is around it, or drives a terminal. */
export function showsItself(text: string): boolean {
  if (/^[ -~]*$/.test(text)) return true
  return !OTHER_BLANK.test(text) && text.replace(joinersInPlace(), '').search(INVISIBLE) < 0
}

/** What stands where a secret was cut out. */
export const CUT = '•••'
/** More secrets than this are not looked for one by one: no text at all is copied then. */
const SECRETS_LIMIT = 500
/** A number with fewer digits of a secret in it gives nothing away. */
const SECRET_DIGITS = 3

/**
 * Copies text from AiFi for people and models to read: harmless, bounded, and with every secret of the call cut out,
 * since AiFi's validator may echo a value (`"password" with value "…" fails`).
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

  /** False when there is no secret to look for. */
  get hasSecrets(): boolean {
    return this.#secrets?.length !== 0
  }

  /** True when a secret of the call is in a text, in whatever spelling, or in the digits of a number. */
  holdsSecret(value: string | number): boolean {
    const text = String(value)
    const least = typeof value === 'number' ? SECRET_DIGITS : 0
    return this.#secrets?.some((secret) => secret.length >= least && text.includes(secret)) ?? true
  }

  /** @param cutOff the text was cut off: its end may be the beginning of a secret, and goes too. */
  #cut(text: string, cutOff: boolean): string {
    if (!this.#secrets) return CUT
    const rest = this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, CUT), text)
    return cutOff ? rest.slice(0, Math.max(0, rest.length - this.#longest)) : rest
  }
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

/**
 * `45 minutes`, `1 hour 48 minutes`, `8 hours`, `3 days`: a span as people say it. Up to 90 minutes they count in these.
 *
 * @param minutes a whole number from 1.
 */
export function minutesInWords(minutes: number): string {
  const hours = Math.floor(minutes / 60)
  if (minutes <= 90) return counted(minutes, 'minute')
  if (hours >= 48) return counted(Math.round(minutes / 1_440), 'day')
  const rest = minutes % 60
  return rest === 0 ? counted(hours, 'hour') : `${counted(hours, 'hour')} ${counted(rest, 'minute')}`
}

function counted(count: number, unit: 'minute' | 'hour' | 'day'): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
