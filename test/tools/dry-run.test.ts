import { describe, expect, test } from 'vitest'
import { eras, start } from '../helpers/harness.ts'
import { brokenAudit, recordingAudit } from '../helpers/recording-audit.ts'
import { block, expectNothingSent } from '../helpers/situations.ts'

describe.each(eras)('a dry run for a client of %s', (era) => {
  test('of a plain change shows what would be sent, and sends nothing but the read', async () => {
    const harness = await start()
    const client = await harness.connect({ era })
    const envelope = await client.update({ customerId: 4211, firstName: 'Janet', priority: 3, dryRun: true })
    expect(envelope).toMatchObject({
      status: 'preview',
      customerId: 4211,
      changes: [
        { field: 'firstName', before: 'Jane', after: 'Janet' },
        { field: 'priority', before: 0, after: 3 },
      ],
    })
    expect(envelope.changes?.some((line) => 'verified' in line)).toBe(false)
    expect(envelope.message).toContain('nothing was sent')
    expect(envelope.message).toContain('Nobody has to approve it')
    expect(harness.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /api/admin/v2/customers/4211',
    ])
  })

  test('of a sensitive change asks nobody, and says who would be', async () => {
    const harness = await start()
    const client = await harness.connect({ era, answer: () => ({ action: 'accept', content: { approve: true } }) })
    const envelope = await client.update({ ...block, firstName: 'Marc', dryRun: true })
    expect(envelope.status).toBe('preview')
    expect(envelope.message).toContain('A person has to approve blocked. Somebody can be asked.')
    expect(envelope.message).toContain('firstName and blocked')
    expect(client.asked).toEqual([])
    expect(harness.browser.opened).toEqual([])
    expectNothingSent(harness)
  })
})

describe('a dry run', () => {
  test('says when nobody could be asked', async () => {
    const harness = await start({ browser: { unavailable: () => 'This machine has no screen.' } })
    const { update } = await harness.connect()
    const envelope = await update({ ...block, dryRun: true })
    expect(envelope.status).toBe('preview')
    expect(envelope.message).toContain('nobody can be asked here')
    expect(envelope.message).toContain('This machine has no screen.')
  })

  test('says when nothing would be sent', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    const envelope = await update({ customerId: 4211, firstName: 'Jane', dryRun: true })
    expect(envelope).toMatchObject({ status: 'preview', changes: [{ field: 'firstName', after: 'Jane' }] })
    expect(envelope.message).toContain('already is as asked')
  })

  test('never shows a secret, and names what a person would type', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    const args = { customerId: 4211, currentPassword: 'old-canary-value', enterPrivately: ['password'], dryRun: true }
    const envelope = await update(args)
    expect(envelope).toMatchObject({ status: 'preview' })
    expect(envelope.changes).toEqual([{ field: 'currentPassword' }, { field: 'password' }])
    expect(JSON.stringify(envelope)).not.toContain('canary')
    expect(harness.log.join('')).not.toContain('canary')
  })

  test('is refused like the real call when the arguments or the expected email are wrong', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    expect((await update({ customerId: 4211, priority: 11, dryRun: true })).status).toBe('invalid')
    const other = await update({ ...block, expectedEmail: 'jane@example.com', dryRun: true })
    expect(other).toMatchObject({ status: 'invalid', errors: [{ field: 'expectedEmail' }] })
  })

  test('says that current values cannot be read, and for metadata that a person would be asked then', async () => {
    const harness = await start({ getById: false })
    const { update } = await harness.connect()
    const envelope = await update({ customerId: 4211, metadata: { a: 1 }, dryRun: true })
    expect(envelope).toMatchObject({ status: 'preview', changes: [{ field: 'metadata', after: { a: 1 } }] })
    expect(envelope.message).toContain('Current values are not readable')
    expect(envelope.message).toContain('A person has to approve metadata')
  })

  test('counts as no change: it leaves no outcome, no audit record, no place, no minute', async () => {
    const { audit, attempts, outcomes } = recordingAudit()
    const harness = await start({ audit, env: { AIFI_MAX_CHANGES_PER_MINUTE: '1' } })
    const { update } = await harness.connect()
    for (let i = 0; i < 10; i++) expect((await update({ ...block, dryRun: true })).status).toBe('preview')
    expect([...attempts, ...outcomes]).toEqual([])
    expect(harness.clock.pending).toBe(0)
    expect(harness.changesHeld()).toBe(0)
    expect((await update({ customerId: 77, firstName: 'Marc' })).status).toBe('updated')
  })

  test('while a question about the same change is open does not disturb it', async () => {
    const harness = await start({ env: { AIFI_APPROVAL: 'chat' } })
    const { update } = await harness.connect()
    const asked = await update(block)
    expect((await update({ ...block, dryRun: true })).status).toBe('preview')
    const approved = await update({ ...block, approvalCode: asked.approval?.code })
    expect(approved.status).toBe('updated')
  })
})

test('dry runs count as lookups, and are in the audit as such', async () => {
  const { audit, lookups } = recordingAudit()
  const harness = await start({ audit })
  const client = await harness.connect()
  const run = () => client.update({ customerId: 4211, email: 'x@example.com', dryRun: true })
  for (let count = 0; count < 30; count++) expect(await run()).toMatchObject({ status: 'preview' })
  expect(await run()).toMatchObject({ status: 'failed', retryAfterSeconds: expect.any(Number) })
  expect(lookups).toHaveLength(30)
  expect(lookups[0]).toEqual({ event: 'lookup', filter: 'customerId', found: 1, status: 'preview' })
  expect(harness.sent('GET')).toHaveLength(30)
})

test('a dry run shows nothing when it cannot be written into the audit', async () => {
  const harness = await start({ audit: brokenAudit })
  const client = await harness.connect()
  const envelope = await client.update({ customerId: 4211, email: 'x@example.com', dryRun: true })
  expect(envelope).toMatchObject({ status: 'failed' })
  expect(JSON.stringify(envelope)).not.toContain('jane@example.com')
})
