import { expect, onTestFinished } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Fault, fault } from './fault.ts'
import { startFaultServer } from './fault-server.ts'
import { bodyOf, jane } from './fault-situation.ts'
import { type Harness, type HarnessOptions, start } from './harness.ts'

/** A deadline of an exchange that no test reaches by pushing the clock. */
const NEVER_MS = '600000'

export interface ControlledOptions extends HarnessOptions {
  /** Holds from the start: see `hold`. */
  readonly holding?: 'GET' | 'PATCH'
}

export interface ControlledAifi {
  readonly harness: Harness
  /** The record of every customer, apart from its id; a PATCH is applied to it. */
  record: JsonObject
  /** What the next readings meet, one after the other, in place of the record. */
  nextReadings(...faults: Fault[]): void
  /** What every reading meets in place of the record, until this is called without a fault. */
  everyReading(fault?: Fault): void
  /** The requests so far: `GET 4211`, `PATCH 4211`. */
  requests(): string[]
  /** The bodies of the PATCH requests, in order. */
  patches(): JsonObject[]
  /** From now on requests of this method are kept waiting until they are let go. */
  hold(method: 'GET' | 'PATCH'): void
  /** Resolves when that many requests (1) have been kept waiting in all. */
  held(count?: number): Promise<void>
  /** Waits for the `nth` request (the first) that is kept waiting, and answers it alone. */
  letGo(nth?: number): Promise<void>
  /** Holds no more requests; those that wait go on waiting. */
  letThrough(): void
  /** Answers everything that waits, and lets through what comes. */
  letAllGo(): void
}

/** The whole server before an AiFi that has a record, and whose answers a test can hold back. Its clock stands still. */
export async function controlledAifi({ holding, env, ...options }: ControlledOptions = {}): Promise<ControlledAifi> {
  const aifi = await startFaultServer()
  onTestFinished(() => aifi.close())
  const methods = new Set<string>(holding && [holding])
  const held: (() => void)[] = []
  const idOf = (path: string) => Number(path.slice(path.lastIndexOf('/') + 1))
  const serving = (then: Fault): Fault => ({
    after: 'body',
    act(faulty) {
      if (!methods.has(faulty.request.method)) return then.act(faulty)
      let done = false
      held.push(() => {
        if (!done) then.act(faulty)
        done = true
      })
    },
  })
  const state = { record: { ...jane } as JsonObject }
  const shown = fault.answerWith(({ path }) => ({ status: 200, body: { ...state.record, id: idOf(path) } }))
  const applied = fault.answerWith((request) => {
    state.record = { ...state.record, ...bodyOf(request) }
    return { status: 200, body: { ...state.record, id: idOf(request.path) } }
  })
  const everyReading = (reading = shown) => aifi.always('GET', serving(reading))
  everyReading()
  aifi.always('PATCH', serving(applied))
  const waitForHeld = (count = 1) => expect.poll(() => held.length, { interval: 5 }).toBeGreaterThanOrEqual(count)
  const harness = await start({ ...options, baseUrl: aifi.url, env: { AIFI_TIMEOUT_MS: NEVER_MS, ...env } })
  harness.clock.hold()
  return {
    harness,
    get record() {
      return state.record
    },
    set record(record) {
      state.record = record
    },
    nextReadings: (...faults) => aifi.next('GET', ...faults),
    everyReading,
    requests: () => aifi.received().map(({ method, path }) => `${method} ${idOf(path)}`),
    patches: () => aifi.received('PATCH').map(bodyOf),
    hold: (method) => void methods.add(method),
    held: waitForHeld,
    async letGo(nth = 1) {
      await waitForHeld(nth)
      held[nth - 1]?.()
    },
    letThrough: () => methods.clear(),
    letAllGo() {
      methods.clear()
      for (const answer of held) answer()
    },
  }
}
