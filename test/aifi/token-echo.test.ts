import { expect, onTestFinished, test } from 'vitest'
import { fault } from '../helpers/fault.ts'
import { startFaultServer } from '../helpers/fault-server.ts'
import { eras, start } from '../helpers/harness.ts'

const TWENTY_CHARACTERS = 'canary-7f3a~91bd.c0d'

test.each(eras)('an AiFi that repeats the access token does not get it into the conversation (%s)', async (era) => {
  const server = await startFaultServer()
  onTestFinished(() => server.close())
  const echo = fault.answerWith((request) => {
    const said = String(request.headers.authorization)
    const errors = [{ error: `"phone" of ${said}`, rule: said, field: `"${said}"` }]
    const body = { message: said, type: said, errors, [said]: said }
    return { status: 422, headers: { 'x-request-id': said }, body }
  })
  server.always('GET', echo)
  server.always('PATCH', echo)
  const harness = await start({ baseUrl: server.url, env: { AIFI_TOKEN: TWENTY_CHARACTERS, LOG_LEVEL: 'trace' } })
  const client = await harness.connect({ era })
  const envelope = await client.update({ customerId: 4211, phone: '+1 555 0100' })
  expect(envelope).toMatchObject({ status: 'invalid', http: { status: 422 } })
  expect(server.received('PATCH')[0]?.headers.authorization).toBe(`Bearer ${TWENTY_CHARACTERS}`)
  const written = [...client.wire, ...harness.log].join('\n')
  expect(written).toContain('Bearer')
  expect(written).not.toContain(TWENTY_CHARACTERS)
})

test('a token that is a number in a record, or a word of our own, does not make an answer unreadable', async () => {
  const server = await startFaultServer()
  onTestFinished(() => server.close())
  const body = { id: 4211, firstName: 'J', metadata: { points: 20451337, kinds: ['answered'], answered: 1 } }
  server.always('GET', fault.answer(200, { ...body, firstName: 'Jane' }))
  server.always('PATCH', fault.answer(200, body))
  for (const AIFI_TOKEN of ['20451337', 'answered']) {
    const harness = await start({ baseUrl: server.url, env: { AIFI_TOKEN } })
    const client = await harness.connect()
    const envelope = await client.update({ customerId: 4211, firstName: 'J' })
    expect(envelope).toMatchObject({ status: 'updated', changes: [{ verified: 'as_requested' }] })
    expect(JSON.stringify(envelope.customer)).not.toContain(AIFI_TOKEN)
  }
})
