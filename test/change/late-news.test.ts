import { expect, test } from 'vitest'
import { noAudit } from '../../src/audit/audit.ts'
import type { Asked, Rung } from '../../src/change/change.ts'
import { MemoryStore } from '../../src/change/store-memory.ts'
import { Customers, handle, Replica } from '../helpers/faulty-replica.ts'
import { Ledger } from '../helpers/ledger.ts'

/** A question that was put one way, handed on, and put another way. */
async function handedOn() {
  const replica = new Replica((clock) => new MemoryStore(clock, noAudit), {
    customers: new Customers(),
    observer: new Ledger(),
    aheadMs: 0,
  })
  const { changes } = replica
  const request = { customerId: 1, changes: { blocked: true }, enterPrivately: [], dryRun: false }
  const never = { signal: new AbortController().signal, afterMs: 600_000 }
  const proposed = await changes.propose(changes.proposal(request, { client: 'test 1' }), never)
  const now = async (): Promise<Asked> => {
    const change = await changes.get(proposed?.id ?? '')
    if (change?.state !== 'asked') throw new Error('The question is over.')
    return change
  }
  const first: Rung = { channel: 'form', handle: handle(), standing: false }
  const second: Rung = { channel: 'form', handle: handle(), standing: false }
  await changes.put(await now(), first)
  await changes.handOn((await now()).id, first.handle, 'It could not.')
  await changes.put(await now(), second)
  return { changes, now, first, second }
}

test('what is heard late of a way of asking that was left changes nothing about the present one', async () => {
  const { changes, now, first, second } = await handedOn()
  const before = await now()
  const { id, asking } = before
  await changes.handOn(id, first.handle, 'It could not again.')
  await changes.release(id, first.handle)
  await changes.waitedInVain(id, asking.round - 1)
  expect(await changes.markAnswered(id, first.handle)).toBe(false)
  expect(await now()).toEqual(before)
  // The present one is heard.
  await changes.waitedInVain(id, asking.round)
  expect((await now()).asking.rung).toEqual({ ...second, waitedInVain: true })
})

test('of two answers that one form brings, only the first is taken', async () => {
  const { changes, now, second } = await handedOn()
  const { id } = await now()
  expect(await changes.markAnswered(id, second.handle)).toBe(true)
  expect(await changes.markAnswered(id, second.handle)).toBe(false)
})
