import { type ChangeRequest, requestedFields } from '../customer/fields.ts'
import { type Person, personName } from '../lib/person.ts'
import { listed, minutesInWords } from '../lib/text.ts'
import type { AnswerKind, Decision, Ended } from './change.ts'
import { type Answerer, answerers, type ChannelName, NOTHING, type UpdateEnvelope } from './envelope.ts'
import type { Refusal } from './limits.ts'
import { clockTime } from './messages.ts'

/** The ends of a change that was never sent, and the answers to calls that cannot wait for its end. */

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
    case 'customer_has_one': {
      const message = `Another question of yours about customer ${customerId} waits for its answer. ${NOTHING} Try again when it is answered, or withdraw it.`
      return { status: 'failed', customerId, message }
    }
    case 'too_many_open': {
      const message = `Too many questions wait for a person's answer already. ${NOTHING} Try again when they are answered.`
      return { status: 'failed', customerId, message }
    }
  }
}

/** The record changed each time while somebody was asked. */
export function keptChanging({ customerId }: ChangeRequest): UpdateEnvelope {
  const message = `The record of customer ${customerId} kept changing while a person was asked about it. ${NOTHING} Try again later.`
  return { status: 'failed', customerId, message }
}

const where: Readonly<Record<Answerer, string>> = {
  client: 'by the client',
  page: 'on the approval page',
  approver: 'in the inbox',
  assistant: 'in the chat',
  setting: 'by a setting',
}

/** The answer was no. */
export function refused(
  { customerId }: ChangeRequest,
  answer: Exclude<AnswerKind, 'approved'>,
  { channel, at, by }: { channel: ChannelName; at: number; by?: Person },
): UpdateEnvelope {
  const who = by ? `by ${personName(by)}` : where[answerers[channel]]
  const words = {
    declined: `The change was declined ${who} at ${clockTime(at)}.`,
    cancelled: `The question was dismissed ${who} at ${clockTime(at)}.`,
    not_approved: `The client sent its form back without a yes at ${clockTime(at)}. If the user did want it, the same call again asks them once more, another way where there is one.`,
  }
  return { status: 'declined', customerId, message: `${words[answer]} ${NOTHING}` }
}

/** There was no answer. */
export function expired({ customerId }: ChangeRequest, lifetimeMs: number): UpdateEnvelope {
  const span = minutesInWords(Math.round(lifetimeMs / 60_000))
  const message = `Nobody answered within ${span}, so the question ran out. ${NOTHING}`
  return { status: 'declined', customerId, message }
}

/** Who asked wants it no longer. */
export function withdrawn({ customerId }: ChangeRequest, reason: string): UpdateEnvelope {
  return { status: 'declined', customerId, message: `The question was withdrawn. ${reason} ${NOTHING}` }
}

/** There is nobody to ask. */
export function nobodyToAsk({ customerId }: ChangeRequest, reason: string): UpdateEnvelope {
  const message = `This needs a person's approval. ${reason} ${NOTHING}`
  return { status: 'approval_unavailable', customerId, message }
}

/** Every call that waited was cancelled, or the connection ended, before the request left. */
export function stoppedBeforeSending({ customerId }: ChangeRequest): UpdateEnvelope {
  return { status: 'failed', customerId, message: `The call was cancelled before anything was sent. ${NOTHING}` }
}

/** Whoever was about to send it stopped. */
export function holderStopped({ customerId }: ChangeRequest): UpdateEnvelope {
  const message = `The server that was about to send the change stopped. ${NOTHING} Try again.`
  return { status: 'failed', customerId, message }
}

/** Whoever was sending it stopped, and nobody else knows what became of it. */
export function senderStopped(request: ChangeRequest): UpdateEnvelope {
  const { customerId } = request
  const message = `The server that sent the change of customer ${customerId} stopped before it knew the outcome. ${look(request)}`
  return { status: 'unknown', customerId, message }
}

/** This server failed in the middle. */
export function interrupted(request: ChangeRequest, sent: boolean): UpdateEnvelope {
  const { customerId } = request
  if (!sent)
    return { status: 'failed', customerId, message: `This server failed before it sent the change. ${NOTHING}` }
  return { status: 'unknown', customerId, message: `This server failed after it sent the change. ${look(request)}` }
}

function look(request: ChangeRequest): string {
  return `A person should look at ${listed(requestedFields(request))} of customer ${request.customerId} in AiFi.`
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

/** Another change of this customer takes too long. */
export function customerBusy({ customerId }: ChangeRequest): UpdateEnvelope {
  const message = `Another change of customer ${customerId} is being sent and takes too long. ${NOTHING} Try again later.`
  return { status: 'failed', customerId, message }
}

const reservations: Partial<Record<Answerer, string>> = {
  setting: 'Nobody was asked: AIFI_APPROVAL=dangerously-skip.',
  assistant: 'The yes was relayed from the chat (AIFI_APPROVAL=chat), so nothing proves that a person gave it.',
}

/** Where no person agreed by themselves, the outcome says so. */
export function toldWhoAgreed(outcome: UpdateEnvelope, decision: Decision | undefined): UpdateEnvelope {
  if (decision?.kind !== 'answered' || decision.answer !== 'approved') return outcome
  const reservation = reservations[answerers[decision.channel]]
  return reservation === undefined ? outcome : { ...outcome, message: `${outcome.message} ${reservation}` }
}

/** A person was asked and has not answered yet. */
export function pending(
  { customerId }: ChangeRequest,
  { channel, waitingFor }: { channel: ChannelName; waitingFor: string },
): UpdateEnvelope {
  const message = `${waitingFor} A yes makes the change at once. Nothing has changed yet. Tell the user, then call again with the same arguments for the answer.`
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
  const errors = [{ field: 'approvalCode', message, rule: 'any.only' }]
  return { status: 'invalid', customerId, message: `${message} ${NOTHING}`, errors }
}

/** A code was given, but no question about this change is open. */
export function noQuestion({ customerId }: ChangeRequest): UpdateEnvelope {
  const message =
    'No question about this change is open: it may have been answered already. This call sent nothing. If you were not told an outcome, call without "approvalCode".'
  return { status: 'invalid', customerId, message, errors: [{ field: 'approvalCode', message, rule: 'any.only' }] }
}

/** AiFi has not shown the record in time, and no call waits for it any longer. */
export function tooSlow({ customerId }: ChangeRequest): UpdateEnvelope {
  const message = `AiFi did not answer in time. ${NOTHING} Try again later.`
  return { status: 'failed', customerId, message }
}

/** Seconds until it is worth calling again. */
const STORE_AWAY_S = 5

/** Nothing can be looked up or kept now. An earlier call with the same arguments may have been more lucky. */
export function storeAway({ customerId }: ChangeRequest): UpdateEnvelope {
  return {
    status: 'failed',
    customerId,
    message: `This server cannot reach the store that it keeps changes in, so this call sent nothing. Call again with the same arguments in a moment: if an earlier call has changed customer ${customerId} already, that is told then, and not done twice.`,
    retryAfterSeconds: STORE_AWAY_S,
  }
}

/** The call has to be answered before AiFi has. */
export function inProgress(
  { customerId }: ChangeRequest,
  how: 'waiting' | 'approved' | 'answer_not_taken' | 'sent' | 'out_of_sight',
): UpdateEnvelope {
  const change = `The change of customer ${customerId}`
  const again = 'Call again with the same arguments for the outcome; it is not sent twice.'
  const told = {
    waiting: ['unknown', `${change} waits for its turn to be sent. ${again}`],
    approved: ['approval_pending', `${change} is approved and about to be sent. ${again}`],
    out_of_sight: [
      'unknown',
      `${change} was under way when this server lost the store that it keeps changes in, so what became of it since is not known here. ${again}`,
    ],
    answer_not_taken: [
      'approval_pending',
      `Another change of customer ${customerId} is being sent, so the answer could not be taken. Nothing of this change has been sent. Call again with the same arguments, to ask anew.`,
    ],
    sent: ['unknown', `${change} has been sent, and AiFi has not answered yet. ${again}`],
  } as const
  const [status, message] = told[how]
  return { status, customerId, message }
}

/** An outcome that a later call picks up. */
export function earlierOutcome({ outcome, endedAt }: Ended): UpdateEnvelope {
  const message = `${outcome.message} (This was the outcome at ${clockTime(endedAt)}; nothing was sent again.)`
  return { ...outcome, message }
}

/** The outcome was told to another call, and has been forgotten since. */
export function toldElsewhere(request: ChangeRequest): UpdateEnvelope {
  const { customerId } = request
  const message = `What became of the change of customer ${customerId} was told to another call for the same. ${look(request)}`
  return { status: 'unknown', customerId, message }
}

/** The answer that came back does not belong to an open question of this change. */
export function notThisAnswer({ customerId }: ChangeRequest, reason: string): UpdateEnvelope {
  const message = `${reason} This call sent nothing. If you were not told that the change was made, call again without it to ask anew.`
  return { status: 'declined', customerId, message }
}
