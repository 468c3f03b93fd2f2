import { describe, expect, onTestFinished, test } from 'vitest'
import { start } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { block, onPage, statusesOf } from '../helpers/situations.ts'

describe('many calls', () => {
  test('leave no timer and no change behind, and no listener that Node would warn of', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const env = { AIFI_APPROVAL: 'chat', AIFI_MAX_CHANGES_PER_MINUTE: '1000000', LOG_LEVEL: 'silent' }
    const harness = await start({ env })
    const { client, update } = await harness.connect()
    const question = await update(block)
    const held = { timers: harness.clock.pending, size: harness.changesHeld() }
    expect(held).toEqual({ timers: 1, size: 1 })
    // More than the ten listeners at which Node warns, several times over.
    for (let i = 0; i < 50; i++) {
      await Promise.all([
        update(block),
        update({ customerId: 77, priority: 99 }),
        update({ customerId: 102, firstName: 'Amelia' }),
        update({ customerId: 102, phone: String(i) }),
      ])
    }
    expect({ timers: harness.clock.pending, size: harness.changesHeld() }).toEqual(held)
    expect((await update({ ...block, approvalCode: question.approval?.code })).status).toBe('updated')
    expect({ timers: harness.clock.pending, size: harness.changesHeld() }).toEqual({ timers: 0, size: 0 })
    const stop = new AbortController()
    const cancelled = Array.from({ length: 100 }, (_, i) =>
      update({ customerId: 318, phone: `+${i}` }, { signal: stop.signal }).catch(() => undefined),
    )
    stop.abort()
    await Promise.all(cancelled)
    await client.listTools()
    await expect.poll(() => harness.clock.pending).toBe(0)
    expect(warnings).toEqual([])
  })
})

describe('many calls that wait for one page', () => {
  test('leave no timer behind, and none of them is forgotten when the answer comes', async () => {
    const harness = await start({ env: onPage })
    harness.clock.hold()
    const client = await harness.connect()
    const call = client.update(block)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    harness.clock.advance(46_000)
    await call
    const held = harness.clock.pending
    for (let round = 0; round < 5; round++) {
      const reads = harness.sent('GET').length
      const calls = Array.from({ length: 40 }, () => client.update(block))
      await expect.poll(() => harness.clock.pending).toBe(held + 40)
      expect(harness.sent('GET').length).toBe(reads + 1)
      harness.clock.advance(46_000)
      expect(new Set(statusesOf(await Promise.all(calls)))).toEqual(new Set(['approval_pending']))
      expect(harness.clock.pending).toBe(held)
    }
    const calls = Array.from({ length: 40 }, () => client.update(block))
    await expect.poll(() => harness.clock.pending).toBe(held + 40)
    await page.press('approve')
    expect(new Set(statusesOf(await Promise.all(calls)))).toEqual(new Set(['updated']))
    expect(harness.sent('PATCH')).toHaveLength(1)
  })
})
