import fc from 'fast-check'
import Joi from 'joi'
import { describe, expect, test } from 'vitest'
import { type CustomerField, customerFields, fieldFacts } from '../../src/customer/fields.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { documentedCustomer, seedCustomers } from '../../src/sandbox/customers.ts'
import { customerBody, validated } from '../../src/sandbox/schema.ts'
import { parseArguments, repeatedSecrets } from '../../src/tools/update-arguments.ts'

/** Two independent readings of AiFi's page, ours in zod and the stand-in's in Joi, put the same questions. */

interface Verdict {
  /** Names of the fields that are wrong; empty when all is well. */
  readonly wrong: readonly string[]
  readonly rules: readonly string[]
}

/** What our own checks say to these body fields, and what they would let through to AiFi. */
function ours(body: JsonObject): Verdict & { sent: JsonObject | undefined } {
  const parsed = parseArguments(
    { value: { ...body, customerId: 4211 } },
    { fields: 'all', secretArguments: 'allow', approvalCode: false },
  )
  if (parsed.ok) return { wrong: [], rules: [], sent: parsed.request.changes }
  const { errors } = parsed
  return { wrong: names(errors.map(({ field }) => field)), rules: errors.map(({ rule }) => rule), sent: undefined }
}

/** What the stand-in says. */
function theirs(body: unknown): Verdict {
  try {
    validated(customerBody, body)
    return { wrong: [], rules: [] }
  } catch (error) {
    if (!Joi.isError(error)) throw error
    return {
      wrong: names(error.details.map(({ path }) => String(path[0]))),
      rules: error.details.map(({ type }) => type),
    }
  }
}

const names = (fields: readonly string[]) => [...new Set(fields)].sort()

/** The body as AiFi gets it. */
const onTheWire = (body: JsonObject): unknown => JSON.parse(JSON.stringify(body))

const utf16 = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })
const boundaryText = fc
  .tuple(
    fc.constantFrom(0, 1, 7, 8, 9, 127, 128, 254, 255, 256, 300),
    fc.constantFrom('a', ' ', 'é', '😀', '\ud83d', '\0'),
  )
  .map(([length, unit]) => unit.repeat(length).slice(0, length))
const enumText = fc.constantFrom(
  ...['customer', 'employee', 'tester', 'untracked', 'unknown', 'Customer', 'customer ', 'admin'],
  ...['NONE', 'STRIPE', 'PAYTER', 'ADYEN', 'FREEDOM_PAY', 'GENERIC', 'none', 'FREEDOM-PAY', ''],
)
const coercible = fc.constantFrom(
  'true',
  'false',
  '0',
  '5',
  ' 5 ',
  '1e1',
  'null',
  '{}',
  '[]',
  '{"a":1}',
  '{"a":',
  '"x"',
)
const number = fc.oneof(
  fc.constantFrom(-11, -10, -9.5, -0, 0, 0.5, 1e-320, 9.5, 10, 10.5, 11),
  fc.constantFrom(2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e21, Number.MAX_VALUE, -Number.MAX_VALUE),
  fc.integer({ min: -12, max: 12 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const jsonTexts = [
  '{}',
  '[]',
  '[{}]',
  '{"__proto__":{"role":"employee"}}',
  '{"__proto__":null,"constructor":{"prototype":1}}',
  '{"a":{"b":{"c":[1,{"d":null}]}}}',
  '{"":"","\\u0000":"\\ud800"}',
]
const structure = fc.oneof(
  fc.constantFrom(...jsonTexts).map((text): unknown => JSON.parse(text)),
  fc.jsonValue({ maxDepth: 3 }),
)
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, false, ''),
  utf16,
  boundaryText,
  enumText,
  coercible,
  number,
  structure,
)

/** `jane.doe+7@example-shop.co.uk`: what nobody doubts to be an address. */
const word = fc.stringMatching(/^[a-zA-Z0-9]{1,12}$/)
const plainEmail = fc
  .tuple(
    fc.array(word, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('.', '-', '_', '+', "'"),
    fc.array(word, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('com', 'co.uk', 'museum', 'io', 'xn--p1ai'),
  )
  .map(([local, joint, domain, end]) => `${local.join(joint)}@${domain.join('-')}.${end}`)

const likely: Partial<Record<CustomerField, fc.Arbitrary<unknown>>> = {
  email: plainEmail,
  role: fc.constantFrom('customer', 'employee'),
  priority: fc.integer({ min: -10, max: 10 }),
  metadata: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 })),
  password: fc.string({ minLength: 8, maxLength: 255 }),
  currentPassword: fc.string({ minLength: 8, maxLength: 255 }),
  blocked: fc.boolean(),
  card: fc.dictionary(fc.string(), fc.string()),
  cardType: fc.constantFrom('NONE', 'STRIPE'),
}

/** What only we refuse: a token that is an assistant's slip, and half of a character, which no UTF-8 can hold. */
const isOursToRefuse = (field: string, given: unknown) =>
  (field === 'cardToken' && (given === 'null' || given === 'undefined')) || !isWellFormed(given)

function isWellFormed(given: unknown): boolean {
  if (typeof given === 'string') return given.isWellFormed()
  if (typeof given !== 'object' || given === null) return true
  return Object.entries(given).flat().every(isWellFormed)
}

const other = customerFields.filter((field) => field !== 'email')

describe.each(other)('the field %s', (field) => {
  test('is refused by our checks if and only if the stand-in refuses it', () => {
    let [accepted, refused] = [0, 0]
    fc.assert(
      fc.property(fc.oneof(value, likely[field] ?? fc.string()), (given) => {
        if (isOursToRefuse(field, given)) return
        const mine = ours({ [field]: given })
        // What we take over may be more than what was given: an object that came as its text.
        expect(theirs(onTheWire(mine.sent ?? { [field]: given })).wrong).toEqual(mine.wrong)
        if (mine.sent) accepted += 1
        else refused += 1
      }),
      { numRuns: 300 },
    )
    // Generated values that are all wrong, or all right, would compare nothing.
    expect(Math.min(accepted, refused)).toBeGreaterThan(10)
  })
})

test.each(customerFields)('half of a character in the field %s is refused, whatever the stand-in says', (field) => {
  const half = 'jane\ud83d@example.com'
  const holding = field === 'metadata' || field === 'card' ? [{ a: [half] }, { [half]: 1 }] : [half]
  for (const given of holding) expect(ours({ [field]: given })).toMatchObject({ wrong: [field], sent: undefined })
})

describe('the field email', () => {
  test('passes our checks whenever it plainly is an address', () => {
    fc.assert(
      fc.property(plainEmail, (email) => {
        expect(ours({ email }).wrong).toEqual([])
        expect(theirs({ email }).wrong).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('passes our checks whenever it is an address by the HTML or RFC 5322 grammar, whatever the stand-in says', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (email) => {
        expect(ours({ email }).wrong).toEqual([])
      }),
      { numRuns: 300 },
    )
    for (const email of ['ジェーン@example.com', 'jane@bücher.example', 'jane@localhost', 'j@a.b', 'a/b@x.io']) {
      expect(ours({ email }).wrong, email).toEqual([])
    }
  })

  test('is refused by both when it is plainly none', () => {
    for (const email of [
      '',
      ' ',
      'jane',
      '@example.com',
      'jane@',
      'jane doe@example.com',
      'a@b@c',
      'jane@exam ple.com',
    ]) {
      expect(ours({ email }), email).toMatchObject({ wrong: ['email'], rules: ['string.email'] })
      expect(theirs({ email }).wrong, email).toEqual(['email'])
    }
  })

  test('is refused by both when it is no string', () => {
    const noString = fc
      .oneof(fc.constantFrom(null, true, false), number, structure)
      .filter((x) => typeof x !== 'string')
    fc.assert(
      fc.property(noString, (email) => {
        expect(ours({ email })).toMatchObject({ wrong: ['email'], rules: ['string.base'] })
        expect(theirs({ email }).wrong).toEqual(['email'])
      }),
      { numRuns: 100 },
    )
  })
})

describe('a whole body', () => {
  const fields = Object.fromEntries(
    customerFields.map((field) => {
      const good = likely[field] ?? fc.string()
      return [
        field,
        field === 'email' ? good : fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: value }),
      ]
    }),
  )
  const bodies = fc
    .record(fields, { requiredKeys: [] })
    .map((body): JsonObject => ({ ...body }))
    .filter((body) => Object.keys(body).length > 0 && repeatedSecrets(body).length === 0)
    .filter((body) => !Object.entries(body).some(([field, given]) => isOursToRefuse(field, given)))

  test('has the same wrong fields for both, all of them at once', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const mine = ours(body)
        expect(mine.wrong).toEqual(theirs(onTheWire(decoded(body))).wrong)
      }),
      { numRuns: 300 },
    )
  })

  test('names what is wrong by the rule that Joi names', () => {
    const alike: Readonly<Record<string, readonly string[]>> = {
      // An empty string breaks a rule of its own in Joi before it breaks the field's.
      'string.empty': ['string.min'],
      // Beyond 2^53 is beyond any limit.
      'number.unsafe': ['number.min', 'number.max'],
    }
    fc.assert(
      fc.property(fc.constantFrom(...other), value, (field, given) => {
        const [mine, joi] = [ours({ [field]: given }), theirs(onTheWire({ [field]: given }))]
        if (mine.sent || isOursToRefuse(field, given)) return
        const known = joi.rules.flatMap((rule) => [rule, ...(alike[rule] ?? [])])
        expect(
          mine.rules.filter((rule) => known.includes(rule)),
          `${mine.rules} / ${joi.rules}`,
        ).not.toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test('goes on as it was given when it passes, and nothing is added to it', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const { sent } = ours(body)
        if (!sent) return
        expect(JSON.stringify(sorted(sent))).toBe(JSON.stringify(sorted(decoded(body))))
      }),
      { numRuns: 300 },
    )
  })
})

/** The body with what came as its text in the place of the text. */
function decoded(body: JsonObject): JsonObject {
  const entries = Object.entries(body).map(([field, given]) => [field, readAs(field, given)])
  return Object.fromEntries(entries)
}

function readAs(field: string, given: unknown): unknown {
  if (typeof given !== 'string' || !['priority', 'blocked', 'metadata', 'card'].includes(field)) return given
  return ours({ [field]: given }).sent?.[field] ?? given
}

function sorted(body: JsonObject): [string, unknown][] {
  return Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1))
}

describe('a key that is no field', () => {
  const ourOwn = ['customerId', 'enterPrivately', 'expectedEmail', 'dryRun']
  const knownKeys: readonly string[] = [...customerFields, ...ourOwn]
  const key = fc
    .oneof(
      fc.string({ unit: fc.nat(0xd7ff).map((unit) => String.fromCharCode(unit)), minLength: 1, maxLength: 20 }),
      fc.constantFrom(
        '__proto__',
        'constructor',
        'toString',
        'hasOwnProperty',
        'valueOf',
        'id',
        'Email',
        'first_name',
        'card.provider',
      ),
    )
    .filter((each) => !knownKeys.includes(each))

  test('is refused by both, whatever it is called and holds', () => {
    fc.assert(
      fc.property(key, value, (name, given) => {
        const body: JsonObject = JSON.parse(`{"phone":"1",${JSON.stringify(name)}:${JSON.stringify(given)}}`)
        const mine = ours(body)
        expect(mine.sent).toBeUndefined()
        expect(mine.rules).toEqual(['object.unknown'])
        expect(theirs(body)).toEqual({ wrong: [name], rules: ['object.unknown'] })
      }),
      { numRuns: 300 },
    )
  })
})

test('the stand-in shows of a customer what we expect to read back, and nothing else', () => {
  const readable = customerFields.filter((field) => fieldFacts[field].readable)
  for (const customer of seedCustomers().values())
    expect(names(Object.keys(documentedCustomer(customer)))).toEqual(names(['id', ...readable]))
})
