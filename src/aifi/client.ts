import type { Clock } from '../lib/clock.ts'
import { writeExactly } from '../lib/exact-json.ts'
import { isJsonObject } from '../lib/json.ts'
import { extractError } from './errors.ts'
import { type Http, type Target, targetOf } from './exchange.ts'
import { cancelledBeforeSending, type Failure, neverSent, ProxyError } from './failure.ts'
import type { Aifi, Body, Credentials, Delivery, Listing, ProxySettings, Reading } from './port.ts'
import { createSender, type Sender, unlessAborted } from './retrying.ts'
import { statusWords } from './status-words.ts'

export interface AifiOptions {
  /** The deployment, checked where the settings are read: https or loopback, no credentials, query or fragment. */
  readonly baseUrl: string
  readonly credentials: Credentials
  /** Deadline of one exchange (one request and its whole answer; a token request is its own), in milliseconds. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Nothing but reading, and asking for a token, can leave through this client. */
  readonly readOnly: boolean
  readonly proxy?: ProxySettings
}

/** AiFi, and what it needs to be asked. */
export interface AifiClient extends Aifi {
  /**
   * Loads what only an exchange needs (undici most of all, which a start does without), so that the first one need not
   * wait for it. Never rejects: what cannot be loaded is tried again by the next exchange, which says so.
   */
  warm(): Promise<void>
}

/** For {@link Aifi.updateCustomer}, unless the caller says: room for a token, the change, and one repetition. */
const UPDATE_DEADLINES = 3
/** A read is repeated when it failed early, not when it has used its deadline. */
const READ_DEADLINES = 2
/** A filter that names one customer finds a handful of records; this is thousands of them, and still parsed at once. */
const LIST_MAX_BYTES = 4_000_000

/** AiFi over HTTP. Long-lived: it owns the connections and the token. Throws a TypeError on a malformed address. */
export function createAifi(options: AifiOptions): AifiClient {
  const { baseUrl, timeoutMs } = options
  const { origin, path: customers } = customersOf(baseUrl)
  const { send, warm, close } = openWhenNeeded(options)
  let readingOffered = true

  return {
    address: new URL(baseUrl).href.replace(/\/+$/, ''),
    async readCustomer(customerId, signal, traceparent) {
      const path = pathOf(customers, customerId)
      if (!readingOffered) return switchedOff
      const budgetMs = READ_DEADLINES * timeoutMs
      const delivery = await unlessAborted(
        () => send({ method: 'GET', origin, path, signal, traceparent }, { budgetMs }),
        signal,
      )
      if (!delivery) return readingCancelled
      const reading = readingOf(delivery)
      if (reading.kind === 'unreadable' && reading.cause === 'not_offered') readingOffered = false
      return reading
    },
    async listCustomers(filter, signal, traceparent) {
      const path = `${customers}?${new URLSearchParams(Object.entries(filter))}`
      const request = { method: 'GET', origin, path, signal, traceparent, maxBytes: LIST_MAX_BYTES } as const
      const delivery = await unlessAborted(() => send(request, { budgetMs: READ_DEADLINES * timeoutMs }), signal)
      return delivery ? listingOf(delivery) : readingCancelled
    },
    async updateCustomer(customerId, body, options = {}) {
      const { once, signal, budgetMs = UPDATE_DEADLINES * timeoutMs, onSending, traceparent } = options
      const path = pathOf(customers, customerId)
      let told = false
      const tellOnce = () => {
        if (!told) onSending?.()
        told = true
      }
      const request = {
        method: 'PATCH',
        origin,
        path,
        body: writeExactly(body),
        signal,
        traceparent,
        onSending: tellOnce,
      } as const
      return send(request, { budgetMs, once })
    },
    warm,
    close,
  }
}

/** The way to send, which is loaded and opened by the first exchange: both take time that a start should not. */
function openWhenNeeded(options: AifiOptions): { send: Sender; warm(): Promise<void>; close(): Promise<void> } {
  let opening: ReturnType<typeof open> | undefined
  let closed = false
  const opened = () => {
    opening ??= open(options).catch((error) => {
      // The next exchange may have better luck.
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    async send(request, options) {
      if (closed) return cancelledBeforeSending
      try {
        return await (await opened()).send(request, options)
      } catch (error) {
        if (error instanceof ProxyError) return neverSent(error, request.origin)
        throw error
      }
    },
    warm: async () => void (await opened().catch(() => undefined)),
    async close() {
      closed = true
      await (await opening?.catch(() => undefined))?.http.close()
    },
  }
}

async function open({ credentials, timeoutMs, clock, readOnly, proxy }: AifiOptions): Promise<{
  http: Http
  send: Sender
}> {
  const [{ createHttp }, { createTokens }] = await Promise.all([import('./http.ts'), import('./tokens.ts')])
  const connections = createHttp({ timeoutMs, clock, ...(proxy && { proxy }) })
  const http = readOnly ? readingOnly(connections, credentials) : connections
  return { http, send: createSender(http, createTokens(credentials, http, clock), clock, timeoutMs) }
}

const readOnlyRefusal: Failure = {
  kind: 'not_sent',
  cause: 'read_only',
  detail: 'This server may only read (AIFI_READ_ONLY).',
}

/**
 * The same connections, through which only reading can leave: GET, and the POST that asks the token endpoint of these
 * credentials for a token. All that a client sends goes through here, whatever asked for it.
 */
export function readingOnly(http: Http, credentials: Credentials): Http {
  const endpoint = credentials.kind === 'client' ? targetOf(credentials.tokenUrl) : undefined
  return {
    async exchange(request) {
      const { method, origin, path } = request
      const isForToken = method === 'POST' && origin === endpoint?.origin && path === endpoint.path
      const mayLeave = method === 'GET' || isForToken
      return mayLeave ? http.exchange(request) : readOnlyRefusal
    },
    close: () => http.close(),
  }
}

/** The customers of a deployment: `GET` lists them, and `/{customerId}` below is one. `baseUrl` has no query. */
export function customersOf(baseUrl: string): Target {
  const { origin, path } = targetOf(baseUrl)
  return { origin, path: `${path.replace(/\/+$/, '')}/api/admin/v2/customers` }
}

/** Only an integer can become part of the path: nothing that was read or typed can lead elsewhere. */
function pathOf(customers: string, customerId: number): string {
  if (!Number.isSafeInteger(customerId) || customerId < 0) throw new TypeError('customerId must be an integer from 0')
  return `${customers}/${customerId}`
}

type Unreadable = Extract<Reading, { kind: 'unreadable' }>
type Answered = Extract<Delivery, { kind: 'answered' }>

const switchedOff: Unreadable = {
  kind: 'unreadable',
  cause: 'switched_off',
  reason: statusWords(405, { for: 'reading' }),
}
const readingCancelled: Unreadable = { kind: 'unreadable', cause: 'cancelled', reason: 'The reading was cancelled.' }

/** What the end of `GET …/customers/{customerId}` says about the record. */
export function readingOf(delivery: Delivery): Reading {
  if (delivery.kind !== 'answered') return withoutAnswer(delivery)
  const { http, body } = delivery
  const value = successValue(delivery)
  if (isJsonObject(value)) return { kind: 'record', record: value, http }
  if (isWebPage(delivery)) return behindWebPage(http.status)
  const reason = statusWords(http.status, { for: 'reading' })
  return { kind: 'unreadable', cause: readingCause(http.status), reason, http, ...errorOf(body) }
}

/** What the end of `GET …/customers` says. */
export function listingOf(delivery: Delivery): Listing {
  if (delivery.kind !== 'answered') return withoutAnswer(delivery)
  const { http, body } = delivery
  const value = successValue(delivery)
  if (Array.isArray(value)) return { kind: 'list', entries: value, http }
  if (isWebPage(delivery)) return behindWebPage(http.status)
  if (isSuccess(http.status) && body.kind === 'incomplete' && body.cause === 'too_large') {
    const reason = "AiFi's list of customers was too large and was cut off."
    return { kind: 'unreadable', cause: 'too_large', reason, http }
  }
  const reason = statusWords(http.status, { for: 'lookup' })
  return { kind: 'unreadable', cause: refusedOrFailed(http.status), reason, http, ...errorOf(body) }
}

function withoutAnswer(delivery: Exclude<Delivery, Answered>): Exclude<Reading, { kind: 'record' }> {
  if (delivery.kind === 'no_answer') return { kind: 'unreadable', cause: 'failed', reason: delivery.detail }
  if (delivery.cause === 'cancelled') return readingCancelled
  return { kind: 'unreachable', cause: delivery.cause, detail: delivery.detail }
}

/** Whoever answers so in the place of AiFi would do the same to a change. With the status of an error it may be AiFi. */
function isWebPage({ http, body }: Answered): boolean {
  return isSuccess(http.status) && body.kind === 'text' && /^\s*</.test(body.text)
}

function behindWebPage(status: number): Extract<Reading, { kind: 'unreachable' }> {
  const detail = `A web page came in the place of AiFi's answer (HTTP ${status}), such as the sign-in page of a proxy or VPN.`
  return { kind: 'unreachable', cause: 'web_page', detail }
}

function successValue({ http, body }: Answered): unknown {
  return isSuccess(http.status) && body.kind === 'json' ? body.value : undefined
}

function errorOf(body: Body): Pick<Unreadable, 'error'> {
  return body.kind === 'json' ? { error: extractError(body.value) } : {}
}

function readingCause(status: number): Unreadable['cause'] {
  if (status === 404) return 'not_found'
  return status === 405 || status === 501 ? 'not_offered' : refusedOrFailed(status)
}

function refusedOrFailed(status: number): 'refused' | 'failed' {
  return status >= 400 && status < 500 ? 'refused' : 'failed'
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}
