import type { InputRequiredResult } from '@modelcontextprotocol/server'
import { type AttendDeps, attend, timeLeftMs } from '../change/attend.ts'
import type { Watched } from '../change/changes.ts'
import { invalidArguments, statusIsError, type UpdateEnvelope, updateEnvelope } from '../change/envelope.ts'
import { changeLines } from '../change/evidence.ts'
import type { Plan } from '../change/plan.ts'
import { noQuestion, notThisAnswer, tooSlow } from '../change/refusals.ts'
import { type ChangeRequest, requestedFields, secretStrings } from '../customer/fields.ts'
import { type Clock, sleep } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import { StopSignal } from '../lib/signal.ts'
import { listed, Relay } from '../lib/text.ts'
import type { Call } from '../mcp/call.ts'
import { defineTool, type Tool } from '../mcp/define-tool.ts'
import { type ArgumentSettings, parseArguments, updateCustomerArguments } from './update-arguments.ts'

const description = [
  'Change one customer record in AiFi. Send only what the user asked to change; everything else stays as it is. An unknown argument is refused.',
  'A person approves blocked, role, email, externalId, password and card changes and metadata that would drop keys; you cannot approve.',
  'approval_pending: tell the user, then call again with the same arguments.',
  'unknown: it may have been made; do what message says, nothing else.',
  'Unblocking may not fix why someone cannot get in.',
].join(' ')

/** The tool that changes one customer record. */
export function updateCustomerTool(deps: UpdateCustomerDeps): Tool {
  return defineTool({
    name: 'update_customer',
    title: 'Update an AiFi customer',
    description,
    input: updateCustomerArguments(deps.arguments),
    output: { schema: updateEnvelope, isError: statusIsError },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
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
const REFRESH_MS = 5_000

export interface UpdateCustomerDeps extends AttendDeps {
  readonly arguments: ArgumentSettings
}

/**
 * One call of `update_customer`: 1 validate; then the change lives on its own (`change/change.ts`: 2 read, 3 ask,
 * 4 send, 5 check), and this call watches it.
 */
async function updateCustomer(call: Call, deps: UpdateCustomerDeps): Promise<UpdateEnvelope | InputRequiredResult> {
  const parsed = parseArguments(call.arguments, deps.arguments)
  if (!parsed.ok) return invalidArguments(parsed.errors, customerIdOf(call.arguments))
  const { request } = parsed
  if (request.dryRun) return preview(request, call, deps)
  const key = deps.changes.keyOf(request)
  const earlier = deps.changes.find(key)
  if (call.state) {
    const refusal = takeAnswer(call, request, earlier, deps)
    if (refusal) return refusal
  } else if (earlier?.change.approval) {
    // It watches before it looks: whatever becomes of the change meanwhile is this call's outcome, too.
    deps.changes.join(earlier, call)
    // A slow AiFi must not hold the call: just before sending, the record is looked at anyway.
    await inTime(earlier.change.refresh(), REFRESH_MS, deps.clock)
  }
  if (!earlier && request.approvalCode !== undefined) return noQuestion(request)
  const watched = earlier ?? deps.changes.begin(key, request, call)
  return 'status' in watched ? watched : attend(watched, request, call, deps)
}

/** An answer that came back with the call; an envelope when it is no answer to an open question of this change. */
function takeAnswer(
  call: Call,
  request: ChangeRequest,
  earlier: Watched | undefined,
  { ladder }: UpdateCustomerDeps,
): UpdateEnvelope | undefined {
  const { state } = call
  if (!state?.valid) return notThisAnswer(request, 'The answer that came with this call could not be verified.')
  const approval = earlier?.change.question(state.approvalId)
  if (!earlier || !approval)
    return notThisAnswer(
      request,
      'The answer that came with this call was used already, has lapsed, or is for other arguments.',
    )
  if (earlier.asking?.approval === approval) earlier.asking = undefined
  // To a question that has its answer already this one adds nothing: the call is told what became of the change, or the
  // question that took the place of this one is asked.
  ladder.take(approval, call)
  return undefined
}

/** What the call would send and ask, without doing either. */
async function preview(request: ChangeRequest, call: Call, deps: UpdateCustomerDeps): Promise<UpdateEnvelope> {
  const plan = await inTime(deps.changes.preview(request, call.cancelled), timeLeftMs(call), deps.clock)
  if (!plan) return tooSlow(request)
  if ('status' in plan) return plan
  if (plan.kind === 'stop' && plan.envelope.status !== 'unchanged') return plan.envelope
  const { customerId, changes } = request
  const before = plan.kind === 'go' ? plan.record : undefined
  const lines = changeLines({ changes, before, after: undefined, relay: new Relay(secretStrings(changes)) })
  const typed = request.enterPrivately.map((field) => ({ field }))
  return {
    status: 'preview',
    customerId,
    message: previewMessage(request, call, plan, deps),
    changes: [...lines.map(({ verified: _, ...line }) => line), ...typed],
  }
}

function previewMessage(request: ChangeRequest, call: Call, plan: Plan, deps: UpdateCustomerDeps): string {
  const nothing = 'This was a dry run: nothing was sent and nobody was asked.'
  if (plan.kind === 'stop')
    return `${nothing} Customer ${request.customerId} already is as asked, so nothing would be sent.`
  const would = `A real call would send ${listed(requestedFields(request))}.`
  const unread = plan.unreadable === undefined ? '' : ` Current values are not readable: ${plan.unreadable}`
  if (plan.sensitive.length === 0) return `${nothing} ${would} Nobody has to approve it.${unread}`
  const unavailable = deps.ladder.unavailable(request, call)
  const asking = unavailable === undefined ? 'Somebody can be asked.' : `But nobody can be asked here. ${unavailable}`
  return `${nothing} ${would} A person has to approve ${listed(plan.sensitive)}. ${asking}${unread}`
}

/** What `work` resolves to, or undefined after `ms`; the work itself goes on. */
async function inTime<T>(work: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const done = new StopSignal()
  try {
    return await Promise.race([work, sleep(clock, ms, done).then(() => undefined)])
  } finally {
    done.abort()
  }
}

function customerIdOf(raw: unknown): number | undefined {
  const id = isJsonObject(raw) ? raw.customerId : undefined
  return Number.isSafeInteger(id) ? Number(id) : undefined
}
