import { isJsonObject } from '../json.ts'
import type { Reading, Sending } from './port.ts'

type Unreadable = Extract<Reading, { kind: 'unreadable' }>

export const switchedOff: Unreadable = {
  kind: 'unreadable',
  cause: 'switched_off',
  reason: 'This AiFi does not offer to read a single customer.',
}

export const readingCancelled: Unreadable = {
  kind: 'unreadable',
  cause: 'cancelled',
  reason: 'The reading was cancelled.',
}

/** What the end of `GET …/customers/{customerId}` says about the record. */
export function readingOf(sending: Sending): Reading {
  if (sending.kind === 'not_sent') {
    if (sending.cause === 'cancelled') return readingCancelled
    return { kind: 'unreachable', cause: sending.cause, detail: sending.detail }
  }
  if (sending.kind === 'no_answer') return { kind: 'unreadable', cause: 'failed', reason: sending.detail }
  const { http, body } = sending
  if (http.status >= 200 && http.status < 300 && body.kind === 'json' && isJsonObject(body.value)) {
    return { kind: 'record', record: body.value, http }
  }
  return { kind: 'unreadable', ...explained(http.status), http }
}

function explained(status: number): Pick<Unreadable, 'cause' | 'reason'> {
  if (status === 404)
    return {
      cause: 'not_found',
      reason: 'This record could not be read (HTTP 404). It may not exist; check the number.',
    }
  if (status === 405 || status === 501) return { cause: 'not_offered', reason: switchedOff.reason }
  if (status >= 400 && status < 500)
    return { cause: 'refused', reason: `AiFi refused to show the record (HTTP ${status}).` }
  return { cause: 'failed', reason: `AiFi's answer was no customer record (HTTP ${status}).` }
}
