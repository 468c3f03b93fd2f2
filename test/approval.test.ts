import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../src/lib/json.ts'
import { type Fault, fault } from './helpers/fault.ts'
import { startFaultServer } from './helpers/fault-server.ts'
import { type Answer, accept, decline, eras, type Harness, start, type TestClient } from './helpers/harness.ts'
import { openedAddress, PageVisitor } from './helpers/page-visitor.ts'
import { RawClient } from './helpers/raw-client.ts'
import { recordingAudit } from './helpers/recording-audit.ts'
import { block, changeElsewhere, expectNothingSent, rename } from './helpers/situations.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** The customer of an AiFi that is not the sandbox. */
const jane = { id: 4211, email: 'jane@example.com', firstName: 'Jane', lastName: 'Doe', phone: null, role: 'customer' }
const byForm = { AIFI_APPROVAL: 'form' }
const onPage = { AIFI_APPROVAL: 'page' }
/** Calls do not wait for the page. */
const atOnce = { AIFI_APPROVAL_WAIT_SECONDS: '0' }

/** A client whose person does these things at the questions, one after the other; the last one stands. */
function doing(...steps: ((params: Parameters<Answer>[0]) => ReturnType<Answer>)[]): Answer {
  let count = 0
  return (params) => {
    const step = steps[Math.min(count, steps.length - 1)]
    count += 1
    return step ? step(params) : decline()
  }
}

/** A call that waits for the page, and the person there. */
async function waitingOnPage(args: JsonObject = block, env: Record<string, string> = {}) {
  const harness = await start({ env: { ...onPage, ...env } })
  const client = await harness.connect()
  const call = client.update(args)
  call.catch(() => undefined)
  const page = new PageVisitor(await openedAddress(harness))
  await page.get()
  return { harness, client, call, page }
}

/** An AiFi whose answers to this method wait until the test lets them go. */
async function holdingAifi(method: 'GET' | 'PATCH', env: Record<string, string> = {}) {
  const aifi = await startFaultServer()
  onTestFinished(() => aifi.close())
  const held: (() => void)[] = []
  const answer = fault.answerWith(({ body }) => ({ status: 200, body: { ...jane, ...(body ? JSON.parse(body) : {}) } }))
  const hold: Fault = { after: 'body', act: (faulty) => void held.push(() => answer.act(faulty)) }
  aifi.always('GET', method === 'GET' ? hold : answer)
  aifi.always('PATCH', method === 'PATCH' ? hold : answer)
  const harness = await start({ baseUrl: aifi.url, env: { AIFI_TIMEOUT_MS: '600000', ...env } })
  harness.clock.hold()
  const nextHeld = async (count = 1) => {
    await expect.poll(() => held.length, { timeout: 5_000, interval: 5 }).toBeGreaterThanOrEqual(count)
    return held[count - 1] ?? (() => undefined)
  }
  const letGo = async (count = 1) => (await nextHeld(count))()
  return { aifi, harness, nextHeld, letGo, patches: () => aifi.received('PATCH') }
}

/** Waits for a round trip, so that what was written before has arrived. */
async function roundTrip({ client }: TestClient): Promise<void> {
  await client.listTools()
}

const statusesOf = (envelopes: readonly { status: string }[]) => envelopes.map(({ status }) => status).sort()

describe.each(eras)('what a person agrees to, asked by a form in %s,', (era) => {
  test('names the record, the address and the change in its first three lines', async () => {
    const harness = await start()
    const client = await harness.connect({ era, answer: () => accept(), name: 'desk' })
    await client.update({ customerId: 77, role: 'employee', firstName: 'Marc' })
    const lines = String(client.asked[0]?.message).split('\n')
    expect(lines[0]).toContain('customer 77, “Marcus Weber”, marcus.weber@example.com')
    expect(lines[1]).toContain(harness.sandbox.baseUrl)
    expect(lines[2]).toBe('firstName: “Marcus” → “Marc”; role: “customer” → “employee”')
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
    expect(client.asked[1]?.message).toContain('“Marcus Vogel”')
    expect(client.asked[1]?.message).toContain('role: “tester” → “employee”')
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
    const harness = await start()
    const client = await harness.connect({ era, answer: () => accept() })
    const envelope = await client.update({ customerId: 77, role: 'customer', metadata: null, firstName: 'Marcus' })
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
    expect(client.asked[1]?.message).toContain('“Marcus Weber”')
  })

  test('is asked without a record under AIFI_READ_BACK=off', async () => {
    const harness = await start({ env: { ...byForm, AIFI_READ_BACK: 'off' } })
    const client = await harness.connect({ era, answer: () => accept() })
    expect((await client.update({ customerId: 77, role: 'customer' })).status).toBe('updated')
    expect(client.asked[0]?.message).toContain('switched off')
    expect(client.asked[0]?.message).toContain('role: (not readable) → “customer”')
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

describe('which fields need a person', () => {
  const values: JsonObject = {
    blocked: true,
    currentPassword: 'sandbox-password-77',
    password: 'a new password',
    role: 'tester',
    email: 'm@example.com',
    externalId: 'x',
    card: { provider: 'STRIPE', cardToken: 'tok_1' },
    cardType: 'STRIPE',
    cardToken: 'tok_1',
    firstName: 'Marc',
    lastName: 'Vogel',
    phone: '+49 30 23125 001',
    priority: 3,
  }
  const plain = ['firstName', 'lastName', 'phone', 'priority']

  async function askedFields(env: Record<string, string>): Promise<string[]> {
    const harness = await start({ env: { ...byForm, ...env, AIFI_MAX_CHANGES_PER_MINUTE: '100' } })
    const client = await harness.connect({ answer: () => accept() })
    const asked: string[] = []
    for (const [field, value] of Object.entries(values)) {
      const before = client.asked.length
      expect((await client.update({ customerId: 77, [field]: value })).status, field).toBe('updated')
      if (client.asked.length > before) asked.push(field)
    }
    return asked
  }

  test('are the built-in ones', async () => {
    expect(await askedFields({})).toEqual(Object.keys(values).filter((field) => !plain.includes(field)))
  })

  test('can be added to by AIFI_APPROVAL_FIELDS, never taken from', async () => {
    const asked = await askedFields({ AIFI_APPROVAL_FIELDS: 'phone,blocked' })
    expect(asked).toEqual(Object.keys(values).filter((field) => field === 'phone' || !plain.includes(field)))
  })

  test('are all of them under AIFI_APPROVAL_FIELDS=all', async () => {
    expect(await askedFields({ AIFI_APPROVAL_FIELDS: 'all' })).toEqual(Object.keys(values))
  })
})

describe('expectedEmail', () => {
  test('lets a change through in any case of the letters, a plain one too', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    expect((await update({ ...rename, expectedEmail: 'Marcus.WEBER@Example.com' })).status).toBe('updated')
  })

  test('refuses a change of somebody else before anybody is asked, a plain one too', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    for (const args of [block, rename]) {
      const envelope = await update({ ...args, expectedEmail: 'jane@example.com' })
      expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'expectedEmail', rule: 'any.only' }] })
      expect(envelope.message).toContain('does not carry the expected email')
      expect(JSON.stringify(envelope)).not.toContain('marcus.weber')
    }
    expect(harness.browser.opened).toEqual([])
    expectNothingSent(harness)
  })

  test.each([
    ['there is nothing to read', { getById: false }],
    ['reading is off', { env: { AIFI_READ_BACK: 'off' } }],
  ])('refuses a change when %s', async (_when, options) => {
    const harness = await start(options)
    const { update } = await harness.connect()
    const envelope = await update({ ...rename, expectedEmail: 'marcus.weber@example.com' })
    expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'expectedEmail' }] })
    expect(envelope.message).toContain('could not be read')
    expectNothingSent(harness)
  })
})

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

describe('an answer', () => {
  test('counts once, however many come at the same time', async () => {
    const { harness, call, page } = await waitingOnPage()
    const body = page.form('approve')
    await Promise.all(Array.from({ length: 8 }, () => page.send(body)))
    expect((await call).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('is the first one: a no and a yes at the same time are one of the two', async () => {
    const { harness, call, page } = await waitingOnPage()
    await Promise.all([page.send(page.form('decline')), page.send(page.form('approve'))])
    const { status } = await call
    expect(['declined', 'updated']).toContain(status)
    expect(harness.sent('PATCH')).toHaveLength(status === 'updated' ? 1 : 0)
  })

  test('that comes when no call waits changes the record at once, and is told to the next call, once', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    const pending = await client.update(block)
    expect(pending.status).toBe('approval_pending')
    expect(pending.message).toContain('Nothing has changed yet')
    const page = new PageVisitor(await openedAddress(harness))
    expect((await page.press('approve')).body).toContain('Done')
    expect(harness.sent('PATCH')).toHaveLength(1)
    const told = await client.update(block)
    expect(told).toMatchObject({ status: 'updated', approval: { channel: 'page', answer: 'approved' } })
    expect(told.message).toMatch(/outcome at \d\d:\d\d:\d\d; nothing was sent again/)
    const anew = await client.update(block)
    expect(anew.status).toBe('approval_pending')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('is told to one of two calls that ask for it at the same time', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    await client.update(block)
    await new PageVisitor(await openedAddress(harness)).press('approve')
    const both = await Promise.all([client.update(block), client.update(block)])
    expect(statusesOf(both)).toEqual(['approval_pending', 'updated'])
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('that was no is told in the same way, and then nobody is asked for a minute', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    await client.update(block)
    await new PageVisitor(await openedAddress(harness)).press('decline')
    const told = await client.update(block)
    expect(told).toMatchObject({ status: 'declined', approval: { channel: 'page', answer: 'declined' } })
    expect(told.message).toContain('on the approval page')
    expect((await client.update(block)).message).toContain('nobody was asked again')
    expectNothingSent(harness)
  })

  test('is forgotten when nobody has asked for it in ten minutes', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    await client.update(block)
    await new PageVisitor(await openedAddress(harness)).press('approve')
    harness.clock.advance(10 * MINUTE_MS)
    expect((await client.update(block)).status).toBe('approval_pending')
  })

  test('that comes after the question has lapsed changes nothing', async () => {
    const { harness, client, call, page } = await waitingOnPage()
    harness.clock.sleep(8 * HOUR_MS)
    const { body } = await page.press('approve')
    expect(body).not.toContain('Done')
    expect(await call).toMatchObject({ status: 'declined', approval: { channel: 'page', answer: 'expired' } })
    await roundTrip(client)
    expectNothingSent(harness)
  })
})

describe('the same call', () => {
  test('in another key order is the same change: one question, one window', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    harness.clock.hold()
    const client = await harness.connect()
    await client.update({ customerId: 77, role: 'tester', metadata: { a: { x: 1, y: [1, 2] }, b: 2 } })
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    const again = await client.update({ metadata: { b: 2, a: { y: [1, 2], x: 1 } }, role: 'tester', customerId: 77 })
    expect(again.status).toBe('approval_pending')
    expect(harness.browser.opened).toHaveLength(1)
    await page.press('approve')
    const told = await client.update({ role: 'tester', customerId: 77, metadata: { a: { y: [1, 2], x: 1 }, b: 2 } })
    expect(told.status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('with another order in a list is another change', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    await client.update({ customerId: 77, metadata: { list: [1, 2] } })
    await client.update({ customerId: 77, metadata: { list: [2, 1] } })
    const { body } = await new PageVisitor(harness.browser.opened.at(-1) ?? '').get()
    expect(body).toContain('2 questions')
  })

  test('after a plain change is a second change, which finds nothing to do', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    expect(await update(rename)).toMatchObject({ status: 'updated' })
    const second = await update(rename)
    expect(second).toMatchObject({ status: 'unchanged' })
    expect(second.message).not.toContain('was the outcome')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('finds the question withdrawn when the record has moved: the old form decides nothing', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    const args = { customerId: 77, role: 'employee' }
    await client.update(args)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    const oldForm = page.form('approve')
    await changeElsewhere(harness, 77, { role: 'tester' })
    expect((await client.update(args)).status).toBe('approval_pending')
    await page.send(oldForm)
    await roundTrip(client)
    expectNothingSent(harness)
    const { body } = await page.get()
    expect(body).toContain('tester')
    await page.press('approve')
    expect(harness.sent('PATCH')).toHaveLength(1)
    expect(await client.update(args)).toMatchObject({ status: 'updated', changes: [{ before: 'tester' }] })
  })

  test('that is waiting is told of the new question too when another one finds the record moved', async () => {
    const harness = await start({ env: onPage })
    const client = await harness.connect()
    const args = { customerId: 77, role: 'employee' }
    const first = client.update(args)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    await changeElsewhere(harness, 77, { role: 'tester' })
    const second = client.update(args)
    await expect.poll(async () => (await page.get()).body).toContain('tester')
    await page.press('approve')
    expect(statusesOf(await Promise.all([first, second]))).toEqual(['updated', 'updated'])
    expect(harness.sent('PATCH')).toHaveLength(1)
  })
})

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
    const second = client.update(block)
    // Both wait: the page's own timer, the question's, and one for each call.
    await expect.poll(() => harness.clock.pending).toBeGreaterThanOrEqual(4)
    stop.abort()
    await expect(first).rejects.toThrow()
    await roundTrip(client)
    await page.press('approve')
    expect((await second).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
    expect(harness.browser.opened).toHaveLength(1)
  })

  test('before anything was asked or sent leaves nothing behind', async () => {
    const { harness, nextHeld, letGo, patches } = await holdingAifi('GET')
    const client = await harness.connect({ era })
    const stop = new AbortController()
    const call = client.update({ customerId: 4211, firstName: 'Janet' }, { signal: stop.signal })
    call.catch(() => undefined)
    await nextHeld()
    stop.abort()
    await expect(call).rejects.toThrow()
    const next = client.update({ customerId: 4211, lastName: 'Roe' })
    await letGo()
    await letGo(2)
    expect((await next).status).toBe('updated')
    expect(patches().map(({ body }) => JSON.parse(body))).toEqual([{ lastName: 'Roe' }])
  })

  test('before the question could be put leaves no question open', async () => {
    const { harness, nextHeld, letGo } = await holdingAifi('GET')
    const client = await harness.connect({ era })
    const stop = new AbortController()
    const call = client.update({ customerId: 4211, blocked: true }, { signal: stop.signal })
    call.catch(() => undefined)
    await nextHeld()
    stop.abort()
    await expect(call).rejects.toThrow()
    await roundTrip(client)
    await expect.poll(() => harness.app.kept()).toBe(0)
    await letGo()
    await expect.poll(() => harness.clock.pending).toBe(0)
    expect(harness.browser.opened).toEqual([])
  })

  test('at the page, after its client had answered a form without asking anybody, voids the question', async () => {
    const harness = await start()
    harness.clock.hold()
    const raw = await RawClient.connect(harness, { era, elicitation: {} })
    let id = raw.call(block)
    if (era === '2025-11-25') raw.reply(await raw.nextAsked(), { action: 'decline' })
    else {
      const { state } = await raw.question(id)
      id = raw.call(block, { requestState: state, inputResponses: { approve: { action: 'decline' } } })
    }
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    raw.cancel(id)
    await raw.envelope(raw.call({ ...rename, dryRun: true }))
    await page.press('approve')
    expectNothingSent(harness)
  })

  test('after the request has left does not stop it, and its outcome is told to the next call', async () => {
    const { harness, nextHeld, letGo, patches } = await holdingAifi('PATCH')
    const client = await harness.connect({ era })
    const args = { customerId: 4211, firstName: 'Janet' }
    const stop = new AbortController()
    const call = client.update(args, { signal: stop.signal })
    call.catch(() => undefined)
    await nextHeld()
    stop.abort()
    await expect(call).rejects.toThrow()
    const next = client.update(args)
    await letGo()
    expect((await next).status).toBe('updated')
    expect(patches()).toHaveLength(1)
  })
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

describe('an answer to a question that has been put anew', () => {
  test('counts for nothing, and is no sign that the client asks nobody', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation: {} })
    const yes = { action: 'accept', content: { approve: true } }
    const first = raw.call(block)
    const old = await raw.nextAsked()
    await changeElsewhere(harness, 77, { firstName: 'Mark' })
    const second = raw.call(block)
    const anew = await raw.nextAsked(2)
    raw.reply(old, yes)
    await raw.answerTo(raw.send('tools/list'))
    expectNothingSent(harness)
    raw.reply(anew, yes)
    expect(statusesOf([await raw.envelope(first), await raw.envelope(second)])).toEqual(['updated', 'updated'])
    expect(harness.sent('PATCH')).toHaveLength(1)
    const other = raw.call({ customerId: 4211, blocked: true })
    raw.reply(await raw.nextAsked(3), yes)
    expect((await raw.envelope(other)).approval?.channel).toBe('form')
    expect(harness.browser.opened).toEqual([])
  })
})

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
    const { aifi, letGo, nextHeld } = await holdingAifi('PATCH')
    const harness = await start({ baseUrl: aifi.url, audit })
    const raw = await RawClient.connect(harness, { era: '2025-11-25' })
    raw.call({ customerId: 4211, firstName: 'Janet' })
    await nextHeld()
    const closed = harness.app.close(10_000)
    await letGo()
    await closed
    expect(outcomes).toMatchObject([{ customerId: 4211, status: 'updated' }])
  })
})

describe('waiting for a person', () => {
  test('blocks neither other customers nor changes of the same customer that need nobody', async () => {
    const { harness, client, call, page } = await waitingOnPage({ customerId: 77, blocked: true })
    expect((await client.update({ customerId: 4211, firstName: 'Janet' })).status).toBe('updated')
    expect((await client.update({ customerId: 77, phone: '+49 30 23125 001' })).status).toBe('updated')
    expect((await client.update({ customerId: 77, firstName: 'X', dryRun: true })).status).toBe('preview')
    await page.press('approve')
    expect((await call).status).toBe('updated')
    expect(harness.sent('PATCH').map(({ body }) => body)).toEqual([
      { firstName: 'Janet' },
      { phone: '+49 30 23125 001' },
      { blocked: true },
    ])
  })

  test('ends after AIFI_APPROVAL_WAIT_SECONDS, and the question stays open', async () => {
    const { harness, client, call, page } = await waitingOnPage(block, { AIFI_APPROVAL_WAIT_SECONDS: '20' })
    harness.clock.advance(20_000)
    expect((await call).status).toBe('approval_pending')
    await page.press('approve')
    expect((await client.update(block)).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('ends within 55 s of the arrival of the call, whatever the setting', async () => {
    const { harness, client, call } = await waitingOnPage(block, { AIFI_APPROVAL_WAIT_SECONDS: '600' })
    let answered = false
    void call.then(() => {
      answered = true
    })
    harness.clock.advance(50_000)
    await roundTrip(client)
    expect(answered).toBe(false)
    harness.clock.advance(4_500)
    expect(await call).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
  })

  test('is 55 s for a 2025-era call as a whole, the time at the client’s own question included', async () => {
    const harness = await start({ env: { ...onPage, AIFI_APPROVAL_WAIT_SECONDS: '600' } })
    harness.clock.hold()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation: { url: {} } })
    const id = raw.call(block, {}, { progressToken: 'p' })
    const question = await raw.nextAsked()
    harness.clock.advance(50_000)
    raw.reply(question, { action: 'accept' })
    const waiting = () => raw.received.some(({ params }) => JSON.stringify(params ?? {}).includes('being opened'))
    await expect.poll(waiting).toBe(true)
    harness.clock.advance(4_500)
    expect((await raw.envelope(id)).status).toBe('approval_pending')
  })

  test('tells a client that gave a progress token, with numbers that grow through all rounds of the call', async () => {
    const harness = await start({ env: onPage })
    harness.clock.hold()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation: { url: {} } })
    const id = raw.call(block, {}, { progressToken: 'token-1' })
    const question = await raw.nextAsked()
    const { params } = question
    raw.reply(question, { action: 'accept' })
    const notes = () => raw.received.filter(({ method }) => method === 'notifications/progress')
    await expect.poll(() => JSON.stringify(notes())).toContain('being opened')
    for (let seconds = 0; seconds < 20; seconds += 5) {
      const before = notes().length
      harness.clock.advance(5_000)
      await expect.poll(() => notes().length).toBeGreaterThan(before)
    }
    await new PageVisitor(String((params as JsonObject).url)).press('approve')
    expect((await raw.envelope(id)).status).toBe('updated')
    const told = notes().map((note) => note.params as JsonObject)
    expect(told.every(({ progressToken }) => progressToken === 'token-1')).toBe(true)
    const numbers = told.map(({ progress }) => Number(progress))
    expect(numbers.every((each, index) => index === 0 || each > (numbers[index - 1] ?? 0))).toBe(true)
    expect(JSON.stringify(told)).not.toContain('127.0.0.1')
    const after = notes().length
    harness.clock.advance(60_000)
    await raw.answerTo(raw.send('tools/list'))
    expect(notes()).toHaveLength(after)
  })

  test.each(eras)('sends no progress to a client of %s that gave no token', async (era) => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const raw = await RawClient.connect(harness, { era })
    expect((await raw.envelope(raw.call(block))).status).toBe('approval_pending')
    expect(raw.received.filter(({ method }) => method === 'notifications/progress')).toEqual([])
  })
})

describe('a slow AiFi', () => {
  const janet = { customerId: 4211, firstName: 'Janet' }

  test('that does not show the record in time ends the call as failed, and nothing is sent when it does', async () => {
    const { harness, nextHeld, letGo, patches } = await holdingAifi('GET')
    const client = await harness.connect()
    const call = client.update(janet)
    await nextHeld()
    harness.clock.advance(54_500)
    const envelope = await call
    expect(envelope.status).toBe('failed')
    expect(envelope.message).toContain('did not answer in time. Nothing was sent')
    await letGo()
    const next = client.update(janet)
    await letGo(2)
    expect(await next).toMatchObject({ status: 'updated' })
    expect(patches()).toHaveLength(1)
  })

  test('does not hold a dry run longer either', async () => {
    const { harness, nextHeld } = await holdingAifi('GET')
    const client = await harness.connect()
    const call = client.update({ ...janet, dryRun: true })
    await nextHeld()
    harness.clock.advance(54_500)
    expect((await call).status).toBe('failed')
    expect(harness.clock.pending).toBeLessThanOrEqual(1)
  })

  test('does not hold the call that picks up an answer', async () => {
    const { harness, nextHeld, letGo } = await holdingAifi('GET', { ...onPage, ...atOnce })
    const client = await harness.connect()
    const args = { customerId: 4211, blocked: true }
    const first = client.update(args)
    await letGo()
    expect((await first).status).toBe('approval_pending')
    const second = client.update(args)
    await nextHeld(2)
    harness.clock.advance(5_000)
    expect((await second).status).toBe('approval_pending')
  })

  test('that has the request and does not answer leaves the outcome unknown, and tells it later without sending again', async () => {
    const { harness, nextHeld, letGo, patches } = await holdingAifi('PATCH')
    const client = await harness.connect()
    const call = client.update(janet)
    await nextHeld()
    harness.clock.advance(54_500)
    const envelope = await call
    expect(envelope.status).toBe('unknown')
    expect(envelope.message).toContain('has been sent')
    expect(envelope.message).toContain('not sent twice')
    const again = client.update(janet)
    await roundTrip(client)
    await letGo()
    expect((await again).status).toBe('updated')
    expect(patches()).toHaveLength(1)
  })

  test('gets the changes of one customer one after the other, and those of another at the same time', async () => {
    const { harness, nextHeld, letGo, patches } = await holdingAifi('PATCH', { AIFI_READ_BACK: 'off' })
    const client = await harness.connect()
    const first = client.update(janet)
    await nextHeld()
    const second = client.update({ customerId: 4211, lastName: 'Roe' })
    const other = client.update({ customerId: 77, firstName: 'Marc' })
    await nextHeld(2)
    expect(patches().map(({ path }) => path.split('/').at(-1))).toEqual(['4211', '77'])
    await letGo(2)
    await letGo(1)
    await letGo(3)
    expect((await first).status).toBe('updated')
    expect((await second).status).toBe('updated')
    await other
    expect(patches().map(({ body }) => JSON.parse(body))).toEqual([
      { firstName: 'Janet' },
      { firstName: 'Marc' },
      { lastName: 'Roe' },
    ])
  })
})

describe('many calls', () => {
  test('leave no timer, no listener and no change behind', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const env = { AIFI_APPROVAL: 'chat', AIFI_MAX_CHANGES_PER_MINUTE: '1000000', LOG_LEVEL: 'silent' }
    const harness = await start({ env })
    const { client, update } = await harness.connect()
    const question = await update(block)
    const held = { timers: harness.clock.pending, size: harness.app.kept() }
    expect(held).toEqual({ timers: 1, size: 1 })
    for (let i = 0; i < 500; i++) {
      await Promise.all([
        update(block),
        update({ customerId: 77, priority: 99 }),
        update({ customerId: 102, firstName: 'Amelia' }),
        update({ customerId: 102, phone: String(i) }),
      ])
    }
    expect({ timers: harness.clock.pending, size: harness.app.kept() }).toEqual(held)
    expect((await update({ ...block, approvalCode: question.approval?.code })).status).toBe('updated')
    expect({ timers: harness.clock.pending, size: harness.app.kept() }).toEqual({ timers: 0, size: 0 })
    const stop = new AbortController()
    const cancelled = Array.from({ length: 100 }, (_, i) =>
      update({ customerId: 318, phone: `+${i}` }, { signal: stop.signal }).catch(() => undefined),
    )
    stop.abort()
    await Promise.all(cancelled)
    await client.listTools()
    await expect.poll(() => harness.clock.pending).toBe(0)
    expect(warnings).toEqual([])
  }, 60_000)
})

describe('many calls that wait for one page', () => {
  test('leave no timer and no watcher behind, and none of them is forgotten when the answer comes', async () => {
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
