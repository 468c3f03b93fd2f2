import type { Change } from '../../src/change/change.ts'
import type { ChangeStore } from '../../src/change/store.ts'
import { type Clock, type Instant, instantIn, remainingMs } from '../../src/lib/clock.ts'
import type { ManualClock } from './manual-clock.ts'
import type { SharedStore } from './transitions.ts'

/** A store in memory as processes with clocks of their own would share it: each reads time as its own clock has it. */
export function sharedMemory(store: ChangeStore, storeClock: ManualClock): SharedStore {
  const open = (clock: Clock): ChangeStore => {
    const inward = (change: Change) =>
      withInstants(change, (instant) => instantIn(storeClock, remainingMs(clock, instant)))
    const read = (change: Change) =>
      withInstants(change, (instant) => instantIn(clock, remainingMs(storeClock, instant)))
    const outward = (change: Change | undefined) => change && read(change)
    return {
      async add(change) {
        const sent = inward(change)
        if (sent.state !== 'asked' && sent.state !== 'claimed') throw new Error('Only these can be new.')
        const added = await store.add(sent)
        return added.kind === 'existing' ? { ...added, change: read(added.change) } : added
      },
      swap: (next, entry) => store.swap(inward(next), entry),
      get: async (id) => outward(await store.get(id)),
      past: (about) => store.past(about),
      find: async (key) => outward(await store.find(key)),
      renew: (id, lease) =>
        store.renew(id, { ...lease, until: instantIn(storeClock, remainingMs(clock, lease.until)) }),
      tell: (change) => store.tell(change),
      live: async () => (await store.live()).map(read),
      waiting: (whose, limit) => store.waiting(whose, limit),
      countWaiting: (whose) => store.countWaiting(whose),
      decided: (limit) => store.decided(limit),
      due: async () => (await store.due()).map(read),
      nextDueMs: () => store.nextDueMs(),
      watch: (id, moved) => store.watch(id, moved),
      close: async () => undefined,
    }
  }
  const pass = async (ms: number) => storeClock.stand(ms)
  return { open, pass, close: () => store.close() }
}

function withInstants(change: Change, read: (instant: Instant) => Instant): Change {
  switch (change.state) {
    case 'asked':
      return { ...change, asking: { ...change.asking, expiresAt: read(change.asking.expiresAt) } }
    case 'claimed': {
      const asking = change.asking && { asking: { ...change.asking, expiresAt: read(change.asking.expiresAt) } }
      return { ...change, ...asking, lease: { ...change.lease, until: read(change.lease.until) } }
    }
    case 'sending':
      return { ...change, lease: { ...change.lease, until: read(change.lease.until) } }
    case 'ended':
      return change
  }
}
