import { PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createAifi, readingOnly } from '../../src/aifi/client.ts'
import { createHttp } from '../../src/aifi/http.ts'
import type { Credentials } from '../../src/aifi/port.ts'
import { run } from '../../src/cli/command-line.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { isJsonObject } from '../../src/lib/json.ts'
import { Secret } from '../../src/lib/secret.ts'
import { fault } from '../helpers/fault.ts'
import { type FaultServer, startFaultServer } from '../helpers/fault-server.ts'
import { find } from '../helpers/find.ts'
import { eras, start } from '../helpers/harness.ts'

const readOnly = { env: { AIFI_READ_ONLY: 'true' } }

describe.each(eras)('a read-only server and a client of %s', (era) => {
  test('offer and use only find_customers', async () => {
    const harness = await start(readOnly)
    const client = await harness.connect({ era })
    const { tools } = await client.client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(['find_customers'])
    expect(await find(client, { email: 'jane@example.com' })).toMatchObject({ status: 'found', returned: 1 })
    expect(harness.requests.map(({ method }) => method)).toEqual(['GET'])
  })

  test('know no update_customer, by whatever arguments, and nothing leaves', async () => {
    const harness = await start(readOnly)
    const { client } = await harness.connect({ era })
    for (const args of [{ customerId: 4211, firstName: 'X' }, { customerId: 4211, dryRun: true }, {}]) {
      const call = client.callTool({ name: 'update_customer', arguments: args })
      await expect(call).rejects.toThrow(/update_customer.* not found/)
    }
    expect(harness.requests).toEqual([])
    expect(harness.sandbox.customers.get(4211)).toMatchObject({ firstName: 'Jane' })
  })
})

test('without the setting both tools are there', async () => {
  const harness = await start()
  const { client } = await harness.connect()
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name).sort()).toEqual(['find_customers', 'update_customer'])
})

async function faultServer(): Promise<FaultServer> {
  const server = await startFaultServer()
  onTestFinished(() => server.close())
  server.always('GET', fault.answer(200, []))
  server.always('POST', fault.answer(200, { access_token: 't', token_type: 'Bearer', expires_in: 300 }))
  server.always('PATCH', fault.answer(200, { id: 4211 }))
  return server
}

const standing: Credentials = { kind: 'token', token: new Secret('t') }
const application = (url: string): Credentials => ({
  kind: 'client',
  clientId: 'app',
  clientSecret: new Secret('s'),
  tokenUrl: `${url}/token`,
  tokenParams: [],
})

describe('the one way out of a read-only process', () => {
  test.each([
    ['a standing token', () => standing],
    ['client credentials', application],
  ])('lets no change leave, whoever asks for it, with %s', async (_, credentials) => {
    const server = await faultServer()
    const options = { baseUrl: server.url, credentials: credentials(server.url), timeoutMs: 1_000, clock: systemClock }
    const reading = createAifi({ ...options, readOnly: true })
    const changing = createAifi({ ...options, readOnly: false })
    onTestFinished(async () => void (await Promise.all([reading.close(), changing.close()])))
    expect(await reading.updateCustomer(4211, { firstName: 'X' })).toEqual({
      kind: 'not_sent',
      cause: 'read_only',
      detail: 'This server may only read (AIFI_READ_ONLY).',
    })
    expect(server.received('PATCH')).toHaveLength(0)
    expect(await reading.listCustomers({ email: 'a@b.de' })).toMatchObject({ kind: 'list' })
    expect(await changing.updateCustomer(4211, { firstName: 'X' })).toMatchObject({ kind: 'answered' })
    expect(server.received('PATCH')).toHaveLength(1)
  })

  test('is open for GET, and for POST to the token endpoint alone', async () => {
    const server = await faultServer()
    const http = readingOnly(createHttp({ timeoutMs: 1_000, clock: systemClock }), application(server.url))
    onTestFinished(() => http.close())
    const attempts = [
      ['GET', '/api/admin/v2/customers'],
      ['POST', '/token'],
      ['POST', '/token/'],
      ['POST', '/token?x=1'],
      ['POST', '/api/admin/v2/customers'],
      ['PATCH', '/token'],
      ['PATCH', '/api/admin/v2/customers/4211'],
    ] as const
    for (const [method, path] of attempts) {
      await http.exchange({ method, origin: server.url, path, headers: {}, body: '' })
    }
    expect(server.received().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /api/admin/v2/customers',
      'POST /token',
    ])
  })

  test('is closed for every POST when the token is a standing one', async () => {
    const server = await faultServer()
    const http = readingOnly(createHttp({ timeoutMs: 1_000, clock: systemClock }), standing)
    onTestFinished(() => http.close())
    await http.exchange({ method: 'POST', origin: server.url, path: '/token', headers: {}, body: '' })
    expect(server.connections().accepted).toBe(0)
  })
})

test('the command obeys AIFI_READ_ONLY', async () => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough().resume()]
  const stop = new AbortController()
  const env = { AIFI_READ_ONLY: 'true' }
  const streams = { stdin, stdout, stderr }
  const runtime = { platform: 'linux', nodeVersion: '20.18.1' } as const
  const program = { command: process.execPath, file: '' }
  const host = { args: ['--sandbox'], program, env, ...streams, ...runtime, stop: stop.signal }
  const ended = run(host)
  let said = ''
  stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const info = { name: 'test', version: '1' }
  const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: info }
  const messages = [
    { id: 1, method: 'initialize', params: initialize },
    { method: 'notifications/initialized' },
    { id: 2, method: 'tools/list' },
    { id: 3, method: 'tools/call', params: { name: 'update_customer', arguments: { customerId: 4211, phone: '1' } } },
  ]
  for (const message of messages) stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  await expect.poll(() => said).toContain('"id":3')
  stop.abort()
  expect(await ended).toBe(0)
  const answers = said
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
    .filter(isJsonObject)
  expect(answers.find(({ id }) => id === 2)).toMatchObject({ result: { tools: [{ name: 'find_customers' }] } })
  expect(answers.find(({ id }) => id === 3)).toMatchObject({ error: { message: expect.stringContaining('not found') } })
})
