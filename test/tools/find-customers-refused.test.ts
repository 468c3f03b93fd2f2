import { expect, onTestFinished, test } from 'vitest'
import type { Aifi } from '../../src/aifi/port.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Fault, fault } from '../helpers/fault.ts'
import { type FaultServer, startFaultServer } from '../helpers/fault-server.ts'
import { find } from '../helpers/find.ts'
import { type Harness, type HarnessOptions, start, type TestClient } from '../helpers/harness.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'

const JANE = 'jane@example.com'
const byEmail = { email: JANE }
const byId = { customerId: 4211 }

interface Faced extends TestClient {
  readonly harness: Harness
  readonly aifi: FaultServer
}

/** The server in front of an AiFi that meets its GET requests with these faults, one after the other. */
async function facing(faults: readonly Fault[], options: HarnessOptions = {}): Promise<Faced> {
  const aifi = await startFaultServer()
  onTestFinished(() => aifi.close())
  aifi.next('GET', ...faults)
  const harness = await start({ ...options, baseUrl: aifi.url })
  return { ...(await harness.connect()), harness, aifi }
}

test.each<[number, JsonObject]>([
  [422, byEmail],
  [400, byEmail],
  [422, byId],
])("hands AiFi's validation on, field by field (HTTP %i, %j)", async (status, args) => {
  const body = {
    message: 'Invalid query\u202e',
    type: 'E_INVALID_QUERY',
    errors: [{ error: '"email" must be\u001b[2J a valid email', rule: 'string.email', field: '"email"' }],
  }
  expect(await find(await facing([fault.answer(status, body)]), args)).toEqual({
    status: 'invalid',
    message: expect.stringContaining('It says: "Invalid query"'),
    errors: [{ field: 'email', message: '"email" must be a valid email', rule: 'string.email' }],
    http: { status, type: 'E_INVALID_QUERY' },
  })
})

test('stays within its size, however much AiFi complains', async () => {
  const errors = Array.from({ length: 40 }, (_, i) => ({
    error: '漢'.repeat(5_000),
    rule: '字'.repeat(500),
    field: `${i}`,
  }))
  const client = await facing([fault.answer(422, { message: 'm'.repeat(90_000), errors })])
  const envelope = await find(client, byEmail)
  expect(envelope).toMatchObject({
    status: 'invalid',
    message: expect.stringContaining('… (errors left out: too long.)'),
  })
  expect(envelope.errors).toBeUndefined()
})

test('keeps the result of a change within its size too', async () => {
  const errors = Array.from({ length: 20 }, () => ({ error: '😀'.repeat(5_000), rule: 'any.invalid', field: 'phone' }))
  const client = await facing([fault.answer(404)])
  client.aifi.next('PATCH', fault.answer(422, { message: '😀'.repeat(5_000), errors }))
  const envelope = await client.update({ customerId: 4211, phone: '1' })
  expect(envelope.status).toBe('invalid')
  expect(Buffer.byteLength(JSON.stringify(envelope))).toBeLessThanOrEqual(32_000)
})

test.each<[string, Fault, JsonObject, string, object]>([
  ['401', fault.answer(401), byEmail, 'check its credentials', { http: { status: 401 } }],
  ['403', fault.answer(403), byEmail, 'may not read customers', { http: { status: 403 } }],
  ['403 by id', fault.answer(403), byId, 'may not read customers', { http: { status: 403 } }],
  ['404 of the list', fault.answer(404), byEmail, 'AIFI_BASE_URL may be wrong', { http: { status: 404 } }],
  ['429', fault.answer(429, {}, { 'retry-after': '7' }), byEmail, 'asked too often', { retryAfterSeconds: 7 }],
  ['a redirect', fault.redirect(302, '/login'), byEmail, 'redirect (HTTP 302)', { http: { status: 302 } }],
  ['418', fault.answer(418), byEmail, 'refused the lookup (HTTP 418)', { http: { status: 418 } }],
  ['500', fault.answer(500, 'Error: at line 1'), byEmail, 'AiFi failed (HTTP 500). Try again later.', {}],
  ['503 with words', fault.answer(503, { message: 'Back soon' }), byId, 'It says: "Back soon".', {}],
  [
    'a page',
    fault.answer(200, '<h1>Log in</h1>'),
    byEmail,
    "A web page came in the place of AiFi's answer (HTTP 200)",
    {},
  ],
  ['a page by id', fault.answer(200, ' \n<!doctype html>'), byId, 'such as the sign-in page of a proxy or VPN', {}],
  ['nothing', fault.noContent(), byEmail, 'no complete list of customers (HTTP 204)', {}],
  ['an object', fault.answer(200, { id: 4211, email: JANE }), byEmail, 'no complete list of customers', {}],
  ['half a list', fault.truncatedBody(), byEmail, 'no complete list of customers', {}],
  ['a list for a record', fault.answer(200, [{ id: 4211 }]), byId, 'no customer record', {}],
  ['depth', fault.answer(200, `${'['.repeat(90_000)}${']'.repeat(90_000)}`), byEmail, 'no complete list', {}],
])('is `failed` after %s and says why', async (_, answer, args, words, more) => {
  const client = await facing([answer])
  const envelope = await find(client, args)
  expect(envelope).toMatchObject({ status: 'failed', message: expect.stringContaining(words), ...more })
  expect(envelope.customers).toBeUndefined()
  expect(client.wire.join('')).not.toMatch(/jane@|Log in|at line 1/)
  expect(client.aifi.received()).toHaveLength(1)
})

test.each([405, 501])(
  'says that reading by number is not offered (HTTP %i), and what to do, without asking twice',
  async (status) => {
    const client = await facing([fault.answer(status), fault.answer(200, [{ id: 4211, email: JANE }])])
    const refused = {
      status: 'failed',
      message: expect.stringContaining('by email or externalId'),
    }
    expect(await find(client, byId)).toMatchObject(refused)
    expect(await find(client, byId)).toMatchObject(refused)
    expect(client.aifi.received()).toHaveLength(1)
    expect(await find(client, byEmail)).toMatchObject({ status: 'found', returned: 1 })
  },
)

test('does not show the record of another customer', async () => {
  const client = await facing([fault.answer(200, { id: 42, email: 'stranger@example.com' })])
  expect(await find(client, byId)).toMatchObject({ status: 'found', customers: [], returned: 0 })
  expect(client.wire.join('')).not.toContain('stranger')
})

test('asks once more when the connection broke, as for any reading', async () => {
  const client = await facing([fault.resetAfterBody(), fault.answer(200, [{ id: 4211, email: JANE }])])
  expect(await find(client, byEmail)).toMatchObject({ status: 'found', returned: 1 })
  expect(client.aifi.received('GET')).toHaveLength(2)
})

test('gives up when the connection breaks again', async () => {
  const client = await facing([fault.resetAfterBody(), fault.resetAfterBody()])
  expect(await find(client, byEmail)).toEqual({
    status: 'failed',
    message: 'The connection ended before the answer came.',
  })
  expect(client.aifi.received('GET')).toHaveLength(2)
})

test('says that AiFi cannot be reached', async () => {
  const client = await facing([])
  await client.aifi.close()
  const envelope = await find(client, byEmail)
  expect(envelope).toMatchObject({
    status: 'failed',
    message: expect.stringMatching(/^AiFi could not be reached\. .*Nothing was looked up\.$/),
  })
})

test.each([byEmail, byId])('waits no longer when the call is cancelled (%j)', async (args) => {
  const { audit, lookups } = recordingAudit()
  const client = await facing([fault.silence()], { audit, env: { AIFI_TIMEOUT_MS: '600000' } })
  const stop = new AbortController()
  const call = client.client.callTool({ name: 'find_customers', arguments: args }, { signal: stop.signal })
  await expect.poll(() => client.aifi.received()).toHaveLength(1)
  stop.abort()
  await expect(call).rejects.toThrow()
  await expect.poll(() => lookups).toMatchObject([{ found: null, status: 'failed' }])
})

test.each([byEmail, byId])('answers within the 55 s of a call, however long AiFi may take (%j)', async (args) => {
  const client = await facing([fault.silence()], { env: { AIFI_TIMEOUT_MS: '600000' } })
  const answer = find(client, args)
  await expect.poll(() => client.aifi.received()).toHaveLength(1)
  client.harness.clock.advance(54_000)
  expect(await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 50, 'waiting'))])).toBe('waiting')
  client.harness.clock.advance(1_000)
  expect(await answer).toEqual({ status: 'failed', message: expect.stringContaining('in time') })
})

test('says no word of what failed inside this server', async () => {
  const aifi = (real: Aifi): Aifi => ({ ...real, readCustomer: () => Promise.reject(new Error('canary')) })
  const harness = await start({ aifi })
  const client = await harness.connect()
  expect(await find(client, byId)).toMatchObject({ status: 'failed' })
  expect(await client.update({ ...byId, blocked: true, dryRun: true })).toMatchObject({ status: 'unknown' })
  expect(harness.log.filter((line) => line.includes('a call failed inside this server'))).toHaveLength(2)
  expect([...client.wire, ...harness.log].join('')).not.toContain('canary')
})
