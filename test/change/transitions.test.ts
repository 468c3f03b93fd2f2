import { noAudit } from '../../src/audit/audit.ts'
import { MemoryStore } from '../../src/change/store-memory.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { sharedMemory } from '../helpers/shared-memory.ts'
import { transitionsSuite } from '../helpers/transitions.ts'

transitionsSuite({
  runs: 150,
  shrink: true,
  share: async () => {
    const clock = new ManualClock()
    return sharedMemory(new MemoryStore(clock, noAudit), clock)
  },
})
