import { describe, expect, test } from 'vitest'
import { type Answer, accept, decline, eras, type Harness, start } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'
import {
  atOnce,
  block,
  byForm,
  changeElsewhere,
  doing,
  expectNothingSent,
  HOUR_MS,
  MINUTE_MS,
  onPage,
} from '../helpers/situations.ts'

describe.each(eras)('what a person agrees to, asked by a form in %s,', (era) => {
  test('names the record and the changes in its first three lines, those that need a person first, and the address below', async () => {
    const harness = await start()
    const client = await harness.connect({ era, answer: () => accept(), name: 'desk' })
    await client.update({ customerId: 77, role: 'employee', firstName: 'Marc' })
    const lines = String(client.asked[0]?.message).split('\n')
    expect(lines.slice(0, 3)).toEqual([
      'Change customer 77, Marcus Weber, marcus.weber@example.com?',
      'Role: “customer” → “employee”',
      'First name: “Marcus” → “Marc”',
    ])
    expect(lines.at(-2)).toContain(harness.sandbox.baseUrl)
    expect(lines.at(-1)).toContain('desk 1.0.0')
  })

  test('is the record as it was shown: if it has changed, the new one is shown, and nothing is sent until then', async () => {
    const harness = await start({ env: byForm })
    const sentMeanwhile: number[] = []
    const client = await harness.connect({
      era,
      answer: doing(
        async () => {
          await changeElsewhere(harness, 77, { role: 'tester', lastName: 'Vogel' })
          return accept()
        },
        () => {
          sentMeanwhile.push(harness.sent('PATCH').length)
          return accept()
        },
      ),
    })
    const envelope = await client.update({ customerId: 77, role: 'employee' })
    expect(envelope).toMatchObject({ status: 'updated', changes: [{ before: 'tester', after: 'employee' }] })
    expect(client.asked).toHaveLength(2)
    expect(client.asked[1]?.message).toContain('Marcus Vogel')
    expect(client.asked[1]?.message).toContain('Role: “tester” → “employee”')
    expect(sentMeanwhile).toEqual([0])
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('is asked again when the email moved, and the answer to the second question counts', async () => {
    const harness = await start({ env: byForm })
    const client = await harness.connect({
      era,
      answer: doing(async () => {
        await changeElsewhere(harness, 77, { email: 'someone.else@example.com' })
        return accept()
      }, decline),
    })
    expect((await client.update(block)).approval?.answer).toBe('declined')
    expect(client.asked[1]?.message).toContain('someone.else@example.com')
    expectNothingSent(harness)
  })

  test('ends as unchanged when somebody else has made the same change meanwhile', async () => {
    const harness = await start({ env: byForm })
    const answer: Answer = async () => {
      await changeElsewhere(harness, 77, { role: 'employee' })
      return accept()
    }
    const client = await harness.connect({ era, answer })
    expect((await client.update({ customerId: 77, role: 'employee' })).status).toBe('unchanged')
    expect(client.asked).toHaveLength(1)
    expectNothingSent(harness)
  })

  test('ends as invalid when the record is no longer that of the expected email', async () => {
    const harness = await start({ env: byForm })
    const answer: Answer = async () => {
      await changeElsewhere(harness, 77, { email: 'someone.else@example.com' })
      return accept()
    }
    const client = await harness.connect({ era, answer })
    const envelope = await client.update({ ...block, expectedEmail: 'marcus.weber@example.com' })
    expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'expectedEmail' }] })
    expectNothingSent(harness)
  })

  test('is not asked for ever about a record that never rests', async () => {
    const harness = await start({ env: byForm })
    let count = 0
    const answer: Answer = async () => {
      count += 1
      await changeElsewhere(harness, 77, { firstName: `Name ${count}` })
      return accept()
    }
    const client = await harness.connect({ era, answer })
    const envelope = await client.update(block)
    expect(envelope.status).toBe('failed')
    expect(envelope.message).toContain('kept changing')
    expect(client.asked).toHaveLength(5)
    expectNothingSent(harness)
  })

  test.each<[string, (harness: Harness) => void]>([
    ['ten minutes', ({ clock }) => clock.advance(10 * MINUTE_MS)],
    ['a night in which the machine slept', ({ clock }) => clock.sleep(8 * HOUR_MS)],
    [
      'ten minutes, the clock having been set back an hour',
      ({ clock }) => {
        clock.adjust(-HOUR_MS)
        clock.advance(10 * MINUTE_MS)
      },
    ],
    ['a clock that was set forward an hour', ({ clock }) => clock.adjust(HOUR_MS)],
  ])('has lapsed after %s: a yes changes nothing', async (_when, pass) => {
    const harness = await start({ env: byForm })
    harness.clock.hold()
    const client = await harness.connect({
      era,
      answer: doing(
        () => {
          pass(harness)
          return accept()
        },
        () => accept(),
      ),
    })
    const late = await client.update(block)
    expect(late).toMatchObject({ status: 'declined', approval: { channel: 'form', answer: 'expired' } })
    expect(late.message).toContain('ran out')
    expectNothingSent(harness)
    expect((await client.update(block)).status).toBe('updated')
    expect(client.asked).toHaveLength(2)
  })

  test.each<[string, (harness: Harness) => void]>([
    ['nine minutes', ({ clock }) => clock.advance(9 * MINUTE_MS)],
    ['nine minutes of sleep', ({ clock }) => clock.sleep(9 * MINUTE_MS)],
    ['a clock that was set back an hour', ({ clock }) => clock.adjust(-HOUR_MS)],
  ])('is good still after %s', async (_when, pass) => {
    const harness = await start({ env: byForm })
    harness.clock.hold()
    const answer: Answer = () => {
      pass(harness)
      return accept()
    }
    const client = await harness.connect({ era, answer })
    expect((await client.update(block)).status).toBe('updated')
  })

  test('is not needed for a change that changes nothing', async () => {
    const harness = await start({ env: byForm })
    const client = await harness.connect({ era, answer: () => accept() })
    const envelope = await client.update({ customerId: 77, role: 'customer', blocked: false, firstName: 'Marcus' })
    expect(envelope.status).toBe('updated')
    const same = await client.update({ customerId: 77, role: 'customer', firstName: 'Marcus' })
    expect(same).toMatchObject({ status: 'unchanged', customer: { id: 77 } })
    expect(same.message).toContain('Nothing was sent')
    expect(client.asked).toHaveLength(1)
  })

  test('is needed for metadata only when something that is there would be lost, or cannot be seen', async () => {
    const harness = await start({ env: byForm })
    const client = await harness.connect({ era, answer: () => accept() })
    const metadata = { homeStore: 'Berlin Mitte', newsletter: true, tier: 'gold' }
    expect((await client.update({ customerId: 77, metadata })).status).toBe('updated')
    expect(client.asked).toHaveLength(0)
    expect((await client.update({ customerId: 77, metadata: { tier: 'gold' } })).status).toBe('updated')
    expect(client.asked).toHaveLength(1)
    const blind = await start({ env: byForm, getById: false })
    const other = await blind.connect({ era, answer: () => accept() })
    expect((await other.update({ customerId: 77, metadata })).status).toBe('updated')
    expect(other.asked).toHaveLength(1)
  })

  test('about a customer that cannot be read says so, and does not blind the next question', async () => {
    const harness = await start({ env: byForm })
    const client = await harness.connect({ era, answer: () => accept() })
    const unknown = await client.update({ customerId: 999_999, blocked: true })
    expect(client.asked[0]?.message).toContain('could not be read')
    expect(client.asked[0]?.message).toContain('check the number')
    expect(unknown).toMatchObject({ status: 'failed', http: { status: 404 } })
    await client.update(block)
    expect(client.asked[1]?.message).toContain('Marcus Weber')
  })

  test('is asked without a record under AIFI_READ_BACK=off', async () => {
    const harness = await start({ env: { ...byForm, AIFI_READ_BACK: 'off' } })
    const client = await harness.connect({ era, answer: () => accept() })
    expect((await client.update({ customerId: 77, role: 'customer' })).status).toBe('updated')
    expect(client.asked[0]?.message).toContain('switched off')
    expect(client.asked[0]?.message).toContain('Role: Unknown → “customer”')
    expect(harness.sent('GET')).toEqual([])
  })

  test('is one question for all the fields of a call', async () => {
    const harness = await start({ env: byForm })
    const client = await harness.connect({ era, answer: () => accept() })
    const args = { customerId: 77, blocked: true, role: 'tester', externalId: 'x', email: 'm@example.com', priority: 1 }
    expect((await client.update(args)).status).toBe('updated')
    expect(client.asked).toHaveLength(1)
    expect(harness.sent('PATCH')).toHaveLength(1)
  })
})

describe('a question that nobody answers', () => {
  test('lapses by itself after ten minutes, even when its timer fires too early', async () => {
    const { audit, outcomes } = recordingAudit()
    const harness = await start({ env: { ...onPage, ...atOnce }, audit })
    harness.clock.hold()
    const { update } = await harness.connect()
    await update(block)
    harness.clock.advance(10 * MINUTE_MS - 1)
    harness.clock.fireEarly()
    await update(block)
    expect(outcomes).toEqual([])
    harness.clock.advance(1)
    await expect.poll(() => outcomes).toMatchObject([{ status: 'declined', approval: { answer: 'expired' } }])
    await new PageVisitor(await openedAddress(harness)).press('approve')
    expectNothingSent(harness)
  })
})

test('a change that is too long to be shown whole in a form is put on the page, where every member is shown', async () => {
  const harness = await start()
  const client = await harness.connect({ answer: () => accept() })
  const metadata = { pad: 'x'.repeat(2_100), hiddenCredit: 999_999 }
  const call = client.update({ customerId: 4211, metadata })
  call.catch(() => undefined)
  const { body } = await new PageVisitor(await openedAddress(harness)).get()
  expect(body).toContain('hiddenCredit')
  expect(body).toContain('999999')
  expect(body).toContain('x'.repeat(2_100))
  expect(client.asked).toEqual([])
  expectNothingSent(harness)
})
