import type { Credentials } from '../aifi/port.ts'
import type { Clock } from '../lib/clock.ts'
import type { AifiAccess } from './aifi-access.ts'
import { type Finding, ok, problem, warning } from './check.ts'
import { endOfJwt } from './jwt.ts'
import { moment, span } from './moments.ts'
import { addressFinding, type ReachOptions, tlsFinding } from './reach.ts'

/** A token that ends sooner than this is worth a word, milliseconds. */
const SOON_MS = 7 * 24 * 60 * 60_000
const NEW_TOKEN = 'Have a new one issued in AiFi, and put it in the place of this one.'

/** A token that was given: whether it can be seen to have ended. */
export function givenTokenFinding(token: string, clock: Clock): Finding {
  const end = endOfJwt(token)
  if (end === undefined)
    return ok('set; when it ends cannot be seen from it (AiFi: typically 90 days after it was issued)')
  const left = end - clock.now()
  if (left <= 0) return problem(`ended at ${moment(end)}`, NEW_TOKEN)
  const found = `set; ends at ${moment(end)}, in ${span(left)}`
  return left < SOON_MS ? warning(found, NEW_TOKEN) : ok(found)
}

/** Fetches a token with the client credentials. */
export async function fetchedTokenFinding(
  access: AifiAccess,
  { tokenParams }: Extract<Credentials, { kind: 'client' }>,
  endpoint: ReachOptions,
): Promise<Finding> {
  const { hostname } = endpoint.url
  for (const look of [addressFinding, tlsFinding]) {
    const finding = await look(endpoint)
    if (finding.status === 'problem') return { ...finding, found: `none: the token endpoint: ${finding.found}` }
  }
  const result = await access.tokens.get()
  if (result.kind === 'no_token')
    return problem(`none from ${hostname}: ${result.detail}`, refusalRemedy(tokenParams.length > 0))
  const { clock } = endpoint
  const seconds = access.lifetimeSeconds()
  const end = seconds === undefined ? endOfJwt(result.token.reveal()) : clock.now() + seconds * 1000
  const lasts =
    end === undefined ? 'it does not say for how long' : `good for ${span(end - clock.now())}, until ${moment(end)}`
  return ok(`obtained from ${hostname}; ${lasts}; a new one is fetched in time`)
}

function refusalRemedy(hasParameters: boolean): string {
  const parameters = hasParameters ? ', AIFI_TOKEN_PARAMS' : ''
  return `Check AIFI_CLIENT_ID, AIFI_CLIENT_SECRET${parameters} and AIFI_TOKEN_URL against AiFi Console, Settings, Applications.`
}
