import { expect, test } from 'vitest'
import { DefaultJsonSchemaValidator } from '../../src/mcp/sdk-shims.ts'
import { startServer } from '../helpers/process.ts'

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
