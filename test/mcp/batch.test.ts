import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { memberTexts } from '../../src/mcp/batch.ts'
import { type Server, startServer } from '../helpers/process.ts'

const request = (id: number, method: string, params: JsonObject = {}) => ({ jsonrpc: '2.0', id, method, params })
const call = (id: number, args: JsonObject) =>
  request(id, 'tools/call', { name: 'update_customer', arguments: { customerId: 4211, ...args } })
const cancelled = (requestId: number) => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId },
})

/** The lines that the process wrote, parsed. */
function lines(server: Server): unknown[] {
  const whole = server.stdout.toString().split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line))
}

/** The answers that came in one line, once there is one. */
async function batchOf(server: Server): Promise<JsonObject[]> {
  const answers = await server.until(() => lines(server).find(Array.isArray), 'a batch of answers')
  return answers.filter(isJsonObject)
}

async function started(protocolVersion = '2025-03-26'): Promise<Server> {
  const server = startServer({ args: ['--sandbox'] })
  const clientInfo = { name: 'x', version: '1' }
  server.write(`${JSON.stringify(request(1, 'initialize', { protocolVersion, capabilities: {}, clientInfo }))}\n`)
  await server.until(() => server.stdout.includes('\n'), 'an answer')
  expect(lines(server)).toMatchObject([{ id: 1, result: { protocolVersion } }])
  server.notify('notifications/initialized')
  return server
}

describe.each(['2025-03-26', '2025-06-18'])('a batch in revision %s', (revision) => {
  test('is answered in one line, every request of it once and its notifications not at all', async () => {
    const server = await started(revision)
    const batch = [
      request(2, 'ping'),
      { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } },
      call(3, { firstName: 'Janet' }),
      request(4, 'no/such/method'),
      { id: 5, method: 'ping' },
      'words',
    ]
    server.write(`${JSON.stringify(batch)}\n`)
    const answers = await batchOf(server)
    expect(answers.toSorted((a, b) => Number(a.id) - Number(b.id))).toMatchObject([
      { id: 2, result: {} },
      { id: 3, result: { structuredContent: { status: 'updated' } } },
      { id: 4, error: { code: -32601 } },
      { id: 5, error: { code: -32600 } },
    ])
    expect(lines(server)).toHaveLength(2)
  })
})

test('a batch does not wait for a request of it that is cancelled', async () => {
  const server = await started()
  server.write(`${JSON.stringify([request(2, 'ping'), call(3, { firstName: 'X' }), cancelled(3)])}\n`)
  expect(await batchOf(server)).toMatchObject([{ id: 2, result: {} }])
})

test('a batch of notifications gets no answer, and neither does an empty one or one of 101 messages', async () => {
  const server = await started()
  const many = Array.from({ length: 101 }, (_, id) => request(100 + id, 'ping'))
  for (const batch of [[cancelled(7)], [], many]) server.write(`${JSON.stringify(batch)}\n`)
  server.write(`${JSON.stringify(request(2, 'ping'))}\n`)
  await server.until(() => lines(server).length > 1, 'an answer')
  expect(lines(server).slice(1)).toMatchObject([{ id: 2, result: {} }])
  for (const warning of ['an empty batch', 'a batch of more than 100']) {
    await server.until(() => server.stderr.includes(warning), warning)
  }
})

test('the members of an array are cut out of its text character for character', () => {
  const spaced = fc.constantFrom('', ' ', '\n', '\t ')
  const members = fc.array(fc.tuple(spaced, fc.json(), spaced), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(members, spaced, (parts, before) => {
      const text = `${before}[${parts.map((part) => part.join('')).join(',')}]`
      expect(memberTexts(text)).toEqual(parts.map(([, json]) => json.trim()))
    }),
  )
  expect(memberTexts('[{"n":9007199254740993,"__proto__":1},"],[\\""]')).toEqual([
    '{"n":9007199254740993,"__proto__":1}',
    '"],[\\""',
  ])
})
