import { describe, expect, test } from 'vitest'
import type { Aifi } from '../../src/aifi/port.ts'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { accept, eras } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'

const onPage = { AIFI_APPROVAL: 'page', AIFI_APPROVAL_WAIT_SECONDS: '0' }

describe('two approved changes of one customer', () => {
  test('are made one after the other, each on the record as the other left it', async () => {
    const aifi = await controlledAifi({ env: onPage })
    const client = await aifi.harness.connect()
    const changes = [
      { customerId: 4211, role: 'employee' },
      { customerId: 4211, email: 'joan@example.com' },
    ]
    for (const change of changes) expect((await client.update(change)).status).toBe('approval_pending')
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.get()
    const before = aifi.requests().length
    aifi.hold('PATCH')
    const [first, second] = page.tokens
    const approvals = [page.send(page.form('approve', {}, first))]
    await aifi.held(1)
    approvals.push(page.send(page.form('approve', {}, second)))
    // Time for the second one to overtake: two round trips to AiFi about somebody else.
    await client.update({ customerId: 77, firstName: 'Marc', dryRun: true })
    await client.update({ customerId: 77, firstName: 'Mark', dryRun: true })
    const made = () =>
      aifi
        .requests()
        .slice(before)
        .filter((each) => each.endsWith('4211'))
    expect(made()).toEqual(['GET 4211', 'PATCH 4211'])
    aifi.letAllGo()
    await Promise.all(approvals)
    // The second question showed the record before the first change was made, so it may have been put anew.
    await page.get()
    if (aifi.patches().length === 1) await page.press('approve')
    await expect.poll(aifi.patches).toEqual([{ role: 'employee' }, { email: 'joan@example.com' }])
    expect(made().join(', ')).toMatch(/^GET 4211, PATCH 4211, (GET 4211, )+PATCH 4211$/)
    expect(await client.update(changes[1] ?? {})).toMatchObject({ status: 'updated' })
  })

  test.each(eras)('asked by forms at the same time are made one after the other (%s)', async (era) => {
    const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'form' } })
    const client = await aifi.harness.connect({ era, answer: () => accept() })
    const values = ['crm-1', 'crm-2', 'crm-3']
    const made = await Promise.all(values.map((externalId) => client.update({ customerId: 4211, externalId })))
    expect(made.map(({ status }) => status)).toEqual(['updated', 'updated', 'updated'])
    // What each of them says it found is what the one before it left.
    const befores = made.map(({ changes }) => changes?.[0]?.before)
    expect(new Set(befores).size).toBe(3)
    expect(befores).toContain('crm-004211')
    expect(aifi.requests().join(', ')).not.toContain('PATCH 4211, PATCH 4211')
  })
})

describe('a failure inside this server', () => {
  /** What this program fails at, in front of the real client of AiFi. */
  const failing = (broken: Partial<Aifi>) => (aifi: Aifi) =>
    Object.assign(Object.create(aifi) as Aifi, broken) satisfies Aifi

  test.each(eras)('after the request has left is never told as not sent (%s)', async (era) => {
    const { audit, attempts, outcomes } = recordingAudit()
    const aifi = await controlledAifi({
      audit,
      aifi: (real) =>
        failing({
          updateCustomer: async (...args) => {
            await real.updateCustomer(...args)
            throw new Error('a fault of our own')
          },
        })(real),
    })
    const client = await aifi.harness.connect({ era, answer: () => accept() })
    for (const args of [
      { customerId: 4211, firstName: 'Janet' },
      { customerId: 4211, blocked: true },
    ]) {
      const envelope = await client.update(args)
      expect(envelope).toMatchObject({ status: 'unknown', customerId: 4211 })
      expect(JSON.stringify(envelope)).not.toMatch(/nothing was (sent|changed)|a fault of our own/i)
    }
    expect(aifi.patches()).toEqual([{ firstName: 'Janet' }, { blocked: true }])
    expect(attempts).toHaveLength(2)
    const ended = outcomes.map(({ changeId, status }) => ({ changeId, status }))
    expect(ended).toEqual(attempts.map(({ changeId }) => ({ changeId, status: 'unknown' })))
  })

  test.each(eras)('at the look afterwards is never told as not sent (%s)', async (era) => {
    let sent = false
    const aifi = await controlledAifi({
      aifi: (real) =>
        failing({
          readCustomer: async (...args) => {
            if (sent) throw new Error('a fault of our own')
            return real.readCustomer(...args)
          },
          updateCustomer: async (...args) => {
            await real.updateCustomer(...args)
            sent = true
            return { kind: 'no_answer', cause: 'reset', detail: 'The connection broke.' }
          },
        })(real),
    })
    const client = await aifi.harness.connect({ era })
    expect((await client.update({ customerId: 4211, firstName: 'Janet' })).status).toBe('unknown')
    expect(aifi.patches()).toHaveLength(1)
  })

  test.each(eras)('before anything was sent is told as that (%s)', async (era) => {
    const aifi = await controlledAifi({
      aifi: failing({
        readCustomer: async () => {
          throw new Error('a fault of our own')
        },
      }),
    })
    const client = await aifi.harness.connect({ era })
    const envelope = await client.update({ customerId: 4211, firstName: 'Janet' })
    expect(envelope.status).toBe('failed')
    expect(envelope.message).not.toContain('a fault of our own')
    expect(aifi.patches()).toEqual([])
  })
})
