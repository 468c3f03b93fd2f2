import { describe, expect, test } from 'vitest'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { accept, decline, start } from '../helpers/harness.ts'
import { block, byForm, changeElsewhere, expectNothingSent, MINUTE_MS, rename } from '../helpers/situations.ts'

describe('a question says of the customer', () => {
  test('that this server gave it another name, for a day', async () => {
    const harness = await start({ env: byForm })
    harness.clock.hold()
    const client = await harness.connect({ answer: () => decline(), readingMs: 0 })
    await client.update(rename)
    harness.clock.advance(3 * MINUTE_MS)
    await client.update(block)
    expect(client.asked[0]?.message).toMatch(/^\[?.*Block customer 77 \(renamed lately\), Marc Weber\?/)
    expect(client.asked[0]?.message).toMatch(/Renamed 3 minutes ago .*, without a person/)
    await client.update({ customerId: 4211, blocked: true })
    expect(client.asked[1]?.message).not.toContain('enamed')
    harness.clock.advance(24 * 60 * MINUTE_MS)
    await client.update(block)
    expect(client.asked[2]?.message).not.toContain('enamed')
  })

  test('that no person gave it another name where the assistant relayed the yes', async () => {
    const harness = await start({ env: { AIFI_APPROVAL: 'chat', AIFI_APPROVAL_FIELDS: 'firstName' } })
    const { update } = await harness.connect()
    const { approval } = await update(rename)
    expect(await update({ ...rename, approvalCode: approval?.code })).toMatchObject({ status: 'updated' })
    expect((await update(block)).message).toMatch(/Renamed just now .*, without a person\./)
  })

  test('and of the change, that the same one was made and has been changed since', async () => {
    const harness = await start({ env: byForm })
    const client = await harness.connect({ answer: () => accept() })
    const once = { customerId: 77, role: 'employee' }
    await client.update(once)
    await client.update({ customerId: 77, role: 'tester' })
    expect((await client.update(once)).status).toBe('updated')
    expect(client.asked[1]?.message).not.toContain('The same change was made')
    expect(client.asked[2]?.message).toMatch(
      /The same change was made at \d\d:\d\d:\d\d \S+, and changed again since\./,
    )
  })
})

test('that the same change was made before is no news as long as nothing has changed it since', async () => {
  const harness = await start({ env: byForm })
  const client = await harness.connect({ answer: () => accept() })
  await client.update(block)
  expect((await client.update(block)).status).toBe('updated')
  expect(client.asked).toHaveLength(2)
  expect(client.asked[1]?.message).not.toContain('The same change was made')
})

describe('a change that loses something', () => {
  test.each([
    ['a name that is emptied', { firstName: '' }],
    ['a member of metadata set to null', { metadata: { tier: null, tags: ['a', 'b'] } }],
    ['a list that lacks an element', { metadata: { tier: 'gold', tags: ['b'] } }],
    ['a list that becomes a text', { metadata: { tier: 'gold', tags: 'a,b' } }],
  ])('is put to a person: %s', async (_what, changes) => {
    const aifi = await controlledAifi({ env: byForm })
    aifi.record = { ...aifi.record, metadata: { tier: 'gold', tags: ['a', 'b'] } }
    const client = await aifi.harness.connect({ answer: () => decline() })
    expect((await client.update({ customerId: 77, ...changes })).status).toBe('declined')
    expect(client.asked).toHaveLength(1)
    expect(aifi.patches()).toEqual([])
  })

  test('is not: a name that was empty before, a list with more in it', async () => {
    const aifi = await controlledAifi({ env: byForm })
    aifi.record = { ...aifi.record, phone: null, metadata: { tags: ['a', 'b'] } }
    const client = await aifi.harness.connect({ answer: () => decline() })
    const changes = { phone: '', metadata: { tags: ['b', 'a', 'c'] } }
    expect((await client.update({ customerId: 77, ...changes })).status).toBe('updated')
    expect(client.asked).toEqual([])
  })
})

describe('what is final', () => {
  const gone = { customerId: 77, cardToken: null }

  test('goes to the page where there is one', async () => {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    const client = await harness.connect({ answer: () => accept() })
    expect(await client.update(gone)).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(client.asked).toEqual([])
  })

  test('is asked by a form, which says so, where there is none', async () => {
    const harness = await start({ browser: { unavailable: () => 'There is no screen.' } })
    const client = await harness.connect({ answer: () => decline() })
    expect((await client.update(gone)).status).toBe('declined')
    expect(String(client.asked[0]?.message).split('\n')[2]).toBe('REMOVES Card token FOR GOOD')
  })

  test('or does not fit is unavailable where there is none, and says what to do', async () => {
    const harness = await start({ browser: { unavailable: () => 'There is no screen.' } })
    const client = await harness.connect({ answer: () => accept() })
    const envelope = await client.update({ customerId: 77, firstName: 'x'.repeat(70), cardToken: null, blocked: true })
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain('Ask for one field in a call')
    const one = await client.update({ customerId: 77, metadata: {} })
    const secret = await client.update({ customerId: 77, enterPrivately: ['password'] })
    expect(secret.message).toMatch(
      /must not be typed into a form[^.]*\. There is no screen\. Run the server on a desktop/,
    )
    expect(one.message).toMatch(/There is no screen\. Have a browser named in BROWSER/)
    expect(client.asked).toEqual([])
    expectNothingSent(harness)
  })
})

test('what cannot be shown whole, even on a page, is asked nowhere', async () => {
  const harness = await start()
  const client = await harness.connect({ answer: () => accept() })
  await changeElsewhere(harness, 77, { metadata: { a: 'x'.repeat(60_000), b: 'y'.repeat(60_000) } })
  const envelope = await client.update({ customerId: 77, metadata: {} })
  expect(envelope.status).toBe('approval_unavailable')
  expect(envelope.message).toContain('too long to be shown whole')
  expect(envelope.message).toContain('change it in AiFi itself')
  expect(harness.browser.opened).toEqual([])
  expectNothingSent(harness)
})

describe('a secret that also stands in another argument', () => {
  const secret = 'attacker@evil.example'

  test.each([
    ['email', { email: secret, password: secret }],
    ['reason', { password: secret, reason: `set it to ${secret}` }],
    ['expectedEmail', { cardToken: secret, expectedEmail: secret }],
    ['metadata', { card: { token: secret }, metadata: { a: [{ [`x${secret}`]: 1 }] } }],
  ])('is refused, and both are named: %s', async (field, args) => {
    const harness = await start()
    const { update } = await harness.connect()
    const envelope = await update({ customerId: 77, ...args })
    expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field, rule: 'any.invalid' }] })
    expect(envelope.message).toMatch(/"(password|cardToken|card)"/)
    expect(JSON.stringify(envelope)).not.toContain(secret)
    expect(harness.requests).toEqual([])
  })

  test('is none where it is short, or where two secrets are the same', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    const card = { provider: 'STRIPE', cardToken: 'tok_12345678' }
    const args = { customerId: 77, card, cardToken: 'tok_12345678', reason: 'cardToken of STRIPE', dryRun: true }
    expect((await update(args)).status).toBe('preview')
  })
})

test('a reason is shown as the words of the assistant, is not sent, and makes no other change', async () => {
  const harness = await start({ env: byForm })
  const client = await harness.connect({ answer: () => accept() })
  expect((await client.update({ ...block, reason: 'ticket\u200b 17' })).status).toBe('updated')
  expect(client.asked[0]?.message).toContain('The assistant says: “ticket\\u{200b} 17”')
  expect(harness.sent('PATCH').map(({ body }) => body)).toEqual([{ blocked: true }])
  const long = await client.update({ ...block, reason: 'x'.repeat(201) })
  expect(long).toMatchObject({ status: 'invalid', errors: [{ field: 'reason', rule: 'string.max' }] })
})
