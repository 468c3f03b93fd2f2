import type { AuditEntry, ImmediateAudit } from '../audit/audit.ts'
import { type Clock, earlier, type Instant, instantIn, remainingMs } from '../lib/clock.ts'
import { isSamePerson } from '../lib/person.ts'
import {
  type Asked,
  type Change,
  type Claimed,
  type Decided,
  decidedOf,
  type Ended,
  isHeld,
  isSameCaller,
  type Lease,
  lapseOf,
  type Past,
} from './change.ts'
import { deskLimits, type PastQuestion, type QuestionLimits, REFUSAL_SPAN_MS, refusal } from './limits.ts'
import { isByPerson, mayHaveBeenMade, pastOf, SentLately } from './past.ts'
import type { Added, ChangeStore, Swapped, Whose } from './store.ts'

/** An outcome that nobody has picked up is kept for this long, milliseconds. */
const KEEP_MS = 10 * 60_000

/** A change that has ended, and what becomes of its outcome. */
interface Kept {
  readonly until: Instant
  told: boolean
}

export interface MemoryStoreOptions {
  readonly limits?: QuestionLimits
  readonly history?: number
}

/** The changes of one process, for as long as it lives. */
export class MemoryStore implements ChangeStore {
  readonly #clock: Clock
  readonly #audit: ImmediateAudit
  readonly #changes = new Map<string, Change>()
  readonly #live = new Set<string>()
  /** Live changes, and those whose outcome nobody was told. */
  readonly #byKey = new Map<string, string>()
  readonly #sender = new Map<number, string>()
  readonly #kept = new Map<string, Kept>()
  readonly #watchers = new Map<string, Set<() => void>>()
  readonly #limits: QuestionLimits
  readonly #history: number
  #past: PastQuestion[] = []
  /** The latest last. */
  #decided: Decided[] = []
  readonly #sent: SentLately
  /** Nothing lapses before, or nothing can: what is under way is looked through only from then on. */
  #dueFrom: Instant | undefined

  /** @param history how many decided questions are remembered. */
  constructor(clock: Clock, audit: ImmediateAudit, { limits = deskLimits, history = 0 }: MemoryStoreOptions = {}) {
    this.#clock = clock
    this.#audit = audit
    this.#limits = limits
    this.#history = history
    this.#sent = new SentLately(clock)
  }

  async add(change: Asked | Claimed): Promise<Added> {
    const existing = this.#find(change.key)
    if (existing) return { kind: 'existing', change: existing }
    if (change.state === 'claimed' && this.#sender.has(change.customerId)) return { kind: 'busy' }
    const refused = change.state === 'asked' && this.#refusal(change)
    if (refused) return { kind: 'refused', refusal: refused }
    this.#byKey.set(change.key, change.id)
    this.#put(change)
    return { kind: 'added' }
  }

  async get(id: string): Promise<Change | undefined> {
    return this.#changes.get(id)
  }

  async find(key: string): Promise<Change | undefined> {
    return this.#find(key)
  }

  async past({ key, customerId }: Pick<Change, 'key' | 'customerId'>): Promise<Past> {
    const asked = this.#past.findLast((each) => each.key === key)
    const isRecent = asked && this.#clock.monotonic() - asked.at < REFUSAL_SPAN_MS
    return {
      ...pastOf(key, this.#sent.of(customerId)),
      ...(isRecent && asked.how === 'not_approved' && { notApproved: true }),
    }
  }

  async swap(next: Change, entry?: AuditEntry): Promise<Swapped> {
    if (this.#changes.get(next.id)?.version !== next.version - 1) return 'stale'
    const sender = this.#sender.get(next.customerId)
    if (isHeld(next) && sender !== undefined && sender !== next.id) return 'busy'
    if (entry && !this.#audit.write(entry)) return 'unaudited'
    this.#put(next)
    return 'done'
  }

  async renew(id: string, lease: Lease): Promise<boolean> {
    const change = this.#changes.get(id)
    if (!change || !isHeld(change) || change.lease.token !== lease.token) return false
    if (remainingMs(this.#clock, change.lease.until) === 0) return false
    this.#changes.set(id, { ...change, lease })
    return true
  }

  async tell({ id }: Ended): Promise<boolean> {
    const kept = this.#kept.get(id)
    if (!kept || kept.told) return false
    this.#forget(id, kept)
    return true
  }

  async live(): Promise<readonly Change[]> {
    return this.#liveChanges()
  }

  async waiting(whose: Whose, limit: number): Promise<readonly Asked[]> {
    return this.#asked(whose)
      .toSorted((a, b) => a.asking.expiresAt.wall - b.asking.expiresAt.wall)
      .slice(0, limit)
  }

  async countWaiting(whose: Whose): Promise<number> {
    return this.#asked(whose).length
  }

  async decided(limit: number): Promise<readonly Decided[]> {
    return this.#decided.slice(-limit).reverse()
  }

  async due(): Promise<readonly Change[]> {
    if (this.nextDueMs() !== 0) return []
    this.#dueFrom = undefined
    const live = this.#liveChanges()
    for (const change of live) this.#goesOn(change)
    return live.filter((change) => remainingMs(this.#clock, lapseOf(change)) === 0)
  }

  nextDueMs(): number | undefined {
    return this.#dueFrom && remainingMs(this.#clock, this.#dueFrom)
  }

  watch(id: string, moved: () => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, watchers.add(moved))
    return () => {
      watchers.delete(moved)
      if (watchers.size > 0 || this.#watchers.get(id) !== watchers) return
      this.#watchers.delete(id)
      if (this.#kept.get(id)?.told) this.#drop(id)
    }
  }

  async close(): Promise<void> {}

  /** What is held: changes under way, and outcomes that nobody was told. */
  get size(): number {
    return this.#byKey.size
  }

  #find(key: string): Change | undefined {
    this.#forgetOld()
    return this.#changes.get(this.#byKey.get(key) ?? '')
  }

  #put(change: Change): void {
    this.#changes.set(change.id, change)
    if (isHeld(change)) this.#sender.set(change.customerId, change.id)
    else if (this.#sender.get(change.customerId) === change.id) this.#sender.delete(change.customerId)
    if (change.state === 'ended') this.#end(change)
    else this.#goesOn(change)
    for (const moved of this.#watchers.get(change.id) ?? []) moved()
  }

  #end(change: Ended): void {
    const { id, key, customerId, fields, decision, outcome } = change
    this.#live.delete(id)
    if (this.#live.size === 0) this.#dueFrom = undefined
    this.#record(change)
    const kept: Kept = { until: instantIn(this.#clock, KEEP_MS), told: this.#kept.get(id)?.told ?? false }
    this.#kept.set(id, kept)
    if (change.unwanted) this.#forget(id, kept)
    const at = this.#clock.monotonic()
    this.#past = this.#past.filter((each) => at - each.at < 2 * REFUSAL_SPAN_MS)
    if (decision?.kind === 'expired') this.#past.push({ key, how: 'expired', at })
    if (decision?.kind === 'answered' && decision.answer !== 'approved') {
      this.#past.push({ key, how: decision.answer === 'not_approved' ? 'not_approved' : 'refused', at })
    }
    if (mayHaveBeenMade(outcome)) {
      this.#supersede(change)
      this.#sent.add(customerId, { key, fields, at: change.endedAt, byPerson: isByPerson(decision) })
    }
  }

  #asked({ by }: Whose): Asked[] {
    return this.#liveChanges()
      .filter((each) => each.state === 'asked')
      .filter(({ caller }) => !by || isSamePerson(by, caller.person))
  }

  #liveChanges(): Live[] {
    return [...this.#changes.values()].filter((change) => change.state !== 'ended')
  }

  #goesOn(change: Live): void {
    this.#live.add(change.id)
    const lapse = lapseOf(change)
    this.#dueFrom = this.#dueFrom ? earlier(this.#dueFrom, lapse) : lapse
  }

  /** Whoever held the lease may correct what is remembered. */
  #record(ended: Ended): void {
    const decided = decidedOf(ended)
    if (!decided || this.#history === 0) return
    const others = this.#decided.filter(({ id }) => id !== ended.id)
    this.#decided = [...others, decided].slice(-this.#history)
  }

  /** Ends the kept outcomes that are no longer how things are. */
  #supersede({ id, customerId, fields }: Ended): void {
    for (const [other, kept] of this.#kept) {
      const change = this.#changes.get(other)
      if (other === id || change?.customerId !== customerId) continue
      if (change.fields.some((field) => fields.includes(field))) this.#forget(other, kept)
    }
  }

  #forgetOld(): void {
    for (const [id, kept] of this.#kept) if (remainingMs(this.#clock, kept.until) === 0) this.#forget(id, kept)
  }

  /** The same request is a new one; the outcome itself goes when nobody watches it. */
  #forget(id: string, kept: Kept): void {
    kept.told = true
    const key = this.#changes.get(id)?.key ?? ''
    if (this.#byKey.get(key) === id) this.#byKey.delete(key)
    if (!this.#watchers.has(id)) this.#drop(id)
  }

  #drop(id: string): void {
    this.#changes.delete(id)
    this.#kept.delete(id)
  }

  #refusal(asked: Asked) {
    const open = [...this.#changes.values()].filter(
      ({ state, caller }) => state === 'asked' && isSameCaller(caller, asked.caller),
    )
    const customers = open.map(({ customerId }) => customerId)
    return refusal(asked, this.#past, customers, this.#clock.monotonic(), this.#limits)
  }
}

type Live = Exclude<Change, Ended>
