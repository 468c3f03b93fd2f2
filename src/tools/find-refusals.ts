import type { Listing } from '../aifi/port.ts'
import { Relay } from '../lib/text.ts'
import type { FindEnvelope } from './find-result.ts'
import { shownHttp } from './find-result.ts'

/** The answers of `find_customers` that show nobody: why, and what to do. */

/** A lookup that brought no list. */
export type Unread = Exclude<Listing, { kind: 'list' }>

/** AiFi's text is a stranger's: no more of it than explains something. */
const TEXT_LIMIT = 300

/** AiFi did not show a list. @param late the call's own time was up, so that nobody waited for AiFi any longer. */
export function unreadEnvelope(unread: Unread, late: boolean): FindEnvelope {
  if (unread.kind === 'unreachable')
    return { status: 'failed', message: `AiFi could not be asked: ${unread.detail} Nothing was looked up.` }
  const { http, error } = unread
  const relay = new Relay([])
  const errors = (error?.errors ?? []).map(({ field, message, rule }) => ({
    field: relay.text(field, 100),
    message: relay.text(message, TEXT_LIMIT),
    rule: relay.text(rule, 100),
  }))
  const isInvalid = http?.status === 400 || http?.status === 422
  const said = error?.message ? ` It says: "${relay.text(error.message, TEXT_LIMIT)}".` : ''
  const details = errors.length > 0 ? ` ${errors.map(({ message }) => message).join('; ')}.` : ''
  return {
    status: isInvalid ? 'invalid' : 'failed',
    message: `${late ? 'AiFi did not answer in time. Try again later.' : whyUnread(unread)}${said}${details}`,
    ...((isInvalid || errors.length > 0) && { errors }),
    ...(http && shownHttp(http, error?.type)),
    ...(http?.retryAfterSeconds !== undefined && { retryAfterSeconds: http.retryAfterSeconds }),
  }
}

function whyUnread({ cause, reason, http }: Extract<Unread, { kind: 'unreadable' }>): string {
  switch (cause) {
    case 'not_offered':
    case 'switched_off':
      return `${reason} Look the customer up by email or externalId.`
    case 'too_large':
      return `Too many customers match, or AiFi did not apply the filter. ${reason} Use customerId, or have a person look in AiFi.`
    default:
      return (http && statusWords(http.status)) ?? reason
  }
}

function statusWords(status: number): string | undefined {
  if (status < 300) return undefined
  if (status < 400)
    return `AiFi answered with a redirect (HTTP ${status}), which is not followed. AIFI_BASE_URL may be wrong.`
  switch (status) {
    case 400:
    case 422:
      return `AiFi refused the lookup as invalid (HTTP ${status}).`
    case 401:
      return 'AiFi did not accept the access token (HTTP 401). Whoever set this server up should check its credentials.'
    case 403:
      return 'AiFi did not allow this (HTTP 403): the access token may not read customers.'
    case 404:
      return 'AiFi has no list of customers at this address (HTTP 404). AIFI_BASE_URL may be wrong.'
    case 429:
      return 'AiFi is being asked too often (HTTP 429). Wait before you try again.'
    default:
      return status < 500
        ? `AiFi refused the lookup (HTTP ${status}).`
        : `AiFi failed (HTTP ${status}). Try again later.`
  }
}

/** More lookups than an assistant has reason for. */
export function tooManyLookups(retryAfterSeconds: number): FindEnvelope {
  const message = `Too many lookups in a minute. Nothing was looked up. Try again in ${retryAfterSeconds} s.`
  return { status: 'failed', message, retryAfterSeconds }
}

/** Who was looked up must be on record before anybody is shown. */
export function unwritableAudit(): FindEnvelope {
  const message =
    'The audit trail cannot be written, so nothing is shown. Whoever set this server up should check AIFI_AUDIT_LOG.'
  return { status: 'failed', message }
}
