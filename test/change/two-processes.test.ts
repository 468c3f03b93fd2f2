import { expect, test } from 'vitest'
import { noAudit } from '../../src/audit/audit.ts'
import { claimed } from '../../src/change/change.ts'
import { MemoryStore } from '../../src/change/store-memory.ts'
import { instantIn } from '../../src/lib/clock.ts'
import { Customers, handle, type Observer, Replica, settled } from '../helpers/faulty-replica.ts'
import { Ledger } from '../helpers/ledger.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { sharedMemory } from '../helpers/shared-memory.ts'

const request = { customerId: 1, changes: { blocked: true }, enterPrivately: [], dryRun: false }
const caller = { client: 'test 1' }
const never = { signal: new AbortController().signal, afterMs: 60 * 60_000 }

function twoProcesses(observer: Observer = new Ledger()) {
  const clock = new ManualClock()
  const shared = sharedMemory(new MemoryStore(clock, noAudit), clock)
  const parts = { customers: new Customers(), observer, aheadMs: 0 }
  const replicas = [0, 1].map(() => new Replica((own) => shared.open(own), parts))
  const [first, second] = replicas
  if (!first || !second) throw new Error('There are two.')
  const pass = async (ms: number) => {
    await shared.pass(ms)
    for (const replica of replicas) replica.pass(ms)
    await settled(() => replicas)
  }
  return { first, second, pass }
}

test('the same request at two processes at once is one change', async () => {
  const { first, second } = twoProcesses()
  const proposed = await Promise.all(
    [first, second].map(({ changes }) => changes.propose(changes.proposal(request, caller), never)),
  )
  expect(new Set(proposed.map((change) => change?.id)).size).toBe(1)
})

test('an approval whose process died, the question having run out since, is told as one that was not carried out', async () => {
  const { first, second, pass } = twoProcesses()
  const proposed = await first.changes.propose(first.changes.proposal(request, caller), never)
  if (proposed?.state !== 'asked') throw new Error('Nobody was asked.')
  const rung = { channel: 'page', handle: handle(), standing: true } as const
  await first.changes.put(proposed, rung)
  // Claimed, it dies before it reads the record again.
  first.failAfter({ steps: 2, fault: 'dies' })
  void first.changes.decide(proposed.id, { round: 1, handle: rung.handle, answer: 'approved', channel: 'page' })
  await settled(() => [first])
  expect((await second.changes.get(proposed.id))?.state).toBe('claimed')
  await pass(20 * 60_000)
  const now = await second.changes.get(proposed.id)
  expect(now?.state === 'ended' && now.outcome.status).toBe('failed')
})

test('a process that slept away its lease after it had committed sends nothing: too little is left for the request', async () => {
  let patches = 0
  const { first, pass } = twoProcesses({
    stored: (replica, change) => {
      if (change.state === 'sending') replica.stop()
    },
    patched: () => {
      patches += 1
    },
  })
  const plain = { ...request, changes: { firstName: 'Joan' } }
  const proposed = first.changes.propose(first.changes.proposal(plain, caller), never)
  await settled(() => [first])
  // The lease of what is being sent is 15 s here, and a PATCH may take 3 s of them.
  await pass(13_000)
  first.goOn()
  const change = await proposed
  await settled(() => [first])
  const now = change && (await first.changes.get(change.id))
  expect(now?.state === 'ended' && now.outcome.status).toBe('failed')
  expect(patches).toBe(0)
})

test('what another process is about to send may have left, and what this one is has not', async () => {
  const left: boolean[][] = []
  const { first, second } = twoProcesses({
    stored: (_, change) => {
      if (change.state === 'sending') left.push([first, second].map(({ changes }) => changes.hasLeft(change)))
    },
    patched: () => undefined,
  })
  const plain = { ...request, changes: { firstName: 'Joan' } }
  await first.changes.propose(first.changes.proposal(plain, caller), never)
  await settled(() => [first, second])
  expect(left).toEqual([[false, true]])
})

test('of two answers to one question that come to two processes at once, one is the first', async () => {
  const { first, second } = twoProcesses()
  const proposed = await first.changes.propose(first.changes.proposal(request, caller), never)
  if (proposed?.state !== 'asked') throw new Error('Nobody was asked.')
  const rung = { channel: 'form', handle: handle(), standing: false } as const
  await first.changes.put(proposed, rung)
  const taken = [first, second].map(({ changes }) => changes.markAnswered(proposed.id, rung.handle))
  expect((await Promise.all(taken)).sort()).toEqual([false, true])
})

test('a lease that has lapsed is not renewed', async () => {
  const clock = new ManualClock()
  const store = new MemoryStore(clock, noAudit)
  const { changes } = new Replica(() => store, { customers: new Customers(), observer: new Ledger(), aheadMs: 0 })
  const [key = ''] = changes.proposal(request, caller).keys
  const lease = { token: 'mine', until: instantIn(clock, 10_000) }
  const identity = { id: 'one', key, customerId: 1, fields: ['blocked'], caller, request } as const
  await store.add(claimed(identity, lease))
  const longer = { ...lease, until: instantIn(clock, 20_000) }
  expect(await store.renew('one', { ...longer, token: 'of another' })).toBe(false)
  expect(await store.renew('one', lease)).toBe(true)
  clock.stand(10_001)
  expect(await store.renew('one', longer)).toBe(false)
})
