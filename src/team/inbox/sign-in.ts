import type { Context } from 'hono'
import * as oauth from 'oauth4webapi'
import * as z from 'zod'
import type { OidcConfig } from '../../config/http.ts'
import type { Clock } from '../../lib/clock.ts'
import { type Issuer, IssuerUnavailable, insecure } from '../issuer.ts'
import { type Seal, sealedJson } from '../seal.ts'
import { readClaims } from '../token-claims.ts'
import { showNotice } from './notices.ts'
import type { Cookies, Sessions } from './session.ts'

/** How long somebody may take to sign in, seconds. */
const LIFETIME_S = 10 * 60
const CALLBACK = '/approvals/callback'
/** What the issuer answers when it was to show nothing and would have to. */
export const NEEDS_PERSON: ReadonlySet<string> = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
])

/** What a browser takes along to the issuer. */
const takenAlong = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  until: z.number(),
})

/** How somebody who comes to the inbox becomes known. */
export interface SignIn {
  /** Sends the browser to sign in, and back to `returnTo`, a path of ours. */
  begin(c: Context, returnTo: string, how: { silent: boolean }): Promise<Response>
  /** Where the issuer sends the browser back to. */
  callback(c: Context): Promise<Response>
  /** `POST /approvals/sign-in`, where people say by a form of ours who they are. */
  choose?(c: Context): Promise<Response>
  /** Where the browser goes after signing out here; undefined where there is nothing more to end. */
  endAddress(): Promise<string | undefined>
  /** Where a form of ours may lead besides our own origin: browsers check `form-action` against redirects too. */
  origins(): Promise<readonly string[]>
}

export interface OidcSignInDeps {
  readonly issuer: Issuer
  readonly oidc: OidcConfig
  readonly publicUrl: string
  readonly cookies: Cookies
  readonly sessions: Sessions
  readonly seal: Seal
  readonly clock: Clock
}

/** OpenID Connect: authorization code with PKCE. What it takes between the two halves is in a cookie of the browser. */
export class OidcSignIn implements SignIn {
  readonly #deps: OidcSignInDeps
  readonly #client: oauth.Client
  readonly #redirectUri: string
  readonly #sealed

  constructor(deps: OidcSignInDeps) {
    this.#deps = deps
    this.#sealed = sealedJson(deps.seal, takenAlong)
    this.#client = { client_id: deps.oidc.clientId }
    this.#redirectUri = redirectUriOf(deps.publicUrl)
  }

  async begin(c: Context, returnTo: string, { silent }: { silent: boolean }): Promise<Response> {
    const { oidc, cookies, clock } = this.#deps
    const { authorization_endpoint: endpoint } = await this.#known()
    if (endpoint === undefined) return showNotice(c, 'issuer_away')
    const state = oauth.generateRandomState()
    const nonce = oauth.generateRandomNonce()
    const verifier = oauth.generateRandomCodeVerifier()
    const until = clock.now() + LIFETIME_S * 1000
    cookies.set(c, cookieOf(state), this.#sealed.seal({ state, nonce, verifier, returnTo, until }), LIFETIME_S)
    const attempt = { clientId: oidc.clientId, redirectUri: this.#redirectUri, state, nonce, verifier, silent }
    return c.redirect(await authorizationAddress(endpoint, attempt), 303)
  }

  async callback(c: Context): Promise<Response> {
    const begun = this.#begun(c)
    if (!begun) return showNotice(c, 'not_completed')
    this.#deps.cookies.delete(c, cookieOf(begun.state))
    try {
      const claims = await this.#claimsFor(new URL(c.req.url), begun)
      if (!claims.person) return showNotice(c, 'no_person')
      this.#deps.sessions.begin(c, claims.person, claims.approver)
      return c.redirect(begun.returnTo, 303)
    } catch (error) {
      if (error instanceof oauth.AuthorizationResponseError && NEEDS_PERSON.has(error.error)) {
        this.#deps.sessions.end(c)
        return this.begin(c, begun.returnTo, { silent: false })
      }
      return showNotice(c, error instanceof IssuerUnavailable ? 'issuer_away' : 'not_completed')
    }
  }

  async endAddress(): Promise<string | undefined> {
    const { end_session_endpoint: address } = await this.#known()
    if (address === undefined) return undefined
    const endpoint = new URL(address)
    endpoint.searchParams.set('client_id', this.#deps.oidc.clientId)
    endpoint.searchParams.set('post_logout_redirect_uri', `${this.#deps.publicUrl}/approvals/signed-out`)
    return endpoint.href
  }

  async origins(): Promise<readonly string[]> {
    const { authorization_endpoint, end_session_endpoint } = await this.#known()
    const addresses = [authorization_endpoint, end_session_endpoint].filter((each) => each !== undefined)
    return [...new Set(addresses.map((each) => new URL(each).origin))]
  }

  /** What the issuer says of itself; nothing while it is away. */
  #known(): Promise<Partial<oauth.AuthorizationServer>> {
    return this.#deps.issuer.metadata().catch(() => ({}))
  }

  /** What this browser took along to the issuer; only for the answer to it, and only once. */
  #begun(c: Context): z.infer<typeof takenAlong> | undefined {
    const { cookies, clock } = this.#deps
    const state = c.req.query('state') ?? ''
    if (!/^[\w-]{16,}$/.test(state)) return undefined
    const taken = this.#sealed.open(cookies.get(c, cookieOf(state)))
    return taken?.state === state && taken.until > clock.now() ? taken : undefined
  }

  async #claimsFor(address: URL, { state, nonce, verifier }: z.infer<typeof takenAlong>) {
    const { oidc, issuer } = this.#deps
    const server = await issuer.metadata()
    const answer = oauth.validateAuthResponse(server, this.#client, address, state)
    const options = { [oauth.customFetch]: issuer.fetch, ...insecure }
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      this.#client,
      clientAuthentication(server, oidc),
      answer,
      this.#redirectUri,
      verifier,
      options,
    )
    const tokens = await oauth.processAuthorizationCodeResponse(server, this.#client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    // It came from the issuer's own address, over TLS; the signature makes it evidence whatever was in between.
    await oauth.validateApplicationLevelSignature(server, response, options)
    return readClaims(server.issuer, { ...oauth.getValidatedIdTokenClaims(tokens) }, oidc)
  }
}

/** Where the issuer sends people back to; it has to know this address. */
export function redirectUriOf(publicUrl: string): string {
  return publicUrl + CALLBACK
}

export interface SignInAttempt {
  readonly clientId: string
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** The issuer may show nothing to anybody. */
  readonly silent: boolean
}

/** Where a browser goes to sign in. */
export async function authorizationAddress(endpoint: string, attempt: SignInAttempt): Promise<string> {
  const url = new URL(endpoint)
  const parameters = {
    client_id: attempt.clientId,
    redirect_uri: attempt.redirectUri,
    response_type: 'code',
    scope: 'openid profile email',
    code_challenge: await oauth.calculatePKCECodeChallenge(attempt.verifier),
    code_challenge_method: 'S256',
    state: attempt.state,
    nonce: attempt.nonce,
    ...(attempt.silent && { prompt: 'none' }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/** By header where the issuer says nothing else (RFC 8414, section 2); a client without a secret has PKCE alone. */
export function clientAuthentication(
  server: oauth.AuthorizationServer,
  { clientSecret }: Pick<OidcConfig, 'clientSecret'>,
): oauth.ClientAuth {
  if (!clientSecret) return oauth.None()
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  const secret = clientSecret.reveal()
  return methods.includes('client_secret_basic') ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret)
}

/** Each attempt has its own, so that two windows do not undo each other's. */
function cookieOf(state: string): string {
  return `sign-in-${state.slice(0, 12)}`
}
