import { type Clock, Deadline, sleep } from '../lib/clock.ts'
import { parseExactly, writeExactly } from '../lib/exact-json.ts'
import type { Secret } from '../lib/secret.ts'
import { extractError } from './errors.ts'
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
  return body.kind !== 'json' || extractError(body.value).type !== 'E_CUSTOMER_LOGIN_FAIL'
}

/** Shorter ones are no real tokens, and would be found in any text. */
const TOKEN_LENGTH = 8

/** An answer that repeats our token must not carry it any further. */
function withoutToken(exchange: Exchange, token: Secret): Exchange {
  const spelled = JSON.stringify(token.reveal()).slice(1, -1)
  const text = JSON.stringify(exchange)
  if (spelled.length < TOKEN_LENGTH || !text.includes(spelled)) return exchange
  const cut: Exchange = JSON.parse(text.replaceAll(spelled, '•••'))
  if (exchange.kind !== 'answered' || exchange.body.kind !== 'json' || cut.kind !== 'answered') return cut
  const content = writeExactly(exchange.body.value).replaceAll(spelled, '•••')
  return { ...cut, body: { kind: 'json', value: parseExactly(content, Number.POSITIVE_INFINITY) } }
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
