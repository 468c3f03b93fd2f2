import { isLosslessNumber } from 'lossless-json'
import { escaped, escapedJson, escapesNamed, spelledOut } from '../lib/escapes.ts'
import { jsonEqual, NESTING_LIMIT, nestsWithin } from '../lib/json.ts'
import { PAGE_CHARACTERS, type ShownChange, type ShownValue } from './question.ts'

type Shown = Extract<ShownValue, { kind: 'value' }>

/** One value as a person reads it; undefined for none. What cannot be shown whole is `cut`. */
export function shownValue(value: unknown): ShownValue {
  if (value === undefined) return { kind: 'nothing' }
  if (value === null) return { kind: 'null' }
  if (value === '') return { kind: 'empty' }
  if (!nestsWithin(value, NESTING_LIMIT)) return { kind: 'value', text: '(nested too deep to show)', cut: true }
  const type = typeOf(value)
  if (typeof value === 'string' && value.length > PAGE_CHARACTERS) return cut(value.slice(0, PAGE_CHARACTERS), type)
  const text = typeof value === 'string' ? escaped(value) : escapedJson(value)
  return text.length > PAGE_CHARACTERS ? cut(text, type) : { kind: 'value', text, ...type }
}

/** Long enough to say what it is. */
const CUT_LENGTH = 200

function cut(text: string, type: Pick<Shown, 'type'>): Shown {
  return { kind: 'value', text: `${escaped(text.slice(0, CUT_LENGTH))}…`, ...type, cut: true }
}

function typeOf(value: unknown): Pick<Shown, 'type'> {
  if (Array.isArray(value)) return { type: 'list' }
  if (typeof value === 'number' || isLosslessNumber(value)) return { type: 'number' }
  if (typeof value === 'boolean') return { type: 'boolean' }
  return typeof value === 'object' ? { type: 'object' } : {}
}

const ANOTHER_SPELLING = 'These are the same letters in another spelling.'

/** Before and after, and what only looks the same, spelled out. */
export function shownPair(
  before: unknown,
  after: unknown,
): Pick<ShownChange, 'before' | 'after'> & { readonly note?: string } {
  const pair = { before: shownValue(before), after: shownValue(after) }
  if (pair.before.kind !== 'value' || pair.after.kind !== 'value' || jsonEqual(before, after)) return pair
  if (!lookAlike(pair.before.text, pair.after.text)) return pair
  const spelled = (shown: Shown): Shown => ({ ...shown, text: spelledOut(shown.text) })
  return { before: spelled(pair.before), after: spelled(pair.after), note: ANOTHER_SPELLING }
}

/**
 * Unicode keeps these blocks for scripts that are written from right to left, those to come included
 * (DerivedBidiClass.txt, `@missing`); JavaScript has no property for the direction.
 */
export const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u

/** Letters and signs that are drawn as those of ASCII (UTS #39, confusables). */
const DRAWN_AS = new Map(
  [
    ['аАеЕоОрРсСуУхХіІјЈѕЅԁһԛԝВКМНТӀ', 'aAeEoOpPcCyYxXiIjJsSdhqwBKMHTI'],
    ['үѵӏԌԚԜҮѴ', 'yvlGQWYV'],
    ['ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϜͿϹοανιρυϳϲ', 'ABEZHIKMNOPTYXFJCoavipujc'],
    ['ɑɡᴄᴏᴠᴡᴢꜱǀ', 'agcovwzsl'],
    ['օսհոցյԼՕՍՏ', 'ouhngjLOUS'],
    ['ⲟⲣⲥⲞⲢⲤ', 'opcOPC'],
    ['ᎠᎡᎢᎪᎫᎳᎷᎻᏀᏃᏙᏚᏞᏟᏢᏦᏴ', 'DRTAJWMHGZVSLCPKB'],
    ['ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ', 'BPDTGKJCZFMNLSRVHWXYAEIOU'],
    ['Зا‐˗⁃‚꞉ꞌˋ՝', "3l---,:'``"],
  ].flatMap(([from = '', to = '']) => Array.from(from, (letter, at): [string, string] => [letter, to[at] ?? letter])),
)

const DRAWN = new RegExp(`[${[...DRAWN_AS.keys()].join('')}]`, 'gu')
const ASCII = /^[ -~]*$/

/** Two texts that a person cannot tell apart, although they differ. */
function lookAlike(a: string, b: string): boolean {
  if (a === b) return false
  const [one, other] = [skeleton(a), skeleton(b)]
  if (one.join('') === other.join('')) return true
  // Letters of both directions change places when they are drawn.
  return RIGHT_TO_LEFT.test(a) && one.length === other.length && one.sort().join('') === other.sort().join('')
}

function skeleton(text: string): string[] {
  if (ASCII.test(text)) return Array.from(text)
  // Both before and after: some become letters that look otherwise, and some become those that are drawn as others.
  const plain = drawn(drawn(text).normalize('NFKD'))
  // A dot above takes the place of the one that the letter has.
  return Array.from(plain.replace(/(?<=[ij])\u0307/g, ''))
}

function drawn(text: string): string {
  return text.replace(DRAWN, (character) => DRAWN_AS.get(character) ?? character)
}

const LATIN = /\p{Script=Latin}/u
const NO_WORD = /[^\p{L}\p{M}\p{N}]+/u

/** True for what looks like plain letters and is none, or is not in the usual spelling. */
export function isDisguised(text: string): boolean {
  if (ASCII.test(text)) return false
  if (text !== text.normalize('NFC') || passesForAscii(text)) return true
  // Beside Latin letters, nobody expects those of another script.
  return LATIN.test(text) && text.split(NO_WORD).some((word) => passesForAscii(word) || isMixed(word))
}

function passesForAscii(text: string): boolean {
  return !ASCII.test(text) && ASCII.test(skeleton(text).join(''))
}

/** Latin letters, and some of another script that are drawn as such. */
function isMixed(word: string): boolean {
  return LATIN.test(word) && Array.from(word).some((character) => DRAWN_AS.has(character))
}

/** What a person has to know of these shown texts, as sentences: what the escapes are, and what only looks like plain letters. */
export function remarks(...shown: readonly string[]): string {
  const disguised = shown.filter(isDisguised).map((text) => `“${text}” is spelled ${spelledOut(text)}.`)
  return [escapesNamed(...shown), ...disguised].filter((part) => part !== '').join(' ')
}
