import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ChangeRequest, fieldFacts, secretStrings } from '../../src/customer/fields.ts'
import { isJsonObject, type JsonObject, NESTING_LIMIT } from '../../src/lib/json.ts'
import type { FieldError } from '../../src/mcp/result.ts'
import {
  type ArgumentSettings,
  parseArguments,
  repeatedSecrets,
  updateCustomerArguments,
} from '../../src/tools/update-arguments.ts'
import { eras, start } from '../helpers/harness.ts'
import { RawClient } from '../helpers/raw-client.ts'

const ALLOW: ArgumentSettings = { fields: 'all', secretArguments: 'allow', approvalCode: false }
const REFUSE: ArgumentSettings = { fields: 'all', secretArguments: 'refuse', approvalCode: false }
const CHAT: ArgumentSettings = { fields: 'all', secretArguments: 'allow', approvalCode: true }

function request(args: JsonObject, settings = ALLOW): ChangeRequest {
  const parsed = parseArguments({ value: { customerId: 4211, ...args } }, settings)
  expect(parsed).toMatchObject({ ok: true })
  return parsed.ok ? parsed.request : expect.unreachable()
}

function errors(args: unknown, settings = ALLOW): FieldError[] {
  const parsed = parseArguments({ value: isJsonObject(args) ? { customerId: 4211, ...args } : args }, settings)
  return parsed.ok ? [] : parsed.errors
}

const messages = (args: unknown, settings = ALLOW) => errors(args, settings).map(({ message }) => message)
const rules = (args: unknown, settings = ALLOW) => errors(args, settings).map(({ field, rule }) => `${field} ${rule}`)

const a = (length: number) => 'a'.repeat(length)

/** The body of the PATCH as AiFi's page prints it, with values at the edges of each limit. */
const documented: Readonly<Record<string, { good: readonly unknown[]; bad: readonly unknown[] }>> = {
  email: { good: ['jane@example.com', 'j@a.io'], bad: ['', 'jane', 'jane@', '@example.com', 'a b@example.com', null] },
  externalId: { good: ['', 'x', a(10_000)], bad: [null, 1, {}] },
  firstName: { good: ['', 'Jane', a(10_000)], bad: [null, 1, []] },
  lastName: { good: ['', 'Doe', 'ليلى'], bad: [null, true, {}] },
  phone: { good: ['', '+1 555 0142', 'none'], bad: [null, 15550142] },
  role: {
    good: ['customer', 'employee', 'tester', 'untracked', 'unknown'],
    bad: ['', 'Customer', 'admin', 'customer ', null, 0, ['employee']],
  },
  priority: { good: [-10, -1, -0, 0, 10], bad: [-11, 11, 0.5, '05', ' 5', '5.0', null, true, 2 ** 53, -(2 ** 53)] },
  metadata: { good: [null, {}, { a: { b: [1] } }], bad: ['', 'x', 1, true, [], [{}]] },
  password: { good: [a(8), a(255), ' '.repeat(8)], bad: ['', a(7), a(256), null, 12345678] },
  currentPassword: { good: [a(8), a(255)], bad: ['', a(7), a(256), null] },
  blocked: { good: [true, false], bad: [null, 'True', ' false', 'yes', 0, 1, ''] },
  card: { good: [{}, { provider: 'STRIPE', cardToken: null, defaultCard: true }], bad: [null, '', '[]', '{', [], 1] },
  cardType: { good: ['NONE', 'STRIPE', 'PAYTER', 'ADYEN', 'FREEDOM_PAY', 'GENERIC'], bad: ['', 'none', 'VISA', null] },
  cardToken: { good: [null, '', 'tok_1'], bad: ['null', 'undefined', 1, false, {}] },
}

describe('the fields', () => {
  test('are the documented ones, in that order, and those of the tool', () => {
    const own = ['enterPrivately', 'expectedEmail', 'reason', 'dryRun']
    const fields = Object.keys(documented)
    expect(Object.keys(updateCustomerArguments(ALLOW).shape)).toEqual(['customerId', ...fields, ...own])
    expect(Object.keys(updateCustomerArguments(CHAT).shape)).toEqual(['customerId', ...fields, ...own, 'approvalCode'])
    expect(Object.keys(fieldFacts)).toEqual(fields)
  })

  describe.each(Object.entries(documented))('%s', (field, { good, bad }) => {
    test.each(good)('takes %j as it is', (value) => {
      expect(request({ [field]: value }).changes).toEqual({ [field]: value })
    })

    test.each(bad)('refuses %j, by its name and once', (value) => {
      expect(errors({ [field]: value }).map((error) => error.field)).toEqual([field])
    })
  })

  test('are optional, each of them, and one is enough', () => {
    expect(request({ lastName: 'Doe' })).toEqual({
      customerId: 4211,
      changes: { lastName: 'Doe' },
      enterPrivately: [],
      dryRun: false,
    })
  })

  test('measure passwords as AiFi’s validator does: a letter outside the basic plane counts twice', () => {
    expect(request({ password: '😀'.repeat(4) }).changes).toEqual({ password: '😀'.repeat(4) })
    expect(rules({ password: '😀'.repeat(3) })).toEqual(['password string.min'])
    expect(rules({ password: '😀'.repeat(128) })).toEqual(['password string.max'])
  })
})

describe('customerId', () => {
  test.each([0, 1, 4211, 2 ** 53 - 1])('can be %j', (customerId) => {
    expect(request({ customerId, phone: '1' }).customerId).toBe(customerId)
  })

  test.each([
    ['04211', 'number.base'],
    ['4211 ', 'number.base'],
    ['4.211e3', 'number.base'],
    ['-1', 'number.min'],
    ['4211.5', 'number.integer'],
    ['', 'number.base'],
    [null, 'number.base'],
    [true, 'number.base'],
    [[4211], 'number.base'],
    [{}, 'number.base'],
    [-1, 'number.min'],
    [4211.5, 'number.integer'],
    [2 ** 53, 'number.max'],
    [1e300, 'number.max'],
    ['../../admin', 'number.base'],
    ['4211/card', 'number.base'],
  ])('cannot be %j', (customerId, rule) => {
    expect(rules({ customerId, phone: '1' })).toEqual([`customerId ${rule}`])
  })

  test('has to be there', () => {
    expect(parseArguments({ value: { phone: '1' } }, ALLOW)).toMatchObject({
      ok: false,
      errors: [{ rule: 'any.required' }],
    })
  })
})

describe('absent, null and ""', () => {
  test('are three things', () => {
    expect(request({ cardToken: null, metadata: null }).changes).toEqual({ cardToken: null, metadata: null })
    expect(request({ cardToken: '', phone: '' }).changes).toEqual({ cardToken: '', phone: '' })
    expect(request({ phone: '1' }).changes).toEqual({ phone: '1' })
  })

  test('null is only for metadata and cardToken', () => {
    const takesNull = Object.keys(documented).filter((field) => errors({ [field]: null }).length === 0)
    expect(takesNull).toEqual(['metadata', 'cardToken'])
  })

  test('an argument that is undefined is absent', () => {
    expect(request({ phone: '1', email: undefined }).changes).toEqual({ phone: '1' })
    expect(rules({ phone: undefined })).toEqual([' object.min'])
  })
})

describe('nothing is filled in', () => {
  test('by the schema: {} stays {}', () => {
    expect(updateCustomerArguments(CHAT).partial().parse({})).toEqual({})
  })

  test('on the way to AiFi: the body is what was given, to the letter', async () => {
    const harness = await start({
      env: { AIFI_APPROVAL: 'dangerously-skip', AIFI_READ_BACK: 'off', AIFI_MAX_CHANGES_PER_MINUTE: '1000' },
    })
    const { update } = await harness.connect()
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    const bodies = fc
      .record(
        {
          externalId: text,
          firstName: text,
          phone: text,
          role: fc.constantFrom('customer', 'employee'),
          priority: fc.integer({ min: -10, max: 10 }),
          metadata: fc.oneof(fc.constant(null), fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }))),
          blocked: fc.boolean(),
          password: fc.string({ unit: 'binary', minLength: 8, maxLength: 60 }).filter(({ length }) => length <= 255),
          card: fc.dictionary(text, fc.jsonValue({ maxDepth: 1 })),
          cardToken: fc.option(text),
        },
        { requiredKeys: [] },
      )
      // What repeats a secret is refused, and fast-check likes a name such as `__proto__` in more than one place.
      .filter((body) => Object.keys(body).length > 0 && repeatedSecrets(body).length === 0)
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const sentBefore = harness.sent('PATCH').length
        expect(await update({ customerId: 77, ...body })).toMatchObject({ status: 'updated' })
        const sent = harness.sent('PATCH').slice(sentBefore)
        expect(sent).toHaveLength(1)
        expect(members(sent[0]?.body)).toEqual(members(JSON.parse(JSON.stringify(body))))
      }),
      { numRuns: 30 },
    )
  })
})

/** With `toEqual` an own `__proto__` counts as nothing. */
function members(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(members)
  if (!isJsonObject(value)) return value
  return Object.keys(value)
    .sort()
    .map((key) => [key, members(value[key])])
}

describe('an argument that does not exist', () => {
  test.each([
    ['firstname', 'firstName'],
    ['first_name', 'firstName'],
    ['FirstName', 'firstName'],
    ['surnameLast', undefined],
    ['phoneNumber', 'phone'],
    ['external_id', 'externalId'],
    ['customer_id', 'customerId'],
    ['block', 'blocked'],
    ['isBlocked', 'blocked'],
    ['meta', 'metadata'],
    ['e-mail', 'email'],
    ['dry_run', 'dryRun'],
    ['enter_privately', 'enterPrivately'],
    ['zzz', undefined],
  ])('%s is refused by name, and %s is what it may have meant', (key, meant) => {
    const [error, ...others] = errors({ phone: '1', [key]: 'x' })
    expect(others).toEqual([])
    expect(error).toMatchObject({ field: key, rule: 'object.unknown' })
    expect(error?.message).toContain(`"${key}"`)
    expect(error?.message).toContain(meant ? `Did you mean "${meant}"?` : 'Allowed are customerId, email,')
  })

  test('is refused though it is inherited by every object', () => {
    for (const key of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      expect(rules({ phone: '1', [key]: 'x' })).toEqual([`${key} object.unknown`])
    }
  })

  test('is the one problem when nothing else is asked for', () => {
    expect(rules({ firstname: 'Jane' })).toEqual(['firstname object.unknown'])
  })

  test('is ignored when it is one that hosts add', () => {
    const added = { wait_for_previous: true, toolCallId: 'call_1', task_progress: '- [ ] unblock' }
    expect(request({ phone: '1', ...added }).changes).toEqual({ phone: '1' })
    expect(rules(added)).toEqual([' object.min'])
  })

  test('is shown harmless and short, however hostile its name', () => {
    const allowed = `Allowed are ${Object.keys(updateCustomerArguments(ALLOW).shape).join(', ')}.`
    const [error] = errors({ phone: '1', [`a\nb\u202e\u001b[31m${a(10_000)}`]: 1 })
    expect(error?.message).toBe(`"a b${a(96)}…" is not an argument. ${allowed}`)
  })

  test('is told what is allowed once, however many there are', () => {
    const told = messages({ nickname: 'x', fristName: 'x', street: 'x' })
    expect(told.map((message) => message.includes('Allowed are'))).toEqual([true, false, false])
    expect(told.slice(1)).toEqual([
      '"fristName" is not an argument. Did you mean "firstName"?',
      '"street" is not an argument.',
    ])
  })

  test('does not hide the others: twenty are named, the rest are counted', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`unknown argument ${index}`, index]))
    const all = errors({ ...many, priority: 99 })
    expect(all.filter(({ rule }) => rule === 'object.unknown')).toHaveLength(21)
    expect(all.map(({ message }) => message)).toContain('980 more names are no arguments either.')
    expect(all.map(({ field }) => field)).toContain('priority')
  })
})

describe('metadata that arrives as text', () => {
  test('is parsed when it is the text of an object', () => {
    expect(request({ metadata: ' {"tier":"gold","n":[1,null]} ' }).changes).toEqual({
      metadata: { tier: 'gold', n: [1, null] },
    })
  })

  test.each(['', 'x', 'null', '[]', '[{}]', '1', '"{}"', '{"a":', 'true', '{"a":1}{'])(
    'is refused when it is %j',
    (text) => {
      expect(errors({ metadata: text })).toEqual([
        {
          field: 'metadata',
          rule: 'object.base',
          message: expect.stringContaining(
            '"metadata" must be an object or null. Send the object itself, not a string.',
          ),
        },
      ])
    },
  )
})

describe('what arrives as text, as some hosts send it', () => {
  test.each([
    [{ blocked: 'true' }, { blocked: true }],
    [{ blocked: 'false' }, { blocked: false }],
    [{ priority: '-10' }, { priority: -10 }],
    [{ card: '{"provider":"STRIPE"}' }, { card: { provider: 'STRIPE' } }],
    [{ metadata: '{"tier":"5","n":"null"}' }, { metadata: { tier: '5', n: 'null' } }],
  ])('%j is read where no text is allowed', (args, changes) => {
    expect(request(args).changes).toEqual(changes)
  })

  test('is read in the arguments of the tool as well', () => {
    const args = { customerId: '77', enterPrivately: '["password"]', dryRun: 'true' }
    expect(request(args)).toEqual({ customerId: 77, changes: {}, enterPrivately: ['password'], dryRun: true })
  })

  test('stays what it is where text is allowed', () => {
    const texts = { externalId: '4211', firstName: 'true', lastName: 'null', phone: '{"a":1}', cardToken: '[1]' }
    expect(request(texts).changes).toEqual(texts)
  })

  test.each(['null', 'undefined'])('is refused as a card token that is %s, with a word on null', (cardToken) => {
    const [error, ...others] = errors({ cardToken })
    expect(others).toEqual([])
    expect(error).toMatchObject({ field: 'cardToken', rule: 'any.invalid' })
    expect(error?.message).toContain('must be null without quotes')
    expect(errors({ cardToken }, REFUSE)).toMatchObject([{ field: 'cardToken', rule: 'any.only' }])
  })

  test.each([
    [{ priority: '1e0' }, 'priority number.base'],
    [{ priority: '99' }, 'priority number.max'],
    [{ priority: '9007199254740993' }, 'priority number.base'],
    [{ priority: 'Infinity' }, 'priority number.base'],
    [{ priority: '0x5' }, 'priority number.base'],
    [{ enterPrivately: '"password"' }, 'enterPrivately array.base'],
    [{ enterPrivately: '{"0":"password"}' }, 'enterPrivately array.base'],
    [{ enterPrivately: '["pin"]' }, 'enterPrivately.0 any.only'],
  ])('%j is judged as what it says', (args, rule) => {
    expect(rules({ phone: '1', ...args })).toEqual([rule])
  })
})

describe('no value is made into another', () => {
  test.each([
    [{ customerId: '#4211', phone: '1' }, '"customerId" must be a whole number.'],
    [{ priority: 'high' }, '"priority" must be a whole number.'],
    [{ priority: 1.5 }, '"priority" must be a whole number.'],
    [{ priority: 11 }, '"priority" must be at most 10.'],
    [{ priority: 2 ** 53 }, '"priority" must be at most 10.'],
    [{ blocked: 'yes' }, '"blocked" must be true or false.'],
    [{ blocked: 1 }, '"blocked" must be true or false.'],
    [{ phone: 15550142 }, '"phone" must be a string. Put it in quotes.'],
    [{ firstName: null }, '"firstName" must be a string. To leave it as it is, leave the argument out.'],
    [{ email: 'jane' }, '"email" must be an email address, such as jane@example.com.'],
    [
      { email: '' },
      '"email" must be an email address, such as jane@example.com. To leave it as it is, leave the argument out.',
    ],
    [
      { role: null },
      '"role" must be one of "customer", "employee", "tester", "untracked", "unknown". To leave it as it is, leave the argument out.',
    ],
    [{ card: null }, '"card" must be an object. To leave it as it is, leave the argument out.'],
    [{ password: 'short' }, '"password" must have at least 8 characters.'],
    [{ password: a(300) }, '"password" must have at most 255 characters.'],
    [{ dryRun: 'yes', phone: '1' }, '"dryRun" must be true or false.'],
    [{ enterPrivately: 'password' }, '"enterPrivately" must be a list, such as ["password"].'],
    [{ enterPrivately: ['pin'] }, '"enterPrivately.0" must be one of "password", "currentPassword", "cardToken".'],
    [
      { expectedEmail: '', phone: '1' },
      '"expectedEmail" must have at least 1 character. Leave it out if it is not needed.',
    ],
  ])('%j is answered with what to send', (args, message) => {
    expect(messages(args)).toEqual([message])
  })

  test('customerId null is not answered with leaving it out', () => {
    expect(messages({ customerId: null, phone: '1' })).toEqual(['"customerId" must be a whole number.'])
  })

  test.each([null, undefined, 'x', 1, [], [{ customerId: 1 }]])('arguments that are %j are no object', (raw) => {
    expect(parseArguments({ value: raw }, ALLOW)).toEqual({
      ok: false,
      errors: [{ field: '', rule: 'object.base', message: 'The arguments must be an object.' }],
    })
  })
})

describe('every problem is in one answer', () => {
  test('whatever kind each is of', () => {
    const all = rules({
      customerId: 'x',
      firstname: 'Jane',
      email: 'jane',
      role: 'boss',
      priority: 99,
      metadata: [],
      password: 'x',
      cardToken: 5,
      enterPrivately: ['password', 'pin', 'cardToken'],
      dryRun: 1,
    })
    expect(all).toEqual([
      'firstname object.unknown',
      'customerId number.base',
      'email string.email',
      'role any.only',
      'priority number.max',
      'metadata object.base',
      'password string.min',
      'cardToken string.base',
      'enterPrivately.1 any.only',
      'dryRun boolean.base',
      'enterPrivately object.oxor',
    ])
  })

  test('and in one result that says that nothing was sent', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    const envelope = await update({ customerId: 4211, priority: 99, role: 'boss', firstname: 'J' })
    expect(envelope).toMatchObject({ status: 'invalid', customerId: 4211 })
    expect(envelope.errors?.map(({ field }) => field).sort()).toEqual(['firstname', 'priority', 'role'])
    expect(envelope.message).toMatch(/^Nothing was sent/)
    for (const { message } of envelope.errors ?? []) expect(envelope.message).toContain(message)
    expect(harness.requests).toEqual([])
  })
})

describe('between the fields', () => {
  test('at least one has to be changed', () => {
    const [error, ...others] = errors({ expectedEmail: 'jane@example.com', dryRun: true, enterPrivately: [] })
    expect(others).toEqual([])
    expect(error).toMatchObject({ field: '', rule: 'object.min' })
    expect(error?.message).toBe(
      `Nothing to change: give at least one of ${Object.keys(documented).join(', ')}, enterPrivately.`,
    )
  })

  test('a secret is given or typed, not both', () => {
    const [error, ...others] = errors({
      password: a(8),
      currentPassword: a(9),
      cardToken: null,
      enterPrivately: ['password', 'currentPassword', 'cardToken'],
    })
    expect(others).toEqual([])
    expect(error).toEqual({
      field: 'enterPrivately',
      rule: 'object.oxor',
      message:
        'password and currentPassword and cardToken are given and also listed in enterPrivately. Leave out one of the two.',
    })
  })

  test('a secret that is to be typed is a change, and listed once', () => {
    expect(request({ enterPrivately: ['cardToken', 'password', 'cardToken'] })).toMatchObject({
      changes: {},
      enterPrivately: ['password', 'cardToken'],
    })
  })
})

describe('__proto__ is never dropped', () => {
  const parsed = (text: string): JsonObject => JSON.parse(text)

  test('as an argument it is refused by name', () => {
    const args = parsed('{"customerId":4211,"phone":"1","__proto__":{"role":"employee"}}')
    expect(parseArguments({ value: args }, ALLOW)).toMatchObject({
      ok: false,
      errors: [{ field: '__proto__', rule: 'object.unknown' }],
    })
  })

  // The SDK copies the arguments without it before it hands them on: `Connection` keeps them as they came.
  test.each(eras)('as an argument of a real call (%s) it is refused too', async (era) => {
    const harness = await start()
    const client = await RawClient.connect(harness, { era })
    const id = client.call(parsed('{"customerId":77,"phone":"1","__proto__":{"role":"employee"}}'))
    expect(await client.envelope(id)).toMatchObject({ status: 'invalid', errors: [{ field: '__proto__' }] })
    expect(harness.requests).toEqual([])
  })

  test('inside metadata and card it goes along at any depth, as text too', () => {
    const metadata = '{"a":[{"__proto__":{"x":1}}],"__proto__":{"__proto__":null},"constructor":{}}'
    const card = '{"__proto__":{"cardToken":"t"}}'
    const { changes } = request(parsed(`{"metadata":${metadata},"card":${card}}`))
    expect(JSON.stringify(changes)).toBe(`{"metadata":${metadata},"card":${card}}`)
    expect(JSON.stringify(request({ metadata }).changes)).toBe(`{"metadata":${metadata}}`)
    expect('x' in {}).toBe(false)
  })

  test('on the way to AiFi and back it is carried', async () => {
    const harness = await start({ env: { AIFI_APPROVAL: 'dangerously-skip' } })
    const { update } = await harness.connect()
    const args = parsed('{"customerId":77,"metadata":{"a":{"__proto__":{"b":2}},"__proto__":1}}')
    const envelope = await update(args)
    expect(JSON.stringify(harness.sent('PATCH')[0]?.body)).toBe(
      '{"metadata":{"a":{"__proto__":{"b":2}},"__proto__":1}}',
    )
    expect(JSON.stringify(envelope.customer?.metadata)).toBe('{"a":{"__proto__":{"b":2}},"__proto__":1}')
    expect(envelope.changes).toMatchObject([{ verified: 'as_requested' }])
  })
})

describe('what JSON cannot carry', () => {
  test.each(['{"priority":1e400}', '{"priority":-1e400}', '{"customerId":1e400,"phone":"1"}'])(
    '%s is refused',
    (text) => {
      expect(rules(JSON.parse(text))).toEqual([expect.stringMatching(/ number\.infinity$/)])
    },
  )

  test.each(['{"metadata":{"a":1e400}}', '{"metadata":{"a":[[{"b":-1e999}]]}}', '{"card":{"limit":1e400}}'])(
    '%s is refused: it would be sent as null',
    (text) => {
      const [error, ...others] = errors(JSON.parse(text))
      expect(others).toEqual([])
      expect(error).toMatchObject({ rule: 'number.infinity', message: expect.stringContaining('too large to be sent') })
    },
  )

  test('in the text of metadata is refused too', () => {
    expect(rules({ metadata: '{"a":1e400}' })).toEqual(['metadata number.infinity'])
  })
})

describe('huge arguments', () => {
  const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}null${'}'.repeat(levels)}`) as unknown
  const nestedList = (levels: number) => ({ a: JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown })

  test('that nest as deep as is allowed go along', () => {
    expect(request({ metadata: nested(NESTING_LIMIT) }).changes).toEqual({ metadata: nested(NESTING_LIMIT) })
  })

  test.each([NESTING_LIMIT + 1, 10_000])('that nest %i deep are refused', (levels) => {
    const rule = ['metadata object.base', 'card object.base']
    expect(rules({ metadata: nested(levels), card: nested(levels) })).toEqual(rule)
    expect(rules({ metadata: nestedList(levels), card: nestedList(levels) })).toEqual(rule)
    expect(rules({ metadata: JSON.stringify(nested(NESTING_LIMIT + 1)) })).toEqual(['metadata object.base'])
  })

  test('are judged in bounded work, whether there are many unknown keys, members or secrets', () => {
    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`key number ${index}`, `v${index}`]))
    expect(errors(keys)).toHaveLength(21)
    const { changes } = request({ metadata: keys, card: { keys, list: Object.values(keys) } })
    expect(Object.keys(changes.metadata ?? {})).toHaveLength(100_000)
    expect(secretStrings(changes)).toHaveLength(200_000)
    const many = rules({ phone: '1', enterPrivately: Object.values(keys) })
    expect(many).toContain('enterPrivately array.max')
    expect(many.length).toBeLessThan(30)
    expect(errors({ [a(5_000_000)]: 1, role: a(5_000_000), metadata: a(5_000_000) })).toHaveLength(3)
  })

  test('are refused in a result of bounded size', async () => {
    const harness = await start()
    const { update, wire } = await harness.connect()
    const keys = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`ключ ${index} ${'😀'.repeat(200)}`, index]),
    )
    expect(await update({ customerId: 4211, ...keys })).toMatchObject({ status: 'invalid' })
    expect(Buffer.byteLength(wire.at(-1) ?? '')).toBeLessThan(100_000)
    expect(harness.requests).toEqual([])
  })

  test('of 100,000 members of metadata reach AiFi, or are refused by it, within a bounded result', async () => {
    const harness = await start({ env: { AIFI_APPROVAL: 'dangerously-skip' } })
    harness.clock.hold()
    const { update, wire } = await harness.connect()
    const metadata = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, index]))
    const envelope = await update({ customerId: 77, metadata })
    // The stand-in takes no body over 1 MB.
    expect(envelope).toMatchObject({ status: 'failed', http: { status: 413 } })
    expect(Buffer.byteLength(wire.at(-1) ?? '')).toBeLessThan(100_000)
  })
})

describe('AIFI_SECRET_ARGUMENTS=refuse', () => {
  test('leaves no argument for a secret value, and cardToken only null', () => {
    const names = Object.keys(updateCustomerArguments(REFUSE).shape)
    expect(names).not.toContain('password')
    expect(names).not.toContain('currentPassword')
    expect(names).not.toContain('card')
    expect(request({ cardToken: null }, REFUSE).changes).toEqual({ cardToken: null })
    expect(request({ enterPrivately: ['password', 'cardToken'] }, REFUSE).enterPrivately).toEqual([
      'password',
      'cardToken',
    ])
  })

  test.each([
    [{ password: 'S3cret-S3cret' }, 'Use enterPrivately: ["password"], so that a person types it.'],
    [{ currentPassword: 'S3cret-S3cret' }, 'Use enterPrivately: ["currentPassword"], so that a person types it.'],
    [{ pasword: 'S3cret-S3cret' }, 'Use enterPrivately: ["password"], so that a person types it.'],
    [{ card: { cardToken: 'S3cret-S3cret' } }, 'Change the payment card in AiFi itself.'],
    [{ cardToken: 'S3cret-S3cret' }, 'To set one use enterPrivately: ["cardToken"].'],
  ])('answers %j with the way that there is', (args, way) => {
    const [message, ...others] = messages({ phone: '1', ...args }, REFUSE)
    expect(others).toEqual([])
    expect(message).toContain(way)
    expect(message).not.toContain('S3cret')
  })

  test('says nothing of what it does not take', () => {
    const [message] = messages({}, REFUSE)
    expect(message).toBe(
      'Nothing to change: give at least one of email, externalId, firstName, lastName, phone, role, priority, metadata, blocked, cardType, cardToken, enterPrivately.',
    )
    expect(messages({ password: 'S3cret-S3cret' }, REFUSE)).toHaveLength(1)
  })
})

describe('approvalCode', () => {
  test('is an argument only under AIFI_APPROVAL=chat', () => {
    expect(request({ phone: '1', approvalCode: '123456' }, CHAT).approvalCode).toBe('123456')
    expect(rules({ phone: '1', approvalCode: '123456' })).toEqual(['approvalCode object.unknown'])
    expect(rules({ phone: '1', approvalCode: 123456 }, CHAT)).toEqual(['approvalCode string.base'])
    expect(request({ phone: '1' }, CHAT)).not.toHaveProperty('approvalCode')
  })

  test('is no change by itself', () => {
    expect(rules({ approvalCode: '123456' }, CHAT)).toEqual([' object.min'])
  })
})

test('no message repeats a value', () => {
  const canary = 'Kanarienvogel'
  const value = fc.constantFrom<unknown>(canary, [canary], { a: canary }, canary.repeat(100), `{"a":"${canary}"`)
  const args = fc.dictionary(
    fc.constantFrom(
      'customerId',
      ...Object.keys(documented),
      'enterPrivately',
      'expectedEmail',
      'dryRun',
      'approvalCode',
      'nothing',
    ),
    value,
  )
  fc.assert(
    fc.property(args, fc.constantFrom(ALLOW, REFUSE, CHAT), (given, settings) => {
      expect(JSON.stringify(errors(given, settings))).not.toContain(canary)
    }),
    { numRuns: 200 },
  )
})

test('every message is one or two plain sentences that begin with the argument’s name', () => {
  for (const [field, { bad }] of Object.entries(documented)) {
    for (const value of bad) {
      const [message] = messages({ [field]: value })
      expect(message).toMatch(new RegExp(`^"${field}" must (be|have) [^\\n]{3,160}\\.$`))
    }
  }
})
