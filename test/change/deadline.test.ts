import { describe, expect, test } from 'vitest'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { accept, eras } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'

/** A call that arrived now has to be answered by then, and a little earlier. */
const NEARLY_A_CALL_MS = 54_500
const block = { customerId: 4211, blocked: true }

describe('a change that a person has approved, and whose second reading is slow,', () => {
  test('is not void when the call that waits for it runs out of time: approved on the page', async () => {
    const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'page' } })
    const client = await aifi.harness.connect()
    const call = client.update(block)
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.get()
    aifi.hold('GET')
    const pressed = page.send(page.form('approve'))
    await aifi.held(1)
    aifi.harness.clock.advance(NEARLY_A_CALL_MS)
    expect((await call).status).toBe('approval_pending')
    expect(aifi.patches()).toEqual([])
    aifi.letGo()
    await expect.poll(aifi.patches).toEqual([{ blocked: true }])
    await pressed
    expect((await client.update(block)).status).toBe('updated')
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
      const call = client.update(block)
      await aifi.held(1)
      aifi.harness.clock.advance(NEARLY_A_CALL_MS)
      expect((await call).status).toBe('approval_pending')
      aifi.letGo()
      await expect.poll(aifi.patches).toEqual([{ blocked: true }])
      expect((await client.update(block)).status).toBe('updated')
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
    aifi.letGo()
    expect((await second).status).toBe('updated')
    expect(aifi.patches()).toEqual([{ firstName: 'Janet' }])
  })

  test('does not void the question that a later call waits for', async () => {
    const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'page', AIFI_APPROVAL_WAIT_SECONDS: '600' } })
    const client = await aifi.harness.connect({ era })
    const first = client.update(block)
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.get()
    aifi.harness.clock.advance(30_000)
    const second = client.update(block)
    await client.client.listTools()
    aifi.harness.clock.advance(NEARLY_A_CALL_MS - 30_000)
    expect((await first).status).toBe('approval_pending')
    await page.press('approve')
    expect((await second).status).toBe('updated')
    expect(aifi.patches()).toEqual([{ blocked: true }])
  })
})
