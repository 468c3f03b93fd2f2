import { describe, expect, test } from 'vitest'
import { start } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { RawClient } from '../helpers/raw-client.ts'
import {
  atOnce,
  block,
  changeElsewhere,
  expectNothingSent,
  HOUR_MS,
  MINUTE_MS,
  onPage,
  roundTrip,
  statusesOf,
  waitingOnPage,
} from '../helpers/situations.ts'

describe('an answer', () => {
  test('counts once, however many come at the same time', async () => {
    const { harness, call, page } = await waitingOnPage()
    const body = page.form('approve')
    await Promise.all(Array.from({ length: 8 }, () => page.send(body)))
    expect((await call).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('is the first one: a no and a yes at the same time are one of the two', async () => {
    const { harness, call, page } = await waitingOnPage()
    await Promise.all([page.send(page.form('decline')), page.send(page.form('approve'))])
    const { status } = await call
    expect(['declined', 'updated']).toContain(status)
    expect(harness.sent('PATCH')).toHaveLength(status === 'updated' ? 1 : 0)
  })

  test('that comes when no call waits changes the record at once, and is told to the next call, once', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    const pending = await client.update(block)
    expect(pending.status).toBe('approval_pending')
    expect(pending.message).toContain('Nothing has changed yet')
    const page = new PageVisitor(await openedAddress(harness))
    expect((await page.press('approve')).body).toContain('Done')
    expect(harness.sent('PATCH')).toHaveLength(1)
    const told = await client.update(block)
    expect(told).toMatchObject({ status: 'updated', approval: { channel: 'page', answer: 'approved' } })
    expect(told.message).toMatch(/outcome at \d\d:\d\d:\d\d \S+; nothing was sent again/)
    const anew = await client.update(block)
    expect(anew.status).toBe('approval_pending')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('is told to one of two calls that ask for it at the same time', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    await client.update(block)
    await new PageVisitor(await openedAddress(harness)).press('approve')
    const both = await Promise.all([client.update(block), client.update(block)])
    expect(statusesOf(both)).toEqual(['approval_pending', 'updated'])
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('that was no is told in the same way, and then nobody is asked for a minute', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    await client.update(block)
    await new PageVisitor(await openedAddress(harness)).press('decline')
    const told = await client.update(block)
    expect(told).toMatchObject({ status: 'declined', approval: { channel: 'page', answer: 'declined' } })
    expect(told.message).toContain('on the approval page')
    expect((await client.update(block)).message).toContain('nobody was asked again')
    expectNothingSent(harness)
  })

  test('is forgotten when nobody has asked for it in ten minutes', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    await client.update(block)
    await new PageVisitor(await openedAddress(harness)).press('approve')
    harness.clock.advance(10 * MINUTE_MS)
    expect((await client.update(block)).status).toBe('approval_pending')
  })

  test('that comes after the question has lapsed changes nothing', async () => {
    const { harness, client, call, page } = await waitingOnPage()
    harness.clock.sleep(8 * HOUR_MS)
    const { body } = await page.press('approve')
    expect(body).not.toContain('Done')
    expect(await call).toMatchObject({ status: 'declined', approval: { channel: 'page', answer: 'expired' } })
    await roundTrip(client)
    expectNothingSent(harness)
  })
})

describe('an answer to a question that has been put anew', () => {
  test('counts for nothing, and is no sign that the client asks nobody', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation: {} })
    const yes = { action: 'accept', content: { approve: true } }
    const first = raw.call(block)
    const old = await raw.nextAsked()
    await changeElsewhere(harness, 77, { firstName: 'Mark' })
    const second = raw.call(block)
    const anew = await raw.nextAsked(2)
    raw.reply(old, yes)
    await raw.answerTo(raw.send('tools/list'))
    expectNothingSent(harness)
    raw.reply(anew, yes)
    expect(statusesOf([await raw.envelope(first), await raw.envelope(second)])).toEqual(['updated', 'updated'])
    expect(harness.sent('PATCH')).toHaveLength(1)
    const other = raw.call({ customerId: 4211, blocked: true })
    raw.reply(await raw.nextAsked(3), yes)
    expect((await raw.envelope(other)).approval?.channel).toBe('form')
    expect(harness.browser.opened).toEqual([])
  })
})
