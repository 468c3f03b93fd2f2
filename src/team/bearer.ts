import type { AuthInfo } from '@modelcontextprotocol/server'
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { IssuerUnavailable } from './issuer.ts'
import { type ClaimNames, type Claims, readClaims } from './token-claims.ts'

/** Whose tokens are taken, and what they have to say. */
export interface BearerRules {
  /** Rejects with {@link IssuerUnavailable} when it cannot be known. */
  readonly issuer: () => Promise<string>
  readonly key: JWTVerifyGetKey
  readonly audience: string
  readonly names: ClaimNames
  /** Of the document that says where tokens come from (RFC 9728). */
  readonly metadataUrl: string
}

/** Who calls; or the answer that turns them away. */
export type Admission =
  | { readonly ok: true; readonly authInfo: AuthInfo; readonly claims: Claims; readonly subject: string }
  | { readonly ok: false; readonly response: Response }

/** Signatures that only the issuer can make. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
/** Clocks of two machines differ, seconds. */
const TOLERANCE_S = 5
const RETRY_AFTER_S = '5'
/** An ID token is about somebody who signed in, and permits nothing. These stand in no access token. */
export const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash']

/** Checks the bearer token of one request (RFC 6750). The token itself goes no further than this. */
export async function admit(authorization: string | null, rules: BearerRules): Promise<Admission> {
  const [, token] = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '') ?? []
  if (token === undefined) return refused(rules, authorization === null ? undefined : 'The bearer token is malformed.')
  try {
    const issuer = await rules.issuer()
    const { payload } = await jwtVerify(token, rules.key, {
      issuer,
      audience: rules.audience,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: TOLERANCE_S,
    })
    if (ID_TOKEN_CLAIMS.some((claim) => Object.hasOwn(payload, claim))) return refused(rules, 'This is an ID token.')
    return admitted(issuer, payload, rules)
  } catch (error) {
    const isOurs =
      error instanceof IssuerUnavailable || error instanceof errors.JWKSInvalid || error instanceof errors.JWKSTimeout
    return isOurs ? unavailable() : refused(rules, reasonOf(error))
  }
}

function admitted(issuer: string, payload: JWTPayload, rules: BearerRules): Admission {
  const claims = readClaims(issuer, payload, rules.names)
  const authInfo: AuthInfo = {
    // Nothing behind this needs the token, so nothing behind it can leak it.
    token: '',
    clientId: claims.clientId,
    scopes: [...claims.scopes],
    resourceMetadataUrl: rules.metadataUrl,
    ...(payload.exp !== undefined && { expiresAt: payload.exp }),
  }
  return { ok: true, authInfo, claims, subject: payload.sub ?? '' }
}

/** 401 in every case: a client that has no valid token is to get one. */
function refused({ metadataUrl }: BearerRules, reason: string | undefined): Admission {
  const error = reason === undefined ? '' : `error="invalid_token", error_description="${reason}", `
  const body = {
    error: reason === undefined ? 'unauthorized' : 'invalid_token',
    error_description: reason ?? 'A bearer token is needed.',
  }
  const headers = { 'WWW-Authenticate': `Bearer ${error}resource_metadata="${metadataUrl}"` }
  return { ok: false, response: Response.json(body, { status: 401, headers }) }
}

/** Whether the token is good cannot be known now: with a 401, every client would send its user into a new sign-in. */
function unavailable(): Admission {
  const body = { error: 'temporarily_unavailable', error_description: 'The issuer’s keys cannot be had. Try again.' }
  return { ok: false, response: Response.json(body, { status: 503, headers: { 'Retry-After': RETRY_AFTER_S } }) }
}

/** In our words: a header carries ASCII only, and a library's message may quote the token. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired.'
  if (error instanceof errors.JWTClaimValidationFailed) {
    const known: Readonly<Record<string, string>> = {
      aud: 'The token is for another audience.',
      iss: 'The token is from another issuer.',
      nbf: 'The token is not valid yet.',
      exp: 'The token does not say when it expires.',
    }
    return known[error.claim] ?? 'A claim of the token is missing or wrong.'
  }
  return 'The token could not be verified.'
}
