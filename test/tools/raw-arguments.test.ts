import { describe, expect, test } from 'vitest'
import { customerFields } from '../../src/customer/fields.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { accept, afterReading, type Harness, start } from '../helpers/harness.ts'
import { LineClient } from '../helpers/line-client.ts'
import { expectNothingSent } from '../helpers/situations.ts'

/** Arguments as they are written on the line: what a parsed copy would have lost is carried or refused. */

async function connected(env: Record<string, string> = {}) {
  const harness = await start({ env: { AIFI_APPROVAL: 'dangerously-skip', ...env } })
  const client = await LineClient.connect(harness)
  const update = (members: string) => client.call('update_customer', `{"customerId":4211,${members}}`)
  return { harness, client, update }
}

const expectRefused = (harness: Harness, envelope: JsonObject, field: string, rule: string) => {
  expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field, rule }] })
  expectNothingSent(harness)
}

describe('a number that would not be sent as it is written is refused:', () => {
  test.each([
    ['"metadata":{"card":9007199254740993}', 'metadata', 'number.unsafe'],
    ['"metadata":{"a":[{"b":1e-400}]}', 'metadata', 'number.unsafe'],
    ['"metadata":"{\\"card\\":9007199254740993}"', 'metadata', 'number.unsafe'],
    ['"card":{"a":0.12345678901234567890}', 'card', 'number.unsafe'],
    ['"metadata":{"a":1e400}', 'metadata', 'number.infinity'],
    ['"priority":1e400', 'priority', 'number.infinity'],
    ['"priority":1.0000000000000000001', 'priority', 'number.unsafe'],
    ['"firstName":9007199254740993', 'firstName', 'number.unsafe'],
  ])('%s', async (members, field, rule) => {
    const { harness, update } = await connected()
    expectRefused(harness, await update(members), field, rule)
  })

  test('and no customer is taken for another', async () => {
    const { harness, client } = await connected()
    const envelope = await client.call('update_customer', '{"customerId":4211.0000000000000001,"phone":"1"}')
    expectRefused(harness, envelope, 'customerId', 'number.unsafe')
    expect(await client.call('find_customers', '{"customerId":4211.0000000000000001}')).toMatchObject({
      status: 'invalid',
      errors: [{ field: 'customerId', rule: 'number.unsafe' }],
    })
  })

  test('but not one that a double holds, however it is written', async () => {
    const { harness, update } = await connected()
    const envelope = await update('"metadata":{"a":1.50,"b":1e3,"c":-0.0,"d":9007199254740992,"e":1e23}')
    expect(envelope).toMatchObject({ status: 'updated' })
    expect(harness.sent('PATCH').at(-1)?.body).toEqual({ metadata: { a: 1.5, b: 1000, c: 0, d: 2 ** 53, e: 1e23 } })
  })
})

describe('a lone surrogate is refused', () => {
  test.each([
    ['"firstName":"Jane\\ud83d"', 'firstName'],
    ['"metadata":{"a":["\\udc00"]}', 'metadata'],
    ['"metadata":{"\\ud800":1}', 'metadata'],
    ['"phone":"1","reason":"\\ud800"', 'reason'],
  ])('%s', async (members, field) => {
    const { harness, update } = await connected()
    expectRefused(harness, await update(members), field, 'string.base')
  })

  test('but not a pair', async () => {
    const { harness, update } = await connected()
    expect(await update('"firstName":"\\ud83d\\ude00"')).toMatchObject({ status: 'updated' })
    expect(harness.sent('PATCH').at(-1)?.body).toEqual({ firstName: '😀' })
  })
})

test('a member named __proto__ is carried where names are free, and refused where they are not', async () => {
  const { harness, client, update } = await connected()
  expectRefused(harness, await update('"phone":"1","__proto__":{"role":"employee"}'), '__proto__', 'object.unknown')
  const text = await client.callText('update_customer', '{"customerId":4211,"metadata":{"__proto__":{"a":1}}}')
  expect(text).toContain('"after":{"__proto__":{"a":1}}')
  expect(JSON.stringify(harness.sent('PATCH').at(-1)?.body)).toBe('{"metadata":{"__proto__":{"a":1}}}')
})

test('arguments of more than 256 kB are refused, whatever is in them; shorter ones go along', async () => {
  const { harness, client, update } = await connected()
  const tooLarge = { status: 'invalid', message: expect.stringContaining('over 256 kB') }
  expect(await update(`"metadata":{"a":"${'漢'.repeat(87_400)}"}`)).toMatchObject(tooLarge)
  expect(await update(`"phone":[${'0,'.repeat(150_000)}0]`)).toMatchObject(tooLarge)
  expect(await client.call('find_customers', `{"email":"${'x'.repeat(262_144)}"}`)).toMatchObject(tooLarge)
  expectNothingSent(harness)
  expect(await update(`"metadata":{"a":"${'x'.repeat(255_000)}"}`)).toMatchObject({ status: 'updated' })
})

describe('no argument can be coerced into an accident:', () => {
  const hostile = [
    '{"length":{"toString":0,"valueOf":0}}',
    '{"length":1e9}',
    '{"toString":"x","valueOf":[]}',
    '{"toJSON":1,"then":1,"constructor":{"name":1}}',
    '[{"length":{"valueOf":0}}]',
    '[[[]]]',
    '{"value":"1","isLosslessNumber":true}',
  ]

  test.each(hostile)('%s as any argument is invalid, and nothing is sent', async (value) => {
    const { harness, update } = await connected({ AIFI_APPROVAL: 'chat' })
    const names = ['expectedEmail', 'reason', 'dryRun', 'approvalCode', 'enterPrivately', ...customerFields]
    for (const name of names.filter((each) => !['metadata', 'card'].includes(each))) {
      const envelope = await update(`"phone":"1","${name}":${value}`)
      expect(envelope, `${name}: ${JSON.stringify(envelope)}`).toMatchObject({ status: 'invalid' })
      expect(JSON.stringify(envelope.errors)).toContain(`"field":"${name}`)
    }
    expectNothingSent(harness)
  })

  test('in metadata they are what they are', async () => {
    const { harness, update } = await connected()
    for (const value of hostile) {
      await update(`"metadata":{"a":${value}}`)
      expect(JSON.stringify(harness.sent('PATCH').at(-1)?.body)).toBe(
        `{"metadata":{"a":${JSON.stringify(JSON.parse(value))}}}`,
      )
    }
  })

  test('a list of a hundred thousand is one problem', async () => {
    const { harness, update } = await connected()
    const envelope = await update(`"enterPrivately":[${'0,'.repeat(100_000)}0]`)
    expect(envelope.message).toContain('"enterPrivately" may list 3 at the most.')
    expectRefused(harness, envelope, 'enterPrivately', 'array.max')
    expect(JSON.stringify(envelope).length).toBeLessThan(8_000)
  })
})

describe('expectedEmail', () => {
  const stored = async (email: string) => {
    const { harness, update } = await connected()
    await update(`"email":${JSON.stringify(email)}`)
    return (expected: string) => {
      const before = harness.sent('PATCH').length
      return update(`"phone":"${before}","expectedEmail":${JSON.stringify(expected)}`)
    }
  }

  test('fits in any case of ASCII letters, and in either spelling of one character', async () => {
    const expecting = await stored('Jos\u00e9@Example.com')
    expect(await expecting('jOSe\u0301@example.COM')).toMatchObject({ status: 'updated' })
    expect(await expecting('jos\u00e9@example.com')).toMatchObject({ status: 'updated' })
  })

  test('does not fit in another case of other letters', async () => {
    const expecting = await stored('jos\u00e9@example.com')
    expect(await expecting('jos\u00c9@example.com')).toMatchObject({ status: 'invalid' })
  })

  test('does not fit by a character that is only made ASCII', async () => {
    const expecting = await stored('kim@example.com')
    expect(await expecting('\u212aim@example.com')).toMatchObject({ status: 'invalid' })
    expect(await expecting('KIM@example.com')).toMatchObject({ status: 'updated' })
  })
})

describe('reason', () => {
  test('is at most 200 characters, and is not sent', async () => {
    const { harness, update } = await connected()
    expectRefused(harness, await update(`"phone":"1","reason":"${'x'.repeat(201)}"`), 'reason', 'string.max')
    expect(await update(`"phone":"1","reason":"${'x'.repeat(200)}"`)).toMatchObject({ status: 'updated' })
    expect(harness.sent('PATCH').at(-1)?.body).toEqual({ phone: '1' })
  })

  test('alone changes nothing', async () => {
    const { harness, update } = await connected()
    expectRefused(harness, await update('"reason":"because"'), '', 'object.min')
  })

  test('does not make a call another: with other words it picks up the same answer', async () => {
    const harness: Harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    const client = await LineClient.connect(harness)
    const call = (reason: string) =>
      client.call('update_customer', `{"customerId":4211,"blocked":false,"reason":"${reason}"}`)
    expect(await call('ticket 1')).toMatchObject({ status: 'approval_pending' })
    expect(await call('ticket 2')).toMatchObject({ status: 'approval_pending' })
    expect(harness.changesHeld()).toBe(1)
  })
})

describe('AIFI_FIELDS', () => {
  test('leaves other fields out of the schema, and refuses them by name', async () => {
    const harness = await start({ env: { AIFI_FIELDS: 'firstName,metadata,cardToken' } })
    const { client, update } = await harness.connect()
    const { tools } = await client.listTools()
    const tool = tools.find(({ name }) => name === 'update_customer')
    const properties: Record<string, unknown> = { ...tool?.inputSchema.properties }
    const own = ['enterPrivately', 'expectedEmail', 'reason', 'dryRun']
    expect(Object.keys(properties)).toEqual(['customerId', 'firstName', 'metadata', 'cardToken', ...own])
    expect(properties.enterPrivately).toMatchObject({ items: { enum: ['cardToken'] } })
    for (const args of [{ role: 'employee' }, { blocked: false }, { Email: 'x@example.com' }]) {
      const [name] = Object.keys(args)
      const envelope = await update({ customerId: 4211, ...args })
      expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: name, rule: 'object.unknown' }] })
      expect(envelope.message).toContain(`"${name}" may not be changed here (AIFI_FIELDS).`)
    }
    expect(await update({ customerId: 4211, enterPrivately: ['password'] })).toMatchObject({ status: 'invalid' })
    expectNothingSent(harness)
    expect(await update({ customerId: 4211, firstName: 'Janet' })).toMatchObject({ status: 'updated' })
  })

  test('leaves out enterPrivately where nothing could be typed', async () => {
    const harness = await start({ env: { AIFI_FIELDS: 'blocked' } })
    const connected = await harness.connect({ answer: afterReading(() => harness.clock, accept()) })
    const { tools } = await connected.client.listTools()
    expect(tools[0]?.inputSchema.properties).not.toHaveProperty('enterPrivately')
    const envelope = await connected.update({ customerId: 4211, enterPrivately: ['password'] })
    expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'enterPrivately' }] })
    expect(await connected.update({ customerId: 4211, blocked: false })).toMatchObject({ status: 'updated' })
  })
})
