import type { Audit } from '../audit/audit.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import { type Clock, Deadline, sleep } from '../lib/clock.ts'
import type { Asked, Change, Claimed, Decision, Ended, Sending } from './change.ts'
import * as change from './change.ts'
import type { UpdateEnvelope } from './envelope.ts'
import { approvalOf, outcomeEntry } from './send.ts'
import type { Added, ChangeStore, Swapped } from './store.ts'
import * as unsent from './unsent.ts'

/** A customer of whom another change is being sent is waited for this long, milliseconds. */
export const BUSY_MS = 8_000
/** Between two looks at whether the other change has ended, milliseconds. */
const BUSY_PAUSE_MS = 50

export interface KeepingDeps {
  readonly store: ChangeStore
  readonly audit: Audit
  readonly clock: Clock
}

/** How an end is kept besides its outcome. */
type How = Pick<Ended, 'presumed' | 'unwanted'>

/** Puts transitions into the store, together with what the audit has to hold of them. */
export class Keeping {
  readonly #deps: KeepingDeps
  readonly #moved: () => void

  /** @param moved called after every transition: something else may be the next to lapse. */
  constructor(deps: KeepingDeps, moved: () => void) {
    this.#deps = deps
    this.#moved = moved
  }

  async add(first: Asked | Claimed, keys: readonly string[]): Promise<Added> {
    const added = await this.#deps.store.add(first, keys)
    if (added.kind === 'added') this.#moved()
    return added
  }

  async swap(next: Change, entry?: Parameters<ChangeStore['swap']>[1]): Promise<Swapped> {
    const swapped = await this.#deps.store.swap(next, entry)
    if (swapped === 'done') this.#moved()
    return swapped
  }

  /** Applies a transition to an open question, however often it moves meanwhile. `next` is undefined when there is nothing to do. */
  async retried(id: string, next: (asked: Asked) => Asked | undefined): Promise<void> {
    for (;;) {
      const now = await this.#deps.store.get(id)
      const wanted = now?.state === 'asked' ? next(now) : undefined
      if (!wanted || (await this.swap(wanted)) !== 'stale') return
    }
  }

  /**
   * Ends a change. The change is made or not whatever happens to the audit now: that is said, not turned into a failure.
   *
   * @returns false when it had moved on.
   */
  async end(
    from: Asked | Claimed | Sending,
    envelope: UpdateEnvelope,
    decision: Decision | undefined,
    how: How = {},
  ): Promise<boolean> {
    const endedAt = this.#deps.clock.now()
    const isSent = from.state === 'sending'
    const endedWith = (outcome: UpdateEnvelope) => change.ended(from, outcome, { decision, endedAt, ...how })
    const outcome = { ...unsent.toldWhoAgreed(envelope, decision), ...approvalOf(decision) }
    const end = endedWith(outcome)
    const swapped = await this.swap(end, outcomeEntry(end, from.request, isSent))
    if (swapped === 'done') return true
    if (swapped === 'unaudited') {
      return (await this.swap(isSent ? endedWith(unrecorded(outcome)) : end)) === 'done'
    }
    const now = await this.#deps.store.get(from.id)
    const isMine = now?.state === 'ended' && isSent && now.presumed?.token === from.lease.token
    if (!isMine || how.presumed) return false
    const known = change.corrected(now, outcome, endedAt)
    return (await this.swap(known, outcomeEntry(known, from.request, true))) === 'done'
  }

  /** Writes down a change that ended before it was anywhere. */
  async endedAtOnce(end: Ended, request: ChangeRequest): Promise<Ended> {
    await this.#deps.audit.write(outcomeEntry(end, request, false))
    return end
  }

  /** Tries again as long as another change of the customer is being sent, for a while. */
  async unlessBusy<Result extends Swapped | { kind: string }>(
    attempt: () => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    const patience = new Deadline(this.#deps.clock, BUSY_MS)
    for (;;) {
      const result = await attempt()
      const isBusy = result === 'busy' || (typeof result === 'object' && result.kind === 'busy')
      if (!isBusy || patience.passed || signal.aborted) return result
      await sleep(this.#deps.clock, BUSY_PAUSE_MS, signal)
    }
  }
}

function unrecorded(outcome: UpdateEnvelope): UpdateEnvelope {
  return { ...outcome, message: `${outcome.message} This outcome could not be written to the audit trail.` }
}
