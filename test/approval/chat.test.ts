import { describe, expect, test } from 'vitest'
import { accept, eras, start } from '../helpers/harness.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'
import { block, changeElsewhere, expectNothingSent } from '../helpers/situations.ts'

const chat = { env: { AIFI_APPROVAL: 'chat' } }

/** Six digits that are not this code. */
function otherThan(code: string | undefined): string {
  return String((Number(code) + 1) % 1_000_000).padStart(6, '0')
}

describe.each(eras)('AIFI_APPROVAL=chat for a client of %s', (era) => {
  test('answers with a code and the exact words, and sends when the code comes back', async () => {
    const harness = await start(chat)
    const client = await harness.connect({ era, answer: () => accept() })
    const asked = await client.update(block)
    expect(asked).toMatchObject({ status: 'approval_pending', customerId: 77, approval: { channel: 'chat' } })
    expect(asked.approval?.code).toMatch(/^\d{6}$/)
    expect(asked.message).toContain('Nothing has changed yet')
    expect(asked.message).toContain(`approvalCode "${asked.approval?.code}"`)
    expect(asked.message).toContain('Block customer 77, Marcus Weber?')
    expect(asked.message).toContain(`On ${harness.sandbox.baseUrl}`)
    expect(asked.message).toContain('Blocked: Unknown → Yes')
    expectNothingSent(harness)
    const envelope = await client.update({ ...block, approvalCode: asked.approval?.code })
    expect(envelope).toMatchObject({ status: 'updated', approval: { channel: 'chat', answer: 'approved' } })
    expect(harness.sent('PATCH').map(({ body }) => body)).toEqual([{ blocked: true }])
    expect(client.asked).toEqual([])
    expect(harness.browser.opened).toEqual([])
  })
})

describe('AIFI_APPROVAL=chat', () => {
  test('has approvalCode in the schema, and nothing else has', async () => {
    const fields = async (env: Record<string, string>) => {
      const { client } = await (await start({ env })).connect()
      const { tools } = await client.listTools()
      return Object.keys(tools.find(({ name }) => name === 'update_customer')?.inputSchema.properties ?? {})
    }
    expect(await fields({ AIFI_APPROVAL: 'chat' })).toContain('approvalCode')
    for (const mode of ['auto', 'form', 'page', 'dangerously-skip']) {
      expect(await fields({ AIFI_APPROVAL: mode })).not.toContain('approvalCode')
    }
    const { update } = await (await start()).connect()
    const envelope = await update({ ...block, approvalCode: '123456' })
    expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'approvalCode', rule: 'object.unknown' }] })
  })

  test('answers the same call without the code with the same code', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const first = await update({ customerId: 77, role: 'employee', metadata: { a: 1, b: 2 } })
    const second = await update({ metadata: { b: 2, a: 1 }, role: 'employee', customerId: 77 })
    expect(second).toEqual(first)
    const [third, fourth] = await Promise.all([update(block), update(block)])
    expect(fourth).toEqual(third)
    expect(third.approval?.code).toMatch(/^\d{6}$/)
  })

  test('takes a code once', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const { approval } = await update(block)
    const withCode = { ...block, approvalCode: approval?.code }
    const [first, second] = await Promise.all([update(withCode), update(withCode)])
    expect([first.status, second.status]).toEqual(['updated', 'updated'])
    expect(harness.sent('PATCH')).toHaveLength(1)
    const replayed = await update(withCode)
    expect(replayed).toMatchObject({ status: 'invalid', errors: [{ field: 'approvalCode', rule: 'any.only' }] })
    expect(replayed.message).toContain('No question about this change is open')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('takes a code for the very change that it was given out for', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const one = await update(block)
    const two = await update({ customerId: 4211, role: 'employee' })
    const code = one.approval?.code
    for (const args of [
      { customerId: 4211, role: 'employee' },
      { customerId: 77, blocked: false },
      { customerId: 77, blocked: true, role: 'tester' },
    ]) {
      const envelope = await update({ ...args, approvalCode: code })
      expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'approvalCode' }] })
    }
    expectNothingSent(harness)
    expect((await update({ ...block, approvalCode: code })).status).toBe('updated')
    const other = { customerId: 4211, role: 'employee', approvalCode: two.approval?.code }
    expect((await update(other)).status).toBe('updated')
  })

  test('refuses a code when no question about the change is open', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const envelope = await update({ ...block, approvalCode: '123456' })
    expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'approvalCode', rule: 'any.only' }] })
    expect(envelope.message).toContain('call without "approvalCode"')
    expect(harness.requests).toEqual([])
  })

  test('refuses wrong codes, and voids the question after the third', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const { approval } = await update(block)
    const wrong = { ...block, approvalCode: otherThan(approval?.code) }
    for (const left of ['2 more tries', '1 more try']) {
      const envelope = await update(wrong)
      expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'approvalCode', rule: 'any.only' }] })
      expect(envelope.message).toContain(left)
    }
    const third = await update(wrong)
    expect(third).toMatchObject({ status: 'declined', approval: { channel: 'chat', answer: 'withdrawn' } })
    expect(third.message).toContain('wrong 3 times')
    const late = await update({ ...block, approvalCode: approval?.code })
    expect(late.status).toBe('invalid')
    expectNothingSent(harness)
    const anew = await update(block)
    expect(anew.status).toBe('approval_pending')
    expect((await update({ ...block, approvalCode: anew.approval?.code })).status).toBe('updated')
  })

  test.each(['', '1', '12345', '1234567', ' 123456', '١٢٣٤٥٦', 'undefined'])(
    'takes "%s" for a wrong code, not for none',
    async (approvalCode) => {
      const harness = await start(chat)
      const { update } = await harness.connect()
      await update(block)
      expect(await update({ ...block, approvalCode })).toMatchObject({ status: 'invalid' })
      expectNothingSent(harness)
    },
  )

  test.each([
    ['a password', { customerId: 77, password: 'a new password' }, 'password'],
    ['the current password', { customerId: 77, currentPassword: 'an old password', blocked: true }, 'currentPassword'],
    ['a card', { customerId: 77, card: { provider: 'STRIPE', cardToken: 'tok_1' } }, 'card'],
    ['a card type', { customerId: 77, cardType: 'STRIPE' }, 'cardType'],
    ['a card token', { customerId: 77, cardToken: 'tok_1' }, 'cardToken'],
    ['the deletion of the card', { customerId: 77, cardToken: null }, 'cardToken'],
    ['what is typed privately', { customerId: 77, enterPrivately: ['password'] }, 'password'],
  ])('is never enough for %s', async (_what, args, field) => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const envelope = await update(args)
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain(`A yes in the chat is not enough for ${field}`)
    expect(envelope.message).not.toMatch(/tok_1|a new password|an old password/)
    expectNothingSent(harness)
  })

  test('asks nobody about what a result would cut off, and says what to do', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const long = { customerId: 77, role: 'employee', phone: 'x'.repeat(1_800) }
    expect((await update(long)).status).toBe('approval_pending')
    // Each of these is shown as eight characters.
    const envelope = await update({ ...long, customerId: 4211, reason: '\u200b'.repeat(200) })
    expect(envelope).toMatchObject({ status: 'approval_unavailable' })
    expect(envelope.message).toContain('Ask for fewer or shorter changes in a call.')
    expectNothingSent(harness)
  })

  test('lets a code lapse after ten minutes, and gives out a new one', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const { approval } = await update(block)
    harness.clock.sleep(10 * 60_000)
    const late = await update({ ...block, approvalCode: approval?.code })
    expect(late).toMatchObject({ status: 'declined', approval: { channel: 'chat', answer: 'expired' } })
    expect((await update(block)).status).toBe('approval_pending')
    expectNothingSent(harness)
  })

  test('asks again, with the new values, when the record has moved before the code came', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    const args = { customerId: 77, role: 'employee' }
    const first = await update(args)
    expect(first.message).toContain('Role: “customer” → “employee”')
    await changeElsewhere(harness, 77, { role: 'tester', firstName: 'Mark' })
    const second = await update({ ...args, approvalCode: first.approval?.code })
    expect(second).toMatchObject({ status: 'approval_pending', approval: { channel: 'chat' } })
    expect(second.message).toContain('Mark Weber')
    expect(second.message).toContain('Role: “tester” → “employee”')
    expectNothingSent(harness)
    const old = await update({ ...args, approvalCode: first.approval?.code })
    if (first.approval?.code !== second.approval?.code) expect(old.status).toBe('invalid')
    expectNothingSent(harness)
    expect((await update({ ...args, approvalCode: second.approval?.code })).status).toBe('updated')
  })

  test('is recorded as decided by the assistant, and a question that wrong codes ended as decided by nobody', async () => {
    const { audit, attempts, outcomes } = recordingAudit()
    const harness = await start({ ...chat, audit })
    const { update } = await harness.connect()
    const { approval } = await update(block)
    await update({ ...block, approvalCode: approval?.code })
    expect(attempts).toMatchObject([
      {
        customerId: 77,
        fields: ['blocked'],
        approval: { channel: 'chat', answer: 'approved', decidedBy: 'assistant' },
      },
    ])
    expect(outcomes).toMatchObject([{ changeId: attempts[0]?.changeId, status: 'updated' }])
    const other = { customerId: 4211, blocked: true }
    const asked = await update(other)
    for (let i = 0; i < 3; i++) await update({ ...other, approvalCode: otherThan(asked.approval?.code) })
    expect(outcomes.at(-1)).toMatchObject({
      status: 'declined',
      approval: { channel: 'chat', answer: 'withdrawn', decidedBy: 'nobody' },
    })
  })

  test('keeps the code out of the log and the audit', async () => {
    const { audit, attempts, outcomes } = recordingAudit()
    const harness = await start({ ...chat, audit })
    const { update } = await harness.connect()
    const { approval } = await update(block)
    await update({ ...block, approvalCode: approval?.code })
    expect(harness.log.join('')).not.toContain(String(approval?.code))
    expect(JSON.stringify([attempts, outcomes])).not.toContain(String(approval?.code))
  })

  test('asks nobody about a change that needs nobody, or that changes nothing', async () => {
    const harness = await start(chat)
    const { update } = await harness.connect()
    expect((await update({ customerId: 77, firstName: 'Marc' })).status).toBe('updated')
    expect((await update({ customerId: 77, role: 'customer' })).status).toBe('unchanged')
  })
})
