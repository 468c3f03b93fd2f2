import { expect, onTestFinished, test } from 'vitest'
import { fault } from './helpers/fault.ts'
import { startFaultServer } from './helpers/fault-server.ts'
import { eras, start } from './helpers/harness.ts'

test.each(eras)('an AiFi that repeats the access token does not get it into the conversation (%s)', async (era) => {
  const aifi = await startFaultServer()
  onTestFinished(() => aifi.close())
  const echo = fault.answerWith(({ headers }) => {
    const said = String(headers.authorization)
    const errors = [{ error: `"phone" of ${said}`, rule: said, field: `"${said}"` }]
    return { status: 422, headers: { 'x-request-id': said }, body: { message: said, type: said, errors, [said]: said } }
  })
  aifi.always('GET', echo)
  aifi.always('PATCH', echo)
  const harness = await start({ baseUrl: aifi.url, env: { LOG_LEVEL: 'trace' } })
  const client = await harness.connect({ era })
  const envelope = await client.update({ customerId: 4211, phone: '+1 555 0100' })
  expect(envelope).toMatchObject({ status: 'invalid', http: { status: 422 } })
  const written = [...client.wire, ...harness.log].join('\n')
  expect(written).toContain('Bearer')
  expect(written).not.toContain(harness.sandbox.token)
})
