import { expect, test } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { DefaultJsonSchemaValidator } from '../../src/mcp/sdk-shims.ts'
import { eras, start } from '../helpers/harness.ts'
import { reading, startServer } from '../helpers/process.ts'
import { RawClient } from '../helpers/raw-client.ts'

// The build leaves out of the SDK what this program does not use: the built program behaves as its source does.

test('what stands in for the validator of the SDK says so when it is used', () => {
  expect(() => new DefaultJsonSchemaValidator().getValidator()).toThrow('src/mcp/sdk-shims.ts')
})

const unanswered = {
  status: 'approval_unavailable',
  message: expect.stringContaining('sent its form back without an answer'),
}

test.each([
  ['a yes', { approve: true }, { status: 'updated', approval: { channel: 'form', answer: 'approved' } }],
  ['a no', { approve: false }, { status: 'declined', approval: { channel: 'form', answer: 'not_approved' } }],
  ['a yes in words', { approve: 'true' }, unanswered],
  ['nothing', {}, unanswered],
])('the built program judges %s in a form without it', async (_title, content, outcome) => {
  const server = startServer({ args: ['--sandbox'], env: { AIFI_APPROVAL: 'form' } })
  await server.initialize({ elicitation: {} })
  const call = server.call('update_customer', { customerId: 4211, blocked: false })
  const { id } = await server.form()
  server.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'accept', content } })}\n`)
  expect(await server.result(call)).toMatchObject(outcome)
})

/** Of both revisions, those too that this server does not serve, or that only a client does. */
const methods = [
  ...['ping', 'completion/complete', 'logging/setLevel', 'prompts/get', 'prompts/list', 'resources/list'],
  ...['resources/templates/list', 'resources/read', 'resources/subscribe', 'resources/unsubscribe', 'tools/list'],
  ...['tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel', 'sampling/createMessage', 'elicitation/create'],
  ...['roots/list', 'server/discover', 'toString'],
]
const notifications = [
  ...['cancelled', 'progress', 'message', 'roots/list_changed', 'tasks/status', 'resources/updated'],
  ...['resources/list_changed', 'tools/list_changed', 'prompts/list_changed', 'elicitation/complete'],
]

test.each(eras)('the built program answers every method of a client of %s as its source does', async (era) => {
  const built = startServer({ args: ['--sandbox'] })
  const source = await RawClient.connect(await start(), { era })
  if (era === '2025-11-25') await built.initialize()
  const params = era === '2025-11-25' ? {} : { _meta: source.meta() }
  for (const name of notifications) {
    for (const each of [built, source]) each.notify(`notifications/${name}`, { requestId: 'none', ...params })
  }
  const answers = async (
    each: { send(method: string, params: JsonObject): number },
    answer: (id: number) => Promise<JsonObject>,
  ) => Promise.all(methods.map(async (method) => [method, shapeOf(await answer(each.send(method, params)))]))
  const expected = await answers(source, (id) => source.answerTo(id))
  expect(await answers(built, (id) => built.answer(id))).toEqual(expected)
  expect(expected).toContainEqual(['tools/list', expect.arrayContaining(['tools'])])
  expect(expected).toContainEqual(['prompts/list', expect.objectContaining({ code: -32601 })])
  // The stream is as it should be, after all these.
  const call = built.send('tools/call', { name: 'find_customers', arguments: { email: 'jane@example.com' }, ...params })
  expect(await built.result(call)).toMatchObject({ status: 'found' })
})

test('a client of 2026-07-28 is asked by the built program with its answer, and the answer counts', async () => {
  const built = startServer({ args: ['--sandbox'], env: { AIFI_APPROVAL: 'form' } })
  const client = await RawClient.connect(await start(), { era: '2026-07-28', elicitation: {} })
  const _meta = client.meta()
  const params = { name: 'update_customer', arguments: { customerId: 4211, blocked: false }, _meta }
  const { result } = await built.answer(built.send('tools/call', params))
  if (!isJsonObject(result) || !isJsonObject(result.inputRequests)) throw new Error(JSON.stringify(result))
  const [key = ''] = Object.keys(result.inputRequests)
  await reading()
  const inputResponses = { [key]: { action: 'accept', content: { approve: true } } }
  const again = built.send('tools/call', { ...params, inputResponses, requestState: result.requestState })
  expect(await built.result(again)).toMatchObject({ status: 'updated', approval: { answer: 'approved' } })
})

/** An error whole; of a result the names of its members. */
function shapeOf({ error, result }: JsonObject): unknown {
  return error ?? (isJsonObject(result) ? Object.keys(result).toSorted() : result)
}
