import { randomUUID } from 'node:crypto'
import { Approval, type Decision } from '../approval/approval.ts'
import type { QuestionLimits } from '../approval/question-limits.ts'
import { questionFor } from '../approval/words.ts'
import { movedFields } from '../customer/compare.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import type { Turns } from '../lib/keyed-queue.ts'
import { StopSignal } from '../lib/signal.ts'
import { approvalOf, auditApproval } from './approval-facts.ts'
import type { UpdateEnvelope } from './envelope.ts'
import { type Plan, planChange, readable } from './plan.ts'
import { interrupted, mayNotAsk, notApproved, restless, stoppedBeforeSending } from './refusals.ts'
import { type SendDeps, sendChange } from './send.ts'

export interface ChangeDeps extends SendDeps {
  readonly turns: Turns
  readonly limits: QuestionLimits
  /** Fields that need approval besides those that always do (`AIFI_APPROVAL_FIELDS`). */
  readonly approvalFields: 'all' | readonly string[]
  readonly sandbox: boolean
}

/** How a change ended, and when (wall clock, milliseconds since 1970). */
export interface Outcome {
  readonly envelope: UpdateEnvelope
  readonly at: number
}

/** A record that keeps changing while a person reads it is asked about this often at the most. */
const ROUNDS = 5

/** What goes ahead, and what there still is to do for it. */
type Go = Extract<Plan, { kind: 'go' }>
type Next = { end: UpdateEnvelope } | { ask: Go }

/**
 * One change of one customer: proposed → asked → approved → sent → outcome. It lives in the process; the calls of the
 * tool only watch it, and the person's Approve sends it, whether or not a call still waits.
 */
export class Change {
  /** Ties the records of the audit together. */
  readonly id = randomUUID()
  /** Equal for equal changes. */
  readonly key: string
  readonly request: ChangeRequest
  /** Resolves with the outcome; never rejects. */
  readonly settled: Promise<Outcome>
  readonly #client: string
  readonly #deps: ChangeDeps
  readonly #abandoned = new StopSignal()
  #shown: Go | undefined
  #approval: Approval | undefined
  #decision: Decision | undefined
  #sent = false
  /** It has reached the one place that sends, which writes the audit itself. */
  #ready = false
  #outcome: Outcome | undefined
  #looking: Promise<void> | undefined
  readonly #watchers = new Set<() => void>()

  /** @param client the program that asks, by its own account. */
  constructor(key: string, request: ChangeRequest, client: string, deps: ChangeDeps) {
    this.key = key
    this.request = request
    this.#client = client
    this.#deps = deps
    this.settled = this.#live()
      .catch((err) => {
        deps.logger.error({ err, customerId: request.customerId }, 'a change failed inside this server')
        return interrupted(request, this.#sent)
      })
      .then((envelope) => this.#settle(this.#ready ? envelope : this.#unsent(envelope)))
  }

  /** The question that is open now. */
  get approval(): Approval | undefined {
    return this.#approval?.decision ? undefined : this.#approval
  }

  /** The question with this id, if it is one of this change: the open one, or one that has its answer already. */
  question(id: string): Approval | undefined {
    for (let each = this.#approval; each; each = each.replaces) if (each.id === id) return each
    return undefined
  }

  /** Somebody was asked about it. */
  get asked(): boolean {
    return this.#approval !== undefined
  }

  /** The answer was no, or there was none: it ends now, without another request. */
  get refused(): boolean {
    const answer = this.#approval?.decision?.answer
    return answer !== undefined && answer !== 'approved' && answer !== 'moved'
  }

  /** How it ended. */
  get outcome(): Outcome | undefined {
    return this.#outcome
  }

  /** The request has left: it cannot be stopped any more. */
  get sent(): boolean {
    return this.#sent
  }

  /** Calls `onMoved` whenever the change moves on: it asks, asks anew, has its answer, or has ended. Returns the end of that. */
  watch(onMoved: () => void): () => void {
    this.#watchers.add(onMoved)
    return () => this.#watchers.delete(onMoved)
  }

  /** Nobody waits for it any more. True: it is void, and nothing will be sent. False: it has been sent. */
  abandon(reason: string): boolean {
    if (this.#sent) return false
    this.#abandoned.abort()
    this.#approval?.decide({ answer: 'withdrawn', reason })
    return true
  }

  /**
   * Reads the record again; if it is no longer as it was shown, the open question gives way to a new one. Calls that
   * come at the same time share one look.
   */
  refresh(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const approval = this.approval
    const { record } = readable(this.request.customerId, await this.#read())
    if (!approval || !record) return
    if (movedFields(this.#shown?.record, record, this.request).length > 0) approval.decide({ answer: 'moved' })
  }

  /** The way of one change, from the second step on. */
  async #live(): Promise<UpdateEnvelope> {
    let next = await this.#inTurn(async () => {
      const plan = await this.#plan()
      return 'ask' in plan && plan.ask.sensitive.length === 0 ? { end: await this.#send(plan.ask, undefined) } : plan
    })
    for (let round = 1; 'ask' in next; round++) {
      if (round > ROUNDS) return restless(this.request)
      next = await this.#askAndSend(next.ask)
    }
    return next.end
  }

  /** Steps 3 to 5 for one state of the record. */
  async #askAndSend(shown: Go): Promise<Next> {
    const approval = this.#ask(shown)
    if (!(approval instanceof Approval)) return { end: approval }
    const decision = await approval.decided
    this.#decision = decision
    this.#deps.limits.close(this.key, decision.answer)
    this.#announce()
    if (decision.answer !== 'approved' && decision.answer !== 'moved')
      return { end: notApproved(this.request, decision) }
    return this.#inTurn(async () => {
      const plan = await this.#plan()
      if ('end' in plan) return plan
      const moved = movedFields(shown.record, plan.ask.record, this.request).length > 0
      return decision.answer === 'moved' || moved ? plan : { end: await this.#send(plan.ask, decision) }
    })
  }

  #inTurn(work: () => Promise<Next>): Promise<Next> {
    return this.#deps.turns.take(this.request.customerId, work)
  }

  /** Step 2: reads the record and sees what there is to do. */
  async #plan(): Promise<Next> {
    const plan = planChange(this.request, await this.#read(), this.#deps.approvalFields)
    return plan.kind === 'stop' ? { end: plan.envelope } : { ask: plan }
  }

  async #read() {
    if (!this.#deps.readBack) return undefined
    return this.#deps.aifi.readCustomer(this.request.customerId, this.#abandoned)
  }

  /** Step 3: the question. The calls that watch put it to somebody. */
  #ask(shown: Go): Approval | UpdateEnvelope {
    const { aifi, clock, limits, sandbox } = this.#deps
    if (this.#abandoned.aborted) return stoppedBeforeSending(this.request)
    const refusal = limits.open(this.key)
    if (refusal) return mayNotAsk(this.request, refusal)
    const { request } = this
    const { record, unreadable } = shown
    const facts = { request, record, unreadable, address: aifi.address, sandbox, client: this.#client }
    const approval = new Approval(questionFor(facts), clock, this.#approval)
    this.#approval = approval
    this.#shown = shown
    this.#announce()
    return approval
  }

  /** Steps 4 and 5. */
  async #send({ record }: Go, decision: Decision | undefined): Promise<UpdateEnvelope> {
    const { id, request } = this
    const signal = this.#abandoned
    if (signal.aborted) return stoppedBeforeSending(request)
    this.#ready = true
    const secrets = this.#approval?.takeSecrets() ?? {}
    const onSending = () => {
      this.#sent = true
    }
    const ready = { id, request, before: record, client: this.#client, decision, secrets, signal, onSending }
    return sendChange(ready, this.#deps)
  }

  /** It ends without having been sent: that, and what a person said to it, belongs into the result and the audit too. */
  #unsent(end: UpdateEnvelope): UpdateEnvelope {
    const { audit, logger } = this.#deps
    const decision = this.#decision?.answer === 'moved' ? undefined : this.#decision
    const envelope: UpdateEnvelope = { ...end, ...(decision?.answer !== 'unavailable' && approvalOf(decision)) }
    const { customerId } = this.request
    const approval = decision && { approval: auditApproval(decision) }
    try {
      audit.outcome({ changeId: this.id, customerId, status: envelope.status, ...approval })
    } catch (err) {
      logger.error({ err }, 'the audit cannot be written')
    }
    return envelope
  }

  #settle(envelope: UpdateEnvelope): Outcome {
    const at = this.#deps.clock.now()
    const outcome = { envelope, at }
    this.#outcome = outcome
    this.#approval?.finish({ status: envelope.status, message: envelope.message, at })
    this.#announce()
    return outcome
  }

  #announce(): void {
    for (const onMoved of [...this.#watchers]) onMoved()
  }
}
