import type { Decision } from '../approval/approval.ts'
import type { AuditApproval } from '../audit/audit.ts'
import { answers, type UpdateEnvelope } from './envelope.ts'

/** The answer to a question, for a result. Says what the client or the page answered. */
export function approvalOf(decision: Decision | undefined): Pick<UpdateEnvelope, 'approval'> {
  if (!decision) return {}
  const { channel, at } = decision
  const answer = answers.find((each) => each === decision.answer)
  return {
    approval: { ...(channel && { channel }), ...(answer && { answer }), decidedAt: new Date(at).toISOString() },
  }
}

const decidedBy = {
  form: 'client',
  url: 'page',
  page: 'page',
  chat: 'assistant',
  skipped: 'setting',
} as const

/** The question ended, but nobody ended it. */
const undecided: readonly Decision['answer'][] = ['expired', 'withdrawn', 'moved', 'unavailable']

/** The answer to a question, for the audit: who decided, too. */
export function auditApproval(decision: Decision | undefined): AuditApproval {
  if (!decision) return { channel: 'not_needed', answer: 'approved', decidedBy: 'nobody' }
  const { channel, answer, at } = decision
  return {
    channel: channel ?? 'none',
    answer,
    decidedBy: channel && !undecided.includes(answer) ? decidedBy[channel] : 'nobody',
    decidedAt: new Date(at).toISOString(),
  }
}
