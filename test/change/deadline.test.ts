import { describe, expect, test } from 'vitest'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { accept, eras } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { atOnce, onPage, roundTrip } from '../helpers/situations.ts'

/** A call that arrived now has to be answered by then, and a little earlier. */
const NEARLY_A_CALL_MS = 54_500
const blockJane = { customerId: 4211, blocked: true }

describe('a change that a person has approved, and whose second reading is slow,', () => {
  test('is not void when the call that waits for it runs out of time: approved on the page', async () => {
    const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'page' } })
    const client = await aifi.harness.connect()
    const call = client.update(blockJane)
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.get()
    aifi.hold('GET')
    const pressed = page.send(page.form('approve'))
    await aifi.held(1)
    aifi.harness.clock.advance(NEARLY_A_CALL_MS)
    expect((await call).status).toBe('approval_pending')
    expect(aifi.patches()).toEqual([])
    aifi.letAllGo()
    await expect.poll(aifi.patches).toEqual([{ blocked: true }])
    await pressed
    expect((await client.update(blockJane)).status).toBe('updated')
    expect(aifi.patches()).toHaveLength(1)
  })

  test.each(eras)(
    'is not void when the call that waits for it runs out of time: approved in a form (%s)',
    async (era) => {
      const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'form' } })
      const answer = () => {
        aifi.hold('GET')
        return accept()
      }
      const client = await aifi.harness.connect({ era, answer })
      const call = client.update(blockJane)
      await aifi.held(1)
      aifi.harness.clock.advance(NEARLY_A_CALL_MS)
      expect((await call).status).toBe('approval_pending')
      aifi.letAllGo()
      await expect.poll(aifi.patches).toEqual([{ blocked: true }])
      expect((await client.update(blockJane)).status).toBe('updated')
      expect(client.asked).toHaveLength(1)
      expect(aifi.patches()).toHaveLength(1)
    },
  )
})

describe.each(eras)('the deadline of one call (%s)', (era) => {
  test('does not void a change that a later call waits for', async () => {
    const aifi = await controlledAifi()
    const client = await aifi.harness.connect({ era })
    const rename = { customerId: 4211, firstName: 'Janet' }
    aifi.hold('GET')
    const first = client.update(rename)
    await aifi.held(1)
    aifi.harness.clock.advance(30_000)
    const second = client.update(rename)
    await client.client.listTools()
    aifi.harness.clock.advance(NEARLY_A_CALL_MS - 30_000)
    // It cannot say that nothing was sent and nothing will be.
    expect((await first).status).not.toBe('failed')
    aifi.letAllGo()
    expect((await second).status).toBe('updated')
    expect(aifi.patches()).toEqual([{ firstName: 'Janet' }])
  })

  test('does not void the question that a later call waits for', async () => {
    const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'page', AIFI_APPROVAL_WAIT_SECONDS: '600' } })
    const client = await aifi.harness.connect({ era })
    const first = client.update(blockJane)
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.get()
    aifi.harness.clock.advance(30_000)
    const second = client.update(blockJane)
    await client.client.listTools()
    aifi.harness.clock.advance(NEARLY_A_CALL_MS - 30_000)
    expect((await first).status).toBe('approval_pending')
    await page.press('approve')
    expect((await second).status).toBe('updated')
    expect(aifi.patches()).toEqual([{ blocked: true }])
  })
})

describe('a slow AiFi', () => {
  const janet = { customerId: 4211, firstName: 'Janet' }

  test('that does not show the record in time ends the call as failed, and nothing is sent when it does', async () => {
    const { harness, held, letGo, patches } = await controlledAifi({ holding: 'GET' })
    const client = await harness.connect()
    const call = client.update(janet)
    await held()
    harness.clock.advance(54_500)
    const envelope = await call
    expect(envelope.status).toBe('failed')
    expect(envelope.message).toContain('did not answer in time. Nothing was sent')
    await letGo()
    const next = client.update(janet)
    await letGo(2)
    expect(await next).toMatchObject({ status: 'updated' })
    expect(patches()).toHaveLength(1)
  })

  test('does not hold a dry run longer either', async () => {
    const { harness, held } = await controlledAifi({ holding: 'GET' })
    const client = await harness.connect()
    const call = client.update({ ...janet, dryRun: true })
    await held()
    harness.clock.advance(54_500)
    expect((await call).status).toBe('failed')
    expect(harness.clock.pending).toBeLessThanOrEqual(1)
  })

  test('does not hold the call that picks up an answer', async () => {
    const { harness, held, letGo } = await controlledAifi({ holding: 'GET', env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    const args = { customerId: 4211, blocked: true }
    const first = client.update(args)
    await letGo()
    expect((await first).status).toBe('approval_pending')
    const second = client.update(args)
    await held(2)
    harness.clock.advance(5_000)
    expect((await second).status).toBe('approval_pending')
  })

  test('that has the request and does not answer leaves the outcome unknown, and tells it later without sending again', async () => {
    const { harness, held, letGo, patches } = await controlledAifi({ holding: 'PATCH' })
    const client = await harness.connect()
    const call = client.update(janet)
    await held()
    harness.clock.advance(54_500)
    const envelope = await call
    expect(envelope.status).toBe('unknown')
    expect(envelope.message).toContain('has been sent')
    expect(envelope.message).toContain('not sent twice')
    const again = client.update(janet)
    await roundTrip(client)
    await letGo()
    expect((await again).status).toBe('updated')
    expect(patches()).toHaveLength(1)
  })

  test('gets the changes of one customer one after the other, and those of another at the same time', async () => {
    const { harness, held, letGo, patches, requests } = await controlledAifi({
      holding: 'PATCH',
      env: { AIFI_READ_BACK: 'off' },
    })
    const client = await harness.connect()
    const first = client.update(janet)
    await held()
    const second = client.update({ customerId: 4211, lastName: 'Roe' })
    const other = client.update({ customerId: 77, firstName: 'Marc' })
    await held(2)
    expect(requests()).toEqual(['PATCH 4211', 'PATCH 77'])
    await letGo(2)
    await letGo(1)
    await letGo(3)
    expect((await first).status).toBe('updated')
    expect((await second).status).toBe('updated')
    await other
    expect(patches()).toEqual([{ firstName: 'Janet' }, { firstName: 'Marc' }, { lastName: 'Roe' }])
  })
})
