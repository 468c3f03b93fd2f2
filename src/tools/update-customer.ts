import { type InputRequiredResult, inputRequired } from '@modelcontextprotocol/server'
import { type Ask, RAN_OUT } from '../approval/channel.ts'
import type { Agreement, Ladder } from '../approval/ladder.ts'
import type { Asked, Caller, Change, Ended } from '../change/change.ts'
import type { Changes, Proposal, Watch } from '../change/changes.ts'
import { invalidArguments, statusIsError, type UpdateEnvelope, updateEnvelope } from '../change/envelope.ts'
import type { Plan } from '../change/plan.ts'
import { StoreUnavailable } from '../change/store.ts'
import {
  earlierOutcome,
  inProgress,
  noQuestion,
  notThisAnswer,
  pending,
  pendingCode,
  stoppedBeforeSending,
  storeAway,
  toldElsewhere,
  tooSlow,
  wrongCode,
} from '../change/unsent.ts'
import { changeLines } from '../change/verify.ts'
import { type ChangeRequest, requestedFields, secretStrings } from '../customer/fields.ts'
import type { RecordViews } from '../customer/record-view.ts'
import { type Clock, Deadline, timeLimit } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import { listed, Relay } from '../lib/text.ts'
import { CALL_LIFETIME_MS, type Call } from '../mcp/call.ts'
import { defineTool, type Tool } from '../mcp/define-tool.ts'
import type { RawArguments } from '../mcp/raw-arguments.ts'
import type { RequestStates } from '../mcp/request-state.ts'
import { type ArgumentSettings, parseArguments, updateCustomerArguments } from './update-arguments.ts'

const SENSITIVE =
  'blocked, role, email, externalId, password and card changes, and whatever would drop something that is there'

/** Who agrees, under each setting. */
const agreements: Readonly<Record<Agreement, string>> = {
  person: `A person approves ${SENSITIVE}; you cannot approve.`,
  relayed: `The user approves ${SENSITIVE} through you: show them the question, and send the code back only if they say yes.`,
  nobody: `Nobody is asked here, whatever is changed: be sure that the user wants it.`,
}

function descriptionOf(agreement: Agreement): string {
  return [
    'Change one customer record in AiFi. Send only what the user asked to change; everything else stays as it is. An unknown argument is refused.',
    agreements[agreement],
    ...(agreement === 'person' ? ['approval_pending: tell the user, then call again with the same arguments.'] : []),
    'unknown: it may have been made; do what message says, nothing else.',
    'Unblocking may not fix why someone cannot get in.',
  ].join(' ')
}

/** The tool that changes one customer record. */
export function updateCustomerTool(deps: UpdateCustomerDeps): Tool {
  return defineTool({
    name: 'update_customer',
    title: 'Update an AiFi customer',
    description: descriptionOf(deps.ladder.agreement),
    input: updateCustomerArguments(deps.arguments),
    output: { schema: updateEnvelope, isError: statusIsError },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    scope: 'customers.write',
    handle: (call) => updateCustomer(call, deps),
    broken: {
      status: 'unknown',
      message:
        'This server failed. Whether anything was changed is not known: a person should look at the record in AiFi.',
    },
    logged: ({ status, customerId, changes, approval, http }) => {
      const fields = changes?.map(({ field }) => field)
      return { customerId, status, fields, channel: approval?.channel, http: http?.status }
    },
  })
}

/** How long a call that repeats another waits for a look at the record, milliseconds. */
const LOOK_MS = 5_000
/** Kept back from the call's own deadline for writing the answer, milliseconds. */
const ANSWER_MS = 1_000
/** Between two looks at the clock, and two progress notifications, milliseconds at the most. */
const PROGRESS_MS = 5_000

export interface UpdateCustomerDeps {
  readonly changes: Changes
  readonly ladder: Ladder
  readonly states: RequestStates
  readonly clock: Clock
  /** How long a call waits for a person's answer, milliseconds. */
  readonly waitMs: number
  readonly views: RecordViews
  readonly arguments: ArgumentSettings
  /** The process is to end, and its questions stay: calls that wait for a person are answered now. */
  readonly draining?: AbortSignal
}

/** This call, as its steps need it. */
interface Step {
  readonly call: Call
  readonly request: ChangeRequest
  readonly proposal: Proposal
  readonly deps: UpdateCustomerDeps
}

type Answer = UpdateEnvelope | InputRequiredResult

/** One call of `update_customer`: validates, finds or proposes the change, and follows it until it can be answered. */
async function updateCustomer(call: Call, deps: UpdateCustomerDeps): Promise<Answer> {
  const parsed = parseArguments(call.arguments, deps.arguments)
  if (!parsed.ok) return invalidArguments(parsed.errors, customerIdOf(call.arguments))
  const { request } = parsed
  const step: Step = { call, request, proposal: deps.changes.proposal(request, callerOf(call)), deps }
  try {
    if (request.dryRun) return await preview(step)
    if (call.state) return await answered(call.state, step)
    const earlier = await deps.changes.find(step.proposal)
    return await (earlier ? repeated(earlier, step) : proposed(step))
  } catch (error) {
    // Whatever has got as far as being sent is followed, and answers for itself.
    if (error instanceof StoreUnavailable) return storeAway(request)
    throw error
  }
}

function callerOf({
  clientName,
  principal: { person, application } = { mayAnswer: false },
  traceparent,
}: Call): Caller {
  return {
    client: clientName,
    ...(person && { person }),
    ...(application !== undefined && { application }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** A new change. */
async function proposed(step: Step): Promise<Answer> {
  const { call, request, proposal, deps } = step
  if (request.approvalCode !== undefined) return noQuestion(request)
  const afterMs = timeLeftMs(call.deadline)
  const change = await deps.changes.propose(proposal, { signal: call.cancelled, afterMs })
  if (!change) return inProgress(request, 'waiting')
  const isLate = timeLeftMs(call.deadline) <= 0
  if (isLate && change.state === 'ended' && !call.cancelled.aborted) return tooSlow(request)
  return watching(change.id, step, (watch) => follow(change, watch, step))
}

/** The same call again: it picks up the outcome, or waits for it too. */
async function repeated(earlier: Change, step: Step): Promise<Answer> {
  const { changes } = step.deps
  if (earlier.state === 'ended') {
    return (await changes.tell(earlier)) ? earlierOutcome(earlier) : proposed(step)
  }
  return watching(earlier.id, step, async (watch) => {
    if (earlier.state !== 'asked') return follow(earlier, watch, step)
    // A slow AiFi must not hold the call: just before sending, the record is looked at anyway.
    await changes.look(earlier, { signal: step.call.cancelled, afterMs: LOOK_MS })
    const now = await changes.get(earlier.id)
    if (!now || isUnwanted(now)) return proposed(step)
    if (now.state !== 'ended') return follow(now, watch, step)
    await changes.tell(now)
    return earlierOutcome(now)
  })
}

/** An answer that came back with the call: it counts only for an open question of this very change. */
async function answered(state: NonNullable<Call['state']>, step: Step): Promise<Answer> {
  const { call, request, proposal, deps } = step
  if (!state.valid) return notThisAnswer(request, 'The answer that came with this call could not be verified.')
  const change = await deps.changes.get(state.changeId)
  const used = 'The answer that came with this call was used already, has lapsed, or is for other arguments.'
  if (!change || !proposal.keys.includes(change.key)) return notThisAnswer(request, used)
  if (change.state === 'ended') {
    return (await deps.changes.tell(change)) ? earlierOutcome(change) : notThisAnswer(request, used)
  }
  return watching(change.id, step, async (watch) => {
    // To a question that has its answer already this one adds nothing: the call is told what became of the change, or
    // the question that took the place of this one is asked.
    if (change.state === 'asked' && change.asking.round === state.round) {
      await deps.ladder.answer(change, call, state.handle)
    }
    return follow((await deps.changes.get(change.id)) ?? change, watch, step)
  })
}

/** It watches before it looks or answers: whatever becomes of the change meanwhile is this call's outcome, too. */
async function watching(id: string, { deps }: Step, work: (watch: Watch) => Promise<Answer>): Promise<Answer> {
  const watch = deps.changes.watch(id, { call: true })
  try {
    return await work(watch)
  } finally {
    watch.leave()
  }
}

/**
 * Follows a change until it has ended, or the call has to be answered. On the way the call puts the question to a person,
 * since only a call can reach the client.
 */
async function follow(first: Change, watch: Watch, step: Step): Promise<Answer> {
  const { call, request, deps } = step
  const patience = new Deadline(deps.clock, deps.waitMs)
  const asking = new AskingOnce()
  let deadline: Deadline | undefined = call.deadline
  let change: Change | undefined = first
  try {
    for (;;) {
      if (!change) return toldElsewhere(request)
      if (isUnwanted(change) && !call.cancelled.aborted) return proposed(step)
      if (change.state === 'ended') {
        if (change.decision?.kind === 'expired') asking.end(RAN_OUT)
        if (!call.cancelled.aborted) await deps.changes.tell(change)
        return change.outcome
      }
      if (call.cancelled.aborted) {
        // Over HTTP a connection that is lost takes nothing back: the same call again picks the outcome up.
        if (watch.alone && !isWithClient(change) && !call.principal) {
          await deps.changes.withdraw(change.id, 'The call that asked for it was cancelled.', { unwanted: true })
        }
        return stoppedBeforeSending(request)
      }
      if (change.state === 'asked' && asking.isDue(change)) {
        const over = asking.begin(change)
        const ask = await deps.ladder.ask(change, { call, request, alone: watch.alone, over })
        const answer = await asking.take(ask, change, step)
        if (answer) return answer
        change = await deps.changes.get(change.id)
        continue
      }
      const isAsked = change.state === 'asked'
      if (asking.isShown) deadline = undefined
      // A client that kept the call open while it showed a form is not one that gives up at 60 s.
      else deadline ??= call.deadline.passed ? new Deadline(deps.clock, CALL_LIFETIME_MS) : call.deadline
      const isEnding = isAsked && deps.draining?.aborted
      const leftMs = isEnding ? 0 : deadline ? timeLeftMs(deadline, isAsked ? patience : undefined) : PROGRESS_MS
      if (leftMs <= 0) {
        const answer = await outOfTime(change, asking.latest, watch.alone, step)
        if (answer) return answer
      }
      call.progress?.(isAsked ? asking.waitingFor : 'Waiting for AiFi.')
      const signals = [call.cancelled, ...asking.signals, ...(isAsked && deps.draining ? [deps.draining] : [])]
      change = await watch.next(change.version, Math.min(leftMs, PROGRESS_MS), signals)
    }
  } catch (error) {
    if (error instanceof StoreUnavailable && change) return asLastSeen(change, asking.latest, request)
    throw error
  } finally {
    asking.end()
  }
}

/** The store is away. Another process may have carried the change on since it was last seen here, so that is not told. */
function asLastSeen(change: Change, asked: AskingOnce['latest'], request: ChangeRequest): Answer {
  if (change.state === 'ended') return change.outcome
  // A question that was put to nobody has no answer.
  return change.state === 'asked' && !asked ? storeAway(request) : inProgress(request, 'out_of_sight')
}

/** Another call took it back, and this one came in between: for this one it is a new change. */
function isUnwanted(change: Change): boolean {
  return change.state === 'ended' && change.unwanted === true
}

/** Its answer comes with a call of its own. */
function isWithClient(change: Change): boolean {
  return change.state === 'asked' && change.asking.rung?.withClient === true
}

/** How this call has put the question, in which round. */
class AskingOnce {
  latest: Extract<Ask, { kind: 'asked' }> | undefined
  #round = 0
  #over: AbortController | undefined

  /** It has not been put by this call, is put to nobody, or the client has closed what it showed. */
  isDue({ asking }: Asked): boolean {
    return asking.round !== this.#round || !asking.rung || this.latest?.shown?.aborted === true
  }

  begin({ asking }: Asked): AbortSignal {
    this.#over?.abort()
    this.#over = new AbortController()
    this.#round = asking.round
    this.latest = undefined
    return this.#over.signal
  }

  /** What the way of asking means for this round of the call; undefined when it goes on watching. */
  async take(ask: Ask, change: Asked, { request, deps }: Step): Promise<Answer | undefined> {
    switch (ask.kind) {
      case 'asked':
        this.latest = ask
        return undefined
      case 'client_asks': {
        const { id, asking } = change
        const requestState = await deps.states.seal({ changeId: id, round: asking.round, handle: ask.handle })
        return inputRequired({ inputRequests: ask.requests, requestState })
      }
      case 'code':
        return pendingCode(request, ask)
      case 'wrong_code':
        return wrongCode(request, ask.triesLeft)
      case 'busy':
        return inProgress(request, 'answer_not_taken')
      case 'moved':
        this.#round = 0
        return undefined
      case 'cannot':
        await deps.changes.nobodyToAsk(change, ask.reason)
        return undefined
    }
  }

  /** The client shows the question inside this call. */
  get isShown(): boolean {
    return this.latest?.shown?.aborted === false
  }

  get waitingFor(): string {
    return this.latest?.waitingFor ?? 'Waiting for AiFi.'
  }

  /** What ends the waiting besides the change itself. */
  get signals(): readonly AbortSignal[] {
    return this.latest?.shown && this.isShown ? [this.latest.shown] : []
  }

  end(reason?: typeof RAN_OUT): void {
    this.#over?.abort(reason)
  }
}

/** The call has to be answered now; undefined when there will be more to say in a moment. */
async function outOfTime(
  change: Exclude<Change, Ended>,
  asked: AskingOnce['latest'],
  alone: boolean,
  { request, deps }: Step,
): Promise<Answer | undefined> {
  if (change.state === 'asked') {
    await deps.changes.waitedInVain(change.id, change.asking.round)
    return pending(request, asked ?? { channel: 'page', waitingFor: '' })
  }
  if (deps.changes.hasLeft(change)) return inProgress(request, 'sent')
  if (change.decision) return inProgress(request, 'approved')
  if (!alone) return inProgress(request, 'waiting')
  const isStopped = await deps.changes.withdraw(change.id, 'The call that asked for it ran out of time.', {
    unwanted: true,
  })
  return isStopped ? tooSlow(request) : undefined
}

/** Milliseconds until the call has to be answered. */
function timeLeftMs(deadline: Deadline, patience?: Deadline): number {
  return Math.min(deadline.remainingMs - ANSWER_MS, patience?.remainingMs ?? Number.POSITIVE_INFINITY)
}

/** What the call would send and ask, without doing either. */
async function preview(step: Step): Promise<UpdateEnvelope> {
  const { call, request, proposal, deps } = step
  const { signal, end } = timeLimit(deps.clock, timeLeftMs(call.deadline), call.cancelled)
  const plan = await deps.changes.preview(proposal, signal)
  end()
  if (timeLeftMs(call.deadline) <= 0) return tooSlow(request)
  if (plan.kind === 'stop' && plan.envelope.status !== 'unchanged') return plan.envelope
  const { customerId } = request
  const { changes } = plan.request ?? request
  const before = plan.kind === 'go' ? plan.shown.record : undefined
  const view = deps.views.of(customerId, new Relay(secretStrings(changes)))
  const lines = changeLines({ changes, before, after: undefined, view })
  const typed = request.enterPrivately.map((field) => ({ field }))
  return {
    status: 'preview',
    customerId,
    message: previewMessage(plan.request ?? request, call, plan, deps),
    changes: [...lines.map(({ verified: _, ...line }) => line), ...typed],
  }
}

function previewMessage(request: ChangeRequest, call: Call, plan: Plan, deps: UpdateCustomerDeps): string {
  const nothing = 'This was a dry run: nothing was sent and nobody was asked.'
  if (plan.kind === 'stop')
    return `${nothing} Customer ${request.customerId} already is as asked, so nothing would be sent.`
  const would = `A real call would send ${listed(requestedFields(request))}.`
  const unread = plan.shown.unreadable === undefined ? '' : ` Current values are not readable: ${plan.shown.unreadable}`
  if (plan.sensitive.length === 0) return `${nothing} ${would} Nobody has to approve it.${unread}`
  return `${nothing} ${would} ${askingWords(request, call, listed(plan.sensitive), deps)}${unread}`
}

/** Who would have to agree, and whether that is possible here. */
function askingWords(request: ChangeRequest, call: Call, sensitive: string, { ladder }: UpdateCustomerDeps): string {
  const unavailable = ladder.unavailable(request, call)
  const cannot = unavailable === undefined ? undefined : `But nobody can be asked here. ${unavailable}`
  switch (ladder.agreement) {
    case 'person':
      return `A person has to approve ${sensitive}. ${cannot ?? 'Somebody can be asked.'}`
    case 'relayed':
      return `The user has to approve ${sensitive}. ${cannot ?? 'You would be given a question for them, and a code for their yes.'}`
    case 'nobody':
      return cannot ?? `Nobody would be asked about ${sensitive}: AIFI_APPROVAL=dangerously-skip.`
  }
}

function customerIdOf(raw: RawArguments): number | undefined {
  const id = 'value' in raw && isJsonObject(raw.value) ? raw.value.customerId : undefined
  return Number.isSafeInteger(id) ? Number(id) : undefined
}
