import { isLosslessNumber } from 'lossless-json'
import { type Clock, Deadline, sleep } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import type { Secret } from '../lib/secret.ts'
import { CUT } from '../lib/text.ts'
import { extractError, LOGIN_FAILED } from './errors.ts'
import type { Exchange, Http, HttpRequest } from './exchange.ts'
import { cancelledBeforeSending } from './failure.ts'
import type { Delivery, NotSentCause } from './port.ts'
import type { TokenSource } from './tokens.ts'

export interface RetryOptions {
  /** Milliseconds for everything; a repetition that might end later is not started. */
  readonly budgetMs: number
  /** Only the one repetition with a fresh token. */
  readonly once?: boolean | undefined
}

type Authorized = Omit<HttpRequest, 'method' | 'headers'> & {
  readonly method: 'GET' | 'PATCH'
  readonly traceparent?: string | undefined
}

/** Sends with a token, and again where that is certainly harmless: once at most for each reason. Never throws. */
export type Sender = (request: Authorized, options: RetryOptions) => Promise<Delivery>

interface Again {
  readonly because: 'not_through' | 'rate_limit' | 'token'
  readonly pauseMs: number
}

/** Long enough for a restarting server or a resolver to recover, short enough to go unnoticed. */
const PAUSE_MS = 250
const TRANSIENT: readonly NotSentCause[] = ['dns', 'refused', 'connect_timeout', 'proxy']

/** The rules of repetition, in one place for reading and changing. */
export function createSender(http: Http, tokens: TokenSource, clock: Clock, timeoutMs: number): Sender {
  return async (request, { budgetMs, once = false }) => {
    const budget = new Deadline(clock, budgetMs)
    const used = new Set<Again['because']>()
    let refusedToken: string | undefined
    let answer: Delivery | undefined
    // A repetition that did not leave is no news about a change: it ended as AiFi has answered it.
    const unsent = (how: Delivery) => (request.method === 'PATCH' && answer) || how
    for (let attempts = 1; ; attempts++) {
      const token = tokens.get()
      const given = token instanceof Promise ? await unlessAborted(() => token, request.signal) : token
      if (!given) return unsent(cancelledBeforeSending)
      if (given.kind === 'no_token') return unsent({ kind: 'not_sent', cause: 'token', detail: given.detail })
      if (answer && given.token.reveal() === refusedToken) return answer
      const exchange = withoutToken(
        await http.exchange({ headers: headersFor(request, given.token), ...request }),
        given.token,
      )
      const delivery: Delivery = exchange.kind === 'answered' ? { attempts, ...exchange } : exchange
      if (delivery.kind === 'answered') answer = delivery
      const ended = delivery.kind === 'not_sent' ? unsent(delivery) : delivery
      const again = whyAgain(exchange, request.method, once)
      if (again?.because === 'token') {
        if (!tokens.invalidate(given.token)) return ended
        refusedToken = given.token.reveal()
      }
      if (!again || used.has(again.because) || again.pauseMs + timeoutMs > budget.remainingMs) return ended
      used.add(again.because)
      await sleep(clock, again.pauseMs, request.signal)
    }
  }
}

/** Why the same request may be sent again after this; undefined when it may not. */
function whyAgain(exchange: Exchange, method: Authorized['method'], once: boolean): Again | undefined {
  if (exchange.kind === 'answered') {
    if (isTokenRefused(exchange)) return { because: 'token', pauseMs: 0 }
    const { status, retryAfterSeconds } = exchange.http
    if (once || method !== 'PATCH' || status !== 429 || retryAfterSeconds === undefined) return undefined
    return { because: 'rate_limit', pauseMs: Math.max(PAUSE_MS, retryAfterSeconds * 1000) }
  }
  const harmless =
    exchange.kind === 'not_sent' ? TRANSIENT.includes(exchange.cause) : method === 'GET' && exchange.cause !== 'closing'
  return harmless && !once ? { because: 'not_through', pauseMs: PAUSE_MS } : undefined
}

/** A 401 about our token, not about the shopper's `currentPassword`; that it is not must be seen from the content. */
function isTokenRefused({ http, body }: Extract<Exchange, { kind: 'answered' }>): boolean {
  if (http.status !== 401 || body.kind === 'incomplete') return false
  return body.kind !== 'json' || extractError(body.value).type !== LOGIN_FAILED
}

/** Shorter ones are no real tokens, and would be found in any text. */
const TOKEN_LENGTH = 8

/** An answer that repeats our token must not carry it any further. */
function withoutToken(exchange: Exchange, secret: Secret): Exchange {
  const token = secret.reveal()
  const spelled = JSON.stringify(token).slice(1, -1)
  if (exchange.kind !== 'answered' || token.length < TOKEN_LENGTH) return exchange
  if (!JSON.stringify(exchange).includes(spelled)) return exchange
  const { http, body } = exchange
  const requestId = http.requestId?.replaceAll(token, CUT)
  return {
    ...exchange,
    http: { ...http, ...(requestId !== undefined && { requestId }) },
    ...(body.kind === 'text' && { body: { ...body, text: body.text.replaceAll(token, CUT) } }),
    ...(body.kind === 'json' && { body: { ...body, value: valueWithout(body.value, token) } }),
  }
}

/** A value of JSON, whose depth is bounded, in which no text, no name and no number holds the token. */
function valueWithout(value: unknown, token: string): unknown {
  if (typeof value === 'string') return value.replaceAll(token, CUT)
  if (Array.isArray(value)) return value.map((item) => valueWithout(item, token))
  if (isJsonObject(value)) {
    const members = Object.entries(value)
    return Object.fromEntries(
      members.map(([name, member]) => [name.replaceAll(token, CUT), valueWithout(member, token)]),
    )
  }
  const isNumber = typeof value === 'number' || isLosslessNumber(value)
  return isNumber && String(value).includes(token) ? CUT : value
}

function headersFor({ body, traceparent }: Authorized, token: Secret): Record<string, string> {
  return {
    accept: 'application/json',
    'accept-encoding': 'identity',
    authorization: `Bearer ${token.reveal()}`,
    'user-agent': 'aifi-customer-mcp',
    ...(traceparent !== undefined && { traceparent }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
}

/** What `work` resolves to, or undefined as soon as `signal` aborts; the work itself goes on. */
export async function unlessAborted<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  if (signal?.aborted) return undefined
  if (!signal) return work()
  return new Promise((resolve, reject) => {
    const abort = () => resolve(undefined)
    signal.addEventListener('abort', abort, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}
