import { randomUUID } from 'node:crypto'
import type { Aifi } from '../aifi/port.ts'
import type { CustomerChanges } from '../customer/fields.ts'
import type { RecordViews } from '../customer/record-view.ts'
import { type Clock, instantIn, remainingMs } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Asking, Change, Claimed, Decision, Ended, Lease, Shown, TypedSecrets } from './change.ts'
import * as change from './change.ts'
import type { UpdateEnvelope } from './envelope.ts'
import type { Keeping } from './keeping.ts'
import { hasMoved, type Planner } from './plan.ts'
import { attemptEntry, type Departure, sendChange } from './send.ts'
import type { ChangeStore } from './store.ts'
import * as unsent from './unsent.ts'

/** A record that keeps changing while a person reads it is asked about this often at the most. */
const ROUNDS = 5
/** Exchanges with AiFi that a claim has time for, and those that sending has. */
const CLAIM_EXCHANGES = 2
const SENDING_EXCHANGES = 5
/** Those of them that the change itself may take. */
const PATCH_EXCHANGES = 3
/** What a lease has besides, milliseconds. */
const LEASE_MARGIN_MS = 10_000
/** Before a renewal that failed is tried again, milliseconds. */
const RENEWAL_PAUSE_MS = 1_000

export interface ClaimsDeps {
  readonly store: ChangeStore
  readonly aifi: Aifi
  readonly views: RecordViews
  readonly clock: Clock
  readonly logger: Logger
}

export interface ClaimsSettings {
  readonly readBack: boolean
  /** The audit also holds values that are not secret. */
  readonly auditValues: boolean
  /** Deadline of one exchange with AiFi, milliseconds. */
  readonly timeoutMs: number
  /** What a lease has besides the exchanges with AiFi that it is for, milliseconds; default 10 s. */
  readonly leaseMarginMs?: number
}

/** What a person typed, and how they are told what AiFi says to it. */
export interface Typed {
  readonly secrets: TypedSecrets
  readonly onAifiWords?: ((words: string) => void) | undefined
}

/** A claim that this process carries out just now. */
interface Work {
  readonly stop: AbortController
  /** The request has left: it cannot be stopped any more. */
  left: boolean
  /** Nobody wants to be told of an end without it. */
  unwanted: boolean
  done: Promise<void>
}

/** The claims that this process holds: it reads the record again, commits, sends, and ends the change. */
export class Claims {
  readonly #deps: ClaimsDeps
  readonly #settings: ClaimsSettings
  readonly #planner: Planner
  readonly #keeping: Keeping
  readonly #underWay = new Map<string, Work>()

  constructor(deps: ClaimsDeps, settings: ClaimsSettings, planner: Planner, keeping: Keeping) {
    this.#deps = deps
    this.#settings = settings
    this.#planner = planner
    this.#keeping = keeping
  }

  /** A new claim of this process. */
  lease(): Lease {
    return { token: randomUUID(), until: instantIn(this.#deps.clock, this.#leaseMs(CLAIM_EXCHANGES)) }
  }

  /** Sends a change to which nobody has to agree. `stop` stops it as long as it has not left. */
  send(claim: Claimed, shown: Shown, stop: AbortController): Promise<void> {
    return this.#carryOut(claim, stop, (work) => this.#send(claim, shown, { secrets: {} }, work))
  }

  /** Sends what was agreed to, unless the record is no longer as it was shown. */
  sendApproved(claim: Claimed, was: Asking, typed: Typed): Promise<void> {
    return this.#carryOut(claim, new AbortController(), (work) => this.#readAgain(claim, was, typed, work))
  }

  holds(id: string): boolean {
    return this.#underWay.has(id)
  }

  /** The request has left, as far as can be known here. */
  hasLeft({ id, state }: Change): boolean {
    return state === 'sending' && (this.#underWay.get(id)?.left ?? true)
  }

  /**
   * Gives up a claim that has not been sent yet. `unwanted`: nobody wants to be told of its end.
   *
   * @returns true: nothing was sent, and nothing will be. False: it was sent. Undefined: this process does not hold it.
   */
  async stop(id: string, unwanted: boolean): Promise<boolean | undefined> {
    const work = this.#underWay.get(id)
    if (!work) return undefined
    if (work.left) return false
    work.unwanted = unwanted
    work.stop.abort()
    await work.done
    return !work.left
  }

  /** Resolves when what is under way now has ended. */
  async idle(): Promise<void> {
    await Promise.all([...this.#underWay.values()].map(({ done }) => done))
  }

  /** Resolves when it has ended. Never rejects. */
  #carryOut(claim: Claimed, stop: AbortController, steps: (work: Work) => Promise<void>): Promise<void> {
    const work: Work = { stop, left: false, unwanted: false, done: Promise.resolve() }
    this.#underWay.set(claim.id, work)
    const stopRenewing = this.#renewing(claim.id, claim.lease)
    work.done = steps(work)
      .catch((err) => this.#failed(claim, work, err))
      .finally(() => {
        this.#underWay.delete(claim.id)
        stopRenewing()
      })
    return work.done
  }

  async #failed(claim: Claimed, work: Work, err: unknown): Promise<void> {
    const { logger, store } = this.#deps
    logger.error({ err, customerId: claim.customerId }, 'a change failed inside this server')
    try {
      const now = await store.get(claim.id)
      const outcome = unsent.interrupted(claim.request, work.left)
      if (!now || now.state === 'ended') return
      await this.#end(now, outcome, now.state === 'asked' ? undefined : now.decision, work)
    } catch (err) {
      logger.error({ err, customerId: claim.customerId }, 'the end of a change could not be kept')
    }
  }

  /** Renews a lease each third of its time until the function that it returns is called, or the lease is lost. */
  #renewing(id: string, lease: Lease): () => void {
    const { clock, logger, store } = this.#deps
    let isOver = false
    const renewIn = (ms: number): (() => void) =>
      clock.after(ms, async () => {
        const lengthMs = this.#leaseMs(SENDING_EXCHANGES)
        const isHeld = await store.renew(id, { ...lease, until: instantIn(clock, lengthMs) }).catch((err) => {
          logger.warn({ err }, 'a lease could not be renewed')
          return undefined
        })
        if (!isOver && isHeld !== false) cancel = renewIn(isHeld ? lengthMs / 3 : RENEWAL_PAUSE_MS)
      })
    let cancel = renewIn(remainingMs(clock, lease.until) / 3)
    return () => {
      isOver = true
      cancel()
    }
  }

  /** The record is looked at again: the yes was given to what was shown. */
  async #readAgain(claim: Claimed, was: Asking, typed: Typed, work: Work): Promise<void> {
    const { request, decision } = claim
    const plan = this.#planner.again(request, await this.#planner.read(request.customerId, work.stop.signal))
    if (work.stop.signal.aborted) await this.#end(claim, unsent.stoppedBeforeSending(request), decision, work)
    else if (plan.kind === 'stop') await this.#end(claim, plan.envelope, decision, work)
    else if (!hasMoved(was.shown, plan.shown, request)) await this.#send(claim, plan.shown, typed, work)
    else if (was.round >= ROUNDS) await this.#end(claim, unsent.keptChanging(request), decision, work)
    else {
      const shown = await this.#planner.withPast(claim, plan.shown)
      await this.#keeping.swap(change.askedAgain(claim, was, shown, this.#planner.lapse()))
    }
  }

  /** Steps 4 and 5. From the transition to `sending` on it may have been made, whatever happens. */
  async #send(claim: Claimed, { record }: Shown, typed: Typed, work: Work): Promise<void> {
    const { clock } = this.#deps
    const { request, decision } = claim
    const { signal } = work.stop
    if (signal.aborted) return this.#end(claim, unsent.stoppedBeforeSending(request), decision, work)
    const sending = change.committed(claim, instantIn(clock, this.#leaseMs(SENDING_EXCHANGES)))
    const changes: CustomerChanges = { ...request.changes, ...typed.secrets }
    const onSending = () => {
      work.left = true
    }
    const departure: Departure = { sending, changes, before: record, signal, onSending, onAifiWords: typed.onAifiWords }
    const swapped = await this.#keeping.swap(sending, attemptEntry(departure, this.#settings.auditValues))
    if (swapped === 'unaudited') return this.#end(claim, unsent.unwritableAudit(request), decision, work)
    // Who has lost the claim meanwhile, asleep or cut off, sends nothing.
    if (swapped !== 'done') return
    const isLate = remainingMs(clock, sending.lease.until) < this.#settings.timeoutMs * PATCH_EXCHANGES
    const outcome = isLate
      ? unsent.holderStopped(request)
      : await sendChange(departure, { ...this.#deps, readBack: this.#settings.readBack })
    await this.#end(sending, outcome, decision, work)
  }

  async #end(
    from: Exclude<Change, Ended>,
    outcome: UpdateEnvelope,
    decision: Decision | undefined,
    { unwanted, left }: Work,
  ): Promise<void> {
    await this.#keeping.end(from, outcome, decision, unwanted && !left ? { unwanted } : {})
  }

  #leaseMs(exchanges: number): number {
    return this.#settings.timeoutMs * exchanges + (this.#settings.leaseMarginMs ?? LEASE_MARGIN_MS)
  }
}
