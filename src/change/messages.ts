import type { AifiError } from '../aifi/errors.ts'
import type { FieldError } from '../arguments.ts'
import { changedFields, fieldFacts } from '../customer.ts'
import type { UpdateEnvelope } from '../result.ts'
import type { Evidence } from './evidence.ts'

/** The sentences that tell the assistant how a sent change ended: what is known, what is not, what to do. */

const NOTHING_CHANGED = 'Nothing was changed.'

/** `10:02:13`, by the clock of this machine. */
export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB')
}

/** `blocked`, `blocked and role`, `blocked, role and email`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

type Lines = NonNullable<UpdateEnvelope['changes']>

/** For `updated`. */
export function appliedMessage(evidence: Evidence, lines: Lines, unexpected: readonly string[]): string {
  const { request, changes, sending, wrong, readBackAt } = evidence
  const fields = lines.map(({ field }) => field)
  const silent = lines.filter((line) => line.verified === 'not_reported').map(({ field }) => field)
  const different = lines.filter((line) => line.verified === 'different').map(({ field }) => field)
  const unclear = sending.kind !== 'answered' || sending.http.status >= 300
  const parts = [
    unclear && readBackAt !== undefined
      ? `AiFi's answer was lost, but the record read at ${clockTime(readBackAt)} shows the change: customer ${request.customerId}, ${listed(fields)}.`
      : `AiFi accepted the change of customer ${request.customerId}: ${listed(fields)}.`,
    silent.length > 0 && `AiFi does not report ${listed(silent)}, so that is accepted, not confirmed.`,
    different.length > 0 && `The record shows something else for ${listed(different)} than was asked.`,
    unexpected.length > 0 && `Not asked for, but changed: ${listed(unexpected)}.`,
    changes.blocked === false && 'The block may not be the only reason why they cannot get in.',
    wrong.length > 0 && `AiFi sent ${listed(wrong)} in an unexpected form; left out here.`,
  ]
  return parts.filter((part) => part !== false).join(' ')
}

/** For `unknown`. */
export function unknownMessage({ request, changes, sending, after, readBackAt }: Evidence): string {
  const readable = changedFields(changes).filter((field) => fieldFacts[field].readable)
  const seen =
    after && readBackAt !== undefined && readable.length > 0
      ? `When the record was read at ${clockTime(readBackAt)} it did not prove the change; the request may still take effect.`
      : 'The record does not show whether it was made.'
  return [
    `The change of customer ${request.customerId} was sent, but its outcome is unknown: ${lostWords(sending)}`,
    seen,
    `Do not send it again yet. A person should look at ${listed(changedFields(changes))} of customer ${request.customerId} in AiFi.`,
  ].join(' ')
}

function lostWords(sending: Evidence['sending']): string {
  switch (sending.kind) {
    case 'answered': {
      const { status } = sending.http
      if (status >= 300) return `AiFi answered with an error (HTTP ${status}).`
      return `AiFi answered HTTP ${status}, but not with this customer's record.`
    }
    case 'no_answer':
      return sending.detail
    case 'not_sent':
      return sending.detail
  }
}

/** For `failed` and `invalid`. `error` is AiFi's own, its texts taken over already. */
export function refusedMessage(evidence: Evidence, errors: readonly FieldError[], error: AifiError): string {
  const { sending, request } = evidence
  if (sending.kind !== 'answered') return `${lostWords(sending)} ${NOTHING_CHANGED}`
  const { status, retryAfterSeconds } = sending.http
  const said = error.message ? ` It says: "${evidence.relay.text(error.message)}".` : ''
  const details = errors.length > 0 ? ` ${errors.map(({ message }) => message).join('; ')}.` : ''
  const wait = retryAfterSeconds === undefined ? '' : ` Try again in ${retryAfterSeconds} s.`
  return `${statusWords(status, request.customerId, error.type)}${said}${details} ${NOTHING_CHANGED}${wait}`
}

function statusWords(status: number, customerId: number, type: string | undefined): string {
  if (type === 'E_CUSTOMER_LOGIN_FAIL') return `AiFi did not accept the current password (HTTP ${status}).`
  switch (status) {
    case 400:
    case 422:
      return `AiFi refused the change as invalid (HTTP ${status}).`
    case 401:
      return 'AiFi did not accept the access token (HTTP 401). Whoever set this server up should check its credentials.'
    case 403:
      return `AiFi did not allow this (HTTP 403): the access token may not change customer ${customerId}, or may not see it.`
    case 404:
      return `AiFi has no customer ${customerId} that this access token can see (HTTP 404). Check the number with the user.`
    case 409:
      return 'AiFi reports a conflict (HTTP 409), such as a value that another customer has already.'
    case 429:
      return 'AiFi is being asked too often (HTTP 429).'
    case 500:
    case 501:
      return `AiFi failed (HTTP ${status}), and the record still shows the old values.`
    default:
      return status < 400
        ? `AiFi answered with a redirect (HTTP ${status}), which is not followed. AIFI_BASE_URL may be wrong.`
        : `AiFi refused the change (HTTP ${status}).`
  }
}
