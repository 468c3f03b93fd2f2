import { describe, expect, test } from 'vitest'
import { accept, decline, start } from '../helpers/harness.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'
import { block, byForm, doing, MINUTE_MS, rename } from '../helpers/situations.ts'

describe('the audit', () => {
  test('says who decided, also when nothing was sent', async () => {
    const { audit, attempts, outcomes } = recordingAudit()
    const harness = await start({ env: byForm, audit })
    harness.clock.hold()
    const { update } = await harness.connect({
      answer: doing(
        () => accept(),
        decline,
        () => {
          harness.clock.sleep(10 * MINUTE_MS)
          return accept()
        },
      ),
    })
    await update(rename)
    await update(block)
    await update({ customerId: 77, role: 'tester' })
    await update({ customerId: 77, role: 'employee' })
    expect(attempts.map(({ fields, approval }) => [fields, approval.channel, approval.decidedBy])).toEqual([
      [['firstName'], 'not_needed', 'nobody'],
      [['blocked'], 'form', 'client'],
    ])
    expect(outcomes.map(({ status, approval }) => [status, approval?.answer, approval?.decidedBy])).toEqual([
      ['updated', undefined, undefined],
      ['updated', undefined, undefined],
      ['declined', 'declined', 'client'],
      ['declined', 'expired', 'nobody'],
    ])
    expect(new Set(outcomes.map(({ changeId }) => changeId)).size).toBe(4)
  })
})
