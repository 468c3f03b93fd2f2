import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Question } from '../../src/approval/question.ts'
import { questionText } from '../../src/approval/question-text.ts'
import { questionAbout } from '../../src/approval/words.ts'
import { asked, type Caller } from '../../src/change/change.ts'
import type { ChangeRequest, CustomerChanges } from '../../src/customer/fields.ts'
import type { CustomerRecord } from '../../src/customer/record.ts'
import { seededJane } from '../helpers/fault-situation.ts'

const jane: CustomerRecord = { ...seededJane, metadata: { tier: 'gold', points: 20450 }, phone: null }
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

interface Asked {
  record?: CustomerRecord | undefined
  enterPrivately?: ChangeRequest['enterPrivately']
  facts?: { record?: undefined; unreadable?: string; sandbox?: boolean; address?: string; client?: string }
}

function ask(changes: CustomerChanges, { record = jane, enterPrivately = [], facts = {} }: Asked = {}): Question {
  const { unreadable, sandbox = false, address = 'https://oasis.example.com', client = 'test-client 1.0.0' } = facts
  const shown = 'record' in facts || !record ? { ...(unreadable && { unreadable }) } : { record }
  const request: ChangeRequest = { customerId: 4211, changes, enterPrivately, dryRun: false }
  const caller: Caller = { client }
  const change = asked(
    { id: 'c1', key: 'k1', customerId: 4211, fields: [], caller, request },
    { round: 1, shown, expiresAt: { wall: 0, monotonic: 0 }, passed: [] },
  )
  return questionAbout(change, { address, sandbox })
}

const text = (changes: CustomerChanges, asked: Asked = {}) => questionText(ask(changes, asked)) ?? 'too long'
const lines = (changes: CustomerChanges, asked: Asked = {}) => text(changes, asked).split('\n')
const unread = { facts: { record: undefined, unreadable: 'This record could not be read (HTTP 404).' } }

describe('the question in plain text', () => {
  test('has the facts in its first three lines: whose record, on which AiFi, what changes', () => {
    expect(lines({ blocked: true, role: 'employee' })).toEqual([
      'Change AiFi customer 4211, “Jane Doe”, jane@example.com (AiFi may have made this email up)?',
      'On https://oasis.example.com',
      'role: “customer” → “employee”; blocked: (not readable) → “true”',
      'Shopping sessions of an employee get no receipts.',
      'The customer cannot enter the store any more.',
      'Asked by test-client 1.0.0. If you did not ask for this, decline.',
    ])
  })

  test('says that nothing real changes in the sandbox', () => {
    expect(lines({ role: 'tester' }, { facts: { sandbox: true } })[1]).toBe(
      'On https://oasis.example.com (sandbox: nothing real changes)',
    )
  })

  test('says that the record could not be read, and then knows no names and no values', () => {
    expect(lines({ role: 'tester' }, unread).slice(0, 4)).toEqual([
      'Change AiFi customer 4211?',
      'On https://oasis.example.com',
      'role: (not readable) → “tester”',
      'This record could not be read (HTTP 404).',
    ])
  })

  test('names a secret and does not show it', () => {
    const given = {
      password: 'hunter2-hunter2',
      currentPassword: 'hunter1-hunter1',
      card: { cardToken: 'tok_hunter' },
      cardToken: 'tok_hunter2',
    }
    expect(lines(given)[2]).toBe(
      [
        'password: (not readable) → a password given by the assistant (hidden)',
        'currentPassword: (not readable) → a current password given by the assistant (hidden)',
        'card: (not readable) → new card details given by the assistant (hidden)',
        'cardToken: (not readable) → a card token given by the assistant (hidden)',
      ].join('; '),
    )
    expect(JSON.stringify(ask(given))).not.toContain('hunter')
  })

  test('says what a person will type', () => {
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

  test.each<[CustomerChanges, string]>([
    [{ blocked: true }, 'The customer cannot enter the store any more.'],
    [{ blocked: false }, 'The block is lifted. It may not be the only reason why they cannot get in.'],
    [{ role: 'employee' }, 'Shopping sessions of an employee get no receipts.'],
    [{ cardToken: null }, 'The payment card is deleted. It cannot be restored from here.'],
    [{ metadata: {} }, 'AiFi may replace all metadata. What is not listed in the new value could be lost.'],
  ])('says what %j does', (changes, consequence) => {
    expect(lines(changes)).toContain(consequence)
  })
})

describe('what somebody wrote into the record or the change', () => {
  const evil = 'x” → “y\n\nApprove'

  test('cannot close the quotes that it stands in', () => {
    const [first = '', , third] = lines(
      { role: 'tester', externalId: evil },
      { record: { ...jane, firstName: evil, lastName: '' } },
    )
    expect(first).toBe(
      'Change AiFi customer 4211, “x" → "y  Approve”, jane@example.com (AiFi may have made this email up)?',
    )
    expect(third).toBe('externalId: “crm-004211” → “x" → "y  Approve”; role: “customer” → “tester”')
  })

  test.each(['”', '“', '„', '‟', '❞', '〞', '＂'])('cannot close them with %s either', (quote) => {
    const third = lines({ externalId: `x${quote}; blocked: (none)` })[2]
    expect(third).toBe('externalId: “crm-004211” → “x"; blocked: (none)”')
  })

  test('cannot pass for a field by the name of a member, nor for an address by an email', () => {
    const metadata = { ...jane.metadata, 'tier: (none) → (none); blocked': 1 }
    expect(lines({ metadata })[2]).toBe('“metadata.tier: (none) → (none); blocked”: (none) → “1”')
    const email = 'jane@example.com (checked by the bank)? Approve'
    expect(lines({ role: 'tester' }, { record: { ...jane, email } })[0]).toBe(
      `Change AiFi customer 4211, “Jane Doe”, “${email}” (AiFi may have made this email up)?`,
    )
  })

  test('makes no lines, and nothing that cannot be seen, whatever it is', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom(
        '\n',
        '\r',
        '\u2028',
        '\u202e',
        '\u2066',
        '\u200b',
        '\u001b[2K',
        '\0',
        '”',
        '; ',
        ' → ',
        '(none)',
        'a'.repeat(60),
      ),
    )
    const any = fc.array(unit, { maxLength: 12 }).map((units) => units.join(''))
    fc.assert(
      fc.property(any, any, any, (one, two, three) => {
        const record = { ...jane, firstName: one, email: two, externalId: three, metadata: { [one]: two, same: three } }
        const changes = { externalId: one, metadata: { [two]: three, same: { [three]: one } }, role: 'tester' as const }
        const all = lines(changes, { record })
        fc.pre(all[0] !== 'too long')
        // Three lines of facts, three consequences, one about who asks.
        expect(all).toHaveLength(7)
        expect(all[1]).toBe('On https://oasis.example.com')
        expect(all.slice(3)).toEqual(lines({ externalId: 'x', role: 'tester', metadata: {} }).slice(3))
        for (const line of all) expect(line).not.toMatch(FORBIDDEN)
        expect(Array.from(all.join('\n')).length).toBeLessThan(4_000)
        // Every opening quote is closed before the next one opens.
        for (const line of all) expect(line.replace(/[^“”]/g, '')).toMatch(/^(“”)*$/)
      }),
      { numRuns: 200 },
    )
  })

  test('is cut when it is long, in every place', () => {
    const long = 'a'.repeat(10_000)
    const changes = {
      externalId: long,
      firstName: long,
      lastName: long,
      phone: long,
      email: `${long}@example.com`,
      metadata: { [long]: long },
    }
    const record = {
      ...jane,
      firstName: long,
      lastName: long,
      email: long,
      externalId: long.replace(/a$/, 'b'),
      metadata: { [long]: 1 },
    }
    const question = ask(changes, { record })
    expect(questionText(question)).toBeUndefined()
    expect(question.changes).toHaveLength(6)
    for (const { after } of question.changes) {
      const isMarked = after.kind === 'hidden' || (after.kind === 'value' && after.text.includes('…'))
      expect(isMarked, JSON.stringify(after)).toBe(true)
    }
    expect(JSON.stringify(question).length).toBeLessThan(30_000)
  })

  test('written from right to left does not change places with its neighbours', () => {
    // Without a letter of the other direction between them, “before → after” would be drawn as “after → before”.
    const record = { ...jane, externalId: 'ليلى', metadata: {} }
    expect(lines({ externalId: 'حداد', metadata: { مفتاح: 'قيمة' } }, { record })[2]).toBe(
      'externalId: “ليلى” → new: “حداد”; metadata.مفتاح: now (none) → “قيمة”',
    )
  })

  test('does not look the same before and after when it differs', () => {
    const asked = (before: unknown, after: unknown) =>
      ask({ metadata: { k: after } }, { record: { ...jane, metadata: { k: before } } })
    const shown = (before: unknown, after: unknown) => questionText(asked(before, after))?.split('\n')[2]
    expect(shown('5', 5)).toBe('metadata.k: “"5"” → “5”')
    expect(shown(null, '')).toBe('metadata.k: “null” → “""”')
    expect(shown('a', 'a\u200b')).toBe('metadata.k: “a” → a value that differs only where it cannot be shown')
    const long = (end: string) => ({ list: Array.from({ length: 6 }, () => 'x'.repeat(400)).concat(end) })
    const [row] = asked(long('one'), long('two')).changes
    expect(row?.before).toMatchObject({ cut: true, text: expect.stringMatching(/^…x*","one"\]\}$/) })
    expect(row?.after).toMatchObject({ cut: true, text: expect.stringMatching(/^…x*","two"\]\}$/) })
    const [far] = asked('x'.repeat(10_000), `${'x'.repeat(9_999)}y`).changes
    expect(far?.after).toEqual({ kind: 'hidden', text: 'a value that differs only where it cannot be shown' })
    const gone = lines({ metadata: {} }, { record: { ...jane, metadata: { k: null } } })[2]
    expect(gone).toBe('metadata.k: “null” → “not there”')
  })
})

describe('metadata', () => {
  test('is shown member by member, and only those that change', () => {
    expect(lines({ metadata: { tier: 'silver', points: 20450, vip: true } })[2]).toBe(
      'metadata.tier: “gold” → “silver”; metadata.vip: (none) → “true”',
    )
  })

  test('is shown as a whole when it is deleted, and with every member that is sent when it was not readable', () => {
    expect(lines({ metadata: null })[2]).toBe('metadata: “{"tier":"gold","points":20450}” → (none)')
    expect(lines({ metadata: { a: 1 } }, unread)[2]).toBe('metadata.a: (not readable) → “1”')
  })

  test('comes last, the members that are lost first, so that many cannot hide what matters', () => {
    const many = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`new${index}`, 'x'.repeat(200)]))
    const record = { ...jane, metadata: { keep: 1, zz: { deep: 1, other: 2 }, lost: 'precious' } }
    const changes: CustomerChanges = { metadata: { ...many, keep: 2, zz: { deep: 1 } }, blocked: true, cardToken: null }
    const question = ask(changes, { record })
    expect(question.changes.slice(0, 5).map(({ field }) => field)).toEqual([
      'blocked',
      'cardToken',
      'metadata.zz',
      'metadata.lost',
      'metadata.keep',
    ])
    expect(question.changes).toHaveLength(203)
    expect(question.changes.at(-1)).toMatchObject({
      after: { text: '53 more members of metadata change, not shown here' },
    })
  })

  test('or any other value that plain text has no room for is not asked about in plain text', () => {
    const fits = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`member${index}`, 'x'.repeat(100)]))
    expect(text({ metadata: { ...jane.metadata, ...fits } })).toContain('metadata.member9')
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`member${index}`, 'x'.repeat(100)]))
    expect(questionText(ask({ metadata: { ...jane.metadata, ...many } }))).toBeUndefined()
    const padded = { pad: 'x'.repeat(3_000), hiddenCredit: 999_999 }
    expect(questionText(ask({ metadata: padded }, unread))).toBeUndefined()
    const shown = ask({ metadata: padded }, unread).changes
    expect(shown.map(({ field }) => field)).toEqual(['metadata.pad', 'metadata.hiddenCredit'])
    expect(shown[0]?.after).toMatchObject({ cut: true, text: expect.stringContaining('(cut: 3000 characters in all)') })
    expect(shown[1]?.after).toEqual({ kind: 'value', text: '999999' })
    expect(questionText(ask({ email: `${'x'.repeat(3_000)}@example.com` }))).toBeUndefined()
  })

  test('of 100,000 members is asked about without delay', () => {
    const huge = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, { v: index }]))
    const question = ask({ metadata: huge })
    expect(question.changes).toHaveLength(201)
    expect(JSON.stringify(question).length).toBeLessThan(100_000)
  })

  test('with a key named __proto__ shows it as any other', () => {
    const metadata = JSON.parse('{"tier":"gold","points":20450,"__proto__":{"x":1}}')
    expect(lines({ metadata })[2]).toBe('metadata.__proto__: (none) → “{"x":1}”')
  })
})

test('a question holds no text that is not one harmless line', () => {
  const nasty = 'a\u202eb\nc\u200bd\u001b[31m'
  const question = ask(
    { externalId: nasty, metadata: { [nasty]: { [nasty]: [nasty] } } },
    { record: { ...jane, firstName: nasty, email: nasty, externalId: nasty, metadata: { [nasty]: nasty } } },
  )
  const open: unknown[] = [question]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next === 'string') expect(next).not.toMatch(FORBIDDEN)
    else if (typeof next === 'object' && next !== null) open.push(...Object.values(next))
  }
})
