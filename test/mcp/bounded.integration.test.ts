import { beforeAll, describe, expect, test } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { type Server, type StartOptions, startServer } from '../helpers/process.ts'

/** The built program with a heap of 256 MB under what a client could write: it answers, and goes on. */

const MB = 1024 * 1024
const HEAP = { NODE_OPTIONS: '--max-old-space-size=256' }

async function started(
  env: Record<string, string> = {},
  capabilities: JsonObject = {},
  options: StartOptions = {},
): Promise<Server> {
  const server = startServer({ ...options, args: ['--sandbox'], env: { ...HEAP, ...env } })
  await server.initialize(capabilities)
  return server
}

const line = (id: number | string, args: string, name = 'update_customer') =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"${name}","arguments":${args}}}\n`

async function statusOf(server: Server, id: number | string): Promise<unknown> {
  const { result } = await server.answer(id)
  return isJsonObject(result) && isJsonObject(result.structuredContent) ? result.structuredContent.status : undefined
}

/** It still does what it is for. */
async function expectWorking(server: Server, firstName = 'Max'): Promise<void> {
  const id = server.call('update_customer', { customerId: 77, firstName })
  expect(await server.result(id)).toMatchObject({ status: 'updated' })
}

describe('9 MB', () => {
  let server: Server
  beforeAll(async () => {
    server = await started({}, {}, { shared: true })
    return () => void server.child.kill('SIGKILL')
  })

  test.each([
    ['a list of zeros', `{"customerId":4211,"enterPrivately":[${'0,'.repeat(4.5 * MB)}0]}`],
    ['numbers that a double does not hold', `{"customerId":4211,"metadata":[${'1e400,'.repeat(1.5 * MB)}0]}`],
    ['unknown arguments', `{"customerId":4211${Array.from({ length: 500_000 }, (_, i) => `,"k${i}":[0]`).join('')}}`],
    ['empty objects', `{"customerId":4211,"metadata":{"a":[${'{},'.repeat(3 * MB)}0]}}`],
    ['one text', `{"customerId":4211,"firstName":"${'x'.repeat(9 * MB)}"}`],
    ['escapes', `{"customerId":4211,"firstName":"${'\\u200b'.repeat(1.5 * MB)}"}`],
  ])('of %s are refused, and it goes on', async (what, args) => {
    server.write(line(`change ${what}`, args))
    expect(await statusOf(server, `change ${what}`)).toBe('invalid')
    server.write(line(`lookup ${what}`, args, 'find_customers'))
    expect(await statusOf(server, `lookup ${what}`)).toBe('invalid')
    await expectWorking(server, what)
  })
})

test('a flood of large calls is answered, each of them, and it goes on', async () => {
  const server = await started()
  // As lists, they would be more than the heap.
  const large = `{"customerId":4211,"enterPrivately":[${'0,'.repeat(2 * MB)}0]}`
  for (let id = 0; id < 20; id++) server.write(line(`flood ${id}`, large))
  for (let id = 0; id < 20; id++) expect(await server.answer(`flood ${id}`)).toMatchObject({ id: `flood ${id}` })
  for (let id = 0; id < 500; id++) server.write(line(`small ${id}`, '{"customerId":4211,"enterPrivately":[0,0,0,0]}'))
  for (let id = 0; id < 500; id++) await server.answer(`small ${id}`)
  await expectWorking(server)
})

test('cancelled questions about large arguments leave nothing behind', async () => {
  const env = { AIFI_MAX_CHANGES_PER_MINUTE: '10000', AIFI_APPROVAL: 'form', NODE_OPTIONS: '--max-old-space-size=64' }
  const server = await started(env, { elicitation: { form: {} } })
  // Card details are not shown, so that the question is short. Kept, they would be 80 MB.
  const details = 'x'.repeat(200_000)
  for (let round = 0; round < 400; round++) {
    const id = server.call('update_customer', { customerId: 4211, card: { provider: `round ${round}`, details } })
    const asked = () => server.messages.filter(({ method }) => method === 'elicitation/create').length > round
    await server.until(asked, `question ${round}`)
    server.notify('notifications/cancelled', { requestId: id, reason: 'stop' })
  }
  await expectWorking(server)
})

test('what is large beside the arguments is left out, and it goes on', async () => {
  const server = await started()
  server.write(`{"jsonrpc":"2.0","id":1000,"method":"ping","params":{"_meta":{"a":[${'{},'.repeat(3 * MB)}0]}}}\n`)
  await server.until(() => server.stderr.includes('a line over 256 kB'), 'a warning')
  await expectWorking(server)
})
