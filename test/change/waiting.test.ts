import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { eras, start } from '../helpers/harness.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'
import { RawClient } from '../helpers/raw-client.ts'
import { clockOf } from '../helpers/reading.ts'
import { atOnce, block, onPage, roundTrip, waitingOnPage } from '../helpers/situations.ts'

describe('waiting for a person', () => {
  test('blocks neither other customers nor changes of the same customer that need nobody', async () => {
    const { harness, client, call, page } = await waitingOnPage({ customerId: 77, blocked: true })
    expect((await client.update({ customerId: 4211, firstName: 'Janet' })).status).toBe('updated')
    expect((await client.update({ customerId: 77, phone: '+49 30 23125 001' })).status).toBe('updated')
    expect((await client.update({ customerId: 77, firstName: 'X', dryRun: true })).status).toBe('preview')
    await page.press('approve')
    expect((await call).status).toBe('updated')
    expect(harness.sent('PATCH').map(({ body }) => body)).toEqual([
      { firstName: 'Janet' },
      { phone: '+49 30 23125 001' },
      { blocked: true },
    ])
  })

  test('ends after AIFI_APPROVAL_WAIT_SECONDS, and the question stays open', async () => {
    const { harness, client, call, page } = await waitingOnPage(block, { AIFI_APPROVAL_WAIT_SECONDS: '20' })
    harness.clock.advance(20_000)
    expect((await call).status).toBe('approval_pending')
    await page.press('approve')
    expect((await client.update(block)).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('ends within 55 s of the arrival of the call, whatever the setting', async () => {
    const { harness, client, call } = await waitingOnPage(block, { AIFI_APPROVAL_WAIT_SECONDS: '600' })
    let answered = false
    void call.then(() => {
      answered = true
    })
    harness.clock.advance(50_000)
    await roundTrip(client)
    expect(answered).toBe(false)
    harness.clock.advance(4_500)
    expect(await call).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
  })

  test('is 55 s for a 2025-era call as a whole, the time at the client’s own question included', async () => {
    const harness = await start({ env: { ...onPage, AIFI_APPROVAL_WAIT_SECONDS: '600' } })
    harness.clock.hold()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation: { url: {} } })
    const id = raw.call(block, {}, { progressToken: 'p' })
    const question = await raw.nextAsked()
    harness.clock.advance(50_000)
    raw.reply(question, { action: 'accept' })
    const waiting = () => raw.received.some(({ params }) => JSON.stringify(params ?? {}).includes('being opened'))
    await expect.poll(waiting).toBe(true)
    harness.clock.advance(4_500)
    expect((await raw.envelope(id)).status).toBe('approval_pending')
  })

  test('tells a client that gave a progress token, with numbers that grow through all rounds of the call', async () => {
    const harness = await start({ env: onPage })
    harness.clock.hold()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation: { url: {} } })
    const id = raw.call(block, {}, { progressToken: 'token-1' })
    const question = await raw.nextAsked()
    const { params } = question
    raw.reply(question, { action: 'accept' })
    const notes = () => raw.received.filter(({ method }) => method === 'notifications/progress')
    await expect.poll(() => JSON.stringify(notes())).toContain('being opened')
    for (let seconds = 0; seconds < 20; seconds += 5) {
      const before = notes().length
      harness.clock.advance(5_000)
      await expect.poll(() => notes().length).toBeGreaterThan(before)
    }
    const address = String((params as JsonObject).url)
    clockOf(address, harness.clock)
    await new PageVisitor(address).press('approve')
    expect((await raw.envelope(id)).status).toBe('updated')
    const told = notes().map((note) => note.params as JsonObject)
    expect(told.every(({ progressToken }) => progressToken === 'token-1')).toBe(true)
    const numbers = told.map(({ progress }) => Number(progress))
    expect(numbers.every((each, index) => index === 0 || each > (numbers[index - 1] ?? 0))).toBe(true)
    expect(JSON.stringify(told)).not.toContain('127.0.0.1')
    const after = notes().length
    harness.clock.advance(60_000)
    await raw.answerTo(raw.send('tools/list'))
    expect(notes()).toHaveLength(after)
  })

  test.each(eras)('sends no progress to a client of %s that gave no token', async (era) => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const raw = await RawClient.connect(harness, { era })
    expect((await raw.envelope(raw.call(block))).status).toBe('approval_pending')
    expect(raw.received.filter(({ method }) => method === 'notifications/progress')).toEqual([])
  })
})
