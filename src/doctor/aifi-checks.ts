import { randomUUID } from 'node:crypto'
import { createAifi } from '../aifi/client.ts'
import type { Aifi, Listing, Reading, UnreachableCause } from '../aifi/port.ts'
import type { Config } from '../config/config.ts'
import { hostAndPort } from '../config/proxy.ts'
import { customerFields, fieldFacts } from '../customer/fields.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject, readJson } from '../lib/json.ts'
import { lookAtCertificate, moment } from './certificate.ts'
import { type Check, type Finding, fragment, ok, problem, skipped, warning } from './report.ts'

export interface AifiCheckOptions {
  readonly clock: Clock
  /** Ends the waiting for AiFi. */
  readonly stop: AbortSignal
  /** A customer that exists, to be read. */
  readonly customerId: number | undefined
}

type AifiConfig = Config['aifi']

/** Nobody wants to wait longer for one answer in a diagnosis, milliseconds. A lookup may take three of them. */
const TIMEOUT_MS = 8_000
/** A token that ends sooner than this is worth a word, milliseconds. */
const SOON_MS = 7 * 24 * 60 * 60_000

/** The way of one lookup: where one of these fails, those before it have worked, and those after it were not reached. */
const HOPS = ['proxy', 'token', 'address', 'tls', 'customers'] as const
type Hop = (typeof HOPS)[number]
const HOP_OF: Readonly<Record<UnreachableCause, Hop>> = {
  token: 'token',
  proxy: 'proxy',
  dns: 'address',
  refused: 'address',
  connect_timeout: 'address',
  tls: 'tls',
  read_only: 'customers',
  web_page: 'customers',
  cancelled: 'customers',
}

/** What a lookup says about one hop. */
interface Attempt {
  readonly listing: Listing
  /** Why it got no further than here, in the client's words; undefined when it did. */
  readonly failure: string | undefined
  readonly config: AifiConfig
  readonly clock: Clock
}

/**
 * Looks somebody up who does not exist, through the server's own client, which may only read here. How that ends says how
 * far it got: what was not reached is not yielded. Then reads one customer.
 */
export async function* aifiChecks(config: AifiConfig, options: AifiCheckOptions): AsyncGenerator<Check> {
  const { clock, stop, customerId } = options
  const client = openClient(config, clock)
  if (!client) return yield { name: 'proxy', ...unusableProxy }
  try {
    const listing = await client.listCustomers({ externalId: `no-customer-${randomUUID()}` }, stop)
    const failed = failedHop(listing)
    for (const name of HOPS) {
      const failure = listing.kind === 'unreachable' && name === failed ? listing.detail : undefined
      yield { name, ...(await findings[name]({ listing, failure, config, clock })) }
      if (name === failed) return
    }
    if (customerId === undefined) yield { name: 'record', ...skipped('none was named: doctor --customer 4211') }
    else yield { name: 'record', ...recordFinding(await client.readCustomer(customerId, stop), customerId) }
  } finally {
    await client.close()
  }
}

const findings: Readonly<Record<Hop, (attempt: Attempt) => Finding | Promise<Finding>>> = {
  token: tokenFinding,
  proxy: proxyFinding,
  address: addressFinding,
  tls: tlsFinding,
  customers: customersFinding,
}

const unusableProxy = problem(
  'the address of the proxy cannot be used',
  'Set HTTPS_PROXY to http://host:port, or to http://user:password@host:port with both percent-encoded.',
)

function openClient(config: AifiConfig, clock: Clock): Aifi | undefined {
  try {
    return createAifi({ ...config, timeoutMs: Math.min(config.timeoutMs, TIMEOUT_MS), clock, readOnly: true })
  } catch {
    return undefined
  }
}

function failedHop(listing: Listing): Hop | undefined {
  if (listing.kind === 'unreachable') return HOP_OF[listing.cause]
  return listing.kind === 'list' || listing.cause === 'too_large' ? undefined : 'customers'
}

async function tokenFinding({ failure, config, clock }: Attempt): Promise<Finding> {
  const { credentials } = config
  if (credentials.kind === 'token') {
    const remedy = 'Have a new one issued in AiFi, and put it in the place of this one.'
    return failure ? problem(fragment(failure), remedy) : givenTokenFinding(credentials.token.reveal(), clock, remedy)
  }
  const url = new URL(credentials.tokenUrl)
  if (!failure) return ok(`obtained from ${url.hostname}; the server fetches a new one in time`)
  const none = `none from ${url.hostname}:`
  const shown = await lookAtCertificate(url, { proxy: config.proxy, clock })
  if (shown?.refused) return { ...shown.refused, found: `${none} ${shown.refused.found}` }
  return problem(
    `${none} ${fragment(failure)}`,
    'If it was reached, check AIFI_CLIENT_ID, AIFI_CLIENT_SECRET and AIFI_TOKEN_PARAMS against AiFi Console, Settings, Applications; if not, check AIFI_TOKEN_URL, HTTPS_PROXY and the network.',
  )
}

function givenTokenFinding(token: string, clock: Clock, remedy: string): Finding {
  const end = endOfJwt(token)
  if (end === undefined) return ok('set; it does not say when it ends (AiFi: typically 90 days after it was issued)')
  if (end <= clock.now()) return problem(`ended at ${moment(end)}, by this computer's clock`, remedy)
  const found = `set; ends at ${moment(end)}`
  return end - clock.now() < SOON_MS ? warning(found, remedy) : ok(found)
}

/** When a token that is a JWT ends (RFC 7519, section 4.1.4), in milliseconds since 1970. Nothing else of it is read. */
function endOfJwt(token: string): number | undefined {
  const [, payload = '', signature] = token.split('.')
  if (signature === undefined) return undefined
  const claims = readJson(Buffer.from(payload, 'base64url').toString())
  const end = isJsonObject(claims) && typeof claims.exp === 'number' ? claims.exp * 1000 : Number.NaN
  return Number.isNaN(new Date(end).getTime()) ? undefined : end
}

function proxyFinding({ failure, config: { baseUrl, proxy } }: Attempt): Finding {
  const addresses = [proxy.httpsProxy, proxy.httpProxy].flatMap((address) => (address ? [new URL(address)] : []))
  const shown = [...new Set(addresses.map(({ protocol, host }) => `${protocol}//${host}`))].join(' and ')
  if (failure) {
    const target = hostAndPort(new URL(baseUrl))
    return problem(
      `${shown}: ${fragment(failure)}`,
      `Check HTTPS_PROXY (http://user:password@host:port where it answers 407). Have it allow CONNECT to ${target}, name its own authority in NODE_EXTRA_CA_CERTS, or name the host in NO_PROXY.`,
    )
  }
  return shown ? ok(`${shown} is set; not used for NO_PROXY and this machine`) : skipped('none is set')
}

function addressFinding({ failure, config }: Attempt): Finding {
  const target = hostAndPort(new URL(config.baseUrl))
  if (!failure) return ok(`${target} can be reached`)
  return problem(
    `${target}: ${fragment(failure)}`,
    'Check AIFI_BASE_URL for a typing error. Inside a company network, connect its VPN, or name its proxy in HTTPS_PROXY.',
  )
}

async function tlsFinding({ failure, config, clock }: Attempt): Promise<Finding> {
  const url = new URL(config.baseUrl)
  if (url.protocol === 'http:') return skipped('none: plain http, which does not leave this machine')
  const shown = await lookAtCertificate(url, { proxy: config.proxy, clock })
  if (failure && shown?.refused) return shown.refused
  if (failure) {
    return problem(
      fragment(failure),
      'Check the port in AIFI_BASE_URL: does https answer there, and does a proxy let it?',
    )
  }
  if (!shown) return ok('a secure connection was made')
  return ok(`certificate issued by ${shown.issuer}, valid until ${shown.validTo}`)
}

function customersFinding({ listing }: Attempt): Finding {
  if (listing.kind === 'list' && listing.entries.length === 0) {
    return ok('AiFi lets us look customers up (a search that nobody matches found nobody)')
  }
  if (listing.kind === 'list' || (listing.kind === 'unreadable' && listing.cause === 'too_large')) {
    return warning(
      'AiFi lets us in, but a search that nobody matches found customers: it does not obey the filter externalId',
      'find_customers sorts out what does not match, but may meet an answer that is too large; look up by customerId.',
    )
  }
  if (listing.kind === 'unreadable') return problem(fragment(listing.reason), remedyFor(listing.http?.status))
  return listing.cause === 'web_page' ? problem(fragment(listing.detail), remedyFor(200)) : unreached(listing.detail)
}

function unreached(detail: string): Finding {
  return problem(fragment(detail), 'Run doctor again; if it stays like that, ask whoever runs the network, or AiFi.')
}

/** What to do about an answer to the lookup that is no list of customers. */
function remedyFor(status: number | undefined): string {
  if (status === 401) {
    return 'The access token has ended (typically after 90 days), is not complete, or belongs to another deployment than AIFI_BASE_URL.'
  }
  if (status === 403)
    return 'Have the token or the application given the right to read and change customers (Admin API).'
  if (status === 404)
    return 'AIFI_BASE_URL is probably not that of the Admin API; it ends before /api/admin/v2, which is added to it.'
  if (status === 429) return 'Wait a minute, and run doctor again.'
  if (status === undefined || status >= 500) return 'Run doctor again in a minute; if it stays like that, ask AiFi.'
  if (status >= 400) return 'The API may differ from what this server knows; please report it with the status.'
  return 'Run doctor again; if it stays like that, check AIFI_BASE_URL: a redirect is not followed, and a sign-in page of a proxy or VPN in between looks like this.'
}

/** Which fields are there; nothing that stands in them. */
function recordFinding(reading: Reading, id: number): Finding {
  const without = 'Everything works without, but today’s values show as “not readable”, and nobody is found by number.'
  if (reading.kind === 'unreachable') return unreached(reading.detail)
  if (reading.kind === 'unreadable') {
    return reading.cause === 'not_found'
      ? warning(
          `customer ${id} cannot be read (HTTP 404): there is none, or this AiFi does not offer it`,
          `Try the number of a customer that certainly exists. ${without}`,
        )
      : warning(fragment(reading.reason), `Nothing to do. ${without}`)
  }
  if (reading.record.id !== id) {
    return warning(`what came for customer ${id} is the record of no or another customer`, 'Please report it to AiFi.')
  }
  const wanted = customerFields.filter((name) => fieldFacts[name].readable || name === 'blocked')
  const missing = wanted.filter((name) => !Object.hasOwn(reading.record, name))
  return ok(`customer ${id} can be read${missing.length > 0 ? `; not in the record: ${missing.join(', ')}` : ''}`)
}
