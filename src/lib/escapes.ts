import { isLosslessNumber } from 'lossless-json'

/**
 * Text from elsewhere written so that a person sees exactly what it is: every character that does not show itself as an
 * escape, `\u{200b}`, and a backslash as two. What was written can be read back, so two texts that differ never become
 * the same.
 */

/**
 * Controls, format and bidi characters, lone surrogates, private and unassigned ones, what Unicode wants drawn as nothing,
 * and characters that are blank by what they are: of Braille, Khitan, Egyptian and musical notation.
 */
const HIDDEN =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufff0-\uffff\u{13441}\u{13442}\u{16fe4}\u{1d159}]/u
const BLANK = /\p{Zs}/u
const MARK = /\p{M}/u
/** A circle or square around a letter hides it as much as it shows it. */
const ENCLOSING = /\p{Me}/u
const BASE = /[\p{L}\p{N}]/u
/** Marks on one letter: more than any living script stacks, and too few to climb out of a line. */
const MARKS = 4

/** One line in which every character shows itself. */
export function escaped(text: string): string {
  // Nearly all text is this.
  if (/^[!-[\]-~]+(?: [!-[\]-~]+)*$/.test(text)) return text
  let shown = ''
  let last = ''
  /** Marks that the letter before may still carry. */
  let marksLeft = 0
  const characters = Array.from(text)
  for (const [at, character] of characters.entries()) {
    const isMark = MARK.test(character)
    const shows = isMark
      ? marksLeft > 0 && !ENCLOSING.test(character) && !HIDDEN.test(character)
      : character === ' '
        ? at > 0 && at < characters.length - 1 && last !== ' '
        : !HIDDEN.test(character) && !BLANK.test(character)
    if (!shows) marksLeft = 0
    else if (isMark) marksLeft -= 1
    else marksLeft = BASE.test(character) ? MARKS : 0
    if (character === '\\') shown += '\\\\'
    else shown += shows ? character : escapeOf(character)
    last = character
  }
  return shown
}

/** The same, all that is not ASCII being escaped: for texts whose letters look alike. */
export function spelledOut(shown: string): string {
  return Array.from(shown, (character) => (character > '~' ? escapeOf(character) : character)).join('')
}

/** `\u{200b}` */
export function escapeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

/** The JSON text of a value, its strings and names {@link escaped}. The caller has bounded its depth. */
export function escapedJson(value: unknown): string {
  if (typeof value === 'string') return `"${escaped(value).replaceAll('"', '\\"')}"`
  if (Array.isArray(value)) return `[${value.map(escapedJson).join(',')}]`
  if (isLosslessNumber(value)) return value.value
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  return `{${Object.entries(value)
    .map(([key, member]) => `${escapedJson(key)}:${escapedJson(member)}`)
    .join(',')}}`
}

/** How many kinds of hidden characters are named. */
const NAMED = 6

/** What the escapes in these shown texts stand for, as sentences; empty when there is none. */
export function escapesNamed(...shown: readonly string[]): string {
  const codes = shown.flatMap((text) =>
    [...text.matchAll(/\\(?:u\{([0-9a-f]+)\}|.)/g)].flatMap(([, code]) => (code === undefined ? [] : [code])),
  )
  const named = [...new Set(codes)].flatMap((code) => {
    const name = nameOf(Number.parseInt(code, 16))
    return name === undefined ? [] : [`\\u{${code}} is ${name}.`]
  })
  return named.length > NAMED ? `${named.slice(0, NAMED).join(' ')} There are others.` : named.join(' ')
}

const NAMES: Readonly<Record<number, string>> = {
  9: 'a tab',
  10: 'a line break',
  13: 'a line break',
  32: 'a space',
  160: 'a no-break space',
  173: 'a soft hyphen',
  8203: 'a zero-width space',
  8204: 'a zero-width non-joiner',
  8205: 'a zero-width joiner',
  8288: 'a word joiner',
  65279: 'a zero-width no-break space',
}

/** Marks, embeddings, overrides and isolates of the direction (UAX #9). */
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/
const KINDS: readonly (readonly [RegExp, string])[] = [
  [BIDI, 'a character that turns the direction of writing'],
  [/[\u{e0000}-\u{e007f}]/u, 'an invisible tag character'],
  [/\p{Variation_Selector}/u, 'an invisible variation selector'],
  [/\p{Cc}/u, 'a control character'],
  [/[\p{Zs}\u2800]/u, 'an unusual blank'],
  [/[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u, 'an invisible character'],
  [/\p{M}/u, 'a mark that would stand on another character'],
  [/\p{Co}/u, 'a character for private use'],
  [/\p{Cs}/u, 'half of a character'],
  [/\p{Cn}/u, 'a character that does not exist'],
]

/** Undefined for what shows itself, and was escaped to tell it from what looks alike. */
function nameOf(code: number): string | undefined {
  const character = String.fromCodePoint(code)
  return NAMES[code] ?? KINDS.find(([kind]) => kind.test(character))?.[1]
}
