import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Aifi, Delivery, Reading } from '../../src/aifi/port.ts'
import { noAudit } from '../../src/audit/audit.ts'
import { Changes } from '../../src/change/changes.ts'
import type { ChangeStore } from '../../src/change/store.ts'
import { RecordViews } from '../../src/customer/record-view.ts'
import { sleep } from '../../src/lib/clock.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { RateLimit } from '../../src/lib/rate-limit.ts'
import { ManualClock } from './manual-clock.ts'

/** What happens to a process between two of its steps. A step is a call of the store or of AiFi. */
export const faults = ['dies', 'stops', 'is cut off before', 'is cut off after'] as const
export type Fault = (typeof faults)[number]

/** The store did not answer; whether it did what it was told is another matter. */
export class CutOff extends Error {
  override readonly name = 'CutOff'
}

/** How AiFi takes a change: `slowly` it accepts everything; `silent` it has made it, `lost` it has not. */
export const answerings = ['accepts', 'slowly', 'silent', 'lost'] as const
export type Answering = (typeof answerings)[number]
/** Longer than any lease, milliseconds. */
const SLOW_MS = 40_000

/** The customers of a stand-in for AiFi. */
export class Customers {
  readonly #records = new Map<number, JsonObject>()
  answering: Answering = 'accepts'

  record(id: number): JsonObject {
    const record = this.#records.get(id) ?? { id, email: `${id}@example.com`, firstName: 'Jane', role: 'customer' }
    this.#records.set(id, record)
    return record
  }

  set(id: number, members: JsonObject): void {
    this.#records.set(id, { ...this.record(id), ...members })
  }
}

/** What the process does that the rules of a change are about. */
export interface Observer {
  stored(replica: Replica, change: Parameters<ChangeStore['swap']>[0]): void
  patched(replica: Replica, customerId: number): void
}

/** One process: `Changes` over a store that is shared, with a clock of its own, that can fail between any two steps. */
export class Replica {
  readonly clock: ManualClock
  readonly changes: Changes
  /** The record of each customer as this process last read it. */
  readonly read = new Map<number, JsonObject>()
  readonly #store: ChangeStore
  readonly #customers: Customers
  readonly #observer: Observer
  #state: 'runs' | 'stopped' | 'dead' = 'runs'
  #resume: (() => void)[] = []
  #fault: { steps: number; readonly fault: Fault } | undefined
  #atWork = 0

  constructor(
    open: (clock: ManualClock) => ChangeStore,
    { customers, observer, aheadMs }: { customers: Customers; observer: Observer; aheadMs: number },
  ) {
    this.clock = new ManualClock(aheadMs)
    this.#store = open(this.clock)
    this.#customers = customers
    this.#observer = observer
    const rate = new RateLimit(1_000_000, this.clock)
    this.changes = new Changes(
      {
        store: this.#faultyStore(),
        aifi: this.#faultyAifi(),
        audit: noAudit,
        clock: this.clock,
        logger: createLogger({ level: 'silent', write: () => undefined }),
        rate,
        lookups: rate,
        views: new RecordViews(new Uint8Array(32), 'all'),
        secrets: [Buffer.alloc(32, 7)],
      },
      { readBack: true, approvalFields: [], auditValues: false, timeoutMs: 1_000, lifetimeMs: 600_000 },
    )
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  /** A step of it is being taken. */
  get isAtWork(): boolean {
    return this.#atWork > 0
  }

  /** After so many more steps this happens to it; looks for what has lapsed, of which there are many, do not count. */
  failAfter(fault: { readonly steps: number; readonly fault: Fault } | undefined): void {
    this.#fault = fault && { ...fault }
  }

  pass(ms: number): void {
    this.clock.stand(ms)
    if (this.#state === 'runs') this.clock.fire()
  }

  stop(): void {
    if (this.#state === 'runs') this.#state = 'stopped'
  }

  /** It goes on where it stood, and nothing is about to happen to it. */
  goOn(): void {
    this.#fault = undefined
    if (this.#state !== 'stopped') return
    this.#state = 'runs'
    for (const resume of this.#resume.splice(0)) resume()
    this.clock.fire()
  }

  async die(): Promise<void> {
    this.#state = 'dead'
    await this.#store.close()
  }

  async #step<Result>(take: () => Promise<Result>, isLook = false): Promise<Result> {
    const fault = isLook ? undefined : this.#nextFault()
    if (fault === 'dies') this.#state = 'dead'
    if (fault === 'stops') this.stop()
    await this.#running()
    if (fault === 'is cut off before') throw new CutOff()
    this.#atWork += 1
    const result = await take().finally(() => {
      this.#atWork -= 1
    })
    await this.#running()
    if (fault === 'is cut off after') throw new CutOff()
    return result
  }

  #nextFault(): Fault | undefined {
    if (!this.#fault) return undefined
    if (this.#fault.steps > 0) {
      this.#fault.steps -= 1
      return undefined
    }
    const { fault } = this.#fault
    this.#fault = undefined
    return fault
  }

  async #running(): Promise<void> {
    while (this.#state !== 'runs') {
      if (this.#state === 'dead') await new Promise(() => undefined)
      await new Promise<void>((resolve) => this.#resume.push(resolve))
    }
  }

  #faultyStore(): ChangeStore {
    const store = this.#store
    return {
      add: (change) =>
        this.#step(async () => {
          const added = await store.add(change)
          if (added.kind === 'added') this.#observer.stored(this, change)
          return added
        }),
      swap: (next, entry) =>
        this.#step(async () => {
          const swapped = await store.swap(next, entry)
          if (swapped === 'done') this.#observer.stored(this, next)
          return swapped
        }),
      get: (id) => this.#step(() => store.get(id)),
      past: (about) => this.#step(() => store.past(about)),
      find: (key) => this.#step(() => store.find(key), true),
      renew: (id, lease) => this.#step(() => store.renew(id, lease)),
      tell: (change) => this.#step(() => store.tell(change)),
      live: () => this.#step(() => store.live()),
      waiting: (whose, limit) => store.waiting(whose, limit),
      countWaiting: (whose) => store.countWaiting(whose),
      decided: (limit) => store.decided(limit),
      due: () => this.#step(() => store.due(), true),
      nextDueMs: () => store.nextDueMs(),
      watch: (id, moved) => store.watch(id, moved),
      close: () => store.close(),
    }
  }

  #faultyAifi(): Aifi {
    const http = { status: 200 }
    return {
      address: 'https://aifi.example',
      readCustomer: async (id): Promise<Reading> => {
        const record = await this.#aifiStep(async () => this.#customers.record(id))
        this.read.set(id, record)
        return { kind: 'record', record, http }
      },
      updateCustomer: async (id, body, { onSending, signal } = {}): Promise<Delivery> => {
        // What stops a process here stops it with the request in its hands.
        await this.#aifiStep(async () => undefined)
        if (signal?.aborted) return { kind: 'not_sent', cause: 'cancelled', detail: 'It was cancelled.' }
        onSending?.()
        this.#observer.patched(this, id)
        const { answering } = this.#customers
        if (answering !== 'lost') this.#customers.set(id, body)
        if (answering === 'slowly') await sleep(this.clock, SLOW_MS)
        await this.#aifiStep(async () => undefined)
        if (answering === 'silent' || answering === 'lost')
          return { kind: 'no_answer', cause: 'reset', detail: 'No answer came.' }
        return { kind: 'answered', http, attempts: 1, body: { kind: 'json', value: this.#customers.record(id) } }
      },
      listCustomers: async () => ({ kind: 'list', entries: [], http }),
      close: async () => undefined,
    }
  }

  /** AiFi's client never throws: what would cut it off stops it. */
  async #aifiStep<Result>(take: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#step(take)
    } catch (err) {
      if (!(err instanceof CutOff)) throw err
      return take()
    }
  }
}

/** Resolves when no process takes a step any more, but for those that wait for time or for the test. */
export async function settled(replicas: () => readonly Replica[]): Promise<void> {
  for (let quiet = 0; quiet < 6; ) {
    await setImmediate()
    quiet = replicas().some(({ isAtWork }) => isAtWork) ? 0 : quiet + 1
  }
}

export const handle = () => randomUUID()
