import type { Decision } from '../approval/approval.ts'
import type { Refusal } from '../approval/question-limits.ts'
import { type ChangeRequest, requestedFields } from '../customer/fields.ts'
import { listed } from '../lib/text.ts'
import type { Outcome } from './change.ts'
import type { ChannelName, UpdateEnvelope } from './envelope.ts'
import { clockTime } from './messages.ts'

/** The ends of a change that was never sent, and the answers to calls that cannot wait for its end. */

const NOTHING = 'Nothing was sent and nothing was changed.'

/** People may not be asked about this now. */
export function mayNotAsk({ customerId }: ChangeRequest, refusal: Refusal): UpdateEnvelope {
  switch (refusal.kind) {
    case 'declined_before': {
      const message = `The same change was declined less than a minute ago, so nobody was asked again. ${NOTHING}`
      return { status: 'declined', customerId, message, retryAfterSeconds: refusal.retryAfterSeconds }
    }
    case 'quiet': {
      const message = `Several questions were declined or ran out, so nobody is asked for a while. ${NOTHING} Talk to the user before trying again.`
      return { status: 'failed', customerId, message, retryAfterSeconds: refusal.retryAfterSeconds }
    }
    case 'too_many_open': {
      const message = `Too many questions wait for a person's answer already. ${NOTHING} Try again when they are answered.`
      return { status: 'failed', customerId, message }
    }
  }
}

/** The record changed each time while somebody was asked. */
export function restless({ customerId }: ChangeRequest): UpdateEnvelope {
  const message = `The record of customer ${customerId} kept changing while a person was asked about it. ${NOTHING} Try again later.`
  return { status: 'failed', customerId, message }
}

/** The answer was no, or there was none. */
export function notApproved({ customerId }: ChangeRequest, { answer, channel, reason, at }: Decision): UpdateEnvelope {
  if (answer === 'unavailable') {
    return {
      status: 'approval_unavailable',
      customerId,
      message: `This needs a person's approval. ${reason ?? ''} ${NOTHING}`,
    }
  }
  const who = channel === 'page' || channel === 'url' ? 'on the approval page' : 'by the client'
  const words: Partial<Record<Decision['answer'], string>> = {
    declined: `The change was declined ${who} at ${clockTime(at)}.`,
    cancelled: `The question was dismissed ${who} at ${clockTime(at)}.`,
    not_approved: 'The client sent its form back without a yes.',
    expired: 'Nobody answered within 10 minutes, so the question ran out.',
  }
  const said = words[answer] ?? `The question was withdrawn. ${reason ?? ''}`.trim()
  return { status: 'declined', customerId, message: `${said} ${NOTHING}` }
}

/** Every call that waited was cancelled, or the connection ended, before the request left. */
export function stoppedBeforeSending({ customerId }: ChangeRequest): UpdateEnvelope {
  return { status: 'failed', customerId, message: `The call was cancelled before anything was sent. ${NOTHING}` }
}

/** This server failed in the middle. */
export function interrupted(request: ChangeRequest, sent: boolean): UpdateEnvelope {
  const { customerId } = request
  if (!sent)
    return { status: 'failed', customerId, message: `This server failed before it sent the change. ${NOTHING}` }
  const message = `This server failed after it sent the change. A person should look at ${listed(requestedFields(request))} of customer ${customerId} in AiFi.`
  return { status: 'unknown', customerId, message }
}

/** Too many changes were begun in the last minute. */
export function tooMany({ customerId }: ChangeRequest, retryAfterSeconds: number): UpdateEnvelope {
  const message = `Too many changes in a minute; the limit is AIFI_MAX_CHANGES_PER_MINUTE. ${NOTHING} Ask the user before going on.`
  return { status: 'failed', customerId, message, retryAfterSeconds }
}

/** Too many looks at records, dry runs and lookups together, in the last minute. */
export function tooManyPreviews({ customerId }: ChangeRequest, retryAfterSeconds: number): UpdateEnvelope {
  const message = `Too many lookups and dry runs in a minute. ${NOTHING} Ask the user before going on.`
  return { status: 'failed', customerId, message, retryAfterSeconds }
}

/** The audit is configured and cannot be written. */
export function unwritableAudit({ customerId }: ChangeRequest): UpdateEnvelope {
  const message = `The audit trail cannot be written. ${NOTHING} Whoever set this server up should check AIFI_AUDIT_LOG.`
  return { status: 'failed', customerId, message }
}

/** A person was asked and has not answered yet. */
export function pending(
  { customerId }: ChangeRequest,
  { channel, waitingFor }: { channel: ChannelName; waitingFor: string },
): UpdateEnvelope {
  const message = `${waitingFor} The change is made at once then. Nothing has changed yet. Tell the user, then call again with the same arguments for the answer.`
  return { status: 'approval_pending', customerId, message, approval: { channel } }
}

/** The assistant is to relay the question (`AIFI_APPROVAL=chat`). */
export function pendingCode(
  { customerId }: ChangeRequest,
  { code, words }: { code: string; words: string },
): UpdateEnvelope {
  const message = `Nothing has changed yet. Show the user exactly this, and call again with the same arguments and approvalCode "${code}" only if they say yes:\n${words}`
  return { status: 'approval_pending', customerId, message, approval: { channel: 'chat', code } }
}

export function wrongCode({ customerId }: ChangeRequest, triesLeft: number): UpdateEnvelope {
  const message = `"approvalCode" is not the code of this question; ${triesLeft} more ${triesLeft === 1 ? 'try' : 'tries'}.`
  return invalidCode(customerId, message)
}

/** A code was given, but no question about this change is open. */
export function noQuestion({ customerId }: ChangeRequest): UpdateEnvelope {
  const message =
    'No question about this change is open: it may have been answered already. This call sent nothing. If you were not told an outcome, call without "approvalCode".'
  return { status: 'invalid', customerId, message, errors: [{ field: 'approvalCode', message, rule: 'any.only' }] }
}

function invalidCode(customerId: number, message: string): UpdateEnvelope {
  const errors = [{ field: 'approvalCode', message, rule: 'any.only' }]
  return { status: 'invalid', customerId, message: `${message} ${NOTHING}`, errors }
}

/** AiFi has not shown the record in time, and no call waits for it any longer. */
export function tooSlow({ customerId }: ChangeRequest): UpdateEnvelope {
  const message = `AiFi did not answer in time. ${NOTHING} Try again later.`
  return { status: 'failed', customerId, message }
}

/** The call has to be answered before AiFi has. `approved`: a person has agreed, and it is about to be sent. */
export function underWay(
  { customerId }: ChangeRequest,
  { sent, approved }: { sent: boolean; approved: boolean },
): UpdateEnvelope {
  const again = 'Call again with the same arguments for the outcome; it is not sent twice.'
  if (approved && !sent) {
    const message = `The change of customer ${customerId} is approved and about to be sent. ${again}`
    return { status: 'approval_pending', customerId, message }
  }
  const state = sent ? 'has been sent, and AiFi has not answered yet' : 'waits for its turn to be sent'
  return { status: 'unknown', customerId, message: `The change of customer ${customerId} ${state}. ${again}` }
}

/** An outcome that a later call picks up. */
export function laterTold({ envelope, at }: Outcome): UpdateEnvelope {
  const message = `${envelope.message} (This was the outcome at ${clockTime(at)}; nothing was sent again.)`
  return { ...envelope, message }
}

/** The answer that came back does not belong to an open question of this change. */
export function notThisAnswer({ customerId }: ChangeRequest, reason: string): UpdateEnvelope {
  const message = `${reason} This call sent nothing. If you were not told that the change was made, call again without it to ask anew.`
  return { status: 'declined', customerId, message }
}
