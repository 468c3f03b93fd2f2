import * as oauth from 'oauth4webapi'
import { type Clock, Deadline } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import { Secret } from '../lib/secret.ts'
import { type Exchange, type Http, targetOf } from './exchange.ts'
import type { Credentials } from './port.ts'

/** A token, or why there is none: one or two plain sentences, free of secrets. */
export type TokenResult = { kind: 'token'; token: Secret } | { kind: 'no_token'; detail: string }

export interface TokenSource {
  /** The token to send now: at once where there is one. Never throws, never rejects. */
  get(): TokenResult | Promise<TokenResult>
  /** AiFi refused this very token: it is not given out again. False when there can be no other one. */
  invalidate(token: Secret): boolean
}

/** RFC 6749, section 5.2. Only these are repeated to people: the rest of an answer could echo the secret. */
const ERROR_CODES = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
])
const CREDENTIALS_REFUSED = new Set(['invalid_client', 'unauthorized_client'])
/** For a token that does not say how long it lives. Short: after this it costs one more request, not a failed change. */
const UNKNOWN_LIFETIME_SECONDS = 60
const LONGEST_LIFETIME_SECONDS = 86_400
/** A token is given up this long before its end, or a fifth of its life if that is shorter. */
const MARGIN_SECONDS = 30
const MAX_BYTES = 100_000

/** Where the bearer tokens of these credentials come from. */
export function createTokens(credentials: Credentials, http: Http, clock: Clock): TokenSource {
  if (credentials.kind === 'client') return new ClientTokens(credentials, http, clock)
  const given = usable(credentials.token.reveal())
  return { get: () => given, invalidate: () => false }
}

class ClientTokens implements TokenSource {
  readonly #credentials: Extract<Credentials, { kind: 'client' }>
  readonly #http: Http
  readonly #clock: Clock
  #current: { token: Secret; until: Deadline } | undefined
  #fetching: Promise<TokenResult> | undefined

  constructor(credentials: Extract<Credentials, { kind: 'client' }>, http: Http, clock: Clock) {
    this.#credentials = credentials
    this.#http = http
    this.#clock = clock
  }

  get(): TokenResult | Promise<TokenResult> {
    if (this.#current && !this.#current.until.passed) return { kind: 'token', token: this.#current.token }
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  invalidate(token: Secret): boolean {
    if (this.#current?.token === token) this.#current = undefined
    return true
  }

  async #fetch(): Promise<TokenResult> {
    const askedAt = this.#clock.monotonic()
    try {
      const answer = await requestToken(this.#credentials, this.#http)
      const result = usable(answer.access_token)
      if (result.kind === 'token') {
        const lifetimeMs = lifetimeSeconds(answer.expires_in) * 1000 - (this.#clock.monotonic() - askedAt)
        this.#current = { token: result.token, until: new Deadline(this.#clock, lifetimeMs) }
      }
      return result
    } catch (error) {
      return { kind: 'no_token', detail: `AiFi's token endpoint ${complaint(error)}` }
    }
  }
}

/** Asks for a token over our own connections, so that proxy, deadline and size limit hold here too. */
async function requestToken(credentials: Extract<Credentials, { kind: 'client' }>, http: Http) {
  const { clientId, clientSecret, tokenUrl, tokenParams } = credentials
  const server = { issuer: new URL(tokenUrl).origin, token_endpoint: tokenUrl }
  const client = { client_id: clientId }
  const response = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    oauth.ClientSecretPost(clientSecret.reveal()),
    tokenParams.map(([name, value]) => [name, value]),
    {
      // Which addresses may be http is decided where the settings are read.
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: async (address, { headers, body }) => {
        const request = {
          method: 'POST',
          ...targetOf(address),
          headers,
          body: String(body),
          maxBytes: MAX_BYTES,
        } as const
        return toResponse(await http.exchange(request))
      },
    },
  )
  return await oauth.processClientCredentialsResponse(server, client, response)
}

class TokenEndpointError extends Error {
  override readonly name = 'TokenEndpointError'
}

/** The answer as oauth4webapi takes it, reduced to what we use: it would check an `id_token`, whose issuer we don't know. */
function toResponse(exchange: Exchange): Response {
  if (exchange.kind !== 'answered') throw new TokenEndpointError(`could not be used. ${exchange.detail}`)
  const { http, body } = exchange
  // Whoever leaves the type out means the only one that there is (RFC 6749 demands it).
  const { access_token, expires_in, error, ...answer } =
    body.kind === 'json' && isJsonObject(body.value) ? body.value : {}
  const isRefusal = http.status >= 400 && http.status < 500 && typeof error === 'string'
  if (!isRefusal && (http.status !== 200 || access_token === undefined)) {
    throw new TokenEndpointError(`answered HTTP ${http.status} without a token.`)
  }
  const token_type = answer.token_type ?? 'Bearer'
  const isLifetime = Number.isFinite(Number(expires_in)) && Number(expires_in) > 0
  return Response.json(
    { access_token, token_type, error, ...(isLifetime && { expires_in: Number(expires_in) }) },
    { status: http.status },
  )
}

function complaint(error: unknown): string {
  if (error instanceof TokenEndpointError) return error.message
  if (!(error instanceof oauth.ResponseBodyError)) return 'gave an answer that is no token.'
  if (CREDENTIALS_REFUSED.has(error.error)) return `refused the client id or secret (${error.error}).`
  return `refused the request (${ERROR_CODES.has(error.error) ? error.error : `HTTP ${error.status}`}).`
}

function lifetimeSeconds(expiresIn = UNKNOWN_LIFETIME_SECONDS): number {
  const lifetime = Math.min(expiresIn, LONGEST_LIFETIME_SECONDS)
  return lifetime - Math.min(MARGIN_SECONDS, lifetime / 5)
}

/** A header carries visible ASCII only (RFC 6750, section 2.1). */
function usable(token: string): TokenResult {
  if (/^[\x21-\x7e]+$/.test(token)) return { kind: 'token', token: new Secret(token) }
  return { kind: 'no_token', detail: 'The access token contains characters that cannot be sent.' }
}
