import { describe, expect, test } from 'vitest'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { start } from '../helpers/harness.ts'
import { RawClient } from '../helpers/raw-client.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'
import { atOnce, block, expectNothingSent, onPage, waitingOnPage } from '../helpers/situations.ts'

describe('the end of the input', () => {
  test('voids the questions that are open: nothing can be approved afterwards', async () => {
    const { harness, page } = await waitingOnPage()
    await harness.app.close(100)
    await page.press('approve').catch(() => undefined)
    expectNothingSent(harness)
  })

  test('voids a question that no call waits for', async () => {
    const { audit, outcomes } = recordingAudit()
    const harness = await start({ env: { ...onPage, ...atOnce }, audit })
    const client = await harness.connect()
    await client.update(block)
    await harness.app.close(100)
    expect(outcomes).toMatchObject([{ customerId: 77, status: 'declined', approval: { answer: 'withdrawn' } }])
  })

  test('lets a request that has left come to its outcome', async () => {
    const { audit, outcomes } = recordingAudit()
    const { harness, held, letGo } = await controlledAifi({ holding: 'PATCH', audit })
    const raw = await RawClient.connect(harness, { era: '2025-11-25' })
    raw.call({ customerId: 4211, firstName: 'Janet' })
    await held()
    const closed = harness.app.close(10_000)
    await letGo()
    await closed
    expect(outcomes).toMatchObject([{ customerId: 4211, status: 'updated' }])
  })
})
