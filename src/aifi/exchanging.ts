import type { Clock } from '../lib/clock.ts'
import { parseExactly } from '../lib/exact-json.ts'
import { NESTING_LIMIT, nestsWithin } from '../lib/json.ts'
import { decoded } from './content-coding.ts'
import type { Exchange, Headers } from './exchange.ts'
import { cancelledBeforeSending, neverSent, noAnswer } from './failure.ts'
import type { Body, HttpFacts } from './port.ts'

const TEXT_LIMIT = 2_000
/** A record around the deepest value that can be sent, and some; what is deeper is not handed on as JSON. */
const JSON_LEVELS = NESTING_LIMIT + 16
/** A longer wait is no advice for a caller who waits. */
const RETRY_AFTER_LIMIT_SECONDS = 86_400
const REQUEST_ID_HEADERS = ['x-request-id', 'x-correlation-id', 'traceparent']

export interface ExchangeOptions {
  /** Where it goes to: `https://host[:port]`. */
  readonly origin: string
  /** The largest content that is read, in bytes, packed and unpacked. */
  readonly maxBytes: number
  readonly onSending: (() => void) | undefined
  readonly onHeaders: ((headers: Headers) => void) | undefined
  readonly clock: Clock
}

/** undici's handle on a request that is being sent. */
interface Controller {
  abort(reason: Error): void
}

/**
 * Watches one exchange, and settles {@link ended} once. undici calls the `on…` methods (`Dispatcher.DispatchHandler`);
 * the owner calls {@link end}.
 */
export class Exchanging {
  readonly ended: Promise<Exchange>
  readonly #options: ExchangeOptions
  readonly #chunks: Buffer[] = []
  #size = 0
  #settle: (exchange: Exchange) => void = () => undefined
  #settled = false
  /** Present from the moment at which the first byte may have left. */
  #controller: Controller | undefined
  /** Present once status and headers have come. */
  #http: HttpFacts | undefined
  /** `Content-Encoding` of the answer. */
  #codings = ''

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.ended = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** Ends it from our side: nothing is written or read from here on. `cancelled` has no effect once it has left. */
  end(why: 'timeout' | 'cancelled' | 'closing' | 'too_large'): void {
    if (!this.#controller) {
      this.#finish(why === 'timeout' ? neverSent('timeout', this.#options.origin) : cancelledBeforeSending)
    } else if (why !== 'cancelled') {
      this.#finish(this.#http ? incomplete(this.#http, why === 'closing' ? 'cut_off' : why) : noAnswer(why))
      this.#controller.abort(new Error(why))
    }
  }

  /** A connection is open and the request would be written next; to abort or throw in here keeps it from that. */
  onRequestStart(controller: Controller): void {
    // undici starts a request again when its connection was lost in certain ways; ours leaves once.
    const isFirst = !this.#settled && !this.#controller
    if (isFirst) this.#options.onSending?.()
    if (isFirst && !this.#settled) this.#controller = controller
    else controller.abort(new Error('not wanted'))
  }

  onResponseStart(_: Controller, status: number, headers: Headers): void {
    // 1xx announce an answer, and are none (RFC 9110, section 15.2).
    if (status < 200) return
    this.#http = readFacts(status, headers, this.#options.clock.now())
    this.#codings = [headers['content-encoding'] ?? []].flat().join(',')
    this.#options.onHeaders?.(headers)
  }

  onResponseData(_: Controller, chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size > this.#options.maxBytes) this.end('too_large')
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (!this.#http) return
    const content = decoded(Buffer.concat(this.#chunks), this.#codings, this.#options.maxBytes)
    this.#finish(
      typeof content === 'string'
        ? incomplete(this.#http, content)
        : { kind: 'answered', http: this.#http, body: readBody(content) },
    )
  }

  onResponseError(_: Controller, error: Error): void {
    if (this.#http) this.#finish(incomplete(this.#http, 'cut_off'))
    else this.#finish(this.#controller ? noAnswer(error) : neverSent(error, this.#options.origin))
  }

  #finish(exchange: Exchange): void {
    this.#settled = true
    this.#settle(exchange)
  }
}

function incomplete(http: HttpFacts, cause: 'cut_off' | 'timeout' | 'too_large'): Exchange {
  return { kind: 'answered', http, body: { kind: 'incomplete', cause } }
}

/** What status and headers say. `now` is the wall clock, for a `Retry-After` that is a date. */
function readFacts(status: number, headers: Headers, now: number): HttpFacts {
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
function readBody(content: Uint8Array): Body {
  const text = utf8.decode(content)
  if (text.trim() === '') return { kind: 'empty' }
  try {
    const value = parseExactly(text)
    if (nestsWithin(value, JSON_LEVELS)) return { kind: 'json', value }
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'incomplete', cause: 'too_large' }
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
