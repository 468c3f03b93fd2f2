import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openAudit } from '../../src/audit/audit.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { seededJane } from '../helpers/fault-situation.ts'
import { find } from '../helpers/find.ts'
import { eras, start } from '../helpers/harness.ts'
import { silent } from '../helpers/recording-audit.ts'

const LIST = '/api/admin/v2/customers'

const jane = { ...seededJane, emailMayBeGenerated: true }

describe.each(eras)('find_customers for a client of %s', (era) => {
  test.each([
    [{ customerId: 4211 }, 'Found.', `${LIST}/4211`],
    [{ email: 'jane@example.com' }, 'One customer has this email.', `${LIST}?email=jane%40example.com`],
    [{ externalId: 'crm-004211' }, 'One customer has this externalId.', `${LIST}?externalId=crm-004211`],
  ])('finds one customer by %j with one GET, and shows the documented fields', async (args, message, path) => {
    const harness = await start()
    const envelope = await find(await harness.connect({ era }), args)
    expect(envelope).toEqual({
      status: 'found',
      message,
      customers: [jane],
      returned: 1,
      more: 0,
      http: { status: 200 },
    })
    expect(harness.requests).toEqual([{ method: 'GET', path, body: undefined }])
  })

  test('answers that nobody was found with an empty list and what to do', async () => {
    const harness = await start()
    const client = await harness.connect({ era })
    const nobody = { status: 'found', customers: [], returned: 0, more: 0 }
    expect(await find(client, { email: 'joan@example.com' })).toEqual({
      ...nobody,
      message: expect.stringMatching(/^No customer with this email was found/),
      http: { status: 200 },
    })
    expect(await find(client, { email: 'Jane@Example.com' })).toMatchObject({
      ...nobody,
      message: expect.stringContaining('Also try it in lower case.'),
    })
    expect(await find(client, { customerId: 1 })).toMatchObject({
      ...nobody,
      message: expect.stringMatching(/^Customer 1 was not found \(HTTP 404\).*look up by email or externalId\.$/),
      http: { status: 404 },
    })
  })

  test.each<[JsonObject, string, string, string]>([
    [{}, '', 'object.missing', 'AiFi cannot search names or phones.'],
    [{ email: 'a@b.de', customerId: 1 }, '', 'object.xor', 'Here were email and customerId.'],
    [{ externalId: null, email: null }, '', 'object.missing', 'Give exactly one of'],
    [{ customerId: '#4211' }, 'customerId', 'number.base', 'must be a whole number'],
    [{ customerId: -1 }, 'customerId', 'number.min', 'must be at least 0'],
    [{ customerId: 1.5 }, 'customerId', 'number.integer', 'whole number'],
    [{ customerId: 2 ** 53 }, 'customerId', 'number.max', 'at most'],
    [{ email: 'canary Jane' }, 'email', 'string.email', 'must be an email address'],
    [{ email: ['canary@example.com'] }, 'email', 'string.base', 'must be a string'],
    [{ email: '' }, 'email', 'string.email', 'Leave it out.'],
    [{ externalId: '' }, 'externalId', 'string.min', 'at least 1 character'],
    [{ externalId: 7 }, 'externalId', 'string.base', 'must be a string'],
    [{ external_id: 'canary' }, 'external_id', 'object.unknown', 'Did you mean "externalId"?'],
    [{ firstName: 'canary' }, 'firstName', 'object.unknown', 'Allowed are customerId, email, externalId.'],
    [{ email: 'a@b.de', minCreatedAt: 'canary' }, 'minCreatedAt', 'object.unknown', 'not an argument'],
  ])('refuses %j, names field and rule, sends nothing and repeats no value', async (args, field, rule, words) => {
    const harness = await start()
    const envelope = await find(await harness.connect({ era }), args)
    expect(envelope.status).toBe('invalid')
    expect(envelope.message).toContain(words)
    expect(envelope.errors).toContainEqual({ field, rule, message: expect.stringContaining(words) })
    expect(JSON.stringify(envelope)).not.toContain('canary')
    expect(harness.requests).toEqual([])
  })
})

test.each<JsonObject>([
  { customerId: 77, wait_for_previous: true, toolCallId: 'call_1', task_progress: '- [ ] look up' },
  { customerId: 77, email: null, externalId: null },
  { customerId: '77' },
])('takes %j as hosts send it', async (args) => {
  const harness = await start()
  expect(await find(await harness.connect(), args)).toMatchObject({ status: 'found', returned: 1 })
})

test('sends every letter of a filter as it was given', async () => {
  const harness = await start()
  const client = await harness.connect()
  await find(client, { email: "o'hara+a&b=c%20#d@exämple.com" })
  await find(client, { externalId: '../4211?email=x /y' })
  const [email, externalId] = harness.requests.map(({ path }) => new URL(path, 'http://x'))
  expect([...(email?.searchParams ?? [])]).toEqual([['email', "o'hara+a&b=c%20#d@exämple.com"]])
  expect([...(externalId?.searchParams ?? [])]).toEqual([['externalId', '../4211?email=x /y']])
  expect([email?.pathname, externalId?.pathname]).toEqual([LIST, LIST])
})

test('reads the record that it is asked for, even where changes are made without reading', async () => {
  const harness = await start({ env: { AIFI_READ_BACK: 'off' } })
  expect(await find(await harness.connect(), { customerId: 4211 })).toMatchObject({ returned: 1 })
})

test('is advertised as reading only, with a plain schema and few words', async () => {
  const harness = await start()
  const { client } = await harness.connect()
  const { tools } = await client.listTools()
  const tool = tools.find(({ name }) => name === 'find_customers')
  expect(tool?.annotations).toEqual({
    readOnlyHint: true,
    openWorldHint: true,
    destructiveHint: false,
    idempotentHint: true,
  })
  expect(Object.keys(tool?.inputSchema ?? {}).sort()).toEqual(['properties', 'type'])
  expect(tool?.description).toContain('refused')
  expect(Object.keys(tool?.inputSchema.properties ?? {})).toEqual(['customerId', 'email', 'externalId'])
  // About 180 tokens: everything that a model reads before each conversation.
  expect(JSON.stringify([tool?.description, tool?.inputSchema]).length).toBeLessThan(900)
})

describe('the limit of lookups', () => {
  test('refuses the thirty-first within a minute, asks nobody, and says when to come back', async () => {
    const harness = await start()
    const client = await harness.connect()
    for (let i = 0; i < 5; i++) await find(client, {})
    for (let i = 0; i < 30; i++) expect(await find(client, { customerId: 77 })).toMatchObject({ status: 'found' })
    const refused = await find(client, { customerId: 77 })
    expect(refused.status).toBe('failed')
    expect(refused.retryAfterSeconds).toBeGreaterThan(50)
    expect(refused.message).toContain(`Try again in ${refused.retryAfterSeconds} s.`)
    expect(harness.requests).toHaveLength(30)
    harness.clock.advance(60_000)
    expect(await find(client, { customerId: 77 })).toMatchObject({ status: 'found' })
  })

  test('holds for all connections together', async () => {
    const harness = await start()
    for (let i = 0; i < 30; i++) await find(await harness.connect(), { customerId: 77 })
    expect(await find(await harness.connect(), { customerId: 77 })).toMatchObject({ status: 'failed' })
  })
})

describe('the audit of lookups', () => {
  async function auditFile(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'find-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    return join(folder, 'audit.jsonl')
  }
  const lookups = (path: string) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line))
      .filter(isJsonObject)
      .filter(({ event }) => event === 'lookup')
      .map(({ filter, client, customerIds, found, status }) => ({ filter, client, customerIds, found, status }))

  const client = 'test-client 1.0.0'

  test('says by which filter, and who was shown to whom by number, never a value', async () => {
    const path = await auditFile()
    const harness = await start({ audit: openAudit(path, { logger: silent, clock: systemClock }) })
    const connection = await harness.connect()
    await find(connection, { email: 'jane@example.com' })
    expect(lookups(path)).toEqual([{ filter: 'email', client, customerIds: [4211], found: 1, status: 'found' }])
    await find(connection, { externalId: 'nobody-at-all' })
    await find(connection, { customerId: 4211 })
    await find(connection, { customerId: 1 })
    await find(connection, { customerId: 'x' })
    expect(lookups(path).slice(1)).toEqual([
      { filter: 'externalId', client, customerIds: [], found: 0, status: 'found' },
      { filter: 'customerId', client, customerIds: [4211], found: 1, status: 'found' },
      { filter: 'customerId', client, customerIds: [], found: 0, status: 'found' },
    ])
    expect(readFileSync(path, 'utf8')).not.toMatch(/jane|nobody-at-all|Doe/i)
    expect(harness.log.join('')).not.toMatch(/jane|nobody-at-all|4211|Doe/i)
  })

  test('comes before the answer: what cannot be written down is not shown', async () => {
    const audit = openAudit(await auditFile(), { logger: silent, clock: systemClock })
    audit.close()
    const harness = await start({ audit })
    const envelope = await find(await harness.connect(), { email: 'jane@example.com' })
    expect(envelope).toEqual({
      status: 'failed',
      message: expect.stringContaining('AIFI_AUDIT_LOG'),
    })
  })
})
