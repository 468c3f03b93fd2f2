import { createHmac, randomBytes } from 'node:crypto'
import type { Call } from '../call.ts'
import { Deadline } from '../clock.ts'
import type { ChangeRequest } from '../customer.ts'
import { canonicalJson } from '../json.ts'
import type { UpdateEnvelope } from '../result.ts'
import { Change, type ChangeDeps, type Outcome } from './change.ts'
import { type Plan, planChange } from './plan.ts'
import type { RateLimit } from './rate-limit.ts'
import { tooMany } from './refusals.ts'

/** An outcome that no call has picked up is kept for this long, milliseconds. */
const KEEP_MS = 10 * 60_000

/** A change and the calls that watch it. */
export interface Watched {
  readonly change: Change
  /** One per open call: its `ended` signal. */
  readonly calls: Set<AbortSignal>
  outcome: Outcome | undefined
  /** Set with the outcome: when it is forgotten. */
  kept: Deadline | undefined
}

/** The changes of this process that are under way, or whose outcome nobody has been told yet. */
export class Changes {
  readonly #deps: ChangeDeps
  readonly #rate: RateLimit
  /** A bare hash of the arguments could be guessed (a phone number, a password): it is keyed, and the key dies with us. */
  readonly #secret = randomBytes(32)
  readonly #watched = new Map<string, Watched>()

  constructor(deps: ChangeDeps, rate: RateLimit) {
    this.#deps = deps
    this.#rate = rate
  }

  /** The same change, if it is under way or its outcome still is to be told. The same: equal arguments, equal AiFi. */
  find(request: ChangeRequest): Watched | undefined {
    for (const [key, { kept }] of this.#watched) if (kept?.passed) this.#watched.delete(key)
    return this.#watched.get(this.#key(request))
  }

  /** Begins a change; an envelope when too many have begun lately. */
  begin(request: ChangeRequest, call: Call): Watched | UpdateEnvelope {
    const retryAfterSeconds = this.#rate.take()
    if (retryAfterSeconds !== undefined) return tooMany(request, retryAfterSeconds)
    const key = this.#key(request)
    const change = new Change(key, request, call.clientName, this.#deps)
    const watched: Watched = { change, calls: new Set(), outcome: undefined, kept: undefined }
    this.#watched.set(key, watched)
    void change.settled.then((outcome) => {
      watched.outcome = outcome
      watched.kept = new Deadline(this.#deps.clock, KEEP_MS)
    })
    return watched
  }

  /** The call watches from now on. The change is void when the last call that watches it is cancelled. */
  join({ change, calls }: Watched, { ended, cancelled }: Call): void {
    calls.add(ended)
    ended.addEventListener('abort', () => calls.delete(ended), { once: true })
    const onCancelled = () => {
      calls.delete(ended)
      if (calls.size === 0) change.abandon('The call that asked for it was cancelled.')
    }
    if (cancelled.aborted) onCancelled()
    else cancelled.addEventListener('abort', onCancelled, { once: true })
  }

  /** The outcome has been told to a call: from now on the same arguments are a new change. */
  told(watched: Watched): void {
    const key = this.#key(watched.change.request)
    if (this.#watched.get(key) === watched) this.#watched.delete(key)
  }

  /** What would be done, without doing it. */
  async preview(request: ChangeRequest, cancelled: AbortSignal): Promise<Plan> {
    const { aifi, approvalFields, readBack, turns } = this.#deps
    const { customerId } = request
    const read = () => aifi.readCustomer(customerId, cancelled)
    return planChange(request, readBack ? await turns.take(customerId, read) : undefined, approvalFields)
  }

  /** The end of input: no question can be answered any more. Resolves when what has been sent has its outcome. */
  async close(): Promise<void> {
    const open = [...this.#watched.values()]
    for (const { change } of open) change.abandon('The program that asked has ended.')
    await Promise.all(open.map(({ change }) => change.settled))
  }

  #key({ customerId, changes, enterPrivately, expectedEmail }: ChangeRequest): string {
    const same = canonicalJson({ customerId, changes, enterPrivately, expectedEmail, address: this.#deps.aifi.address })
    return createHmac('sha256', this.#secret).update(same).digest('base64')
  }
}
