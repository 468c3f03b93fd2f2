import { RAN_OUT } from '../approval/channel.ts'
import type { Agreement } from '../approval/ladder.ts'
import type { Caller, Change, Ended } from '../change/change.ts'
import type { Proposal } from '../change/changes.ts'
import { invalidArguments, statusIsError, updateEnvelope } from '../change/envelope.ts'
import { StoreUnavailable } from '../change/store.ts'
import {
  earlierOutcome,
  inProgress,
  noQuestion,
  notThisAnswer,
  pending,
  stoppedBeforeSending,
  storeAway,
  toldElsewhere,
  tooSlow,
} from '../change/unsent.ts'
import type { Watch } from '../change/watch.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import { Deadline } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import { CALL_LIFETIME_MS, type Call, timeLeftMs } from '../mcp/call.ts'
import { defineTool, type Tool } from '../mcp/define-tool.ts'
import type { RawArguments } from '../mcp/raw-arguments.ts'
import { type Answer, type AskingDeps, AskingOnce } from './asking.ts'
import { type PreviewDeps, preview } from './preview.ts'
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
/** Between two looks at the clock, and two progress notifications, milliseconds at the most. */
const PROGRESS_MS = 5_000

export interface UpdateCustomerDeps extends AskingDeps, PreviewDeps {
  /** How long a call waits for a person's answer, milliseconds. */
  readonly waitMs: number
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

/** One call of `update_customer`: validates, finds or proposes the change, and follows it until it can be answered. */
async function updateCustomer(call: Call, deps: UpdateCustomerDeps): Promise<Answer> {
  const parsed = parseArguments(call.arguments, deps.arguments)
  if (!parsed.ok) return invalidArguments(parsed.errors, customerIdOf(call.arguments))
  const { request } = parsed
  const step: Step = { call, request, proposal: deps.changes.proposal(request, callerOf(call)), deps }
  try {
    if (request.dryRun) return await preview(step.proposal, call, deps)
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
  const asking = new AskingOnce(call, request, deps)
  let deadline: Deadline | undefined = call.deadline
  let change: Change | undefined = first
  try {
    for (;;) {
      if (!change) return toldElsewhere(request)
      if (isUnwanted(change) && !call.cancelled.aborted) return proposed(step)
      if (change.state === 'ended') return await ended(change, asking, step)
      if (call.cancelled.aborted) return await cancelled(change, watch.alone, step)
      if (change.state === 'asked' && asking.isDue(change)) {
        const answer = await asking.put(change, watch.alone)
        if (answer) return answer
        change = await deps.changes.get(change.id)
        continue
      }
      const isAsked = change.state === 'asked'
      if (asking.isShown) deadline = undefined
      // A client that kept the call open while it showed a form is not one that gives up at 60 s.
      else deadline ??= call.deadline.passed ? new Deadline(deps.clock, CALL_LIFETIME_MS) : call.deadline
      const isEnding = isAsked && deps.draining?.aborted
      const callMs = deadline ? timeLeftMs(deadline) : PROGRESS_MS
      const leftMs = isEnding ? 0 : isAsked && deadline ? Math.min(callMs, patience.remainingMs) : callMs
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

async function ended(change: Ended, asking: AskingOnce, { call, deps }: Step): Promise<Answer> {
  if (change.decision?.kind === 'expired') asking.end(RAN_OUT)
  if (!call.cancelled.aborted) await deps.changes.tell(change)
  return change.outcome
}

async function cancelled(change: Change, alone: boolean, { call, request, deps }: Step): Promise<Answer> {
  // Over HTTP a connection that is lost takes nothing back: the same call again picks the outcome up.
  if (alone && !isWithClient(change) && !call.principal) {
    await deps.changes.withdraw(change.id, 'The call that asked for it was cancelled.', { unwanted: true })
  }
  return stoppedBeforeSending(request)
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

function customerIdOf(raw: RawArguments): number | undefined {
  const id = 'value' in raw && isJsonObject(raw.value) ? raw.value.customerId : undefined
  return Number.isSafeInteger(id) ? Number(id) : undefined
}
