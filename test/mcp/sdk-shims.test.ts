import { expect, test } from 'vitest'
import { DefaultJsonSchemaValidator } from '../../src/mcp/sdk-shims.ts'
import { startServer } from '../helpers/process.ts'

test('what stands in for the validator of the SDK says so when it is used', () => {
  expect(() => new DefaultJsonSchemaValidator().getValidator()).toThrow('src/mcp/sdk-shims.ts')
})

test.each([
  ['a yes', { approve: true }, 'updated', 'approved'],
  ['a yes in words', { approve: 'true' }, 'declined', 'not_approved'],
  ['nothing', {}, 'declined', 'not_approved'],
])('the built program judges %s in a form without it', async (_title, content, status, answer) => {
  const server = startServer({ args: ['--sandbox'] })
  await server.initialize({ elicitation: {} })
  const call = server.call('update_customer', { customerId: 4211, blocked: false })
  const asked = () => server.messages.find(({ method }) => method === 'elicitation/create')
  const { id } = await server.until(asked, 'a form')
  server.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'accept', content } })}\n`)
  expect(await server.result(call)).toMatchObject({ status, approval: { channel: 'form', answer } })
})
