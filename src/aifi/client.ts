import type { Clock } from '../lib/clock.ts'
import type { Credentials, ProxySettings } from './access.ts'
import { createHttp } from './http.ts'
import type { Aifi } from './port.ts'
import { listingOf, readingCancelled, readingOf, switchedOff } from './reading.ts'
import { readingOnly } from './reading-only.ts'
import { createSender, unlessAborted } from './retrying.ts'
import { customersOf } from './target.ts'
import { createTokens } from './tokens.ts'

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

/** For {@link Aifi.updateCustomer}, unless the caller says: room for a token, the change, and one repetition. */
const UPDATE_DEADLINES = 3
/** A read is repeated when it failed early, not when it has used its deadline. */
const READ_DEADLINES = 2
/** A filter that names one customer finds a handful of records; this is thousands of them, and still parsed at once. */
const LIST_MAX_BYTES = 4_000_000

/** AiFi over HTTP. Long-lived: it owns the connections and the token. Throws a TypeError on malformed addresses. */
export function createAifi({ baseUrl, credentials, timeoutMs, clock, readOnly, proxy }: AifiOptions): Aifi {
  const { origin, path: customers } = customersOf(baseUrl)
  const connections = createHttp({ timeoutMs, clock, ...(proxy && { proxy }) })
  const http = readOnly ? readingOnly(connections, credentials) : connections
  const send = createSender(http, createTokens(credentials, http, clock), clock, timeoutMs)
  let readingOffered = true

  return {
    address: new URL(baseUrl).href.replace(/\/+$/, ''),
    async readCustomer(customerId, signal) {
      const path = pathOf(customers, customerId)
      if (!readingOffered) return switchedOff
      const budgetMs = READ_DEADLINES * timeoutMs
      const sending = await unlessAborted(() => send({ method: 'GET', origin, path, signal }, { budgetMs }), signal)
      if (!sending) return readingCancelled
      const reading = readingOf(sending)
      if (reading.kind === 'unreadable' && reading.cause === 'not_offered') readingOffered = false
      return reading
    },
    async listCustomers(filter, signal) {
      const path = `${customers}?${new URLSearchParams(Object.entries(filter))}`
      const request = { method: 'GET', origin, path, signal, maxBytes: LIST_MAX_BYTES } as const
      const sending = await unlessAborted(() => send(request, { budgetMs: READ_DEADLINES * timeoutMs }), signal)
      return sending ? listingOf(sending) : readingCancelled
    },
    async updateCustomer(customerId, body, { once, signal, budgetMs = UPDATE_DEADLINES * timeoutMs, onSending } = {}) {
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
        body: JSON.stringify(body),
        signal,
        onSending: tellOnce,
      } as const
      return send(request, { budgetMs, once })
    },
    close: () => http.close(),
  }
}

/** Only an integer can become part of the path: nothing that was read or typed can lead elsewhere. */
function pathOf(customers: string, customerId: number): string {
  if (!Number.isSafeInteger(customerId) || customerId < 0) throw new TypeError('customerId must be an integer from 0')
  return `${customers}/${customerId}`
}
