import type { Ladder } from '../approval/ladder.ts'
import type { Changes, Proposal } from '../change/changes.ts'
import type { UpdateEnvelope } from '../change/envelope.ts'
import type { Plan } from '../change/plan.ts'
import { tooSlow } from '../change/unsent.ts'
import { changeLines } from '../change/verify.ts'
import { type ChangeRequest, requestedFields, secretStrings } from '../customer/fields.ts'
import type { RecordViews } from '../customer/record-view.ts'
import { type Clock, timeLimit } from '../lib/clock.ts'
import { listed, Relay } from '../lib/text.ts'
import { type Call, timeLeftMs } from '../mcp/call.ts'

export interface PreviewDeps {
  readonly changes: Changes
  readonly ladder: Ladder
  readonly views: RecordViews
  readonly clock: Clock
}

/** A dry run: what the call would send and ask, without doing either. */
export async function preview(proposal: Proposal, call: Call, deps: PreviewDeps): Promise<UpdateEnvelope> {
  const { request } = proposal
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

function previewMessage(request: ChangeRequest, call: Call, plan: Plan, deps: PreviewDeps): string {
  const nothing = 'This was a dry run: nothing was sent and nobody was asked.'
  if (plan.kind === 'stop')
    return `${nothing} Customer ${request.customerId} already is as asked, so nothing would be sent.`
  const would = `A real call would send ${listed(requestedFields(request))}.`
  const unread = plan.shown.unreadable === undefined ? '' : ` Current values are not readable: ${plan.shown.unreadable}`
  if (plan.sensitive.length === 0) return `${nothing} ${would} Nobody has to approve it.${unread}`
  return `${nothing} ${would} ${askingWords(request, call, listed(plan.sensitive), deps)}${unread}`
}

/** Who would have to agree, and whether that is possible here. */
function askingWords(request: ChangeRequest, call: Call, sensitive: string, { ladder }: PreviewDeps): string {
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
