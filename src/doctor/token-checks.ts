import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import type { OidcConfig } from '../config/http.ts'
import { isJsonObject } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { isSamePerson } from '../lib/person.ts'
import { harmless } from '../lib/text.ts'
import { scopes } from '../mcp/define-tool.ts'
import { ALGORITHMS, admit, ID_TOKEN_CLAIMS } from '../team/bearer.ts'
import type { Issuer } from '../team/issuer.ts'
import { readClaims } from '../team/token-claims.ts'
import { type Check, type Finding, fragment, ok, type Problem, problem, skipped, warning } from './report.ts'

export interface TokenCheckOptions {
  readonly issuer: Issuer
  /** As the issuer calls itself. */
  readonly issuerName: string
  readonly oidc: OidcConfig
  readonly fourEyes: boolean
  /** What was given on stdin; undefined when nothing was to be read. Nothing of it is repeated but what claims say. */
  readonly sample: string | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

interface Sample {
  readonly token: string
  readonly claims: JWTPayload
}

const JWT = /[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g
const NOT_GIVEN = 'none was given: doctor http --stdin reads an access token and an ID token of an approver'
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i
/** What two tokens of one sign-in share, whoever signed in; and what several people may share. */
const NAMES_NOBODY = new Set([
  ...['iss', 'aud', 'azp', 'appid', 'cid', 'client_id', 'typ', 'ver', 'tid', 'scope', 'scp', 'acr', 'amr', 'idp'],
  ...['name', 'given_name', 'family_name', 'nickname', 'picture', 'locale', 'zoneinfo'],
  ...['sid', 'jti', 'uti', 'rh', 'aio', 'nonce', 'session_state', 'auth_time'],
])

/** What the claims of sample tokens say, by the very rules that the server takes them by. */
export async function* tokenChecks(options: TokenCheckOptions): AsyncGenerator<Check> {
  const { sample } = options
  const { access, id } = sample === undefined ? {} : samplesIn(sample, options.oidc)
  const missing = sample === undefined || access || id ? skipped(NOT_GIVEN) : noSample
  yield { name: 'access_token', ...(access ? await accessFinding(access, options) : missing) }
  yield { name: 'id_token', ...(id ? await idFinding(id, options) : skipped(NOT_GIVEN)) }
  const person = access && id ? personFinding(access, id, options) : skipped('needs both tokens, of the same person')
  yield { name: 'person', ...person }
}

const noSample = problem(
  'what was given is no JWT',
  'An opaque token cannot be checked by this server: have the issuer give out JWTs for AIFI_AUDIENCE (at some issuers only where the audience or a custom authorization server is asked for).',
)

/** The tokens in a text, which may be the answer of a token endpoint as it is. */
function samplesIn(text: string, { clientId, audience }: OidcConfig): { access?: Sample; id?: Sample } {
  const samples = (text.match(JWT) ?? []).flatMap((token) => decoded(token) ?? [])
  const isId = ({ claims, token }: Sample) => {
    if (ID_TOKEN_CLAIMS.some((claim) => Object.hasOwn(claims, claim))) return true
    if (claims.scope !== undefined || claims.scp !== undefined || /at\+jwt/i.test(typeOf(token))) return false
    return audiences(claims).includes(clientId) && !audiences(claims).includes(audience)
  }
  const id = samples.find(isId)
  const access = samples.find((each) => !isId(each))
  return { ...(access && { access }), ...(id && { id }) }
}

function decoded(token: string): Sample | undefined {
  try {
    return { token, claims: decodeJwt(token) }
  } catch {
    return undefined
  }
}

function typeOf(token: string): string {
  try {
    return decodeProtectedHeader(token).typ ?? ''
  } catch {
    return ''
  }
}

async function accessFinding(sample: Sample, options: TokenCheckOptions): Promise<Finding> {
  const { claims, token } = sample
  const { issuer, issuerName, oidc } = options
  const who = readClaims(issuerName, claims, oidc)
  const faults = [
    ...(await originFaults(sample, options)),
    ...audienceFaults(claims, oidc.audience),
    ...scopeFaults(who.scopes),
  ]
  if (!who.person && who.application === undefined) faults.push(noPerson(oidc.personClaim))
  if (faults.length > 0) return together(faults)
  if (isOver(claims, options.now)) return expired
  const metadataUrl = 'https://invalid'
  const rules = { issuer: async () => issuerName, key: issuer.key, audience: oidc.audience, names: oidc, metadataUrl }
  const admission = await admit(`Bearer ${token}`, rules)
  if (!admission.ok) {
    const [, reason = 'no reason'] = /error_description="([^"]+)"/.exec(header(admission.response)) ?? []
    return problem(`the server would refuse it: ${fragment(reason)}`, 'Correct that at the issuer.')
  }
  const may = scopes.filter((scope) => who.scopes.includes(scope)).join(' ')
  const whose = who.application === undefined ? 'a person' : `application ${harmless(who.application, 80)}, for nobody`
  return ok(`would be taken: of ${whose}, with ${may}`)
}

const header = (response: Response) => response.headers.get('WWW-Authenticate') ?? ''

async function idFinding(sample: Sample, options: TokenCheckOptions): Promise<Finding> {
  const { claims } = sample
  const { issuerName, oidc } = options
  const faults = await originFaults(sample, options)
  if (!audiences(claims).includes(oidc.clientId))
    faults.push(
      problem(
        `aud is ${shown(audiences(claims))}: it was given to another client than AIFI_OIDC_CLIENT_ID`,
        'Have AIFI_OIDC_CLIENT_ID name the client with which approvers sign in.',
      ),
    )
  const { person, approver } = readClaims(issuerName, claims, oidc)
  if (!person) faults.push(noPerson(oidc.personClaim))
  if (!approver) faults.push(groupFault(claims, oidc))
  if (faults.length > 0) return together(faults)
  return ok(`of an approver: its claim ${oidc.approverClaim} lists ${oidc.approverGroup}`)
}

/** Whether it is from this issuer, unchanged. */
async function originFaults({ token, claims }: Sample, { issuer, issuerName }: TokenCheckOptions): Promise<Problem[]> {
  if (claims.iss !== issuerName)
    return [
      problem(
        `iss is ${shown(claims.iss)}, and the issuer calls itself ${harmless(issuerName, 200)}`,
        'Have AIFI_OIDC_ISSUER name the issuer of these tokens (Entra: access tokens of version 2; Okta: the same authorization server for both).',
      ),
    ]
  try {
    // Its age is looked at elsewhere.
    await jwtVerify(token, issuer.key, { algorithms: ALGORITHMS, currentDate: new Date(0) })
    return []
  } catch (error) {
    if (error instanceof errors.JWTClaimValidationFailed) return []
    const isForeign =
      error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed
    return [
      isForeign
        ? problem(
            'its signature is by no key of the issuer',
            'It comes from another realm or environment, or was changed on the way: get a new one.',
          )
        : problem('its signature cannot be checked', 'Have the issuer sign with RS256, PS256, ES256 or EdDSA.'),
    ]
  }
}

function audienceFaults(claims: JWTPayload, audience: string): Problem[] {
  const given = audiences(claims)
  if (given.includes(audience)) return []
  const found = given.length === 0 ? 'aud is missing' : `aud is ${shown(given)}`
  return [
    problem(
      `${found}, and AIFI_AUDIENCE is ${harmless(audience, 200)}`,
      'Have the issuer put AIFI_AUDIENCE into the tokens of agents (Keycloak: an audience mapper), or set AIFI_AUDIENCE to what it puts there for this server alone.',
    ),
  ]
}

function scopeFaults(given: readonly string[]): Problem[] {
  if (scopes.some((scope) => given.includes(scope))) return []
  const found = `neither scope, scp nor roles holds ${scopes.join(' or ')}`
  return [problem(found, 'Define these two at the issuer, and have the agent’s client ask for them.')]
}

function noPerson(claim: string): Problem {
  return problem(
    `its claim ${harmless(claim, 80)} (AIFI_PERSON_CLAIM) is missing, or no text`,
    'Have the issuer put that claim into access and ID tokens alike, or name another one in AIFI_PERSON_CLAIM.',
  )
}

function groupFault(claims: JWTPayload, { approverClaim, approverGroup }: OidcConfig): Problem {
  const groups = claims[approverClaim]
  const name = `its claim ${harmless(approverClaim, 80)} (AIFI_APPROVER_CLAIM)`
  if (isJsonObject(claims._claim_names) && Object.hasOwn(claims._claim_names, approverClaim))
    return problem(
      `${name} is only a pointer to the groups, as Entra sends it for somebody in very many`,
      'At Entra, have only the groups that are assigned to the application put into the token.',
    )
  if (groups === undefined) {
    const other = Object.keys(claims).find((each) => [claims[each]].flat().includes(approverGroup))
    const instead =
      other === undefined ? '' : `, or set AIFI_APPROVER_CLAIM to ${harmless(other, 80)}, which holds the group`
    return problem(`${name} is missing`, `Have the issuer put the groups into the ID token${instead}.`)
  }
  if (!Array.isArray(groups))
    return problem(`${name} is no list`, 'Have the issuer put the groups there as a list, even a single one.')
  const texts = groups.filter((each) => typeof each === 'string')
  const near = nearestName(approverGroup, texts)
  const areIds = texts.length > 0 && texts.every((each) => UUID.test(each)) && !UUID.test(approverGroup)
  const hint = near ? ` It lists ${harmless(near, 80)}.` : areIds ? ' It lists ids, not names.' : ''
  return problem(
    `${name} lists ${groups.length}, and AIFI_APPROVER_GROUP (${harmless(approverGroup, 80)}) is not among them`,
    `If this is somebody who approves, set AIFI_APPROVER_GROUP to the group exactly as the claim has it.${hint}`,
  )
}

/** Four eyes compare whoever asked with whoever approves: a person must have one name in both kinds of token. */
function personFinding(access: Sample, id: Sample, { issuerName, oidc, fourEyes }: TokenCheckOptions): Finding {
  const [asking, approving] = [access, id].map(({ claims }) => readClaims(issuerName, claims, oidc).person)
  if (!asking || !approving) return skipped(`cannot be told: the claim ${oidc.personClaim} is not in both tokens`)
  if (isSamePerson(asking, approving)) return ok(`the claim ${oidc.personClaim} is the same in both tokens`)
  const shared = Object.entries(id.claims).flatMap(([name, value]) => {
    const isName = typeof value === 'string' && !NAMES_NOBODY.has(name) && access.claims[name] === value
    return isName ? harmless(name, 40) : []
  })
  const found = `the claim ${oidc.personClaim} (AIFI_PERSON_CLAIM) differs between the two tokens`
  const consequence = fourEyes ? ', so that people could approve what they asked for themselves' : ''
  const choice =
    shared.length > 0
      ? `The same in both: ${shared.slice(0, 6).join(', ')}. Set AIFI_PERSON_CLAIM to the one that never changes and never goes to somebody else.`
      : 'Nothing else is the same in both: add a claim of your own to both (docs/operate.md).'
  return problem(found + consequence, `Unless these are tokens of two people: ${choice}`)
}

function isOver({ exp }: JWTPayload, now: number): boolean {
  return exp !== undefined && exp * 1000 <= now
}

const expired = warning('is right, but has expired', 'Give a new one to see that it would be taken.')

function together(faults: readonly Problem[]): Problem {
  return problem(faults.map(({ found }) => found).join('\n'), faults.map(({ remedy }) => remedy).join(' '))
}

function audiences({ aud }: JWTPayload): string[] {
  return [aud ?? []].flat()
}

/** What a claim says, which somebody else wrote. */
function shown(value: unknown): string {
  const texts = [value ?? []].flat().map((each) => harmless(String(each), 120))
  return texts.length === 0 ? 'missing' : texts.slice(0, 4).join(' and ')
}
