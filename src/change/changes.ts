import { createHmac, randomUUID } from 'node:crypto'
import { type ChangeRequest, requestedFields } from '../customer/fields.ts'
import { remainingMs, timeLimit } from '../lib/clock.ts'
import { canonicalJson } from '../lib/json.ts'
import { type GiveUp, KeyedQueue, SharedWork } from '../lib/keyed-work.ts'
import type { Person } from '../lib/person.ts'
import type { RateLimit } from '../lib/rate-limit.ts'
import { traceIdOf } from '../lib/trace.ts'
import type { Asked, Caller, Change, Claimed, Decision, Ended, Rung } from './change.ts'
import * as change from './change.ts'
import { Claims, type ClaimsDeps, type ClaimsSettings, type Typed } from './claims.ts'
import type { ChannelName, UpdateEnvelope } from './envelope.ts'
import { BUSY_MS, Keeping, type KeepingDeps } from './keeping.ts'
import { hasMoved, type Plan, Planner, type PlannerDeps, type PlannerSettings, shownBy } from './plan.ts'
import type { Whose } from './store.ts'
import * as unsent from './unsent.ts'
import { type Watch, Watches } from './watch.ts'

/** How long a question waits for its answer where nothing else is set, milliseconds. */
export const APPROVAL_LIFETIME_MS = 10 * 60_000
/** Between two looks for what has lapsed, milliseconds at the least, while this process itself holds what has. */
const SWEEP_PAUSE_MS = 1_000

export interface ChangesDeps extends PlannerDeps, KeepingDeps, ClaimsDeps {
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

export interface ChangesSettings extends PlannerSettings, ClaimsSettings {}

/** What is asked for and by whom: {@link Changes.proposal}. */
export interface Proposal {
  readonly request: ChangeRequest
  readonly caller: Caller
  /** Equal for equal arguments of one caller to one AiFi, and tell nothing about them; one by each secret. */
  readonly keys: readonly string[]
}

/** The answer of a person to the question as they saw it. */
export interface GivenAnswer {
  readonly round: number
  /** {@link Rung.handle} of the way it came; a yes counts only while the question is being asked that way. */
  readonly handle: string
  readonly answer: change.AnswerKind
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

/**
 * The whole life of a change: `propose`, `decide`, `watch`, `withdraw`, `sweep`. Nothing in here waits for a person: a
 * question stands in the store, and {@link decide} is the only way to answer it, whichever way the answer comes.
 */
export class Changes {
  readonly #deps: ChangesDeps
  readonly #settings: ChangesSettings
  readonly #planner: Planner
  readonly #keeping: Keeping
  readonly #claims: Claims
  readonly #turns = new KeyedQueue<number>()
  readonly #proposing: SharedWork<string, Change>
  readonly #looking: SharedWork<string, void>
  readonly #watches: Watches
  #stopSweeping: () => void = () => undefined
  #isClosing = false

  constructor(deps: ChangesDeps, settings: ChangesSettings) {
    this.#deps = deps
    this.#settings = settings
    this.#proposing = new SharedWork(deps.clock)
    this.#looking = new SharedWork(deps.clock)
    this.#watches = new Watches(deps)
    this.#planner = new Planner(deps, settings)
    this.#keeping = new Keeping(deps, () => this.#arm())
    this.#claims = new Claims(deps, settings, this.#planner, this.#keeping)
  }

  /** A request with what it is found by when the same caller makes it again. */
  proposal(request: ChangeRequest, caller: Caller): Proposal {
    const { aifi, secrets } = this.#deps
    const { customerId, changes, marked, enterPrivately, expectedEmail } = request
    const { person, application } = caller
    const who = person ? { issuer: person.issuer, subject: person.subject } : { application }
    const asked = { customerId, changes, marked, enterPrivately, expectedEmail }
    const same = canonicalJson({ ...asked, address: aifi.address, ...who })
    const keys = secrets.map((secret) => createHmac('sha256', secret).update(same).digest('base64url'))
    return { request, caller, keys }
  }

  /** The same request of this caller, if it is under way or has an outcome that nobody was told. */
  async find({ keys }: Proposal): Promise<Change | undefined> {
    for (const key of keys) {
      const found = await this.#asItIs(() => this.#deps.store.find(key))
      if (found) return found
    }
    return undefined
  }

  get(id: string): Promise<Change | undefined> {
    return this.#asItIs(() => this.#deps.store.get(id))
  }

  /** The first `limit` questions that wait for their answer, those that run out first at the front. */
  async waiting(limit: number, whose: Whose = {}): Promise<readonly Asked[]> {
    await this.sweep()
    return this.#deps.store.waiting(whose, limit)
  }

  countWaiting(whose: Whose = {}): Promise<number> {
    return this.#deps.store.countWaiting(whose)
  }

  /** Questions that were decided lately, the latest first. */
  decided(limit: number): Promise<readonly change.Decided[]> {
    return this.#deps.store.decided(limit)
  }

  /**
   * Steps 1 to 3 of a new change: reads the record and plans. It ends here, or a person is to be asked, or, where nobody
   * has to agree, it is on its way. Equal calls that come meanwhile share it.
   *
   * @param giveUp takes it back, as long as nobody was asked and nothing is on its way.
   * @returns undefined when this caller gave up while others still wait for the same.
   */
  propose(proposal: Proposal, giveUp: GiveUp): Promise<Change | undefined> {
    const [key = ''] = proposal.keys
    return this.#proposing.share(key, giveUp, (stop) => this.#propose(key, proposal, stop))
  }

  /** Reads the record again for a question that is open; if it is no longer as it was shown, it is asked about anew. */
  async look(asked: Asked, giveUp: GiveUp): Promise<void> {
    await this.#looking.share(asked.id, giveUp, async ({ signal }) => {
      const reading = await this.#planner.read(asked.customerId, signal)
      const shown = await this.#planner.withPast(asked, shownBy(asked.customerId, reading))
      const now = await this.#deps.store.get(asked.id)
      if (now?.state !== 'asked' || !shown.record || !hasMoved(now.asking.shown, shown, now.request)) return
      await this.#keeping.swap(change.askedAgain(now, now.asking, shown, this.#planner.lapse()))
    })
  }

  /** The question is being put this way from now on. False when it has moved on meanwhile. */
  async put(asked: Asked, rung: Rung): Promise<boolean> {
    return (await this.#keeping.swap(change.putThrough(asked, rung))) === 'done'
  }

  /** This way cannot bring an answer, for the reason that the sentence tells. */
  async handOn(id: string, handle: string, reason: string): Promise<void> {
    await this.#keeping.retried(id, (asked) =>
      asked.asking.rung?.handle === handle ? change.handedOn(asked, reason) : undefined,
    )
  }

  /** Nobody is being asked this way any more; the same way may be tried again. */
  async release(id: string, handle: string): Promise<void> {
    await this.#keeping.retried(id, (asked) =>
      asked.asking.rung?.handle === handle ? change.putThrough(asked, undefined) : undefined,
    )
  }

  /** An answer came to this way of asking. False when it has moved on, or another answer came before. */
  async markAnswered(id: string, handle: string): Promise<boolean> {
    let isFirst = false
    await this.#keeping.retried(id, (asked) => {
      const { rung } = asked.asking
      isFirst = rung?.handle === handle && !rung.answered
      return isFirst && rung ? change.putThrough(asked, { ...rung, answered: true }) : undefined
    })
    return isFirst
  }

  /** A call has waited its whole time for the answer in vain. */
  async waitedInVain(id: string, round: number): Promise<void> {
    await this.#keeping.retried(id, (asked) => {
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
      const done = await this.#keeping.end(asked, outcome, decision)
      return done ? { kind: 'counted' } : { kind: 'too_late', change: await this.get(id) }
    }
    if (asked.asking.rung?.handle !== handle) return { kind: 'too_late', change: asked }
    return this.#approve(asked, decision, { secrets: typed, onAifiWords })
  }

  /** There turned out to be nobody to ask. */
  async nobodyToAsk(asked: Asked, reason: string): Promise<void> {
    const decision: Decision = { kind: 'nobody_to_ask', at: this.#deps.clock.now(), reason }
    await this.#keeping.end(asked, unsent.nobodyToAsk(asked.request, reason), decision)
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
    const isStopped = await this.#claims.stop(id, unwanted)
    if (isStopped !== undefined) return isStopped
    const asked = await this.#deps.store.get(id)
    if (asked?.state !== 'asked') return false
    const channel = asked.asking.rung?.channel
    const at = this.#deps.clock.now()
    const decision: Decision = { kind: 'withdrawn', at, reason, ...(channel && { channel }), ...(by && { by }) }
    return this.#keeping.end(asked, unsent.withdrawn(asked.request, reason), decision, unwanted ? { unwanted } : {})
  }

  /** Watches the change with this id. `call`: on behalf of a call, which has to be told of its end. */
  watch(id: string, { call }: { call: boolean }): Watch {
    return this.#watches.watch(id, { call })
  }

  /** The outcome is told: from now on the same request is a new change. False when it was told before. */
  tell(ended: Ended): Promise<boolean> {
    return this.#deps.store.tell(ended)
  }

  /** The request has left, as far as can be known here. */
  hasLeft(change: Change): boolean {
    return this.#claims.hasLeft(change)
  }

  /** From here on what lapses is ended in time, and so is what lapsed while no process lived. */
  beginSweeping(): void {
    this.#arm()
  }

  /** Ends, or asks again, what has lapsed. Any process that shares the store may, at any time. */
  async sweep(): Promise<void> {
    const { store, clock } = this.#deps
    for (const lapsed of await store.due()) {
      // Nobody knows better than this process that it lives.
      if (this.#claims.holds(lapsed.id)) continue
      if (lapsed.state === 'asked') {
        const channel = lapsed.asking.rung?.channel
        const decision: Decision = { kind: 'expired', at: clock.now(), ...(channel && { channel }) }
        await this.#keeping.end(lapsed, unsent.expired(lapsed.request, this.#settings.lifetimeMs), decision)
      } else if (lapsed.state === 'claimed') await this.#unclaim(lapsed)
      else if (lapsed.state === 'sending') {
        await this.#keeping.end(lapsed, unsent.senderStopped(lapsed.request), lapsed.decision, {
          presumed: lapsed.lease,
        })
      }
    }
  }

  /**
   * What would be done, without doing it. It shows the record, so it counts and is written into the audit as a lookup
   * is.
   */
  async preview({ request, caller }: Proposal, signal: AbortSignal): Promise<Plan> {
    const { audit } = this.#deps
    const retryAfterSeconds = this.#deps.lookups.take()
    if (retryAfterSeconds !== undefined)
      return { kind: 'stop', envelope: unsent.tooManyPreviews(request, retryAfterSeconds) }
    const leave = await this.#turns.enter(request.customerId, signal)
    if (!leave) return { kind: 'stop', envelope: unsent.stoppedBeforeSending(request) }
    try {
      const reading = await this.#planner.read(request.customerId, signal)
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
      return this.#planner.first(request, reading)
    } finally {
      leave()
    }
  }

  /** The end of input: no question can be answered any more. Resolves when what has been sent has its outcome. */
  async close(): Promise<void> {
    this.#stopBeginning()
    const live = await this.#deps.store.live()
    const voided = live.map(({ id }) => this.withdraw(id, 'The program that asked has ended.', { unwanted: false }))
    await Promise.all([this.#claims.idle(), ...voided, this.#proposing.idle()])
    this.#stopSweeping()
  }

  /**
   * The end of a process whose questions others can answer, or that comes back: they stay open. Resolves when what this
   * process carries out has ended. Nothing new begins.
   */
  async drain(): Promise<void> {
    this.#stopBeginning()
    await this.#claims.idle()
    await this.#proposing.idle()
    this.#stopSweeping()
  }

  #stopBeginning(): void {
    this.#isClosing = true
    this.#proposing.stop()
  }

  /** What has lapsed is ended before anybody sees it as it was. */
  async #asItIs(look: () => Promise<Change | undefined>): Promise<Change | undefined> {
    const found = await look()
    if (!found || found.state === 'ended' || remainingMs(this.#deps.clock, change.lapseOf(found)) > 0) return found
    await this.sweep()
    return look()
  }

  async #propose(key: string, { request, caller, keys }: Proposal, stop: AbortController): Promise<Change> {
    const { signal } = stop
    const { clock, logger, rate } = this.#deps
    const { customerId } = request
    const id = randomUUID()
    const draft = (given: ChangeRequest) => {
      const fields = requestedFields(given)
      return { id, key, customerId, fields, caller, request: given }
    }
    const atOnce = (outcome: UpdateEnvelope) => change.endedAtOnce(draft(request), outcome, clock.now())
    if (signal.aborted) return atOnce(unsent.stoppedBeforeSending(request))
    const retryAfterSeconds = rate.take()
    if (retryAfterSeconds !== undefined) return atOnce(unsent.tooMany(request, retryAfterSeconds))
    const audited = (outcome: UpdateEnvelope) => this.#keeping.endedAtOnce(atOnce(outcome), request)
    const leave = await this.#turns.enter(customerId, signal)
    if (!leave) return audited(unsent.stoppedBeforeSending(request))
    let isUnderWay = false
    try {
      const plan = this.#planner.first(request, await this.#planner.read(customerId, signal))
      if (plan.kind === 'stop') return audited(plan.envelope)
      if (signal.aborted) return audited(unsent.stoppedBeforeSending(request))
      const first = await this.#firstState(draft(plan.request), plan)
      const added = await this.#keeping.unlessBusy(() => this.#keeping.add(first, keys), signal)
      if (added.kind === 'existing') return added.change
      if (added.kind === 'refused') return audited(unsent.mayNotAsk(request, added.refusal))
      if (added.kind === 'busy') return audited(unsent.customerBusy(request))
      if (first.state === 'claimed') {
        isUnderWay = true
        this.#claims.send(first, plan.shown, stop).finally(() => this.#handBack(leave))
      }
      return first
    } catch (err) {
      logger.error({ err, customerId }, 'a change failed inside this server')
      return audited(unsent.interrupted(request, false))
    } finally {
      if (!isUnderWay) leave()
    }
  }

  /** Where nobody has to be asked, this process takes it at once. */
  async #firstState(draft: change.New, { sensitive, shown }: Extract<Plan, { kind: 'go' }>): Promise<Asked | Claimed> {
    if (sensitive.length === 0) return change.claimed(draft, this.#claims.lease())
    // A question that has lapsed takes no one's place.
    await this.sweep()
    const expiresAt = this.#planner.lapse()
    return change.asked(draft, { round: 1, shown: await this.#planner.withPast(draft, shown), expiresAt, passed: [] })
  }

  /** The claim has ended; what this process held back from a sweep may be due. */
  #handBack(leave: () => void): void {
    leave()
    this.#arm()
  }

  async #approve(asked: Asked, decision: Decision, typed: Typed): Promise<Verdict> {
    const { signal, end } = timeLimit(this.#deps.clock, BUSY_MS)
    try {
      const leave = await this.#turns.enter(asked.customerId, signal)
      if (!leave) return { kind: 'busy' }
      // Its time may have run out while it waited for its turn.
      if (remainingMs(this.#deps.clock, asked.asking.expiresAt) === 0) {
        leave()
        return { kind: 'too_late', change: await this.get(asked.id) }
      }
      const claim = change.claimedBy(asked, decision, this.#claims.lease())
      const swapped = await this.#keeping
        .unlessBusy(() => this.#keeping.swap(claim), signal)
        .catch((err) => {
          leave()
          throw err
        })
      if (swapped === 'done') {
        this.#claims.sendApproved(claim, asked.asking, typed).finally(() => this.#handBack(leave))
        return { kind: 'counted' }
      }
      leave()
      return swapped === 'busy' ? { kind: 'busy' } : { kind: 'too_late', change: await this.get(asked.id) }
    } finally {
      end()
    }
  }

  /** A claim whose holder stopped: nothing was sent. A person may answer again; otherwise it has ended. */
  async #unclaim(claim: Claimed): Promise<void> {
    const { asking, request, decision } = claim
    const isOver = !asking || remainingMs(this.#deps.clock, asking.expiresAt) === 0
    if (isOver) await this.#keeping.end(claim, unsent.holderStopped(request), decision)
    else await this.#keeping.swap(change.unclaimed(claim, asking))
  }

  /** Looks for what has lapsed when the next of it does. A timer may fire a little early: the store decides. */
  #arm(): void {
    this.#stopSweeping()
    const ms = this.#isClosing ? undefined : this.#deps.store.nextDueMs()
    if (ms === undefined) return
    const pause = ms > 0 ? Math.ceil(ms) : SWEEP_PAUSE_MS
    this.#stopSweeping = this.#deps.clock.after(pause, () => {
      this.sweep()
        .catch((err) => this.#deps.logger.error({ err }, 'what has lapsed could not be ended'))
        .finally(() => this.#arm())
    })
  }
}
