import { isJsonObject } from '../lib/json.ts'
import { extractError } from './errors.ts'
import type { Body, Listing, Reading, Sending } from './port.ts'

type Unreadable = Extract<Reading, { kind: 'unreadable' }>
type Answered = Extract<Sending, { kind: 'answered' }>

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
  if (sending.kind !== 'answered') return withoutAnswer(sending)
  const { http } = sending
  const value = successValue(sending)
  if (isJsonObject(value)) return { kind: 'record', record: value, http }
  return { kind: 'unreadable', ...explained(http.status), http, ...errorOf(sending.body) }
}

/** What the end of `GET …/customers` says. */
export function listingOf(sending: Sending): Listing {
  if (sending.kind !== 'answered') return withoutAnswer(sending)
  const { http, body } = sending
  const value = successValue(sending)
  if (Array.isArray(value)) return { kind: 'list', entries: value, http }
  return { kind: 'unreadable', ...explainedList(http.status, body), http, ...errorOf(body) }
}

function withoutAnswer(sending: Exclude<Sending, Answered>): Exclude<Reading, { kind: 'record' }> {
  if (sending.kind === 'no_answer') return { kind: 'unreadable', cause: 'failed', reason: sending.detail }
  if (sending.cause === 'cancelled') return readingCancelled
  return { kind: 'unreachable', cause: sending.cause, detail: sending.detail }
}

function successValue({ http, body }: Answered): unknown {
  return http.status >= 200 && http.status < 300 && body.kind === 'json' ? body.value : undefined
}

function errorOf(body: Body): Pick<Unreadable, 'error'> {
  return body.kind === 'json' ? { error: extractError(body.value) } : {}
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

function explainedList(status: number, body: Body): Pick<Unreadable, 'cause' | 'reason'> {
  if (status >= 200 && status < 300) {
    if (body.kind === 'incomplete' && body.cause === 'too_large')
      return { cause: 'too_large', reason: "AiFi's list of customers was too large and was cut off." }
    return { cause: 'failed', reason: `AiFi's answer was no complete list of customers (HTTP ${status}).` }
  }
  if (status >= 400 && status < 500)
    return { cause: 'refused', reason: `AiFi refused to list customers (HTTP ${status}).` }
  return { cause: 'failed', reason: `AiFi did not list customers (HTTP ${status}).` }
}
