import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isWhole, type Question } from '../../src/approval/question.ts'
import { questionAbout } from '../../src/approval/question-about.ts'
import { questionText } from '../../src/approval/question-text.ts'
import type { Past } from '../../src/change/change.ts'
import { asked, type Caller } from '../../src/change/change.ts'
import type { ChangeRequest, CustomerChanges } from '../../src/customer/fields.ts'
import type { CustomerRecord } from '../../src/customer/record.ts'
import { seededJane } from '../helpers/fault-situation.ts'

const jane: CustomerRecord = { ...seededJane, metadata: { tier: 'gold', points: 20450 }, phone: null }
const FORBIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
const NOW = Date.UTC(2026, 0, 20, 13, 7)

interface Asked {
  record?: CustomerRecord | undefined
  enterPrivately?: ChangeRequest['enterPrivately']
  reason?: string
  past?: Past
  facts?: { record?: undefined; unreadable?: string; sandbox?: boolean; address?: string; client?: string }
}

function ask(
  changes: CustomerChanges,
  { record = jane, enterPrivately = [], reason, past = {}, facts = {} }: Asked = {},
): Question {
  const { unreadable, sandbox = false, address = 'https://oasis.example.com', client = 'test-client 1.0.0' } = facts
  const read = 'record' in facts || !record ? { ...(unreadable && { unreadable }) } : { record }
  const why = reason === undefined ? {} : { reason }
  const request: ChangeRequest = { customerId: 4211, changes, enterPrivately, dryRun: false, ...why }
  const caller: Caller = { client }
  const change = asked(
    { id: 'c1', key: 'k1', customerId: 4211, fields: [], caller, request },
    { round: 1, shown: { ...read, past }, expiresAt: { wall: 0, monotonic: 0 }, passed: [] },
  )
  return questionAbout(change, { address, sandbox }, NOW)
}

const text = (changes: CustomerChanges, asked: Asked = {}) => questionText(ask(changes, asked))?.text ?? 'too long'
const fits = (changes: CustomerChanges, asked: Asked = {}) => questionText(ask(changes, asked))?.fits ?? false
const lines = (changes: CustomerChanges, asked: Asked = {}) => text(changes, asked).split('\n')
const facts = (changes: CustomerChanges, asked: Asked = {}) => lines(changes, asked).slice(0, 3)
const unread = { facts: { record: undefined, unreadable: 'This record could not be read (HTTP 404).' } }

describe('a form', () => {
  test.each<[CustomerChanges, string[]]>([
    [{ blocked: false }, ['Unblock customer 4211, Jane Doe?', 'jane@example.com', 'Blocked: Unknown → No']],
    [{ blocked: true }, ['Block customer 4211, Jane Doe?', 'jane@example.com', 'Blocked: Unknown → Yes']],
    [
      { role: 'employee' },
      ['Change the role of customer 4211, Jane Doe to employee?', 'jane@example.com', 'Role: “customer” → “employee”'],
    ],
    [
      { email: 'jane.miller@example.org' },
      ['Change the email of customer 4211, Jane Doe?', 'From: “jane@example.com”', 'To: “jane.miller@example.org”'],
    ],
    [
      { blocked: true, role: 'tester' },
      ['Change customer 4211, Jane Doe, jane@example.com?', 'Role: “customer” → “tester”', 'Blocked: Unknown → Yes'],
    ],
    [
      { metadata: { points: 20450 } },
      ['Change metadata of customer 4211, Jane Doe?', 'jane@example.com', 'REMOVES metadata tier (was “gold”)'],
    ],
    [
      { cardToken: null },
      ['Remove the payment card of customer 4211, Jane Doe?', 'jane@example.com', 'REMOVES Card token FOR GOOD'],
    ],
  ])('says of %j whom and what in its first three lines', (changes, expected) => {
    expect(facts(changes)).toEqual(expected)
    expect(fits(changes)).toBe(true)
  })

  test('says the rest below: what it does, on which AiFi, why, and who asks', () => {
    expect(lines({ blocked: true }, { reason: 'ticket 17' }).slice(3)).toEqual([
      'The customer cannot enter the store any more.',
      'On https://oasis.example.com.',
      'The assistant says: “ticket 17”',
      'Asked by test-client 1.0.0. If you did not ask for this, decline.',
    ])
  })

  test('leaves blanks around the reason out, and a reason of blanks', () => {
    expect(lines({ blocked: true }, { reason: ' ticket 17\n' })).toContain('The assistant says: “ticket 17”')
    expect(text({ blocked: true }, { reason: ' \t ' })).not.toContain('The assistant says')
  })

  test('says in its first line that nothing real changes in the sandbox', () => {
    expect(lines({ role: 'tester' }, { facts: { sandbox: true } })[0]).toMatch(/^\[sandbox\] Change the role of /)
  })

  test('says that the record could not be read, and then knows no names and no values', () => {
    expect(lines({ role: 'tester' }, unread).slice(0, 3)).toEqual([
      'Change the role of customer 4211 to tester?',
      'The record could not be read.',
      'Role: Unknown → “tester”',
    ])
    expect(lines({ role: 'tester' }, unread)).toContain('This record could not be read (HTTP 404).')
  })

  test('has room for nested names, not for two long values, three changes, or two losses', () => {
    const record = { ...jane, metadata: { loyalty: { tier: 'gold', points: 1 } } }
    const nested = { metadata: { loyalty: { points: 1 } } }
    expect(facts(nested, { record })[2]).toBe('REMOVES metadata loyalty.tier (was “gold”)')
    expect(fits(nested, { record })).toBe(true)
    const long = 'x'.repeat(60)
    expect(fits({ role: 'tester', externalId: long })).toBe(false)
    expect(fits({ role: 'tester', blocked: true, priority: 1 })).toBe(false)
    expect(fits({ metadata: {} })).toBe(false)
    expect(fits({ firstName: 'x'.repeat(70), cardToken: null, blocked: true })).toBe(false)
  })

  test('counts columns, not characters: wide letters are two', () => {
    const record = (lastName: string) => ({ ...jane, firstName: '', lastName })
    expect(fits({ blocked: true }, { record: record('a'.repeat(40)) })).toBe(true)
    expect(fits({ blocked: true }, { record: record('漢'.repeat(40)) })).toBe(false)
    const deep = { ...jane, metadata: { ['k'.repeat(35)]: 1 } }
    expect(fits({ metadata: {} }, { record: deep })).toBe(false)
  })
})

describe('a secret', () => {
  const given = {
    password: 'hunter2-hunter2',
    currentPassword: 'hunter1-hunter1',
    card: { cardToken: 'tok_hunter' },
    cardToken: 'tok_hunter2',
  }

  test('is named and not shown', () => {
    expect(lines(given).slice(1, 5)).toEqual([
      'FOR GOOD: Password: hidden → a password given by the assistant (hidden)',
      'Current password: hidden → a current password given by the assistant (hidden)',
      'FOR GOOD: Payment card: hidden → new card details given by the assistant (hidden)',
      'FOR GOOD: Card token: hidden → a card token given by the assistant (hidden)',
    ])
    expect(JSON.stringify(ask(given))).not.toContain('hunter')
  })

  test('blanks out nothing else, whatever it is', () => {
    const record = { ...jane, externalId: 'hunter2-hunter2' }
    const question = ask(
      { ...given, externalId: 'x', card: { a: 'Jane', b: 'jane@example.com', c: 'gold' } },
      { record },
    )
    expect(question.customer).toMatchObject({ name: 'Jane Doe', email: 'jane@example.com' })
    expect(question.changes.find(({ field }) => field === 'externalId')?.before).toMatchObject({
      text: 'hunter2-hunter2',
    })
  })

  test('can be typed', () => {
    const question = ask({}, { enterPrivately: ['password', 'cardToken'] })
    expect(question.changes.map(({ after }) => after)).toEqual([
      { kind: 'hidden', text: 'a password that you type here' },
      { kind: 'hidden', text: 'a card token that you type here' },
    ])
    expect(question.privateFields).toEqual([
      { name: 'password', label: 'New password for the shopper', minLength: 8, maxLength: 255, twice: true },
      { name: 'cardToken', label: 'Card token of the shopper', minLength: 1, twice: false },
    ])
  })

  test('card with a token of null is said to delete the card, probably', () => {
    const [change] = ask({ card: { provider: 'STRIPE', cardToken: null } }).changes
    expect(change).toMatchObject({ loss: true, final: true, action: 'Remove the payment card of {who}' })
    expect(change?.consequence).toContain('probably deletes the payment card')
  })
})

describe('what changes', () => {
  test.each<[CustomerChanges, string]>([
    [{ blocked: true }, 'The customer cannot enter the store any more.'],
    [{ blocked: false }, 'The block is lifted. It may not be the only reason why they cannot get in.'],
    [{ role: 'employee' }, 'Shopping sessions of an employee get no receipts.'],
    [{ cardToken: null }, 'The payment card is deleted. It cannot be restored from here.'],
    [{ metadata: {} }, 'AiFi may replace all metadata. What is not listed in the new value could be lost.'],
  ])('%j is told with what it does', (changes, consequence) => {
    expect(lines(changes)).toContain(consequence)
  })

  test('puts what is lost first, and metadata last', () => {
    const record = { ...jane, metadata: { keep: 1, lost: 'precious' } }
    const { changes } = ask(
      { metadata: { keep: 2 }, phone: '1', blocked: true, lastName: '', cardToken: null },
      { record },
    )
    expect(changes.map(({ field, loss = false }) => [field, loss])).toEqual([
      ['lastName', true],
      ['cardToken', true],
      ['metadata.lost', true],
      ['blocked', false],
      ['phone', false],
      ['metadata.keep', false],
    ])
  })

  const member = (before: unknown, after: unknown) => {
    const record = { ...jane, metadata: before === undefined ? {} : { k: before } }
    return lines({ metadata: after === undefined ? {} : { k: after } }, { record })[2]
  }

  test.each<[unknown, unknown, string]>([
    ['5', 5, 'LOSES DATA: metadata k: “5” → 5'],
    ['false', false, 'LOSES DATA: metadata k: “false” → false'],
    [null, '', 'metadata k: (null) → (empty text)'],
    ['a', null, 'LOSES DATA: metadata k: “a” → (null)'],
    [null, {}, 'metadata k: (null) → {}'],
    [null, undefined, 'REMOVES metadata k (was (null))'],
    ['a', 'a\u200b', 'metadata k: “a” → “a\\u{200b}”'],
    ['a', 'a ', 'metadata k: “a” → “a\\u{20}”'],
    ['a b', 'a\u00a0b', 'metadata k: “a b” → “a\\u{a0}b”'],
    ['\\u{200b}', '\u200b', 'metadata k: “\\\\u{200b}” → “\\u{200b}”'],
    [['a', 'b'], ['b'], 'LOSES DATA: metadata k: ["a","b"] → ["b"]'],
    [['a'], '["a"]', 'LOSES DATA: metadata k: ["a"] → “["a"]”'],
    ['1א', 'א1', 'metadata k: “1\\u{5d0}” → “\\u{5d0}1”'],
    ['José', 'Jose\u0301', 'metadata k: “Jos\\u{e9}” → “Jose\\u{301}”'],
    ['coco', 'сосо', 'metadata k: “coco” → “\\u{441}\\u{43e}\\u{441}\\u{43e}”'],
    ['jane', 'j\u0307ane', 'metadata k: “jane” → “j\\u{307}ane”'],
    ['shop', 'ѕһօр', 'metadata k: “shop” → “\\u{455}\\u{4bb}\\u{585}\\u{440}”'],
    ['example', 'exɑmple', 'metadata k: “example” → “ex\\u{251}mple”'],
    ['Zoë', 'Zo\u0451', 'metadata k: “Zo\\u{eb}” → “Zo\\u{451}”'],
    ['crm-1', 'crm\u20101', 'metadata k: “crm-1” → “crm\\u{2010}1”'],
    ['crm-3', 'crm-З', 'metadata k: “crm-3” → “crm-\\u{417}”'],
    ['coJ', 'ϲoͿ', 'metadata k: “coJ” → “\\u{3f2}o\\u{37f}”'],
    ['OPEN', 'ꓳꓑꓰꓠ', 'metadata k: “OPEN” → “\\u{a4f3}\\u{a4d1}\\u{a4f0}\\u{a4e0}”'],
  ])('from %j to %j is shown as what it is', (before, after, line) => {
    expect(member(before, after)).toBe(line)
  })

  test('says what does not show itself, and what only looks the same', () => {
    const shown = (externalId: string, before = 'x') =>
      text({ externalId }, { record: { ...jane, externalId: before } })
    expect(shown('crm\u200b-4211')).toContain('\\u{200b} is a zero-width space.')
    expect(shown('crm\u001b]0;x\u0007')).toContain('\\u{1b} is a control character.')
    expect(shown('a\u202eb')).toContain('\\u{202e} is a character that turns the direction of writing.')
    expect(shown('Jose\u0301', 'José')).toContain('These are the same letters in another spelling.')
    expect(shown('crm-\u0430')).toContain('“crm-\u0430” is spelled crm-\\u{430}.')
    // Another letter with an accent changes nothing about that; a script that is at home does.
    expect(shown('Zoé Сох')).toContain('“Zoé Сох” is spelled Zo\\u{e9} \\u{421}\\u{43e}\\u{445}.')
    expect(shown('Zoé Соx')).toContain('is spelled Zo\\u{e9} \\u{421}\\u{43e}x.')
    for (const plain of ['Zoé', 'встреча с Анной', 'José Müller', 'Ольга 5'])
      expect(shown(plain)).not.toContain('is spelled')
  })

  test('lets no marks climb out of the line, and none stand on what is not theirs', () => {
    expect(lines({ externalId: `a${'\u0301'.repeat(30)}` })[2]).toContain(`a${'\u0301'.repeat(4)}\\u{301}`)
    expect(lines({ externalId: '\u0338x' })[2]).toContain('“\\u{338}x”')
    expect(lines({ externalId: 'สวัสดีที่นี่' })[2]).toContain('“สวัสดีที่นี่”')
  })

  test('shows no mark that cannot be seen, on a letter either, and nothing else that is blank', () => {
    const unseen = [
      '\u034f',
      '\ufe00',
      '\ufe0f',
      '\u{e0100}',
      '\u180b',
      '\u17b4',
      '\u{13441}',
      '\u{16fe4}',
      '\u{1d159}',
    ]
    for (const character of unseen) {
      const code = `\\u{${character.codePointAt(0)?.toString(16)}}`
      expect(lines({ externalId: `crm${character}-4211` })[2]).toContain(`“crm${code}-4211”`)
    }
    expect(text({ externalId: 'crm-4211\ufe00' })).toContain('\\u{fe00} is an invisible variation selector.')
  })

  test('keeps the names of members apart', () => {
    const record = { ...jane, metadata: {} }
    const names = (metadata: Record<string, unknown>) =>
      ask({ metadata }, { record }).changes.map(({ label }) => label.replace('Metadata: ', ''))
    expect(names({ tier: 1, 'ti\u200ber': 2, 'a.b': 3, a: { b: 4 }, José: 5, 'Jose\u0301': 6, тiеr: 7 })).toEqual([
      'tier',
      '"ti\\u{200b}er"',
      '"a.b"',
      'a',
      'José',
      '"Jose\\u{301}"',
      '"\\u{442}i\\u{435}r"',
    ])
    expect(names({ tier: 1, 'tier\u115f': 2, '\u3164': 3, 'tier\uffa0': 4 })).toEqual([
      'tier',
      '"tier\\u{115f}"',
      '"\\u{3164}"',
      '"tier\\u{ffa0}"',
    ])
    expect(names({ сосо: 1 })).toEqual(['"\\u{441}\\u{43e}\\u{441}\\u{43e}"'])
    expect(names(JSON.parse('{"__proto__":{"x":1}}'))).toEqual(['__proto__'])
  })

  test('written from right to left does not change places with its neighbours, whatever the script', () => {
    // Without a letter of the other direction between them, “before → after” would be drawn as “after → before”.
    const record = { ...jane, externalId: 'ليلى', metadata: {} }
    expect(lines({ externalId: 'حداد', metadata: { مفتاح: 'قيمة' } }, { record }).slice(1, 3)).toEqual([
      'External id: “ليلى” → new: “حداد”',
      'metadata مفتاح: now (none) → “قيمة”',
    ])
    for (const script of ['ܫܠܡܐ', 'ߒߞߏ', '𐤀𐤁', '𞤀𞤁', '𐴀𐴁']) {
      expect(lines({ externalId: 'x' }, { record: { ...jane, externalId: script } })[2]).toContain('→ new:')
    }
  })

  test('of metadata is told member by member, as a whole when it goes, and all of it when today’s is not known', () => {
    expect(lines({ metadata: { tier: 'silver', points: 20450, vip: true } }).slice(1, 3)).toEqual([
      'metadata tier: “gold” → “silver”',
      'metadata vip: (none) → true',
    ])
    expect(lines({ metadata: null })[2]).toBe('REMOVES Metadata (was {"tier":"gold","points":20450})')
    expect(lines({ metadata: { a: 1 } }, unread)[2]).toBe('metadata a: Unknown → 1')
    expect(lines({ metadata: {} }, { record: { ...jane, metadata: null } })[2]).toBe('Metadata: (null) → {}')
  })
})

describe('what was done before', () => {
  test('to the name is said with the name', () => {
    const at = NOW - 3 * 60_000
    const mine = ask({ blocked: true }, { past: { renamed: { at, byPerson: false } } })
    expect(mine.customer.nameNote).toBe('Renamed 3 minutes ago through this server, without a person.')
    expect(questionText(mine)?.text).toMatch(/^Block customer 4211 \(renamed lately\), Jane Doe\?\n/)
    const theirs = ask({ blocked: true }, { past: { renamed: { at, byPerson: true } } })
    expect(theirs.customer.nameNote).toContain('which a person approved')
  })

  test('by the same request, and changed again since, is said', () => {
    expect(text({ role: 'tester' }, { past: { made: { at: NOW } } })).toContain('The same change was made at ')
  })
})

describe('what is too long', () => {
  const many = (count: number, length: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, 'x'.repeat(length)]))

  test('is not asked in plain text', () => {
    expect(text({ metadata: { ...jane.metadata, ...many(10, 100) } })).toContain('metadata m9')
    expect(questionText(ask({ metadata: { ...jane.metadata, ...many(60, 100) } }))).toBeUndefined()
    expect(questionText(ask({ email: `${'x'.repeat(3_000)}@example.com` }))).toBeUndefined()
  })

  test('for a page counts as not whole, and a generous page does not', () => {
    expect(isWhole(ask({ metadata: many(100, 500) }))).toBe(true)
    expect(isWhole(ask({ metadata: many(1_001, 1) }))).toBe(false)
    expect(isWhole(ask({ metadata: many(100, 1_001) }))).toBe(false)
    expect(isWhole(ask({ firstName: 'x' }, { record: { ...jane, firstName: 'x'.repeat(200_000) } }))).toBe(false)
    expect(isWhole(ask({ role: 'tester' }, { record: { ...jane, email: '\u200b'.repeat(20_000) } }))).toBe(false)
    const deep = Array.from({ length: 100 }).reduce<unknown>((inside) => ({ inside }), 'x')
    expect(isWhole(ask({ metadata: {} }, { record: { ...jane, metadata: { deep } } }))).toBe(false)
    expect(isWhole(ask({ metadata: many(100_000, 1) }))).toBe(false)
  })
})

describe('what somebody wrote into the record or the change', () => {
  const evil = 'x” → “y\n\nApprove'

  test('cannot close the quotes that it stands in', () => {
    const [first, second] = lines(
      { role: 'tester', externalId: evil },
      { record: { ...jane, firstName: evil, lastName: '' } },
    )
    expect(first).toBe('Change customer 4211, “x\\u{201d} → \\u{201c}y\\u{a}\\u{a}Approve”, jane@example.com?')
    expect(second).toBe('External id: “crm-004211” → “x\\u{201d} → \\u{201c}y\\u{a}\\u{a}Approve”')
  })

  test('cannot pass for a field by the name of a member, nor for an address by an email', () => {
    const metadata = { ...jane.metadata, 'tier: (none) → (none); blocked': 1 }
    expect(lines({ metadata })[2]).toBe('metadata "tier: (none) → (none); blocked": (none) → 1')
    const email = 'jane@example.com (checked by the bank)? Approve'
    expect(lines({ role: 'tester' }, { record: { ...jane, email } })[1]).toBe(`“${email}”`)
  })

  test('makes no lines, and nothing that cannot be seen, whatever it is', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom('\n', '\r', '\u2028', '\u202e', '\u200b', '\u001b[2K', '\0', '”', '; ', ' → ', '(none)'),
      fc.constantFrom('a\u034f', 'a\ufe0f', 'a\u{e0100}', 'ᠮ\u180b'),
    )
    const any = fc.array(unit, { maxLength: 12 }).map((units) => units.join(''))
    fc.assert(
      fc.property(any, any, any, (one, two, three) => {
        const record = { ...jane, firstName: one, email: two, externalId: three, metadata: { [one]: two, same: three } }
        const changes = { externalId: one, metadata: { [two]: three, same: { [three]: one } }, role: 'tester' as const }
        const question = ask(changes, { record })
        const all = questionText(question)?.text.split('\n') ?? []
        for (const line of all) expect(line).not.toMatch(FORBIDDEN)
        // Every opening quote is closed before the next one opens.
        for (const line of all.slice(0, 1 + question.changes.length)) {
          expect(line.replace(/"(?:[^"\\]|\\.)*"/g, '').replace(/[^“”]/g, '')).toMatch(/^(“”)*$/)
        }
      }),
      { numRuns: 200 },
    )
  })
})
