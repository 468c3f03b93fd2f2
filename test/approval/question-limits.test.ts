import { describe, expect, test } from 'vitest'
import { type Answer, accept, decline, type Harness, start } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { block, expectNothingSent } from '../helpers/situations.ts'

/** Calls answer at once: the questions are open on the page, or their codes are out. */
const onPage = { env: { AIFI_APPROVAL: 'page', AIFI_APPROVAL_WAIT_SECONDS: '0' } }
const byForm = { env: { AIFI_APPROVAL: 'form' } }
const MINUTE_MS = 60_000

/** So many different sensitive changes. */
const changes = Array.from({ length: 12 }, (_, index) => ({ customerId: 77, externalId: `crm-${index}` }))

async function asking(answer: (harness: Harness) => ReturnType<Answer>) {
  const harness = await start(byForm)
  harness.clock.hold()
  const client = await harness.connect({ answer: () => answer(harness) })
  return { harness, client, update: client.update }
}

describe('at most five questions are open', () => {
  test('the sixth is refused, says why, and is asked once there is a place', async () => {
    const harness = await start(onPage)
    const { update } = await harness.connect()
    for (const each of changes.slice(0, 5)) expect((await update(each)).status).toBe('approval_pending')
    const sixth = await update(changes[5] ?? {})
    expect(sixth).toMatchObject({ status: 'failed' })
    expect(sixth.message).toContain('Too many questions wait')
    expect(sixth.message).toContain('Nothing was sent')
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    expect((await update(changes[0] ?? {})).status).toBe('approval_pending')
    await page.press('approve')
    expect((await update(changes[5] ?? {})).status).toBe('approval_pending')
  })

  test('changes that need nobody go through meanwhile', async () => {
    const harness = await start(onPage)
    const { update } = await harness.connect()
    for (const each of changes.slice(0, 5)) await update(each)
    expect((await update({ customerId: 77, firstName: 'Marc' })).status).toBe('updated')
  })

  test('questions that lapsed while the machine slept take no place', async () => {
    const harness = await start(onPage)
    const { update } = await harness.connect()
    for (const each of changes.slice(0, 2)) await update(each)
    harness.clock.sleep(11 * MINUTE_MS)
    for (const each of changes.slice(2, 7)) expect((await update(each)).status).toBe('approval_pending')
    expect((await update(changes[7] ?? {})).status).toBe('failed')
  })

  test('an assistant that calls 500 times opens five questions, and one window at a time', async () => {
    const harness = await start({ env: { ...onPage.env, AIFI_MAX_CHANGES_PER_MINUTE: '1000' } })
    harness.clock.hold()
    const { update } = await harness.connect()
    const envelopes = await Promise.all(
      Array.from({ length: 500 }, (_, index) => update({ customerId: 77, externalId: `crm-${index % 50}` })),
    )
    const pending = envelopes.filter(({ status }) => status === 'approval_pending')
    expect(new Set(envelopes.map(({ status }) => status))).toEqual(new Set(['approval_pending', 'failed']))
    expect(pending.length).toBeGreaterThanOrEqual(5)
    expect(harness.browser.opened.length).toBeLessThanOrEqual(5)
    expectNothingSent(harness)
  })
})

describe('after a refusal', () => {
  test('the same change is put to nobody for 60 s, and to somebody then', async () => {
    const { harness, client, update } = await asking(({ clock }) => {
      clock.advance(2_000)
      return decline()
    })
    expect(await update(block)).toMatchObject({ status: 'declined', approval: { answer: 'declined' } })
    harness.clock.advance(59_000)
    const again = await update(block)
    expect(again).toMatchObject({ status: 'declined', retryAfterSeconds: 1 })
    expect(again.message).toContain('nobody was asked again')
    expect(client.asked).toHaveLength(1)
    harness.clock.advance(1_000)
    expect((await update(block)).approval?.answer).toBe('declined')
    expect(client.asked).toHaveLength(2)
  })

  test('the same change in another key order is the same change', async () => {
    const { client, update } = await asking(() => decline())
    await update({ customerId: 77, role: 'employee', metadata: { a: 1, b: 2 } })
    await update({ metadata: { b: 2, a: 1 }, role: 'employee', customerId: 77 })
    expect(client.asked).toHaveLength(1)
  })

  test('another change may be asked about', async () => {
    const { client, update } = await asking(() => decline())
    await update(block)
    expect((await update({ customerId: 4211, role: 'employee' })).approval?.answer).toBe('declined')
    expect(client.asked).toHaveLength(2)
  })

  const refusals: readonly (readonly [string, (harness: Harness) => ReturnType<Answer>])[] = [
    ['declined', () => decline()],
    ['dismissed', () => ({ action: 'cancel' })],
    [
      'run out',
      ({ clock }) => {
        clock.sleep(10 * MINUTE_MS)
        return accept()
      },
    ],
  ]
  test.each(refusals)('three questions that were %s end all asking for ten minutes', async (_how, answer) => {
    const { harness, client, update } = await asking(answer)
    for (const each of changes.slice(0, 3)) expect((await update(each)).status).toBe('declined')
    const fourth = await update(changes[3] ?? {})
    expect(fourth).toMatchObject({ status: 'failed', retryAfterSeconds: 600 })
    expect(fourth.message).toContain('nobody is asked for a while')
    expect((await update({ customerId: 77, firstName: 'Marc' })).status).toBe('updated')
    harness.clock.advance(10 * MINUTE_MS - 1)
    expect((await update(changes[4] ?? {})).status).toBe('failed')
    expect(client.asked).toHaveLength(3)
    harness.clock.advance(1)
    expect((await update(changes[5] ?? {})).status).toBe('declined')
    expect(client.asked).toHaveLength(4)
  })

  test('forms that came back without a yes are no reason to ask nobody', async () => {
    const { client, update } = await asking(() => accept({ approve: false }))
    for (const each of changes.slice(0, 4)) expect((await update(each)).status).toBe('declined')
    expect((await update(changes[0] ?? {})).approval?.answer).toBe('not_approved')
    expect(client.asked).toHaveLength(5)
  })

  test('refusals that are ten minutes apart do not add up', async () => {
    const { harness, client, update } = await asking(() => decline())
    for (const each of changes.slice(0, 6)) {
      expect((await update(each)).status).toBe('declined')
      harness.clock.advance(5 * MINUTE_MS + 1)
    }
    expect(client.asked).toHaveLength(6)
  })

  test('a yes in between is no refusal, and does not end the counting', async () => {
    let count = 0
    const { client, update } = await asking(() => {
      count += 1
      return count === 3 ? accept() : decline()
    })
    const statuses = []
    for (const each of changes.slice(0, 5)) statuses.push((await update(each)).status)
    expect(statuses).toEqual(['declined', 'declined', 'updated', 'declined', 'failed'])
    expect(client.asked).toHaveLength(4)
  })

  test('a call that the user stopped is no refusal', async () => {
    const harness = await start({ env: { AIFI_APPROVAL: 'page' } })
    const { client, update } = await harness.connect()
    for (const each of changes.slice(0, 5)) {
      const stop = new AbortController()
      const call = update(each, { signal: stop.signal })
      call.catch(() => undefined)
      await expect.poll(async () => (await harness.app.changes.waiting(1))[0]?.asking.rung).toBeDefined()
      stop.abort()
      await expect(call).rejects.toThrow()
      await client.listTools()
    }
    const sixth = update(changes[5] ?? {})
    const page = new PageVisitor(await openedAddress(harness))
    await expect.poll(async () => (await page.get()).body).toContain('crm-5')
    await page.press('approve')
    expect((await sixth).status).toBe('updated')
  })

  test('the limits hold across the connections of one process', async () => {
    const { harness, update } = await asking(() => decline())
    await update(block)
    const other = await harness.connect({ answer: () => accept() })
    expect((await other.update(block)).status).toBe('declined')
    expect(other.asked).toEqual([])
  })
})

describe('AIFI_MAX_CHANGES_PER_MINUTE', () => {
  test('stops a runaway assistant, and lets it go on when the minute is over', async () => {
    const harness = await start({ env: { AIFI_MAX_CHANGES_PER_MINUTE: '3' } })
    harness.clock.hold()
    const { update } = await harness.connect()
    const rename = (index: number) => update({ customerId: 77, firstName: `Name ${index}` })
    for (const index of [1, 2, 3]) expect((await rename(index)).status).toBe('updated')
    harness.clock.advance(20_000)
    const fourth = await rename(4)
    expect(fourth).toMatchObject({ status: 'failed', retryAfterSeconds: 40 })
    expect(fourth.message).toContain('AIFI_MAX_CHANGES_PER_MINUTE')
    expect(harness.sent('PATCH')).toHaveLength(3)
    harness.clock.advance(40_000)
    expect((await rename(5)).status).toBe('updated')
  })

  test('does not count calls that pick up an answer, dry runs, or bad arguments', async () => {
    const harness = await start({ env: { AIFI_MAX_CHANGES_PER_MINUTE: '2', AIFI_APPROVAL: 'chat' } })
    const { update } = await harness.connect()
    for (let i = 0; i < 5; i++) await update({ customerId: 77, priority: 99 })
    const { approval } = await update(block)
    for (let i = 0; i < 5; i++) expect((await update(block)).approval?.code).toBe(approval?.code)
    expect((await update({ ...block, approvalCode: approval?.code })).status).toBe('updated')
    expect((await update({ customerId: 77, firstName: 'Marc' })).status).toBe('updated')
    expect((await update({ customerId: 77, firstName: 'Mark' })).status).toBe('failed')
  })

  test('is not stretched by a clock that is set back', async () => {
    const harness = await start({ env: { AIFI_MAX_CHANGES_PER_MINUTE: '1' } })
    const { update } = await harness.connect()
    await update({ customerId: 77, firstName: 'Marc' })
    harness.clock.adjust(-60 * MINUTE_MS)
    harness.clock.advance(MINUTE_MS)
    expect((await update({ customerId: 77, firstName: 'Mark' })).status).toBe('updated')
  })
})
