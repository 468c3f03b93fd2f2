import { describe, expect, test } from 'vitest'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { eras, start } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { RawClient } from '../helpers/raw-client.ts'
import { block, expectNothingSent, onPage, rename, roundTrip } from '../helpers/situations.ts'

describe.each(eras)('a call that is cancelled in %s', (era) => {
  test('voids its question when no other call watches, and the same call starts afresh', async () => {
    const harness = await start({ env: onPage })
    const client = await harness.connect({ era })
    const stop = new AbortController()
    const call = client.update(block, { signal: stop.signal })
    call.catch(() => undefined)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    stop.abort()
    await expect(call).rejects.toThrow()
    await roundTrip(client)
    await page.press('approve')
    expectNothingSent(harness)
    const again = client.update(block)
    // The page is open still, so the new question appears in it.
    await expect.poll(async () => (await page.get()) && page.tokens.length).toBe(1)
    await page.press('approve')
    const envelope = await again
    expect(envelope.status).toBe('updated')
    expect(envelope.message).not.toContain('was the outcome')
  })

  test('does not void the question while another call watches', async () => {
    const harness = await start({ env: onPage })
    const client = await harness.connect({ era })
    const stop = new AbortController()
    const first = client.update(block, { signal: stop.signal })
    first.catch(() => undefined)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    const reads = harness.sent('GET').length
    const second = client.update(block)
    // It watches the question before it looks at the record.
    await expect.poll(() => harness.sent('GET').length).toBeGreaterThan(reads)
    stop.abort()
    await expect(first).rejects.toThrow()
    await roundTrip(client)
    await page.press('approve')
    expect((await second).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
    expect(harness.browser.opened).toHaveLength(1)
  })

  test('in the same moment in which the same call comes again makes a new question of that one', async () => {
    const harness = await start({ env: onPage })
    const raw = await RawClient.connect(harness, { era })
    const first = raw.call(block)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    raw.cancel(first)
    const second = raw.call(block)
    await expect.poll(async () => (await page.get()) && page.tokens.length).toBe(1)
    await page.press('approve')
    expect(await raw.envelope(second)).toMatchObject({
      status: 'updated',
      message: expect.not.stringContaining('was the outcome'),
    })
  })

  test('while the record is read again, as the same call comes, makes a new question of that one', async () => {
    const { harness, hold, held, letGo, letThrough, patches } = await controlledAifi({ env: onPage })
    const raw = await RawClient.connect(harness, { era })
    const args = { customerId: 4211, blocked: true }
    const first = raw.call(args)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    hold('GET')
    const approving = page.press('approve')
    await held()
    letThrough()
    raw.cancel(first)
    const second = raw.call(args)
    await letGo()
    await approving
    await expect.poll(async () => (await page.get()) && page.tokens.length).toBe(1)
    await page.press('approve')
    expect(await raw.envelope(second)).toMatchObject({ status: 'updated' })
    expect(patches()).toHaveLength(1)
  })

  test('before anything was asked or sent leaves nothing behind', async () => {
    const { harness, held, letGo, patches } = await controlledAifi({ holding: 'GET' })
    const client = await harness.connect({ era })
    const stop = new AbortController()
    const call = client.update({ customerId: 4211, firstName: 'Janet' }, { signal: stop.signal })
    call.catch(() => undefined)
    await held()
    stop.abort()
    await expect(call).rejects.toThrow()
    const next = client.update({ customerId: 4211, lastName: 'Roe' })
    await letGo()
    await letGo(2)
    expect((await next).status).toBe('updated')
    expect(patches()).toEqual([{ lastName: 'Roe' }])
  })

  test('before the question could be put leaves no question open', async () => {
    const { harness, held, letGo } = await controlledAifi({ holding: 'GET' })
    const client = await harness.connect({ era })
    const stop = new AbortController()
    const call = client.update({ customerId: 4211, blocked: true }, { signal: stop.signal })
    call.catch(() => undefined)
    await held()
    stop.abort()
    await expect(call).rejects.toThrow()
    await roundTrip(client)
    await expect.poll(() => harness.changesHeld()).toBe(0)
    await letGo()
    await expect.poll(() => harness.clock.pending).toBe(0)
    expect(harness.browser.opened).toEqual([])
  })

  test('at the page, after its client had answered a form without asking anybody, voids the question', async () => {
    const harness = await start()
    harness.clock.hold()
    const raw = await RawClient.connect(harness, { era, elicitation: {} })
    let id = raw.call(block)
    if (era === '2025-11-25') raw.reply(await raw.nextAsked(), { action: 'decline' }, 0)
    else {
      const { state } = await raw.question(id)
      id = raw.call(block, { requestState: state, inputResponses: { approve: { action: 'decline' } } }, {}, 0)
    }
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    raw.cancel(id)
    await raw.envelope(raw.call({ ...rename, dryRun: true }))
    await page.press('approve')
    expectNothingSent(harness)
  })

  test('after the request has left does not stop it, and its outcome is told to the next call', async () => {
    const { harness, held, letGo, patches } = await controlledAifi({ holding: 'PATCH' })
    const client = await harness.connect({ era })
    const args = { customerId: 4211, firstName: 'Janet' }
    const stop = new AbortController()
    const call = client.update(args, { signal: stop.signal })
    call.catch(() => undefined)
    await held()
    stop.abort()
    await expect(call).rejects.toThrow()
    const next = client.update(args)
    await letGo()
    expect((await next).status).toBe('updated')
    expect(patches()).toHaveLength(1)
  })
})

test('a form that a 2026-era client has is not taken back with another call that waits for its answer', async () => {
  const harness = await start()
  const raw = await RawClient.connect(harness, { era: '2026-07-28', elicitation: {} })
  const { state } = await raw.question(raw.call(block))
  const second = raw.call(block)
  await expect.poll(() => harness.clock.pending).toBeGreaterThanOrEqual(2)
  raw.cancel(second)
  await raw.envelope(raw.call({ ...rename, dryRun: true }))
  const yes = { requestState: state, inputResponses: { approve: { action: 'accept', content: { approve: true } } } }
  expect(await raw.envelope(raw.call(block, yes))).toMatchObject({ status: 'updated', approval: { channel: 'form' } })
  expect(harness.sent('PATCH')).toHaveLength(1)
})

test.each(eras)('a message of %s that only looks like a cancellation takes nothing away from its call', async (era) => {
  const harness = await start()
  const raw = await RawClient.connect(harness, { era })
  const id = raw.call(rename)
  raw.notify('notifications/cancelled', { requestId: id, reason: 5 })
  expect(await raw.envelope(id)).toMatchObject({ status: 'updated' })
})

describe('a form of a 2025-era client', () => {
  test('whose call is cancelled is put again for the other call that waits for it', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation: {} })
    const first = raw.call(block)
    const old = await raw.nextAsked()
    const second = raw.call(block)
    await expect.poll(() => harness.clock.pending).toBeGreaterThanOrEqual(2)
    raw.cancel(first)
    const anew = await raw.nextAsked(2)
    raw.reply(old, { action: 'accept', content: { approve: true } })
    await raw.answerTo(raw.send('tools/list'))
    expectNothingSent(harness)
    raw.reply(anew, { action: 'accept', content: { approve: true } })
    expect(await raw.envelope(second)).toMatchObject({ status: 'updated', approval: { channel: 'form' } })
    expect(harness.sent('PATCH')).toHaveLength(1)
    expect(harness.browser.opened).toEqual([])
  })

  test('that fails goes on as a page, for this call and the other one that waits for it', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation: {} })
    const first = raw.call(block)
    const question = await raw.nextAsked()
    const second = raw.call(block)
    await expect.poll(() => harness.clock.pending).toBeGreaterThanOrEqual(2)
    raw.replyError(question, -32603, 'no forms here')
    await new PageVisitor(await openedAddress(harness)).press('approve')
    for (const call of [first, second]) {
      expect(await raw.envelope(call)).toMatchObject({ status: 'updated', approval: { channel: 'page' } })
    }
    expect(raw.asked).toHaveLength(1)
  })
})
