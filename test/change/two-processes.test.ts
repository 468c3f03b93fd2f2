import { expect, test } from 'vitest'
import { noAudit } from '../../src/audit/audit.ts'
import { MemoryStore } from '../../src/change/store-memory.ts'
import { Customers, handle, Replica, settled } from '../helpers/faulty-replica.ts'
import { Ledger } from '../helpers/ledger.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { sharedMemory } from '../helpers/shared-memory.ts'

const request = { customerId: 1, changes: { blocked: true }, enterPrivately: [], dryRun: false }
const caller = { client: 'test 1' }
const never = { signal: new AbortController().signal, afterMs: 60 * 60_000 }

function twoProcesses() {
  const clock = new ManualClock()
  const shared = sharedMemory(new MemoryStore(clock, noAudit), clock)
  const parts = { customers: new Customers(), observer: new Ledger(), aheadMs: 0 }
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
