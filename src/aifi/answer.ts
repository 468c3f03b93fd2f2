import { NESTING_LIMIT, nestsWithin } from '../lib/json.ts'
import type { Body, HttpFacts } from './port.ts'

export type Headers = Readonly<Record<string, string | string[] | undefined>>

const TEXT_LIMIT = 2_000
/** A record around the deepest value that can be sent, and some; what is deeper is not handed on as JSON. */
const JSON_LEVELS = NESTING_LIMIT + 16
/** A longer wait is no advice for a caller who waits. */
const RETRY_AFTER_LIMIT_SECONDS = 86_400
const REQUEST_ID_HEADERS = ['x-request-id', 'x-correlation-id', 'traceparent']

/** What status and headers say. `now` is the wall clock, for a `Retry-After` that is a date. */
export function readFacts(status: number, headers: Headers, now: number): HttpFacts {
  const requestId = REQUEST_ID_HEADERS.map((name) => first(headers[name])).find((value) => value)
  const retryAfterSeconds = readRetryAfter(first(headers['retry-after']), now)
  return {
    status,
    ...(requestId !== undefined && { requestId }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}

const utf8 = new TextDecoder()

/** The complete content of an answer, whatever type it was declared to have. */
export function readBody(content: Uint8Array): Body {
  const text = utf8.decode(content)
  if (text.trim() === '') return { kind: 'empty' }
  try {
    const value: unknown = JSON.parse(text)
    if (nestsWithin(value, JSON_LEVELS)) return { kind: 'json', value }
  } catch {
    // No JSON.
  }
  return { kind: 'text', text: text.slice(0, TEXT_LIMIT) }
}

/** `Retry-After` (RFC 9110, section 10.2.3) in seconds; undefined for anything but a future within a day. */
function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const seconds = /^\d+$/.test(value) ? Number(value) : secondsUntil(value, now)
  return seconds >= 0 && seconds <= RETRY_AFTER_LIMIT_SECONDS ? seconds : undefined
}

/** Seconds until an HTTP date, rounded up; NaN for anything else. `Date.parse` alone takes nearly all for a date. */
function secondsUntil(date: string, now: number): number {
  return /^[A-Z][a-z]+, .*GMT$/.test(date) ? Math.ceil((Date.parse(date) - now) / 1000) : Number.NaN
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
