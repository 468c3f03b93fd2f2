import { createHmac, randomUUID } from 'node:crypto'
import type { Aifi } from '../aifi/port.ts'
import type { Audit } from '../audit/audit.ts'
import { movedFields } from '../customer/compare.ts'
import { type ChangeRequest, type CustomerChanges, requestedFields } from '../customer/fields.ts'
import type { RecordViews } from '../customer/record-view.ts'
import { type Clock, Deadline, instantIn, remainingMs, sleep } from '../lib/clock.ts'
import { canonicalJson } from '../lib/json.ts'
import { KeyedQueue } from '../lib/keyed-queue.ts'
import type { Logger } from '../lib/logger.ts'
import type { Person } from '../lib/person.ts'
import type { RateLimit } from '../lib/rate-limit.ts'
import { SharedWork } from '../lib/shared-work.ts'
import { traceIdOf } from '../lib/trace.ts'
import type { Asked, Asking, Caller, Change, Claimed, Decision, Ended, Lease, Rung, Sending, Shown } from './change.ts'
import * as change from './change.ts'
import type { ChannelName, UpdateEnvelope } from './envelope.ts'
import { type Plan, type Planning, planChange, planProposal, shownBy } from './plan.ts'
import { approvalOf, attemptEntry, type Departure, outcomeEntry, sendChange } from './send.ts'
import type { ChangeStore, Swapped } from './store.ts'
import * as unsent from './unsent.ts'

/** How long a question waits for its answer where nothing else is set, milliseconds. */
export const APPROVAL_LIFETIME_MS = 10 * 60_000
/** A record that keeps changing while a person reads it is asked about this often at the most. */
const ROUNDS = 5
/** A customer of whom another change is being sent is waited for this long, milliseconds. */
const BUSY_MS = 8_000
/** Between two looks at whether the other change has ended, milliseconds. */
const BUSY_PAUSE_MS = 50
/** Exchanges with AiFi that a claim has time for, and those that sending has. */
const CLAIM_EXCHANGES = 2
const SENDING_EXCHANGES = 5
/** Those of them that the change itself may take. */
const PATCH_EXCHANGES = 3
/** What a lease has besides, milliseconds. */
const LEASE_MARGIN_MS = 10_000
/** Before a renewal that failed is tried again, milliseconds. */
const RENEWAL_PAUSE_MS = 1_000
/** Between two looks for what has lapsed, milliseconds at the least, while this process itself holds what has. */
const SWEEP_PAUSE_MS = 1_000

export interface ChangesDeps {
  readonly store: ChangeStore
  readonly aifi: Aifi
  readonly audit: Audit
  readonly clock: Clock
  readonly logger: Logger
  readonly views: RecordViews
  /** Changes that may begin in a minute. */
  readonly rate: RateLimit
  /** Looks at a record that change nothing, those of `find_customers` too. */
  readonly lookups: RateLimit
  /**
   * Of the HMAC by which the same call is found again, the one in use first. Shared by all who share the store; never
   * empty.
   */
  readonly secrets: readonly Uint8Array[]
}

export interface ChangesSettings {
  readonly readBack: boolean
  /** Fields that need approval besides those that always do (`AIFI_APPROVAL_FIELDS`). */
  readonly approvalFields: 'all' | readonly string[]
  /** The audit also holds values that are not secret. */
  readonly auditValues: boolean
  /** Deadline of one exchange with AiFi, milliseconds. */
  readonly timeoutMs: number
  /** How long a question waits for its answer, milliseconds. */
  readonly lifetimeMs: number
  /** What a lease has besides the exchanges with AiFi that it is for, milliseconds; default 10 s. */
  readonly leaseMarginMs?: number
}

/** The answer of a person to the question as they saw it. */
export interface GivenAnswer {
  readonly round: number
  /** {@link Rung.handle} of the way it came; a yes counts only while the question is being asked that way. */
  readonly handle: string
  readonly answer: change.GivenAnswer
  readonly channel: ChannelName
  /** Who gives it, where that is known. */
  readonly by?: Person
}

/** Whether an answer counts. */
export type Verdict =
  | { readonly kind: 'counted' }
  /** The question was decided, replaced or handed on before; the change as it is now, if it is still known. */
  | { readonly kind: 'too_late'; readonly change: Change | undefined }
  /** Another change of this customer is being sent: the question stays, to be answered again. */
  | { readonly kind: 'busy' }

/** What a person typed, and how they are told what AiFi says to it. */
interface Typed {
  readonly secrets: change.TypedSecrets
  readonly onAifiWords?: ((words: string) => void) | undefined
}

/** A change that this process carries out just now. */
interface Work {
  readonly stop: AbortController
  /** The request has left: it cannot be stopped any more. */
  left: boolean
  /** Nobody wants to be told of an end without it. */
  unwanted: boolean
  done: Promise<void>
}

/** A look at a change until it is left. */
export interface Watch {
  /** The change once it is no longer at this version, or as it is after `ms` milliseconds or when a signal aborts. */
  next(version: number, ms: number, signals: readonly AbortSignal[]): Promise<Change | undefined>
  /** No other call of this process watches it. */
  readonly alone: boolean
  leave(): void
}

/**
 * The whole life of a change: `propose`, `decide`, `watch`, `withdraw`, `sweep`. Nothing in here waits for a person: a
 * question stands in the store, and {@link decide} is the only way to answer it, whichever way the answer comes.
 */
export class Changes {
  readonly #deps: ChangesDeps
  readonly #settings: ChangesSettings
  readonly #turns = new KeyedQueue<number>()
  readonly #proposing = new SharedWork<string, Change>()
  readonly #looking = new SharedWork<string, void>()
  readonly #underWay = new Map<string, Work>()
  /** Calls of this process that watch, per change. */
  readonly #calls = new Map<string, number>()
  #stopSweeping: () => void = () => undefined
  readonly #closing = new AbortController()

  constructor(deps: ChangesDeps, settings: ChangesSettings) {
    this.#deps = deps
    this.#settings = settings
  }

  /** The same request of this caller, if it is under way or has an outcome that nobody was told. */
  async find(request: ChangeRequest, caller: Caller): Promise<Change | undefined> {
    await this.sweep()
    for (const key of this.#keysOf(request, caller)) {
      const found = await this.#deps.store.find(key)
      if (found) return found
    }
    return undefined
  }

  async get(id: string): Promise<Change | undefined> {
    await this.sweep()
    return this.#deps.store.get(id)
  }

  /** The questions that wait for their answer. */
  async waiting(): Promise<readonly Asked[]> {
    await this.sweep()
    return (await this.#deps.store.live()).filter((each) => each.state === 'asked')
  }

  /** Questions that were decided lately, the latest first. */
  decided(limit: number): Promise<readonly change.Decided[]> {
    return this.#deps.store.decided(limit)
  }

  /** Whether the answer with this id belongs to the same request of this caller. */
  isOf(change: Change, request: ChangeRequest, caller: Caller): boolean {
    return this.#keysOf(request, caller).includes(change.key)
  }

  /**
   * Steps 1 to 3 of a new change: reads the record and plans. It ends here, or a person is to be asked, or, where nobody
   * has to agree, it is on its way. Equal calls that come meanwhile share it.
   *
   * @param signal gives it up, as long as nobody was asked and nothing is on its way.
   * @returns undefined when the signal aborted while others still wait for the same.
   */
  propose(request: ChangeRequest, caller: Caller, signal: AbortSignal): Promise<Change | undefined> {
    const [key = ''] = this.#keysOf(request, caller)
    return this.#proposing.share(key, signal, (stop) =>
      this.#propose(key, request, caller, AbortSignal.any([stop, this.#closing.signal])),
    )
  }

  /** Reads the record again for a question that is open; if it is no longer as it was shown, it is asked about anew. */
  async look(asked: Asked, signal: AbortSignal): Promise<void> {
    await this.#looking.share(asked.id, signal, async () => {
      const shown = await this.#withPast(asked, shownBy(asked.customerId, await this.#read(asked.request)))
      const now = await this.#deps.store.get(asked.id)
      if (now?.state !== 'asked' || !shown.record || !hasMoved(now.asking.shown, shown, now.request)) return
      await this.#swap(change.askedAgain(now, now.asking, shown, this.#lapse()))
    })
  }

  /** The question is being put this way from now on. False when it has moved on meanwhile. */
  async put(asked: Asked, rung: Rung): Promise<boolean> {
    return (await this.#swap(change.putThrough(asked, rung))) === 'done'
  }

  /** This way cannot bring an answer, for the reason that the sentence tells. */
  async handOn(id: string, handle: string, reason: string): Promise<void> {
    await this.#retried(id, (asked) =>
      asked.asking.rung?.handle === handle ? change.handedOn(asked, reason) : undefined,
    )
  }

  /** Nobody is being asked this way any more; the same way may be tried again. */
  async release(id: string, handle: string): Promise<void> {
    await this.#retried(id, (asked) =>
      asked.asking.rung?.handle === handle ? change.putThrough(asked, undefined) : undefined,
    )
  }

  /** An answer came to this way of asking. False when it has moved on, or another answer came before. */
  async takeAnswer(id: string, handle: string): Promise<boolean> {
    let isFirst = false
    await this.#retried(id, (asked) => {
      const { rung } = asked.asking
      isFirst = rung?.handle === handle && !rung.answered
      return isFirst && rung ? change.putThrough(asked, { ...rung, answered: true }) : undefined
    })
    return isFirst
  }

  /** A call has waited its whole time for the answer in vain. */
  async waitedInVain(id: string, round: number): Promise<void> {
    await this.#retried(id, (asked) => {
      const { rung } = asked.asking
      return rung && asked.asking.round === round
        ? change.putThrough(asked, { ...rung, waitedInVain: true })
        : undefined
    })
  }

  /**
   * The only way to answer a question. Resolves when it is settled whether the answer counts; what becomes of an approved
   * change is for {@link watch} to tell.
   *
   * @param typed what the person typed for it: held by nobody but the work that sends it.
   * @param onAifiWords told AiFi's own words when it refuses what was typed. For whoever typed it, and nobody else: they
   *   may repeat it. Called before the change ends; neither escaped nor kept.
   */
  async decide(
    id: string,
    given: GivenAnswer,
    typed: change.TypedSecrets = {},
    onAifiWords?: (words: string) => void,
  ): Promise<Verdict> {
    const asked = await this.get(id)
    if (asked?.state !== 'asked' || asked.asking.round !== given.round) return { kind: 'too_late', change: asked }
    const { answer, channel, handle, by } = given
    const at = this.#deps.clock.now()
    const decision: Decision = { kind: 'answered', answer, channel, at, ...(by && { by }) }
    if (answer !== 'approved') {
      const outcome = unsent.refused(asked.request, answer, decision)
      const done = await this.#finish(asked, outcome, decision)
      return done ? { kind: 'counted' } : { kind: 'too_late', change: await this.get(id) }
    }
    if (asked.asking.rung?.handle !== handle) return { kind: 'too_late', change: asked }
    return this.#approve(asked, decision, { secrets: typed, onAifiWords })
  }

  /** There turned out to be nobody to ask. */
  async nobodyToAsk(asked: Asked, reason: string): Promise<void> {
    const decision: Decision = { kind: 'nobody_to_ask', at: this.#deps.clock.now(), reason }
    await this.#finish(asked, unsent.nobodyToAsk(asked.request, reason), decision)
  }

  /**
   * Who asked wants it no longer. `unwanted`: nor to be told of it. `by`: who says so, where that is known.
   *
   * @returns true: nothing was sent, and nothing will be. False: it was sent, or is over.
   */
  async withdraw(
    id: string,
    reason: string,
    { unwanted, by }: { readonly unwanted: boolean; readonly by?: Person },
  ): Promise<boolean> {
    const work = this.#underWay.get(id)
    if (work) {
      if (work.left) return false
      work.unwanted = unwanted
      work.stop.abort()
      await work.done
      return !work.left
    }
    const asked = await this.#deps.store.get(id)
    if (asked?.state !== 'asked') return false
    const channel = asked.asking.rung?.channel
    const at = this.#deps.clock.now()
    const decision: Decision = { kind: 'withdrawn', at, reason, ...(channel && { channel }), ...(by && { by }) }
    return this.#finish(asked, unsent.withdrawn(asked.request, reason), decision, unwanted ? { unwanted } : {})
  }

  /** Watches the change with this id. `call`: on behalf of a call, which has to be told of its end. */
  watch(id: string, { call }: { call: boolean }): Watch {
    const { store, clock } = this.#deps
    let wake: () => void = () => undefined
    const unwatch = store.watch(id, () => wake())
    const calls = () => this.#calls.get(id) ?? 0
    if (call) this.#calls.set(id, calls() + 1)
    return {
      async next(version, ms, signals) {
        const moved = new Promise<void>((resolve) => {
          wake = resolve
        })
        const before = await store.get(id)
        if (!before || before.version !== version || signals.some(({ aborted }) => aborted)) return before
        const cancel = clock.after(ms, wake)
        for (const signal of signals) signal.addEventListener('abort', wake)
        await moved
        cancel()
        for (const signal of signals) signal.removeEventListener('abort', wake)
        return store.get(id)
      },
      get alone() {
        return calls() <= 1
      },
      leave: () => {
        unwatch()
        if (!call) return
        if (calls() > 1) this.#calls.set(id, calls() - 1)
        else this.#calls.delete(id)
      },
    }
  }

  /** The outcome is told: from now on the same request is a new change. False when it was told before. */
  tell(ended: Ended): Promise<boolean> {
    return this.#deps.store.tell(ended)
  }

  /** The request has left, as far as can be known here. */
  hasLeft({ id, state }: Change): boolean {
    return state === 'sending' && (this.#underWay.get(id)?.left ?? true)
  }

  /** Ends, or asks again, what has lapsed. Any process that shares the store may, at any time. */
  async sweep(): Promise<void> {
    const { store, clock } = this.#deps
    for (const lapsed of await store.due()) {
      // Nobody knows better than this process that it lives.
      if (this.#underWay.has(lapsed.id)) continue
      if (lapsed.state === 'asked') {
        const channel = lapsed.asking.rung?.channel
        const decision: Decision = { kind: 'expired', at: clock.now(), ...(channel && { channel }) }
        await this.#finish(lapsed, unsent.expired(lapsed.request, this.#settings.lifetimeMs), decision)
      } else if (lapsed.state === 'claimed') await this.#unclaim(lapsed)
      else if (lapsed.state === 'sending') {
        await this.#finish(lapsed, unsent.senderStopped(lapsed.request), lapsed.decision, { presumed: lapsed.lease })
      }
    }
  }

  /**
   * What would be done, without doing it. It shows the record, so it counts and is written into the audit as a lookup
   * is.
   */
  async preview(request: ChangeRequest, caller: Caller, signal: AbortSignal): Promise<Plan> {
    const { audit } = this.#deps
    const retryAfterSeconds = this.#deps.lookups.take()
    if (retryAfterSeconds !== undefined)
      return { kind: 'stop', envelope: unsent.tooManyPreviews(request, retryAfterSeconds) }
    const leave = await this.#turns.enter(request.customerId, signal)
    if (!leave) return { kind: 'stop', envelope: unsent.stoppedBeforeSending(request) }
    try {
      const reading = await this.#read(request, signal)
      const isRead = reading?.kind === 'record'
      const seen = { found: isRead ? 1 : null, customerIds: isRead ? [request.customerId] : [] }
      const isAudited = await audit.write({
        event: 'lookup',
        client: caller.client,
        filter: 'customerId',
        ...seen,
        status: 'preview',
        ...traceIdOf(caller),
      })
      if (!isAudited) return { kind: 'stop', envelope: unsent.unwritableAudit(request) }
      return planProposal(request, reading, this.#planning)
    } finally {
      leave()
    }
  }

  /** The end of input: no question can be answered any more. Resolves when what has been sent has its outcome. */
  async close(): Promise<void> {
    this.#closing.abort()
    const works = [...this.#underWay.values()].map(({ done }) => done)
    const live = await this.#deps.store.live()
    const voided = live.map(({ id }) => this.withdraw(id, 'The program that asked has ended.', { unwanted: true }))
    await Promise.all([...works, ...voided, this.#proposing.idle()])
    this.#stopSweeping()
  }

  /**
   * The end of a process whose questions others can answer, or that comes back: they stay open. Resolves when what this
   * process carries out has ended. Nothing new begins.
   */
  async drain(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#underWay.values()].map(({ done }) => done))
    await this.#proposing.idle()
    this.#stopSweeping()
  }

  get #planning(): Planning {
    return { approvalFields: this.#settings.approvalFields, views: this.#deps.views }
  }

  /** Equal for equal arguments of one caller to one AiFi, and tell nothing about them; one by each secret. */
  #keysOf({ customerId, changes, marked, enterPrivately, expectedEmail }: ChangeRequest, caller: Caller): string[] {
    const { aifi, secrets } = this.#deps
    const { person, application } = caller
    const who = person ? { issuer: person.issuer, subject: person.subject } : { application }
    const asked = { customerId, changes, marked, enterPrivately, expectedEmail }
    const same = canonicalJson({ ...asked, address: aifi.address, ...who })
    return secrets.map((secret) => createHmac('sha256', secret).update(same).digest('base64url'))
  }

  async #propose(key: string, request: ChangeRequest, caller: Caller, signal: AbortSignal): Promise<Change> {
    const { store, clock } = this.#deps
    const { customerId } = request
    const id = randomUUID()
    const draftOf = (given: ChangeRequest) => ({
      id,
      key,
      customerId,
      fields: requestedFields(given),
      caller,
      request: given,
    })
    const atOnce = (outcome: UpdateEnvelope) => change.endedAtOnce(draftOf(request), outcome, clock.now())
    if (signal.aborted) return atOnce(unsent.stoppedBeforeSending(request))
    const retryAfterSeconds = this.#deps.rate.take()
    if (retryAfterSeconds !== undefined) return atOnce(unsent.tooMany(request, retryAfterSeconds))
    const audited = (outcome: UpdateEnvelope) => this.#audited(atOnce(outcome), request)
    const leave = await this.#turns.enter(customerId, signal)
    if (!leave) return audited(unsent.stoppedBeforeSending(request))
    let isUnderWay = false
    try {
      const plan = planProposal(request, await this.#read(request, signal), this.#planning)
      if (plan.kind === 'stop') return audited(plan.envelope)
      const draft = draftOf(plan.request)
      if (signal.aborted) return audited(unsent.stoppedBeforeSending(request))
      const first =
        plan.sensitive.length > 0
          ? change.asked(draft, {
              round: 1,
              shown: await this.#withPast(draft, plan.shown),
              expiresAt: this.#lapse(),
              passed: [],
            })
          : change.claimed(draft, this.#lease())
      const added = await this.#unlessBusy(() => store.add(first), signal)
      switch (added.kind) {
        case 'existing':
          return added.change
        case 'refused':
          return audited(unsent.mayNotAsk(request, added.refusal))
        case 'busy':
          return audited(unsent.customerBusy(request))
        case 'added':
          this.#arm()
      }
      if (first.state === 'claimed') {
        isUnderWay = true
        this.#carryOut(first, leave, (work) => this.#send(first, plan.shown, { secrets: {} }, work))
      }
      return first
    } catch (err) {
      this.#deps.logger.error({ err, customerId }, 'a change failed inside this server')
      return audited(unsent.interrupted(request, false))
    } finally {
      if (!isUnderWay) leave()
    }
  }

  /** With what a person who is asked has to know besides. */
  async #withPast(about: Pick<Asked, 'key' | 'customerId'>, shown: Shown): Promise<Shown> {
    return { ...shown, past: await this.#deps.store.past(about) }
  }

  async #approve(asked: Asked, decision: Decision, typed: Typed): Promise<Verdict> {
    const inTime = new AbortController()
    const cancel = this.#deps.clock.after(BUSY_MS, () => inTime.abort())
    try {
      const leave = await this.#turns.enter(asked.customerId, inTime.signal)
      if (!leave) return { kind: 'busy' }
      // Its time may have run out while it waited for its turn.
      if (remainingMs(this.#deps.clock, asked.asking.expiresAt) === 0) {
        leave()
        return { kind: 'too_late', change: await this.get(asked.id) }
      }
      const claim = change.claimedBy(asked, decision, this.#lease())
      const swapped = await this.#unlessBusy(() => this.#swap(claim), inTime.signal).catch((err) => {
        leave()
        throw err
      })
      if (swapped === 'done') {
        this.#carryOut(claim, leave, (work) => this.#readAgain(claim, asked.asking, typed, work))
        return { kind: 'counted' }
      }
      leave()
      return swapped === 'busy' ? { kind: 'busy' } : { kind: 'too_late', change: await this.get(asked.id) }
    } finally {
      cancel()
    }
  }

  /** Does what there is to do for a claimed change, in its customer's turn. Never throws. */
  #carryOut(claim: Claimed, leave: () => void, steps: (work: Work) => Promise<void>): void {
    const { logger, store } = this.#deps
    const work: Work = { stop: new AbortController(), left: false, unwanted: false, done: Promise.resolve() }
    this.#underWay.set(claim.id, work)
    const stopRenewing = this.#renewing(claim.id, claim.lease)
    work.done = steps(work)
      .catch(async (err) => {
        logger.error({ err, customerId: claim.customerId }, 'a change failed inside this server')
        const now = await store.get(claim.id)
        const outcome = unsent.interrupted(claim.request, work.left)
        if (now && now.state !== 'ended') await this.#finish(now, outcome, change.decisionOf(now))
      })
      .catch((err) => logger.error({ err, customerId: claim.customerId }, 'the end of a change could not be kept'))
      .finally(() => {
        this.#underWay.delete(claim.id)
        stopRenewing()
        leave()
        this.#arm()
      })
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
    const plan = planChange(request, await this.#read(request, work.stop.signal), this.#planning)
    if (work.stop.signal.aborted) await this.#finish(claim, unsent.stoppedBeforeSending(request), decision)
    else if (plan.kind === 'stop') await this.#finish(claim, plan.envelope, decision)
    else if (!hasMoved(was.shown, plan.shown, request)) await this.#send(claim, plan.shown, typed, work)
    else if (was.round >= ROUNDS) await this.#finish(claim, unsent.keptChanging(request), decision)
    else {
      const shown = await this.#withPast(claim, plan.shown)
      await this.#swap(change.askedAgain(claim, was, shown, this.#lapse()))
    }
  }

  /** Steps 4 and 5. From the transition to `sending` on it may have been made, whatever happens. */
  async #send(claim: Claimed, { record }: Shown, typed: Typed, work: Work): Promise<void> {
    const { clock } = this.#deps
    const { request, decision } = claim
    const { signal } = work.stop
    if (signal.aborted) return void (await this.#finish(claim, unsent.stoppedBeforeSending(request), decision))
    const sending = change.committed(claim, instantIn(clock, this.#leaseMs(SENDING_EXCHANGES)))
    const changes: CustomerChanges = { ...request.changes, ...typed.secrets }
    const onSending = () => {
      work.left = true
    }
    const departure: Departure = { sending, changes, before: record, signal, onSending, onAifiWords: typed.onAifiWords }
    const swapped = await this.#swap(sending, attemptEntry(departure, this.#settings.auditValues))
    if (swapped === 'unaudited') return void (await this.#finish(claim, unsent.unwritableAudit(request), decision))
    // Who has lost the claim meanwhile, asleep or cut off, sends nothing.
    if (swapped !== 'done') return
    const isLate = remainingMs(clock, sending.lease.until) < this.#settings.timeoutMs * PATCH_EXCHANGES
    const outcome = isLate
      ? unsent.holderStopped(request)
      : await sendChange(departure, { ...this.#deps, readBack: this.#settings.readBack })
    await this.#finish(sending, outcome, decision)
  }

  /** A claim whose holder stopped: nothing was sent. A person may answer again; otherwise it has ended. */
  async #unclaim(claim: Claimed): Promise<void> {
    const { asking, request, decision } = claim
    const isOver = !asking || remainingMs(this.#deps.clock, asking.expiresAt) === 0
    if (isOver) await this.#finish(claim, unsent.holderStopped(request), decision)
    else await this.#swap(change.unclaimed(claim, asking))
  }

  /**
   * Ends a change. The change is made or not whatever happens to the audit now: that is said, not turned into a failure.
   *
   * @returns false when it had moved on.
   */
  async #finish(
    from: Asked | Claimed | Sending,
    envelope: UpdateEnvelope,
    decision: Decision | undefined,
    how: Pick<Ended, 'presumed' | 'unwanted'> = {},
  ): Promise<boolean> {
    const { store, clock } = this.#deps
    const endedAt = clock.now()
    const isSent = from.state === 'sending'
    const work = this.#underWay.get(from.id)
    const isUnwanted = work?.unwanted && !work.left
    const end = (outcome: UpdateEnvelope) =>
      change.ended(from, outcome, { decision, endedAt, ...how, ...(isUnwanted && { unwanted: true }) })
    const outcome = { ...unsent.toldWhoAgreed(envelope, decision), ...approvalOf(decision) }
    const swapped = await this.#swap(end(outcome), outcomeEntry(end(outcome), from.request, isSent))
    if (swapped === 'done') return true
    if (swapped === 'unaudited') return (await this.#swap(end(isSent ? unrecorded(outcome) : outcome))) === 'done'
    const now = await store.get(from.id)
    const isMine = now?.state === 'ended' && isSent && now.presumed?.token === from.lease.token
    if (!isMine || how.presumed) return false
    const known = change.corrected(now, outcome, endedAt)
    return (await this.#swap(known, outcomeEntry(known, from.request, true))) === 'done'
  }

  async #audited(end: Ended, request: ChangeRequest): Promise<Ended> {
    await this.#deps.audit.write(outcomeEntry(end, request, false))
    return end
  }

  /** Applies a transition to an open question, however often it moves meanwhile. `next` is undefined when there is nothing to do. */
  async #retried(id: string, next: (asked: Asked) => Asked | undefined): Promise<void> {
    for (;;) {
      const now = await this.#deps.store.get(id)
      const wanted = now?.state === 'asked' ? next(now) : undefined
      if (!wanted || (await this.#swap(wanted)) !== 'stale') return
    }
  }

  async #swap(next: Change, entry?: Parameters<ChangeStore['swap']>[1]): Promise<Swapped> {
    const swapped = await this.#deps.store.swap(next, entry)
    if (swapped === 'done') this.#arm()
    return swapped
  }

  /** Tries again as long as another change of the customer is being sent, for a while. */
  async #unlessBusy<Result extends Swapped | { kind: string }>(
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

  async #read({ customerId }: ChangeRequest, signal?: AbortSignal) {
    return this.#settings.readBack ? this.#deps.aifi.readCustomer(customerId, signal) : undefined
  }

  #lapse() {
    return instantIn(this.#deps.clock, this.#settings.lifetimeMs)
  }

  #lease(): Lease {
    return { token: randomUUID(), until: instantIn(this.#deps.clock, this.#leaseMs(CLAIM_EXCHANGES)) }
  }

  #leaseMs(exchanges: number): number {
    return this.#settings.timeoutMs * exchanges + (this.#settings.leaseMarginMs ?? LEASE_MARGIN_MS)
  }

  /** Looks for what has lapsed when the next of it does. A timer may fire a little early: the store decides. */
  #arm(): void {
    this.#stopSweeping()
    const ms = this.#closing.signal.aborted ? undefined : this.#deps.store.nextDueMs()
    if (ms === undefined) return
    const pause = ms > 0 ? Math.ceil(ms) : SWEEP_PAUSE_MS
    this.#stopSweeping = this.#deps.clock.after(pause, () => {
      this.sweep()
        .catch((err) => this.#deps.logger.error({ err }, 'what has lapsed could not be ended'))
        .finally(() => this.#arm())
    })
  }
}

function hasMoved(was: Shown, is: Shown, request: ChangeRequest): boolean {
  return movedFields(was.record, is.record, request).length > 0
}

function unrecorded(outcome: UpdateEnvelope): UpdateEnvelope {
  return { ...outcome, message: `${outcome.message} This outcome could not be written to the audit trail.` }
}
