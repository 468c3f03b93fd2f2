import * as oauth from 'oauth4webapi'
import { type Headers, type Http, targetOf } from '../aifi/exchange.ts'
import { createHttp } from '../aifi/http.ts'
import type { OidcConfig } from '../config/http.ts'
import { isJsonObject } from '../lib/json.ts'
import { harmless } from '../lib/text.ts'
import { authorizationAddress, clientAuthentication, NEEDS_PERSON, redirectUriOf } from '../team/inbox/sign-in.ts'
import { type Issuer, insecure } from '../team/issuer.ts'
import { lookAtCertificate, type Way } from './certificate.ts'
import { type ClockReading, readClock } from './clock.ts'
import { type Check, type Finding, fragment, ok, problem, warning } from './report.ts'

export interface IssuerCheckOptions extends Way {
  readonly issuer: Issuer
  readonly oidc: OidcConfig
  readonly publicUrl: string
}

/** Deadline of one exchange, milliseconds. */
const TIMEOUT_MS = 5_000
/** Of a `Date` header (RFC 9110, section 5.6.7). */
const SECOND_MS = 1_000
/** What callers and people are sent to, or tokens checked with. */
const NEEDED = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const
/** An error code as OAuth has them; anything else is not repeated. */
const ERROR_CODE = /^[a-z_]{1,40}$/

/** What the issuer is known to say of itself, when the checks are over. */
export interface SeenIssuer {
  /** Absent when tokens cannot be checked with its keys. */
  readonly server: oauth.AuthorizationServer | undefined
  readonly clock: ClockReading | undefined
}

/** Discovery, keys, the client of the inbox and its redirect address: as the server itself uses them. */
export async function* issuerChecks(options: IssuerCheckOptions): AsyncGenerator<Check, SeenIssuer> {
  const { issuer, oidc, proxy, clock } = options
  const http = createHttp({ timeoutMs: TIMEOUT_MS, clock, proxy })
  try {
    const reading = await readClock('the issuer', () => dateOf(http, oidc.issuer), { clock, resolutionMs: SECOND_MS })
    const { server, ...found } = await issuer.metadata().then(
      async (metadata) => ({ server: metadata, ...(await foundIssuer(metadata, options)) }),
      async (error: unknown) => ({ server: undefined, ...(await missingIssuer(error, options)) }),
    )
    yield { name: 'issuer', ...found }
    if (!server || found.status === 'problem') return { server: undefined, clock: reading }
    const keys = await keysFinding(server, issuer)
    yield { name: 'issuer_keys', ...keys }
    const client = await clientFinding(server, options)
    yield { name: 'client', ...client }
    if (client.status !== 'problem') yield { name: 'redirect', ...(await redirectFinding(server, http, options)) }
    return { server: keys.status === 'problem' ? undefined : server, clock: reading }
  } finally {
    await http.close()
  }
}

const ISSUER_REMEDY =
  'Set AIFI_OIDC_ISSUER to the “iss” of your tokens (Keycloak: https://host/realms/NAME; Entra: https://login.microsoftonline.com/TENANT/v2.0).'

/** Status and headers of what is there. */
async function look(http: Http, address: string, headers: Record<string, string> = {}) {
  let seen: Headers = {}
  const onHeaders = (each: Headers) => {
    seen = each
  }
  const exchange = await http.exchange({ method: 'GET', ...targetOf(address), headers, onHeaders })
  return { status: exchange.kind === 'answered' ? exchange.http.status : undefined, headers: seen }
}

/** What time it is there; a copy from a cache says nothing of that. */
async function dateOf(http: Http, issuer: string): Promise<number | undefined> {
  const { headers } = await look(http, `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const { date, age } = headers
  return typeof date === 'string' && (age === undefined || age === '0') ? Date.parse(date) : undefined
}

async function missingIssuer(error: unknown, { oidc, ...way }: IssuerCheckOptions): Promise<Finding> {
  const url = new URL(oidc.issuer)
  const shown = await lookAtCertificate(url, way)
  if (shown?.refused) return shown.refused
  const cause = error instanceof Error ? error.cause : undefined
  const detail = isJsonObject(cause) && isJsonObject(cause.cause) ? cause.cause : {}
  const said = isJsonObject(detail.body) ? detail.body.issuer : undefined
  if (typeof said === 'string')
    return problem(`what is at AIFI_OIDC_ISSUER calls itself ${harmless(said, 200)}`, ISSUER_REMEDY)
  const why = cause instanceof Error && cause.name === 'IssuerUnavailable' ? cause.message : 'It is no issuer.'
  return problem(
    `${url.host}: no discovery document. ${fragment(why)}`,
    `If it was reached: ${ISSUER_REMEDY} If not, check the name, the network, and HTTPS_PROXY.`,
  )
}

async function foundIssuer(server: oauth.AuthorizationServer, { oidc, ...way }: IssuerCheckOptions): Promise<Finding> {
  const missing = NEEDED.filter((name) => server[name] === undefined)
  if (missing.length > 0) return problem(`says nothing of its ${missing.join(', ')}`, ISSUER_REMEDY)
  const url = new URL(oidc.issuer)
  const name = harmless(server.issuer, 200)
  if (url.protocol === 'http:') return ok(`${name}, without TLS on this machine`)
  const shown = await lookAtCertificate(url, way)
  return ok(shown ? `${name}; certificate issued by ${shown.issuer}` : name)
}

async function keysFinding({ jwks_uri: uri = '' }: oauth.AuthorizationServer, issuer: Issuer): Promise<Finding> {
  const remedy =
    'Tokens cannot be checked without them; ask whoever runs the issuer, or see whether a proxy is in between.'
  try {
    const response = await issuer.fetch(uri, {})
    const body: unknown = await response.json()
    const keys = isJsonObject(body) && Array.isArray(body.keys) ? body.keys.filter(isJsonObject) : []
    const signing = keys.filter(({ kty, use }) => kty !== 'oct' && (use === undefined || use === 'sig'))
    if (response.status === 200 && signing.length > 0)
      return ok(`${signing.length === 1 ? 'one' : signing.length} to check tokens with`)
    return problem(`none to check tokens with at its jwks_uri (HTTP ${response.status})`, remedy)
  } catch (error) {
    return problem(`cannot be had: ${error instanceof Error ? fragment(error.message) : 'unknown'}`, remedy)
  }
}

/** Hands in a code that nobody was given. Whoever is known as the client is told that the code is wrong. */
async function clientFinding(
  server: oauth.AuthorizationServer,
  { issuer, oidc, publicUrl }: IssuerCheckOptions,
): Promise<Finding> {
  const parameters = {
    code: 'a-code-that-nobody-was-given',
    redirect_uri: redirectUriOf(publicUrl),
    code_verifier: oauth.generateRandomCodeVerifier(),
  }
  const error = await oauth
    .genericTokenEndpointRequest(
      server,
      { client_id: oidc.clientId },
      clientAuthentication(server, oidc),
      'authorization_code',
      parameters,
      { [oauth.customFetch]: issuer.fetch, ...insecure },
    )
    .then(errorIn, () => undefined)
  if (error === 'invalid_grant') return ok(`the issuer knows it${oidc.clientSecret ? ', with its secret' : ''}`)
  const setting = oidc.clientSecret ? 'AIFI_OIDC_CLIENT_ID and AIFI_OIDC_CLIENT_SECRET' : 'AIFI_OIDC_CLIENT_ID'
  if (error === 'invalid_client') {
    const secret = oidc.clientSecret ? '' : ' If it has a secret there, set AIFI_OIDC_CLIENT_SECRET.'
    return problem(
      `the issuer refuses the client (${error})`,
      `Compare ${setting} with the client at the issuer.${secret}`,
    )
  }
  if (error === 'unauthorized_client')
    return problem(
      `the client may not sign people in (${error})`,
      'Allow it the authorization code flow at the issuer.',
    )
  const said = error === undefined ? 'with nothing that tells' : `with ${error}`
  return warning(
    `the issuer answered a wrong code ${said}`,
    `Sign in at ${publicUrl}/approvals once to see whether it works.`,
  )
}

async function errorIn(response: Response): Promise<string | undefined> {
  const body: unknown = await response.json()
  return isJsonObject(body) ? oauthError(body.error) : undefined
}

function oauthError(value: unknown): string | undefined {
  return typeof value === 'string' && ERROR_CODE.test(value) ? value : undefined
}

/**
 * Asks to be signed in without anybody being shown anything. An issuer that knows the redirect address says there that
 * somebody has to be; one that does not know it sends nobody anywhere (RFC 6749, section 4.1.2.1).
 */
async function redirectFinding(
  server: oauth.AuthorizationServer,
  http: Http,
  { oidc, publicUrl }: IssuerCheckOptions,
): Promise<Finding> {
  const redirectUri = redirectUriOf(publicUrl)
  const { status, target } = await silentSignIn(server, http, { clientId: oidc.clientId, redirectUri })
  if (target && target.origin + target.pathname === redirectUri) {
    const error = target.searchParams.get('error') ?? ''
    if (error === '' || NEEDS_PERSON.has(error)) return ok(`the issuer sends people back to ${redirectUri}`)
    return problem(
      `the issuer sends people back with ${oauthError(error) ?? 'an error'}`,
      'Allow the client the authorization code flow with PKCE (S256) and the scopes openid, profile and email.',
    )
  }
  if (status === 200 || (status !== undefined && status >= 400 && status < 500)) {
    return problem(
      `the issuer does not send people back to ${redirectUri} (HTTP ${status})`,
      'Add exactly that to the redirect addresses of the client (AIFI_OIDC_CLIENT_ID) at the issuer, or correct AIFI_PUBLIC_URL.',
    )
  }
  return warning(
    `the issuer’s answer does not tell whether it knows ${redirectUri} (${status ? `HTTP ${status}` : 'none came'})`,
    `Sign in at ${publicUrl}/approvals once to see whether it works.`,
  )
}

/** What comes of it: the status, and where the browser would be sent. */
async function silentSignIn(
  { authorization_endpoint: endpoint = '' }: oauth.AuthorizationServer,
  http: Http,
  client: { readonly clientId: string; readonly redirectUri: string },
): Promise<{ status: number | undefined; target: URL | undefined }> {
  const address = await authorizationAddress(endpoint, {
    ...client,
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
    silent: true,
  })
  const { status, headers } = await look(http, address, { Accept: 'text/html' })
  const { location } = headers
  const isPlace = typeof location === 'string' && URL.canParse(location, address)
  return { status, target: isPlace ? new URL(location, address) : undefined }
}
