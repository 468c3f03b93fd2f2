import type { Clock } from '../lib/clock.ts'
import { type Headers, readBody, readFacts } from './answer.ts'
import { cancelledBeforeSending, type Failure, neverSent, noAnswer } from './failure.ts'
import type { Body, HttpFacts } from './port.ts'

/** How one exchange ended: one request, and the answer to it with its whole content. */
export type Exchange = { kind: 'answered'; http: HttpFacts; body: Body } | Failure

export interface ExchangeOptions {
  /** Where it goes to: `https://host[:port]`. */
  readonly origin: string
  /** The largest content that is read, in bytes. */
  readonly maxBytes: number
  readonly onSending: (() => void) | undefined
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
    if (status >= 200) this.#http = readFacts(status, headers, this.#options.clock.now())
  }

  onResponseData(_: Controller, chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size > this.#options.maxBytes) this.end('too_large')
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#http) this.#finish({ kind: 'answered', http: this.#http, body: readBody(Buffer.concat(this.#chunks)) })
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
