import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { harmless, minutesInWords, Relay } from '../../src/lib/text.ts'

/** The most that is relayed of one string, in characters. */
const STRING_LIMIT = 500

const ZERO_WIDTH = '\u200b\u200c\u200d\u2060\u00ad\u034f\u180e\u{e0041}\ufe0f'
const BIDI = '\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'
/** Everything that a line of text for people must not hold. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

const hostileUnit = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc.constantFrom(...`${ZERO_WIDTH}${BIDI}\n\r\t\v\f\0\u0085\u2028\u2029\ufeff\u2800`),
  fc.constantFrom(
    '\u001b[31m',
    '\u001b]8;;http://x\u0007',
    '\u009b2J',
    '\u001b[1A\u001b[2K',
    '\ud83d',
    '\udc00',
    '😀',
    'ل',
  ),
)
const hostile = fc.array(hostileUnit, { maxLength: 60 }).map((units) => units.join(''))
const limit = fc.integer({ min: 1, max: 40 })

const characters = (text: string) => Array.from(text).length

describe('harmless()', () => {
  test('gives one line of visible characters, at most as many as allowed, and of that no more the second time', () => {
    fc.assert(
      fc.property(hostile, limit, (text, most) => {
        const once = harmless(text, most)
        expect(once).not.toMatch(FORBIDDEN)
        expect(characters(once)).toBeLessThanOrEqual(most)
        expect(harmless(once, most)).toBe(once)
      }),
      { numRuns: 1_000 },
    )
  })

  test('leaves ordinary text as it is', () => {
    for (const text of [
      '',
      'Jane Doe',
      'ليلى حداد',
      'Zoë O’Neill-Smith',
      '王小明',
      '😀 ok',
      'a  b',
      '</script><h1>',
      'a\\nb',
    ]) {
      expect(harmless(text)).toBe(text)
    }
  })

  test('makes blanks of all kinds one space each, and takes out what cannot be seen', () => {
    expect(harmless('a\nb\tc\u00a0d\u3000e\u2028f\u2800g')).toBe('a b c d e f g')
    expect(harmless(`a${ZERO_WIDTH}${BIDI}\0\u0007b`)).toBe('ab')
    expect(harmless('\u001b[31mred\u001b[0m \u001b]8;;http://evil.example\u0007link\u001b]8;;\u0007')).toBe('red link')
    expect(harmless('\ud83d|\udc00|😀')).toBe('||😀')
  })

  test('ends in … exactly when something visible was left out', () => {
    expect(harmless('abcde', 5)).toBe('abcde')
    expect(harmless('abcdef', 5)).toBe('abcd…')
    expect(harmless('😀'.repeat(6), 5)).toBe('😀😀😀😀…')
    expect(harmless(`abcde${'\u200b'.repeat(10)}`, 5)).toBe('abcde')
    expect(harmless('a'.repeat(STRING_LIMIT + 1))).toBe(`${'a'.repeat(STRING_LIMIT - 1)}…`)
  })

  test('is quick with ten million characters of any kind', () => {
    for (const unit of ['a', '\u200b', '\u001b[31m', '\u001b', '\ud83d', ' ']) {
      expect(characters(harmless(unit.repeat(10_000_000 / unit.length)))).toBeLessThanOrEqual(STRING_LIMIT)
    }
  })
})

const html = (text: string) =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

/** How a secret may come back. */
const spellings: Readonly<Record<string, (secret: string) => string>> = {
  'as it is': (secret) => secret,
  'without its blanks': (secret) => secret.trim(),
  'as JSON': (secret) => JSON.stringify(secret).slice(1, -1),
  'as plain JSON': (secret) =>
    JSON.stringify(secret)
      .slice(1, -1)
      .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  'in a URL': (secret) => encodeURIComponent(secret.toWellFormed()),
  'in a form': (secret) => new URLSearchParams({ x: secret }).toString().slice(2),
  'in HTML': (secret) => html(secret),
  'in HTML, apostrophes too': (secret) => html(secret).replaceAll("'", '&#39;'),
  'in HTML by hoek, which Joi uses': (secret) => html(secret).replaceAll("'", '&#x27;'),
  'as one visible line': (secret) => harmless(secret, 10_000),
  'with invisible characters in it': (secret) => Array.from(secret).join('\u200b'),
  'in colours': (secret) => `${secret.slice(0, 4)}\u001b[31m${secret.slice(4)}`,
}
const SECRETS = [
  'hunter2-hunter2',
  'pa"ss\\wo\'rd&<>',
  'pässwörd-密码-😀',
  'with space+plus%25',
  'zero\u200bwidth\nline',
  '  padded  ',
  'x7!',
]

describe('Relay.text()', () => {
  test.each(Object.entries(spellings))('cuts every secret out that comes back %s', (_, spell) => {
    for (const secret of SECRETS) {
      const shown = new Relay([secret]).text(`"password" with value "${spell(secret)}" fails`)
      expect(shown).toBe('"password" with value "•••" fails')
    }
  })

  test('cuts the longer of two secrets first when one is part of the other', () => {
    const relay = new Relay(['secret', 'my secret word', 'word'])
    expect(relay.text('a my secret word b secret c')).toBe('a ••• b ••• c')
  })

  test('never shows a secret, whole or begun, wherever it stands and whatever it is hidden in', () => {
    const padding = fc.constantFrom('', 'a', '\u200b', ' ', 'hunter2-hunter2', '\u001b[31m')
    fc.assert(
      fc.property(padding, fc.integer({ min: 0, max: 2_000 }), limit, (pad, times, most) => {
        // The window in which text is looked at ends somewhere in the secret.
        const text = `${pad.repeat(times)}hunter2-hunter2hunter2-hunter2`
        const shown = new Relay(['hunter2-hunter2']).text(text, most)
        expect(shown).not.toContain('hunter2-')
        expect(characters(shown)).toBeLessThanOrEqual(most)
      }),
      { numRuns: 300 },
    )
    // Far into a text nobody looks any more: what is cut off there may be in the middle of a secret.
    const long = 'hunter2-'.repeat(30)
    for (let cut = 0; cut < 60; cut++) {
      const hidden = '\u200b'.repeat(STRING_LIMIT * 64 - 20 + cut)
      expect(new Relay(['hunter2-hunter2']).text(`${hidden}hunter2-hunter2`)).not.toMatch(/[hunter2-]/)
      const spread = Array.from('hunter2-hunter2').join('\u200b')
      expect(new Relay(['hunter2-hunter2']).text(`${hidden}${spread}`)).not.toMatch(/[hunter2-]/)
      expect(new Relay([long]).text(`${'a'.repeat(cut * 5)}${long.repeat(200)}`)).not.toContain('h')
    }
  })

  test('is one harmless line', () => {
    fc.assert(
      fc.property(hostile, limit, fc.array(hostile, { maxLength: 3 }), (text, most, secrets) => {
        const shown = new Relay(secrets).text(text, most)
        expect(shown).not.toMatch(FORBIDDEN)
        expect(characters(shown)).toBeLessThanOrEqual(most)
      }),
      { numRuns: 500 },
    )
  })

  test('takes nothing over at all when there are more secrets than can be looked for', () => {
    const relay = new Relay(Array.from({ length: 100_000 }, (_, index) => `secret ${index}`))
    expect(relay.text('"card" with value secret 77777 fails')).toBe('•••')
    expect(relay.holdsSecret('anything')).toBe(true)
  })

  test('is quick with 10 MB from AiFi, and with a secret of 10 MB', () => {
    const [secret, long] = ['hunter2-hunter2', 'x'.repeat(10_000_000)]
    for (const text of [long, 'hunter2-'.repeat(1_250_000), '\u200b'.repeat(10_000_000)]) {
      expect(characters(new Relay([secret, 'a', 'b']).text(text))).toBeLessThanOrEqual(STRING_LIMIT)
    }
    expect(new Relay([long]).text(`"${long}" fails`)).toBe('"•••" fails')
  })
})

describe('a span', () => {
  test.each([
    [1, '1 minute'],
    [90, '90 minutes'],
    [91, '1 hour 31 minutes'],
    [121, '2 hours 1 minute'],
    [480, '8 hours'],
    [47 * 60 + 59, '47 hours 59 minutes'],
    [3 * 1_440, '3 days'],
  ])('of %i minutes is %s', (minutes, words) => {
    expect(minutesInWords(minutes)).toBe(words)
  })
})
