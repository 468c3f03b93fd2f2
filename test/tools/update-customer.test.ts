import { describe, expect, test } from 'vitest'
import { accept, decline, eras, start } from '../helpers/harness.ts'

describe.each(eras)('update_customer for a client of %s', (era) => {
  test('sends a plain change at once, and nothing but what was asked', async () => {
    const harness = await start()
    const { update } = await harness.connect({ era })
    const envelope = await update({ customerId: 4211, firstName: 'Janet' })
    expect(envelope).toMatchObject({
      status: 'updated',
      customerId: 4211,
      changes: [{ field: 'firstName', before: 'Jane', after: 'Janet', verified: 'as_requested' }],
      customer: { id: 4211, firstName: 'Janet' },
      revert: { customerId: 4211, firstName: 'Jane' },
    })
    expect(harness.sent('PATCH').map(({ body }) => body)).toEqual([{ firstName: 'Janet' }])
  })

  test('asks a person by a form, and sends after a yes', async () => {
    const harness = await start()
    const client = await harness.connect({ era, answer: () => accept() })
    const envelope = await client.update({ customerId: 4211, blocked: false })
    expect(envelope).toMatchObject({ status: 'updated', approval: { channel: 'form', answer: 'approved' } })
    expect(client.asked).toHaveLength(1)
    expect(harness.sent('PATCH').map(({ body }) => body)).toEqual([{ blocked: false }])
  })

  test('sends nothing after a no', async () => {
    const harness = await start()
    const client = await harness.connect({
      era,
      answer: () => {
        harness.clock.advance(2000)
        return decline()
      },
    })
    const envelope = await client.update({ customerId: 4211, blocked: false })
    expect(envelope).toMatchObject({ status: 'declined', approval: { channel: 'form', answer: 'declined' } })
    expect(harness.sent('PATCH')).toHaveLength(0)
  })

  test('takes metadata as deep as it may be, and knows it again when it comes back', async () => {
    const harness = await start({ env: { AIFI_APPROVAL: 'form' } })
    const client = await harness.connect({ era, answer: () => accept() })
    let deep: unknown = 'bottom'
    for (let level = 1; level < 64; level++) deep = { deep }
    const envelope = await client.update({ customerId: 77, metadata: { deep } })
    expect(envelope).toMatchObject({ status: 'updated', changes: [{ field: 'metadata', verified: 'as_requested' }] })
  })
})
