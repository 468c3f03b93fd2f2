import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'
import * as oauth from 'oauth4webapi'
import { type Http, targetOf } from '../aifi/exchange.ts'
import { createHttp } from '../aifi/http.ts'
import type { ProxySettings } from '../aifi/port.ts'
import type { Clock } from '../lib/clock.ts'

/** Deadline of one exchange with the issuer, milliseconds: a caller, or somebody who signs in, waits for it. */
const TIMEOUT_MS = 5_000
/** What the issuer says of itself is asked for again after this long, milliseconds. */
const METADATA_MS = 60 * 60_000
/** Keys are used for this long without asking, milliseconds. A token under an unknown one asks at once. */
const KEYS_MS = 60 * 60_000
/** Between two attempts to reach it, milliseconds. */
const PAUSE_MS = 1_000

/** The issuer cannot be reached, or answered with nothing that can be used. It says nothing about who asked. */
export class IssuerUnavailable extends Error {
  override readonly name = 'IssuerUnavailable'
}

/** Sends what `oauth4webapi` and `jose` want to send, over our own connections: proxy, deadline and size limit hold. */
export type IssuerFetch = (
  url: string,
  init: { method?: string; headers?: ConstructorParameters<typeof Headers>[0]; body?: unknown },
) => Promise<Response>

/** The OpenID Connect issuer of a team: what it says of itself, and its keys. Asked when needed, so it may be away at the start. */
export class Issuer {
  readonly fetch: IssuerFetch
  readonly #address: string
  readonly #http: Http
  readonly #clock: Clock
  #metadata: { readonly value: oauth.AuthorizationServer; readonly at: number } | undefined
  #asking: Promise<oauth.AuthorizationServer> | undefined
  #failedAt = Number.NEGATIVE_INFINITY
  #keys: { readonly uri: string; readonly get: JWTVerifyGetKey } | undefined

  constructor(address: string, { clock, proxy }: { clock: Clock; proxy?: ProxySettings }) {
    this.#address = address
    this.#clock = clock
    this.#http = createHttp({ timeoutMs: TIMEOUT_MS, clock, ...(proxy && { proxy }) })
    this.fetch = (url, init) => this.#fetch(url, init)
  }

  /** Its discovery document. Rejects with {@link IssuerUnavailable}; an older one serves while it is away. */
  async metadata(): Promise<oauth.AuthorizationServer> {
    const now = this.#clock.monotonic()
    const known = this.#metadata
    if (known && now - known.at < METADATA_MS) return known.value
    if (now - this.#failedAt < PAUSE_MS) {
      if (known) return known.value
      throw new IssuerUnavailable('The issuer could not be reached a moment ago.')
    }
    this.#asking ??= this.#discover().finally(() => {
      this.#asking = undefined
    })
    return known ? this.#asking.catch(() => known.value) : this.#asking
  }

  /** Finds the key of a token. Rejects with {@link IssuerUnavailable} when the keys cannot be had. */
  readonly key: JWTVerifyGetKey = async (header, token) => {
    const { jwks_uri: uri } = await this.metadata()
    if (uri === undefined) throw new IssuerUnavailable('The issuer names no keys.')
    if (this.#keys?.uri !== uri) {
      const get = createRemoteJWKSet(new URL(uri), {
        cacheMaxAge: KEYS_MS,
        [customFetch]: async (url, init) => {
          const response = await this.#fetch(url, init)
          if (response.status !== 200)
            throw new IssuerUnavailable(`The issuer’s keys were answered with HTTP ${response.status}.`)
          return response
        },
      })
      this.#keys = { uri, get }
    }
    return this.#keys.get(header, token)
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  async #discover(): Promise<oauth.AuthorizationServer> {
    const address = new URL(this.#address)
    try {
      const response = await oauth.discoveryRequest(address, { [oauth.customFetch]: this.fetch, ...insecure })
      const value = await oauth.processDiscoveryResponse(address, response)
      this.#metadata = { value, at: this.#clock.monotonic() }
      return value
    } catch (cause) {
      this.#failedAt = this.#clock.monotonic()
      throw new IssuerUnavailable('The issuer’s discovery document could not be had.', { cause })
    }
  }

  async #fetch(url: string, { method = 'GET', headers, body }: Parameters<IssuerFetch>[1]): Promise<Response> {
    const exchange = await this.#http.exchange({
      method: method === 'POST' ? 'POST' : 'GET',
      ...targetOf(url),
      headers: Object.fromEntries(new Headers(headers)),
      ...(body != null && { body: String(body) }),
    })
    if (exchange.kind !== 'answered') throw new IssuerUnavailable(exchange.detail)
    if (exchange.body.kind !== 'json')
      throw new IssuerUnavailable(`The issuer answered HTTP ${exchange.http.status} without JSON.`)
    return Response.json(exchange.body.value, { status: exchange.http.status })
  }
}

/** Which addresses may be http is decided where the settings are read. */
export const insecure = { [oauth.allowInsecureRequests]: true }
