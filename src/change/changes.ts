import type { Approval } from '../approval/approval.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import { Deadline } from '../lib/clock.ts'
import { canonicalJson } from '../lib/json.ts'
import type { RateLimit } from '../lib/rate-limit.ts'
import type { Signal } from '../lib/signal.ts'
import type { Call } from '../mcp/call.ts'
import { Change, type ChangeDeps } from './change.ts'
import type { UpdateEnvelope } from './envelope.ts'
import { type Plan, planChange } from './plan.ts'
import { stoppedBeforeSending, tooMany, tooManyPreviews, unwritableAudit } from './refusals.ts'

/** An outcome that no call has picked up is kept for this long, milliseconds. */
const KEEP_MS = 10 * 60_000

/** A change and the calls that watch it. */
export interface Watched {
  readonly change: Change
  /** One per open call: its `ended` signal. */
  readonly calls: Set<Signal>
  /** The question that is in the hands of a client, and the call that it was handed to. */
  asking: Asking | undefined
  /** Set when it has ended: when the outcome is forgotten. */
  kept: Deadline | undefined
}

interface Asking {
  readonly approval: Approval
  readonly channel: 'form' | 'url'
  readonly call: Call
}

/** The changes of this process that are under way, or whose outcome nobody has been told yet. */
export class Changes {
  readonly #deps: ChangeDeps
  readonly #rate: RateLimit
  readonly #watched = new Map<string, Watched>()
  /** Those that have not ended, the void ones among them. */
  readonly #underWay = new Set<Change>()

  readonly #lookups: RateLimit
  #closed = false

  /** @param rate of changes. @param lookups of looks at a record that change nothing, those of `find_customers` too. */
  constructor(deps: ChangeDeps, rate: RateLimit, lookups: RateLimit) {
    this.#deps = deps
    this.#rate = rate
    this.#lookups = lookups
  }

  /** Equal for the same change: equal arguments, equal AiFi. It holds them, and is kept no longer than they are. */
  keyOf({ customerId, changes, enterPrivately, expectedEmail }: ChangeRequest): string {
    return canonicalJson({ customerId, changes, enterPrivately, expectedEmail, address: this.#deps.aifi.address })
  }

  /** The change with this key, if it is under way or its outcome still is to be told. */
  find(wanted: string): Watched | undefined {
    for (const [key, { kept, change }] of this.#watched) {
      if (kept?.passed) this.#watched.delete(key)
      // A question that lapsed while the machine slept gives its place back.
      void change.approval
    }
    return this.#watched.get(wanted)
  }

  /** Begins a change; an envelope when too many have begun lately. */
  begin(key: string, request: ChangeRequest, call: Call): Watched | UpdateEnvelope {
    if (this.#closed) return stoppedBeforeSending(request)
    const retryAfterSeconds = this.#rate.take()
    if (retryAfterSeconds !== undefined) return tooMany(request, retryAfterSeconds)
    const change = new Change(key, request, call.clientName, this.#deps)
    const watched: Watched = { change, calls: new Set(), asking: undefined, kept: undefined }
    this.#watched.set(key, watched)
    this.#underWay.add(change)
    void change.settled.then(() => {
      this.#underWay.delete(change)
      watched.kept = new Deadline(this.#deps.clock, KEEP_MS)
    })
    return watched
  }

  /** The call watches from now on. The change is void when the last call that watches it is cancelled. */
  join(watched: Watched, { ended, cancelled }: Call): void {
    const { change, calls } = watched
    if (calls.has(ended)) return
    calls.add(ended)
    const onEnded = () => {
      calls.delete(ended)
      const { asking } = watched
      const isWithClient = asking !== undefined && asking.approval === change.approval
      // A 2026-era client answers with a call of its own: the one that asked is over by then, and cannot be cancelled.
      if (calls.size > 0 || (isWithClient && !asking.call.answersWithin)) return
      const failedAtForm = asking?.channel === 'form' && asking.call.answersWithin && asking.call.ended === ended
      if (cancelled.aborted) this.#void(watched, 'The call that asked for it was cancelled.')
      else if (failedAtForm) this.#void(watched, 'The client did not answer the form.')
    }
    if (ended.aborted) onEnded()
    else ended.addEventListener('abort', onEnded, { once: true })
  }

  /** Ends a change that this call alone watches, if it has not been sent. True: nothing will be sent. */
  giveUp(watched: Watched, { ended }: Call): boolean {
    const isAlone = [...watched.calls].every((each) => each === ended)
    return isAlone && this.#void(watched, 'The call that asked for it ran out of time.')
  }

  /** The outcome has been told to a call: from now on the same arguments are a new change. */
  told(watched: Watched): void {
    this.#forget(watched)
  }

  /**
   * What would be done, without doing it. It shows the record, so it counts and is written into the audit as a lookup
   * is; an envelope when that is not possible.
   */
  async preview(request: ChangeRequest, cancelled: Signal): Promise<Plan | UpdateEnvelope> {
    const { aifi, approvalFields, audit, logger, readBack, turns } = this.#deps
    const { customerId } = request
    const retryAfterSeconds = this.#lookups.take()
    if (retryAfterSeconds !== undefined) return tooManyPreviews(request, retryAfterSeconds)
    const read = () => aifi.readCustomer(customerId, cancelled)
    const reading = readBack ? await turns.take(customerId, read) : undefined
    try {
      audit.lookup({ filter: 'customerId', found: reading?.kind === 'record' ? 1 : null, status: 'preview' })
    } catch (err) {
      logger.error({ err }, 'the audit cannot be written')
      return unwritableAudit(request)
    }
    return planChange(request, reading, approvalFields)
  }

  /** The end of input: no question can be answered any more. Resolves when what has been sent has its outcome. */
  async close(): Promise<void> {
    this.#closed = true
    const open = [...this.#underWay]
    for (const change of open) change.abandon('The program that asked has ended.')
    await Promise.all(open.map(({ settled }) => settled))
  }

  /** What is held in memory: changes under way, and outcomes that nobody has been told. */
  get size(): number {
    return this.#watched.size + this.#underWay.size
  }

  /** Nothing was sent and nothing will be: there is nothing to tell, and the same arguments are a new change. */
  #void(watched: Watched, reason: string): boolean {
    const isVoid = watched.change.abandon(reason)
    if (isVoid) this.#forget(watched)
    return isVoid
  }

  #forget(watched: Watched): void {
    const { key } = watched.change
    if (this.#watched.get(key) === watched) this.#watched.delete(key)
  }
}
