import { describe, expect, it, test } from 'vitest'
import { type Fault, fault } from '../helpers/fault.ts'
import { applying, bodyOf, jane, situation } from '../helpers/fault-situation.ts'
import { accept } from '../helpers/harness.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'

/** Answers `then` once it is released, whatever `then` is. */
function held(then: Fault): { fault: Fault; release(): void } {
  const { happened, happen } = event()
  return {
    fault: { after: 'body', act: (faulty) => void happened.then(() => then.act(faulty)) },
    release: happen,
  }
}

function event(): { happened: Promise<void>; happen(): void } {
  let happen = () => {}
  const happened = new Promise<void>((resolve) => {
    happen = resolve
  })
  return { happened, happen }
}

describe('a call that is cancelled before the change was sent', () => {
  it('sends nothing: while the record is read', async () => {
    const { audit, attempts } = recordingAudit()
    const reading = held(fault.answer(200, jane))
    const { aifi, client, harness, patches } = await situation({ before: reading.fault, audit })
    const stop = new AbortController()
    const call = client.update({ customerId: 4211, firstName: 'Janet' }, { signal: stop.signal })
    await expect.poll(() => aifi.received('GET').length).toBe(1)
    stop.abort()
    await expect(call).rejects.toThrow()
    reading.release()
    await expect.poll(() => harness.changesHeld()).toBe(0)
    expect(patches()).toBe(0)
    expect(attempts).toEqual([])
  })

  it('sends nothing: while another change of the same customer is under way', async () => {
    const first = held(applying())
    const { aifi, client, harness, patches } = await situation({ patch: first.fault })
    const earlier = client.update({ customerId: 4211, firstName: 'Janet' })
    await expect.poll(patches).toBe(1)
    const stop = new AbortController()
    const later = client.update({ customerId: 4211, firstName: 'Joan' }, { signal: stop.signal })
    stop.abort()
    await expect(later).rejects.toThrow()
    first.release()
    expect((await earlier).status).toBe('updated')
    await expect.poll(() => harness.changesHeld()).toBe(0)
    expect(aifi.received('PATCH').map(bodyOf)).toEqual([{ firstName: 'Janet' }])
  })

  it('sends nothing: while a person is asked, who says yes too late', async () => {
    const { happened, happen } = event()
    const { audit, attempts, outcomes } = recordingAudit()
    const { client, harness, patches } = await situation({ audit, answer: () => happened.then(() => accept()) })
    const stop = new AbortController()
    const call = client.update({ customerId: 4211, blocked: false }, { signal: stop.signal })
    await expect.poll(() => client.asked.length).toBe(1)
    stop.abort()
    await expect(call).rejects.toThrow()
    happen()
    await expect.poll(() => harness.changesHeld()).toBe(0)
    expect(patches()).toBe(0)
    expect(attempts).toEqual([])
    expect(outcomes).toMatchObject([{ customerId: 4211, status: 'declined', approval: { answer: 'withdrawn' } }])
  })
})

describe('a machine that sleeps while AiFi has the request', () => {
  it('is told the outcome: no claim of a process that lives has lapsed', async () => {
    const first = held(applying())
    const { client, harness, patches } = await situation({ patch: first.fault })
    const change = { customerId: 4211, firstName: 'Janet' }
    const call = client.update(change)
    await expect.poll(patches).toBe(1)
    harness.clock.sleep(10 * 60_000)
    const again = client.update(change)
    await client.client.listTools()
    first.release()
    expect([(await call).status, (await again).status]).toEqual(['updated', 'updated'])
    expect(patches()).toBe(1)
  })
})

describe('a call that is cancelled after the change was sent', () => {
  it('changes nothing about the change: its outcome is recorded, and told to the next call that asks for it', async () => {
    const first = held(applying())
    const { audit, attempts, outcomes } = recordingAudit()
    const { client, patches } = await situation({ patch: first.fault, audit })
    const stop = new AbortController()
    const call = client.update({ customerId: 4211, firstName: 'Janet' }, { signal: stop.signal })
    await expect.poll(patches).toBe(1)
    stop.abort()
    await expect(call).rejects.toThrow()
    first.release()
    await expect.poll(() => outcomes.length).toBe(1)
    expect(attempts).toMatchObject([{ customerId: 4211, fields: ['firstName'] }])
    expect(outcomes).toMatchObject([{ changeId: attempts[0]?.changeId, status: 'updated', http: { status: 200 } }])
    const again = await client.update({ customerId: 4211, firstName: 'Janet' })
    expect(again).toMatchObject({ status: 'updated', message: expect.stringMatching(/nothing was sent again/) })
    expect(patches()).toBe(1)
  })

  it('does not make a lost answer sound better', async () => {
    const first = held(fault.resetAfterBody())
    const { audit, outcomes } = recordingAudit()
    const { client, patches } = await situation({ patch: first.fault, audit })
    const stop = new AbortController()
    const call = client.update({ customerId: 4211, firstName: 'Janet' }, { signal: stop.signal })
    await expect.poll(patches).toBe(1)
    stop.abort()
    await expect(call).rejects.toThrow()
    first.release()
    await expect.poll(() => outcomes.map(({ status }) => status)).toEqual(['unknown'])
    expect(patches()).toBe(1)
  })
})

it('at the end of input, what was sent gets a moment for its answer; then its outcome is unknown, on record', async () => {
  const { audit, outcomes } = recordingAudit()
  const { client, harness, patches } = await situation({ patch: fault.silence(), audit })
  const call = client.update({ customerId: 4211, firstName: 'Janet' })
  await expect.poll(patches).toBe(1)
  await harness.app.close(20)
  expect(await call).toMatchObject({
    status: 'unknown',
    message: expect.stringMatching(/This program was ended before/),
  })
  expect(outcomes).toMatchObject([{ status: 'unknown' }])
})

describe('many changes at a time', () => {
  test('of one customer are sent one after the other, in the order in which they were asked for', async () => {
    const { aifi, client } = await situation()
    let inFlight = 0
    let most = 0
    aifi.always('PATCH', {
      after: 'body',
      act(faulty) {
        inFlight += 1
        most = Math.max(most, inFlight)
        setTimeout(() => {
          inFlight -= 1
          applying().act(faulty)
        }, 5)
      },
    })
    const names = Array.from({ length: 12 }, (_, index) => `Janet ${index}`)
    const answers = await Promise.all(names.map((firstName) => client.update({ customerId: 4211, firstName })))
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 'updated'))
    expect(aifi.received('PATCH').map(bodyOf)).toEqual(names.map((firstName) => ({ firstName })))
    expect(most).toBe(1)
  })

  test('of one customer wait for an outcome before the next is sent, even when it is lost', async () => {
    const { aifi, client } = await situation({ patch: [fault.resetAfterBody(), applying()] })
    const answers = await Promise.all(
      ['Janet', 'Joan'].map((firstName) => client.update({ customerId: 4211, firstName })),
    )
    expect(answers.map(({ status }) => status)).toEqual(['unknown', 'updated'])
    // Read, sent, read back; then the next one.
    expect(aifi.received().map(({ method }) => method)).toEqual(['GET', 'PATCH', 'GET', 'GET', 'PATCH'])
  })

  test('of other customers do not wait for one that hangs', async () => {
    const first = held(applying())
    const { client, patches } = await situation({ patch: [first.fault, fault.answer(200, { ...jane, id: 77 })] })
    const hanging = client.update({ customerId: 4211, firstName: 'Janet' })
    await expect.poll(patches).toBe(1)
    expect((await client.update({ customerId: 77, firstName: 'Mark' })).status).toBe('updated')
    first.release()
    expect((await hanging).status).toBe('updated')
  })

  test('hundreds of them all get a true answer over a handful of connections', async () => {
    const { aifi, client, harness } = await situation({ timeoutMs: 20_000 })
    let mostOpen = 0
    const record = (path: string) => ({ ...jane, id: Number(path.slice(path.lastIndexOf('/') + 1)) })
    const measured = (then: Fault): Fault => {
      mostOpen = Math.max(mostOpen, aifi.connections().open)
      return then
    }
    aifi.always('GET', ({ path }) => measured(fault.answer(200, record(path))))
    aifi.always('PATCH', ({ path }) => {
      const { id } = record(path)
      return measured(
        id % 10 === 0 ? fault.resetAfterBody() : fault.answer(200, { ...record(path), firstName: 'Janet' }),
      )
    })
    const ids = Array.from({ length: 400 }, (_, index) => 5_000 + index)
    const answers = await Promise.all(ids.map((customerId) => client.update({ customerId, firstName: 'Janet' })))
    expect(answers.map(({ customerId, status }) => [customerId, status])).toEqual(
      ids.map((id) => [id, id % 10 === 0 ? 'unknown' : 'updated']),
    )
    expect(aifi.received('PATCH')).toHaveLength(400)
    expect(mostOpen).toBeLessThanOrEqual(16)
    expect(harness.changesHeld()).toBe(0)
  })

  test('stop at the limit of changes per minute: the rest is refused, with the time to wait', async () => {
    const { client, harness, patches } = await situation({
      patch: applying(),
      env: { AIFI_MAX_CHANGES_PER_MINUTE: '3' },
    })
    const change = (firstName: string) => client.update({ customerId: 4211, firstName })
    for (const name of ['a', 'b', 'c']) expect((await change(name)).status).toBe('updated')
    const refused = await change('d')
    expect(refused).toMatchObject({ status: 'failed', message: expect.stringMatching(/AIFI_MAX_CHANGES_PER_MINUTE/) })
    expect(refused.retryAfterSeconds).toBeGreaterThan(50)
    expect(patches()).toBe(3)
    harness.clock.advance(61_000)
    expect((await change('d')).status).toBe('updated')
  })
})
