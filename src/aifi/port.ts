import type { JsonObject } from '../lib/json.ts'
import type { Secret } from '../lib/secret.ts'
import type { AifiError } from './errors.ts'

/**
 * AiFi as the rest of the program sees it: what was observed, never an interpretation, and never a throw.
 * `client.ts` is the implementation over HTTP.
 *
 * All text in here is as AiFi sent it: untrusted, unbounded in meaning, possibly echoing a secret. Whoever shows it
 * passes it through `text.ts` first.
 */
export interface Aifi {
  /** The address as a person should read it, without credentials: `https://host[:port][/prefix]`. */
  readonly address: string
  /**
   * `GET /api/admin/v2/customers/{customerId}`, which AiFi's pages do not document: best effort.
   * Aborting `signal` ends it as `unreadable`.
   */
  readCustomer(customerId: number, signal?: AbortSignal, traceparent?: string): Promise<Reading>
  /**
   * `GET /api/admin/v2/customers` with one filter. The list has no pages, so its size is anybody's guess: an answer of
   * more than 4 MB ends as `too_large`, with the connection. Whether AiFi obeyed the filter is not looked at.
   * Aborting `signal` ends it as `unreadable`.
   */
  listCustomers(filter: CustomerFilter, signal?: AbortSignal, traceparent?: string): Promise<Listing>
  /**
   * `PATCH /api/admin/v2/customers/{customerId}` with exactly `body`.
   * Sent again only when the first one certainly was not processed (design: connection not established, 429 with a
   * `Retry-After` that fits, 401 once with a fresh OAuth token).
   */
  updateCustomer(customerId: number, body: JsonObject, options?: UpdateOptions): Promise<Delivery>
  /** Ends all connections. Exchanges under way end as `no_answer`. */
  close(): Promise<void>
}

/** The filters of the list that name somebody. */
export type CustomerFilter = { readonly email: string } | { readonly externalId: string }

export interface UpdateOptions {
  /** The body carries a password: then nothing but the one 401 with a fresh OAuth token may be repeated. */
  once?: boolean
  /** Before the request has left, stops it (`not_sent`, `cancelled`). Once it is on its way it has no effect. */
  signal?: AbortSignal
  /**
   * How long the whole call may take, retries included, in milliseconds; default: three deadlines of an exchange. A
   * retry whose pause and deadline would not fit is not started. (A fresh token that it needs comes on top.)
   */
  budgetMs?: number
  /** The caller's place in a distributed trace, for AiFi's own logs. */
  traceparent?: string | undefined
  /** Called once, just before the first byte of the first PATCH leaves. */
  onSending?: () => void
}

/** What an answer said, besides its content. */
export interface HttpFacts {
  /** HTTP status. */
  status: number
  /** The request id that AiFi or a proxy put on the answer, if any (`x-request-id`, `x-correlation-id`, `traceparent`). */
  requestId?: string
  /** `Retry-After`, in seconds from now; absent when there was none or it made no sense. */
  retryAfterSeconds?: number
}

/** The content of an answer. */
export type Body =
  | { kind: 'empty' }
  | { kind: 'json'; value: unknown }
  /** Complete, but no JSON (an HTML page of a proxy, say). `text` is at most 2,000 characters. */
  | { kind: 'text'; text: string }
  /** Status and headers came, the content did not arrive whole: cut off, timed out, or over the size cap. */
  | { kind: 'incomplete'; cause: 'cut_off' | 'timeout' | 'too_large' }

/** Why nothing reached AiFi. */
export type NotSentCause =
  | 'dns' // the host name is unknown
  | 'refused' // nobody listens there, or no route
  | 'tls' // the certificate was not accepted, or no TLS there
  | 'connect_timeout'
  | 'proxy' // the company's proxy refused or failed
  | 'token' // no access token could be had
  | 'read_only' // this program may only read
  | 'cancelled'

/** How the attempt to send ended. */
export type Delivery =
  | { kind: 'answered'; http: HttpFacts; body: Body; attempts: number }
  /** Certain: AiFi has not acted on the request. `detail` is one or two plain sentences of our own. */
  | { kind: 'not_sent'; cause: NotSentCause; detail: string }
  /** The request was on its way, at least in part, and no complete status line and headers came back. */
  | { kind: 'no_answer'; cause: 'timeout' | 'reset' | 'malformed' | 'closing'; detail: string }

/** Why a reading did not get as far as AiFi. */
export type UnreachableCause = NotSentCause | 'web_page' // something in between answered with a page, such as one to sign in at

/** How the attempt to read ended. */
export type Reading =
  | { kind: 'record'; record: JsonObject; http: HttpFacts }
  /** No record, which says nothing about whether a change can be sent. `reason` is one or two sentences of our own. */
  | {
      kind: 'unreadable'
      cause: 'not_found' | 'not_offered' | 'switched_off' | 'refused' | 'too_large' | 'failed' | 'cancelled'
      reason: string
      http?: HttpFacts
      /** What AiFi said of it. */
      error?: AifiError
    }
  /** AiFi could not be reached at all, or gave out no token; a change would meet the same. */
  | { kind: 'unreachable'; cause: UnreachableCause; detail: string }

/** How the attempt to list ended. */
export type Listing =
  /** A list, whatever its entries are. */
  { kind: 'list'; entries: readonly unknown[]; http: HttpFacts } | Exclude<Reading, { kind: 'record' }>

/** The ways into AiFi: a token issued by AiFi, or an application's id and secret (OAuth 2.0 client credentials). */
export type Credentials =
  | { readonly kind: 'token'; readonly token: Secret }
  | {
      readonly kind: 'client'
      readonly clientId: string
      readonly clientSecret: Secret
      readonly tokenUrl: string
      /** Further form parameters of the token request, as name and value; the values may be secret. */
      readonly tokenParams: readonly (readonly [string, string])[]
    }

/**
 * Proxies as data: the values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. The addresses may carry a password.
 * Loopback never goes through a proxy.
 */
export interface ProxySettings {
  readonly httpProxy?: string
  readonly httpsProxy?: string
  readonly noProxy?: string
}
