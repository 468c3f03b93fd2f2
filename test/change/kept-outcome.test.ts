import { describe, expect, test } from 'vitest'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'

const MINUTE_MS = 60_000
const onPage = { AIFI_APPROVAL: 'page', AIFI_APPROVAL_WAIT_SECONDS: '0' }
const block = { customerId: 4211, blocked: true }

describe('an outcome that no call has been told', () => {
  test.each([1, 5, 9.9])(
    'is told to the same call %s minutes later, and nothing is sent or asked again',
    async (minutes) => {
      const aifi = await controlledAifi({ env: onPage })
      const client = await aifi.harness.connect()
      await client.update(block)
      await new PageVisitor(await openedAddress(aifi.harness)).press('approve')
      expect(aifi.patches()).toHaveLength(1)
      aifi.harness.clock.advance(minutes * MINUTE_MS)
      expect(await client.update(block)).toMatchObject({ status: 'updated', approval: { answer: 'approved' } })
      expect(aifi.patches()).toHaveLength(1)
      expect(aifi.harness.browser.opened).toHaveLength(1)
    },
  )

  test('is told to the same call nine minutes later when the call that asked was cancelled', async () => {
    const aifi = await controlledAifi()
    const client = await aifi.harness.connect()
    const rename = { customerId: 4211, firstName: 'Janet' }
    const stop = new AbortController()
    aifi.hold('PATCH')
    const call = client.update(rename, { signal: stop.signal })
    await aifi.held(1)
    stop.abort()
    await expect(call).rejects.toThrow()
    aifi.letAllGo()
    // A second change of the customer waits for the first.
    await client.update({ customerId: 4211, lastName: 'Roe' })
    aifi.harness.clock.advance(9 * MINUTE_MS)
    expect((await client.update(rename)).status).toBe('updated')
    expect(aifi.patches()).toEqual([{ firstName: 'Janet' }, { lastName: 'Roe' }])
  })

  test('is no longer told once a later change of the same field was sent: the same call asks anew', async () => {
    const aifi = await controlledAifi({ env: onPage })
    const client = await aifi.harness.connect()
    await client.update(block)
    await new PageVisitor(await openedAddress(aifi.harness)).press('approve')
    aifi.harness.clock.advance(11_000)
    await client.update({ ...block, blocked: false })
    await new PageVisitor(await openedAddress(aifi.harness, 2)).press('approve')
    expect(aifi.patches()).toEqual([{ blocked: true }, { blocked: false }])
    expect((await client.update(block)).status).toBe('approval_pending')
    expect(aifi.patches()).toHaveLength(2)
  })

  test('is told still after a later change of another field, or one that was refused', async () => {
    const aifi = await controlledAifi({ env: onPage })
    const client = await aifi.harness.connect()
    await client.update(block)
    await new PageVisitor(await openedAddress(aifi.harness)).press('approve')
    expect((await client.update({ customerId: 4211, lastName: 'Roe' })).status).toBe('updated')
    expect(await client.update(block)).toMatchObject({ status: 'updated', changes: [{ field: 'blocked' }] })
  })
})
