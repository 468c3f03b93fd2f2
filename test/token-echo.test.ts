import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { eras, start } from './helpers/harness.ts'

test.each(eras)('an AiFi that repeats the access token does not get it into the conversation (%s)', async (era) => {
  const server = createServer((request, response) => {
    const said = String(request.headers.authorization)
    response.writeHead(422, { 'x-request-id': said, 'content-type': 'application/json' })
    const errors = [{ error: `"phone" of ${said}`, rule: said, field: `"${said}"` }]
    response.end(JSON.stringify({ message: said, type: said, errors, [said]: said }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const harness = await start({ baseUrl: `http://127.0.0.1:${port}`, env: { LOG_LEVEL: 'trace' } })
  const client = await harness.connect({ era })
  const envelope = await client.update({ customerId: 4211, phone: '+1 555 0100' })
  expect(envelope).toMatchObject({ status: 'invalid', http: { status: 422 } })
  const written = [...client.wire, ...harness.log].join('\n')
  expect(written).toContain('Bearer')
  expect(written).not.toContain(harness.sandbox.token)
})
