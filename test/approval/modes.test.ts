import { describe, expect, test } from 'vitest'
import { accept, start } from '../helpers/harness.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'
import { atOnce, block, byForm, expectNothingSent, onPage } from '../helpers/situations.ts'

describe('AIFI_APPROVAL', () => {
  test('form never opens a page, and refuses what has to be typed privately', async () => {
    const harness = await start({ env: byForm })
    const without = await harness.connect()
    const envelope = await without.update(block)
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain('AIFI_APPROVAL=form')
    const { update } = await harness.connect({ answer: () => accept() })
    const secret = await update({ customerId: 77, enterPrivately: ['password'] })
    expect(secret.status).toBe('approval_unavailable')
    expect(secret.message).toContain('must not be typed into a form')
    expect(harness.browser.opened).toEqual([])
    expectNothingSent(harness)
  })

  test('page never shows a form', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect({ answer: () => accept() })
    expect(await client.update(block)).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(client.asked).toEqual([])
  })

  test('page without a browser says what to do', async () => {
    const harness = await start({ env: onPage, browser: { unavailable: () => 'There is no screen.' } })
    const { update } = await harness.connect()
    const envelope = await update(block)
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain('There is no screen. AIFI_APPROVAL=page needs a browser')
    expect(envelope.approval).toBeUndefined()
  })

  test('dangerously-skip asks nobody, says so each time, and never takes a private secret', async () => {
    const { audit, attempts } = recordingAudit()
    const harness = await start({ env: { AIFI_APPROVAL: 'dangerously-skip' }, audit })
    const client = await harness.connect({ answer: () => accept() })
    expect(await client.update(block)).toMatchObject({ status: 'updated', approval: { channel: 'skipped' } })
    expect(client.asked).toEqual([])
    expect(harness.log.filter((line) => line.includes('dangerously-skip: nobody is asked'))).toHaveLength(1)
    expect(attempts).toMatchObject([{ approval: { channel: 'skipped', answer: 'approved', decidedBy: 'setting' } }])
    const secret = await client.update({ customerId: 77, enterPrivately: ['password'] })
    expect(secret.status).toBe('approval_unavailable')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })
})
