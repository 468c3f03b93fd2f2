import { fdatasyncSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { openAudit } from '../../src/audit/audit.ts'
import { type AuditReport, formatAuditReport } from '../../src/audit/verify.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { fault } from '../helpers/fault.ts'
import { applying, type Circumstances, jane, situation } from '../helpers/fault-situation.ts'
import { accept, decline, start } from '../helpers/harness.ts'
import { LineClient } from '../helpers/line-client.ts'
import { auditRecords, startServer, temporaryFolder } from '../helpers/process.ts'
import { startRawAifi } from '../helpers/raw-aifi.ts'
import { recordingAudit, silent } from '../helpers/recording-audit.ts'
import { block, byForm, changeElsewhere, doing, MINUTE_MS, rename } from '../helpers/situations.ts'
import { verifyAudit } from '../helpers/verify-audit.ts'

/** A disk that is full from the `failing`th line on (the first one begins the run). */
function diskFullAt(failing: number) {
  let lines = 0
  return {
    write(descriptor: number, bytes: Uint8Array): number {
      lines += 1
      if (lines >= failing) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      return writeSync(descriptor, bytes)
    },
    flush: fdatasyncSync,
  }
}

/** The whole server with an audit file. */
async function audited(circumstances: Circumstances = {}, failing = Number.POSITIVE_INFINITY) {
  const file = join(temporaryFolder(), 'audit.jsonl')
  const audit = openAudit(file, { logger: silent, clock: systemClock, disk: diskFullAt(failing) })
  const all = await situation({ ...circumstances, audit })
  /** The records, which have to verify, without those that begin a run. */
  const records = (): JsonObject[] => {
    expect(report().problems).toEqual([])
    return auditRecords(file).filter(({ event }) => event !== 'start')
  }
  const report = (): AuditReport => verifyAudit(readFileSync(file))
  return { ...all, file, records, report }
}

describe('the audit trail', () => {
  it('has one attempt and one outcome of a plain change, tied together', async () => {
    const patch = fault.answer(200, { ...jane, firstName: 'Janet' }, { 'x-request-id': 'req-9' })
    const { client, records, report } = await audited({ patch })
    await client.update({ customerId: 4211, firstName: 'Janet' })
    const [attempt, outcome, ...more] = records()
    expect(more).toEqual([])
    expect(attempt).toMatchObject({
      event: 'attempt',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      changeId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      customerId: 4211,
      fields: ['firstName'],
      client: 'test-client 1.0.0',
      approval: { channel: 'not_needed', answer: 'approved', decidedBy: 'nobody' },
    })
    expect(outcome).toMatchObject({
      event: 'outcome',
      changeId: attempt?.changeId,
      customerId: 4211,
      status: 'updated',
      http: { status: 200, requestId: 'req-9' },
    })
    expect(report()).toMatchObject({ attempts: 1, outcomes: 1, openAttempts: [] })
  })

  it('says who decided, and when, also when nothing was sent', async () => {
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
    expect(attempts[1]?.approval.decidedAt).toMatch(/^\d{4}-\d\d-\d\dT/)
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

  it('tells a decision of the assistant, and one of the settings, from a person’s', async () => {
    const chat = await audited({ env: { AIFI_APPROVAL: 'chat' } })
    const { approval } = await chat.client.update({ customerId: 4211, blocked: true })
    await chat.client.update({ customerId: 4211, blocked: true, approvalCode: approval?.code })
    expect(chat.records()).toMatchObject([{ approval: { channel: 'chat', decidedBy: 'assistant' } }, {}])
    expect(JSON.stringify(chat.records())).not.toContain(approval?.code)
    const skip = await audited({ env: { AIFI_APPROVAL: 'dangerously-skip' } })
    await skip.client.update({ customerId: 4211, blocked: true })
    expect(skip.records()).toMatchObject([{ approval: { channel: 'skipped', decidedBy: 'setting' } }, {}])
  })

  it.each([
    ['declined', decline(), 'declined'],
    ['dismissed', { action: 'cancel' as const }, 'cancelled'],
    ['answered without a yes', accept({ approve: false }), 'not_approved'],
  ])('has a decision that nothing was sent for: %s', async (_, result, answer) => {
    const { client, records, patches } = await audited({ answer: () => result })
    await client.update({ customerId: 4211, blocked: true })
    expect(records()).toMatchObject([
      {
        event: 'outcome',
        customerId: 4211,
        status: 'declined',
        fields: ['blocked'],
        client: 'test-client 1.0.0',
        approval: { channel: 'form', answer, decidedBy: 'client' },
      },
    ])
    expect(patches()).toBe(0)
  })

  it('says how it ended when nothing was sent, and nothing of what our own checks refused', async () => {
    const { client, records } = await audited({ before: fault.answer(200, jane) })
    await client.update({ customerId: 4211, firstName: 'Jane' })
    await client.update({ customerId: 4211, firstName: 'Janet', dryRun: true })
    await client.update({ customerId: 4211, priority: 99 })
    await client.update({ customerId: 4211, phone: '1', expectedEmail: 'other@example.com' })
    expect(records().map(({ event, status }) => [event, status])).toEqual([
      ['outcome', 'unchanged'],
      ['lookup', 'preview'],
      ['outcome', 'invalid'],
    ])
  })

  it.each<[string, Circumstances, string, object | undefined]>([
    [
      'a refusal',
      { patch: fault.answer(422, { type: 'E_INVALID_BODY' }) },
      'invalid',
      { status: 422, type: 'E_INVALID_BODY' },
    ],
    ['a lost answer', { patch: fault.resetAfterBody() }, 'unknown', undefined],
    ['a failure after which nothing had changed', { patch: fault.answer(500) }, 'failed', { status: 500 }],
    ['a failure after which nothing is known', { patch: fault.answer(503) }, 'unknown', { status: 503 }],
  ])('has the outcome of %s', async (_, circumstances, status, http) => {
    const { client, records } = await audited(circumstances)
    const envelope = await client.update({ customerId: 4211, firstName: 'Janet' })
    const [, outcome] = records()
    expect(outcome).toMatchObject({ event: 'outcome', status, ...(http && { http }) })
    expect([envelope.status, envelope.http]).toEqual([status, http])
  })

  it('has the lookups too', async () => {
    const { client, records } = await audited()
    await client.client.callTool({ name: 'find_customers', arguments: { customerId: 4211 } })
    expect(records()).toMatchObject([
      {
        event: 'lookup',
        client: 'test-client 1.0.0',
        filter: 'customerId',
        found: 1,
        customerIds: [4211],
        status: 'found',
      },
    ])
  })
})

describe('what is written', () => {
  const secrets = { password: 'canary-password', currentPassword: 'canary-current', cardToken: 'canary-token' }
  const card = { provider: 'canary-provider', cardToken: 'canary-card' }

  it.each([
    ['without values', {}],
    ['with values', { AIFI_AUDIT_VALUES: 'true' }],
  ])('holds no secret, even one that AiFi repeats (%s)', async (_, env) => {
    const echo = {
      message: 'canary-password',
      type: 'canary-token',
      errors: [{ error: 'canary-card', field: 'canary-current' }],
    }
    const headers = { 'x-request-id': 'canary-password' }
    const { client, file } = await audited({ env, patch: fault.answer(422, echo, headers) })
    await client.update({ customerId: 4211, blocked: true, card, ...secrets })
    expect(readFileSync(file, 'utf8')).not.toContain('canary')
    expect(auditRecords(file)[1]).toMatchObject({
      fields: ['password', 'currentPassword', 'blocked', 'card', 'cardToken'],
    })
  })

  it('holds values only when that is turned on, and never those of secrets', async () => {
    const args = { firstName: 'Jänet-value', metadata: { tier: 'gold', of: 'value' }, blocked: true, cardToken: null }
    const off = await audited()
    await off.client.update({ customerId: 4211, ...args, password: 'canary-password' })
    expect(readFileSync(off.file, 'utf8')).not.toContain('value')
    const on = await audited({ env: { AIFI_AUDIT_VALUES: 'true' } })
    await on.client.update({ customerId: 4211, ...args, password: 'canary-password' })
    expect(on.records()[0]?.values).toEqual(args)
    expect(readFileSync(on.file, 'utf8')).not.toContain('canary')
  })

  it('holds values digit by digit as they are sent, and says of a very long one that it is left out', async () => {
    const aifi = await startRawAifi({ metadata: '{"ledger":12345678901234567890,"tier":"gold"}', firstName: '"Jane"' })
    const file = join(temporaryFolder(), 'audit.jsonl')
    const audit = openAudit(file, { logger: silent, clock: systemClock })
    const harness = await start({ audit, baseUrl: aifi.url, env: { AIFI_AUDIT_VALUES: 'true' } })
    const client = await LineClient.connect(harness)
    const found = await client.call('find_customers', '{"customerId":4211}')
    const [ledger] = /⟦altered [0-9a-f]{6}⟧/.exec(JSON.stringify(found)) ?? []
    const metadata = { ledger, tier: 'gold', vip: true }
    await client.call('update_customer', JSON.stringify({ customerId: 4211, metadata, firstName: 'n'.repeat(8_000) }))
    expect(aifi.patches).toHaveLength(1)
    const written = readFileSync(file, 'utf8')
    expect(written).toContain('"metadata":{"ledger":12345678901234567890,"tier":"gold","vip":true}')
    expect(written).toContain('"firstName":"\\u2026 8 kB left out"')
    expect(verifyAudit(written).problems).toEqual([])
  })

  it('is one line of plain ASCII per record, whatever the client calls itself', async () => {
    const { harness, records, file } = await audited()
    const client = await harness.connect({ name: 'bad\n{"v":1}\u202e\u0007client' })
    await client.update({ customerId: 4211, firstName: 'Jänet' })
    expect(readFileSync(file, 'latin1')).toMatch(/^[\x20-\x7e\n]*$/)
    expect(records()).toHaveLength(2)
  })
})

describe('an audit that cannot be written', () => {
  it('stops a change before it is sent', async () => {
    const { client, patches, records } = await audited({}, 2)
    const envelope = await client.update({ customerId: 4211, firstName: 'Janet' })
    expect(envelope).toMatchObject({ status: 'failed', message: expect.stringContaining('AIFI_AUDIT_LOG') })
    expect(patches()).toBe(0)
    expect(records()).toEqual([])
  })

  it('stops an approved change, and says that it had been approved', async () => {
    const { client, patches } = await audited({}, 2)
    const envelope = await client.update({ customerId: 4211, blocked: true })
    expect(envelope).toMatchObject({ status: 'failed', approval: { channel: 'form', answer: 'approved' } })
    expect(patches()).toBe(0)
  })

  it.each<[string, Circumstances, string]>([
    ['updated', { patch: applying() }, 'updated'],
    ['invalid', { patch: fault.answer(422) }, 'invalid'],
    ['unknown', { patch: fault.resetAfterBody() }, 'unknown'],
  ])('afterwards changes nothing about the truth: %s', async (_, circumstances, status) => {
    const { client, patches, report } = await audited(circumstances, 3)
    const envelope = await client.update({ customerId: 4211, firstName: 'Janet' })
    expect(envelope.status).toBe(status)
    expect(envelope.message).toMatch(/This outcome could not be written to the audit trail\.$/)
    expect(patches()).toBe(1)
    expect(report()).toMatchObject({ problems: [], openAttempts: [{ customerId: 4211 }] })
    expect((await client.update({ customerId: 4211, firstName: 'Joan' })).status).toBe('failed')
    expect(patches()).toBe(1)
  })
})

describe('a process that ends in the middle', () => {
  test('has the attempt on the disk before the request leaves, and its outcome before the answer', async () => {
    const seen: AuditReport[] = []
    const { aifi, client, report } = await audited()
    aifi.always('PATCH', () => {
      seen.push(report())
      return applying()
    })
    await client.update({ customerId: 4211, firstName: 'Janet' })
    expect(seen).toMatchObject([{ problems: [], attempts: 1, outcomes: 0, openAttempts: [{ customerId: 4211 }] }])
    expect(report()).toMatchObject({ problems: [], attempts: 1, outcomes: 1, openAttempts: [] })
  })

  test('by being killed, leaves an attempt without an outcome, which the check names; the next run goes on', async () => {
    const { aifi, patches } = await situation({ patch: fault.silence() })
    const file = join(temporaryFolder(), 'audit.jsonl')
    const env = { AIFI_BASE_URL: aifi.url, AIFI_TOKEN: 'token', AIFI_AUDIT_LOG: file }
    const killed = startServer({ env })
    await killed.initialize()
    killed.call('update_customer', { customerId: 4211, firstName: 'Janet' })
    await expect.poll(patches).toBe(1)
    killed.child.kill('SIGKILL')
    await killed.ended
    const report = verifyAudit(readFileSync(file))
    expect(report).toMatchObject({ problems: [], openAttempts: [{ customerId: 4211 }] })
    expect(formatAuditReport(report)).toMatch(/customer 4211, .*, has no outcome here; look at the customer in AiFi/)

    aifi.always('PATCH', applying())
    const next = startServer({ env })
    await next.initialize()
    expect(await next.result(next.call('update_customer', { customerId: 77, firstName: 'Mark' }))).toBeDefined()
    expect(verifyAudit(readFileSync(file))).toMatchObject({
      problems: [],
      runs: 2,
      openAttempts: [{ customerId: 4211 }],
    })
  })
})

test('an approval after which the record already was as asked is in the audit and in the answer', async () => {
  const { audit, outcomes } = recordingAudit()
  const harness = await start({ audit })
  const client = await harness.connect({
    answer: async () => {
      await changeElsewhere(harness, 4211, { role: 'tester' })
      harness.clock.advance(2_000)
      return accept()
    },
  })
  const envelope = await client.update({ customerId: 4211, role: 'tester' })
  expect(envelope).toMatchObject({ status: 'unchanged', approval: { channel: 'form', answer: 'approved' } })
  expect(outcomes).toMatchObject([{ customerId: 4211, status: 'unchanged', approval: { decidedBy: 'client' } }])
})

test('a value that is no secret but repeats a long one does not bring it into the audit: nothing is sent', async () => {
  const { audit, attempts } = recordingAudit()
  const harness = await start({ audit, env: { AIFI_AUDIT_VALUES: 'true' } })
  const client = await harness.connect({ answer: () => accept() })
  const args = { customerId: 4211, password: 'canary-password', firstName: 'is canary-password', lastName: 'Dough' }
  expect(await client.update(args)).toMatchObject({ status: 'invalid', errors: [{ field: 'firstName' }] })
  expect(attempts).toEqual([])
  expect(client.wire.join('\n')).not.toContain('canary')
  expect(harness.sent('PATCH')).toEqual([])
})

test('a value that repeats a short secret is sent, and does not bring it into the audit', async () => {
  const { audit, attempts } = recordingAudit()
  const harness = await start({ audit, env: { AIFI_AUDIT_VALUES: 'true', AIFI_APPROVAL: 'dangerously-skip' } })
  const client = await harness.connect()
  const changes = { cardToken: 'tok_7', firstName: 'is tok_7', metadata: { of: { tok_7: true } } }
  const args = { customerId: 4211, ...changes, reason: 'set it to tok_7' }
  expect(await client.update(args)).toMatchObject({ status: 'updated' })
  expect(attempts).toMatchObject([{ reason: 'set it to •••', values: { firstName: '•••', metadata: '•••' } }])
  expect(JSON.stringify(attempts)).not.toContain('tok_7')
  expect(harness.sent('PATCH')).toMatchObject([{ body: changes }])
})
