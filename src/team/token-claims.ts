import type { OidcConfig } from '../config/http.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { Person } from '../lib/person.ts'
import { harmless } from '../lib/text.ts'

/** What is read out of the claims of a token whose signature was checked. */
export interface Claims {
  readonly person?: Person
  /** The token was given to an application on nobody's behalf. */
  readonly application?: string
  /** The one group that decides is among the person's groups. */
  readonly approver: boolean
  readonly scopes: readonly string[]
  /** The client that the token was given to; empty where no claim says so. */
  readonly clientId: string
}

export type ClaimNames = Pick<OidcConfig, 'personClaim' | 'approverClaim' | 'approverGroup'>

/** Longer than any issuer's identifiers; a longer one is none. */
const SUBJECT_LIMIT = 255
const NAMES = ['name', 'preferred_username', 'email']

export function readClaims(issuer: string, claims: JsonObject, names: ClaimNames): Claims {
  const clientId = text(claims.client_id) ?? text(claims.azp) ?? text(claims.appid) ?? text(claims.cid) ?? ''
  const scopes = [claims.scope, claims.scp, claims.roles].flatMap(words)
  if (isApplication(claims, clientId)) return { application: clientId, approver: false, scopes, clientId }
  const subject = text(claims[names.personClaim])
  if (subject === undefined || subject.length > SUBJECT_LIMIT) return { approver: false, scopes, clientId }
  const name = NAMES.map((each) => text(claims[each])).find((each) => each !== undefined)
  const person = { issuer, subject, ...(name !== undefined && { name: harmless(name, 80) }) }
  return { person, approver: isApprover(claims, names), scopes, clientId }
}

/**
 * A list that holds the group, and nothing else. No claim, one text, or the pointer that Entra sends in place of a long
 * list (`_claim_names`, "overage") make nobody an approver.
 */
function isApprover(claims: JsonObject, { approverClaim, approverGroup }: ClaimNames): boolean {
  const groups = claims[approverClaim]
  if (isJsonObject(claims._claim_names) && Object.hasOwn(claims._claim_names, approverClaim)) return false
  return Array.isArray(groups) && groups.includes(approverGroup)
}

/** As Entra, Auth0, Okta and Keycloak mark the tokens of the client credentials grant. */
function isApplication(claims: JsonObject, clientId: string): boolean {
  if (clientId === '') return false
  const { sub, idtyp, gty, preferred_username: user } = claims
  if (idtyp === 'app' || gty === 'client-credentials') return true
  return sub === clientId || sub === `${clientId}@clients` || user === `service-account-${clientId.toLowerCase()}`
}

function words(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter(Boolean)
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
