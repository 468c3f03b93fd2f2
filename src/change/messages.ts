import { LOGIN_FAILED } from '../aifi/errors.ts'
import type { UnreachableCause } from '../aifi/port.ts'
import { statusWords } from '../aifi/status-words.ts'
import { known, verified } from '../customer/compare.ts'
import { changedFields, fieldFacts } from '../customer/fields.ts'
import type { View } from '../customer/record-view.ts'
import { jsonEqual } from '../lib/json.ts'
import { harmless, listed, minutesInWords } from '../lib/text.ts'
import { NOTHING, type UpdateEnvelope } from './envelope.ts'
import type { Evidence } from './outcome.ts'

/** The sentences that tell the assistant how a sent change ended: what is known, what is not, what to do. */

const NOTHING_CHANGED = 'Nothing was changed.'

/** Why no record is shown, under `AIFI_READ_BACK=off`. */
export const READING_OFF = 'Reading records is switched off here.'

/** `10:02:13`, by the clock of this machine. */
export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB')
}

type Lines = NonNullable<UpdateEnvelope['changes']>

/** For `updated`. */
export function appliedMessage(evidence: Evidence, lines: Lines, unexpected: readonly string[]): string {
  const { request, changes, proof, wrong, readBackAt } = evidence
  const { customerId } = request
  const fields = lines.map(({ field }) => field)
  const confirmed = lines.filter((line) => line.verified === 'as_requested').map(({ field }) => field)
  const wrongNames: readonly string[] = wrong
  const silent = lines.filter((line) => line.verified === 'not_reported' && !wrongNames.includes(line.field))
  const different = lines.filter((line) => line.verified === 'different').map(({ field }) => field)
  const unconfirmed = listed(silent.map(({ field }) => field))
  const isProvenByRecord = proof !== 'updated' && proof !== 'accepted' && readBackAt !== undefined
  const parts = [
    isProvenByRecord
      ? `AiFi's answer does not show it, but the record read at ${clockTime(readBackAt)} does: the change of customer ${customerId} was made (${listed(confirmed)}).`
      : `AiFi accepted the change of customer ${customerId}: ${listed(fields)}.`,
    silent.length > 0 &&
      (isProvenByRecord
        ? `AiFi does not show ${unconfirmed}, which went in the same request; a person should look at that in AiFi.`
        : `AiFi does not report ${unconfirmed}, so that is accepted, not confirmed.`),
    different.length > 0 &&
      `The record shows something else for ${listed(different)} than was asked; a person should look at it.`,
    unexpected.length > 0 && `Not asked for, but changed: ${listed(unexpected)}. Tell the user.`,
    ...changedFields(changes).map((field) => fieldFacts[field].caveat?.(changes[field]) ?? false),
    wrong.length > 0 && `AiFi sent ${listed(wrong)} in an unexpected form; left out here.`,
  ]
  return parts.filter((part) => part !== false).join(' ')
}

/** For `unknown`. */
export function unknownMessage(evidence: Evidence): string {
  const { request, changes, delivery, proof } = evidence
  return [
    `The change of customer ${request.customerId} was sent, but whether it was made is unknown.`,
    proof === 'accepted' ? 'AiFi accepted it without showing the record.' : lostWords(delivery),
    ...seenWords(evidence),
    `Before anything is sent again, a person should look at ${listed(changedFields(changes))} of customer ${request.customerId} in AiFi.`,
  ].join(' ')
}

function lostWords(delivery: Evidence['delivery']): string {
  if (delivery.kind !== 'answered') return delivery.detail
  const { status } = delivery.http
  if (status >= 400) return `AiFi answered with an error (HTTP ${status}).`
  if (delivery.body.kind === 'incomplete') return `AiFi answered HTTP ${status}, but not all of it arrived.`
  if (status > 201) return `AiFi answered HTTP ${status}, which proves nothing.`
  return `AiFi answered HTTP ${status}, but not with this customer's record.`
}

/** How many values a message quotes. */
const QUOTED = 4

/** Why the record may show something else a little later. */
const mayStillMove: Partial<Record<Evidence['proof'], string>> = {
  read_back: ', but a late request may still take effect; look again later',
  accepted: ', but AiFi may show it late; look again later',
}

/** What the record showed afterwards, field by field. */
function seenWords({ changes, before, after, readBackAt, notRead, proof, relay, view }: Evidence): string[] {
  if (!after || readBackAt === undefined) return notRead === undefined ? [] : [notRead]
  const fields = changedFields(changes)
  const shown = fields.filter((field) => known(after, field))
  const hidden = fields.filter((field) => !shown.includes(field))
  const others = shown.filter((field) => verified(field, changes[field], after) === 'different')
  const values = others.slice(0, QUOTED).map((field) => {
    const now = known(after, field)?.value
    return `${jsonEqual(known(before, field)?.value, now) ? 'still ' : ''}showed ${field} ${quoted(view.view(field, now), relay)}`
  })
  const at = `At ${clockTime(readBackAt)} the record`
  const parts = [
    others.length > 0 && `${at} ${listed(values)}${mayStillMove[proof] ?? ''}.`,
    others.length === 0 && shown.length > 0 && `${at} showed ${listed(shown)} as asked, as it may have done before.`,
    hidden.length > 0 && `AiFi does not show ${listed(hidden)}.`,
  ]
  return parts.filter((part) => part !== false)
}

function quoted({ value, marks }: View, relay: Evidence['relay']): string {
  if (marks.length > 0) return 'with a value that cannot be shown here'
  if (value === null || value === '') return 'empty'
  return typeof value === 'string' ? `“${relay.text(value, 80)}”` : relay.text(JSON.stringify(value), 80)
}

/** Before or instead of sending: AiFi was not reached, or the call was cancelled. Ends with what that means. */
export function notSentMessage(cause: UnreachableCause, detail: string): string {
  return `${notSentWords(cause, detail)} ${NOTHING}`
}

function notSentWords(cause: UnreachableCause, detail: string): string {
  switch (cause) {
    case 'cancelled':
      return detail
    case 'token':
      return `${detail} Whoever set this server up should check the client id, its secret and AIFI_TOKEN_URL.`
    default:
      return `AiFi could not be reached. ${detail} If it stays so, whoever set this server up should check AIFI_BASE_URL and the network.`
  }
}

/** How much of the field errors a message repeats; `errors` has them all. */
const REPEATED = 3

/** For `failed` and `invalid`. */
export function refusedMessage(evidence: Evidence): string {
  const { delivery, said } = evidence
  if (delivery.kind === 'not_sent') return notSentMessage(delivery.cause, delivery.detail)
  if (delivery.kind === 'no_answer') return `${delivery.detail} ${NOTHING_CHANGED}`
  const { status, retryAfterSeconds } = delivery.http
  const texts = said.errors.slice(0, REPEATED).map(({ message }) => harmless(message, 200))
  const more = said.errors.length > REPEATED ? ` (${said.errors.length - REPEATED} more in errors)` : ''
  const parts = [
    whyRefused(status, evidence),
    said.message !== undefined && `It says: "${said.message}".`,
    said.errors.length > 0 && `${texts.join('; ')}${more}.`,
    said.isWithheld && 'What else it says is left out, since it may repeat a secret of this change.',
    NOTHING_CHANGED,
    retryAfterSeconds !== undefined && `Try again in ${waitWords(retryAfterSeconds)}.`,
  ]
  return parts.filter((part) => part !== false).join(' ')
}

function waitWords(seconds: number): string {
  return seconds > 120 ? minutesInWords(Math.ceil(seconds / 60)) : `${Math.max(1, seconds)} s`
}

function whyRefused(status: number, { request, readBackAt, said }: Evidence): string {
  if (said.type === LOGIN_FAILED) return `AiFi did not accept the shopper's current password (HTTP ${status}).`
  const words = statusWords(status, { for: 'change', customerId: request.customerId })
  if (status < 500) return words
  const at = readBackAt === undefined ? '' : ` read at ${clockTime(readBackAt)}`
  return `${words} The record${at} still shows the old values.`
}
