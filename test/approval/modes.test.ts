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

  test.each([
    ['auto', /A person approves .*you cannot approve/, /A person has to approve blocked\. Somebody can be asked/],
    ['chat', /The user approves .* through you/, /The user has to approve blocked\. You would be given a question/],
    ['dangerously-skip', /Nobody is asked here/, /Nobody would be asked about blocked: AIFI_APPROVAL=dangerously-skip/],
  ])('%s is told truly by the tool and by a dry run', async (mode, description, preview) => {
    const harness = await start({ env: { AIFI_APPROVAL: mode } })
    const { client, update } = await harness.connect()
    const { tools } = await client.listTools()
    expect(tools.find(({ name }) => name === 'update_customer')?.description).toMatch(description)
    expect((await update({ ...block, dryRun: true })).message).toMatch(preview)
  })

  test.each([
    ['dangerously-skip', 'Nobody was asked: AIFI_APPROVAL=dangerously-skip.'],
    ['chat', 'The yes was relayed from the chat'],
  ])('%s says in the result that no person agreed by themselves', async (mode, words) => {
    const harness = await start({ env: { AIFI_APPROVAL: mode } })
    const { update } = await harness.connect()
    const first = await update(block)
    const { status, message } = first.approval?.code
      ? await update({ ...block, approvalCode: first.approval.code })
      : first
    expect(status).toBe('updated')
    expect(message).toContain(words)
    expect((await update({ customerId: 4211, firstName: 'J' })).message).not.toContain(words)
  })

  test('page: what waits never tells the model to decide', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const { update } = await harness.connect()
    const { message } = await update(block)
    expect(message).toContain('only they may decide there')
    expect(message).not.toMatch(/press approve/i)
  })
})
