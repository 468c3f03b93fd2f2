import { randomUUID } from 'node:crypto'
import { customersOf, listingOf } from '../aifi/client.ts'
import type { Sending } from '../aifi/port.ts'
import type { AifiAccess } from './aifi-access.ts'
import { type Finding, ok, problem, warning } from './check.ts'

/** An empty list is two bytes; what is longer is a part of the customer base, which nobody asked for. */
const MAX_BYTES = 16_000

/** Asks for the customers that a filter matches which no customer can match: not even AiFi's whole list may come. */
export async function customersFinding(
  { send, timeoutMs }: AifiAccess,
  baseUrl: URL,
  signal: AbortSignal,
): Promise<Finding> {
  const { origin, path: customers } = customersOf(baseUrl.href)
  const path = `${customers}?externalId=no-customer-${randomUUID()}`
  const request = { method: 'GET', origin, path, signal, maxBytes: MAX_BYTES } as const
  const sending = await send(request, { budgetMs: 2 * timeoutMs })
  const listing = listingOf(sending)
  if (listing.kind === 'list' && listing.entries.length === 0) {
    return ok('AiFi lets us look customers up (a search that nobody matches found nobody)')
  }
  if (listing.kind === 'list' || (listing.kind === 'unreadable' && listing.cause === 'too_large')) {
    return warning(
      'AiFi lets us in, but a search that nobody matches found customers: it does not obey the filter externalId',
      'find_customers sorts out what does not match, but may meet an answer that is too large; look up by customerId.',
    )
  }
  return refusal(sending)
}

/** What it means that a request for customers did not succeed. */
export function refusal(sending: Sending): Finding {
  if (sending.kind !== 'answered') {
    return problem(
      withoutStop(sending.detail),
      'Run doctor again; if it stays like that, ask whoever runs the network, or AiFi.',
    )
  }
  const { status } = sending.http
  if (sending.body.kind === 'incomplete') {
    const how = sending.body.cause === 'timeout' ? 'did not come to its end in time' : 'was cut off'
    return problem(`the answer ${how} (HTTP ${status})`, otherwise.remedy)
  }
  const meaning = meanings.find(({ holds }) => holds(status)) ?? otherwise
  return problem(`${meaning.found} (HTTP ${status})`, meaning.remedy)
}

interface Meaning {
  readonly holds: (status: number) => boolean
  readonly found: string
  readonly remedy: string
}

const is = (wanted: number) => (status: number) => status === wanted
const within = (from: number, to: number) => (status: number) => status >= from && status < to

const meanings: readonly Meaning[] = [
  {
    holds: is(401),
    found: 'AiFi does not accept the access token',
    remedy:
      'It has ended (typically after 90 days), is not complete, or belongs to another deployment than AIFI_BASE_URL.',
  },
  {
    holds: is(403),
    found: 'AiFi knows the access token, and does not let it see customers',
    remedy: 'Have the token or the application given the right to read and change customers (Admin API).',
  },
  {
    holds: is(404),
    found: 'there are no customers at this address',
    remedy: 'AIFI_BASE_URL is probably not that of the Admin API; it ends before /api/admin/v2, which is added to it.',
  },
  {
    holds: is(429),
    found: 'AiFi has been asked too much',
    remedy: 'Wait a minute, and run doctor again.',
  },
  {
    holds: within(300, 400),
    found: 'the address leads on to another one, which is not followed',
    remedy:
      'Set AIFI_BASE_URL to where it leads; if that is a sign-in page, a proxy or VPN of your company is in between.',
  },
  {
    holds: within(400, 500),
    found: 'AiFi refuses the search for customers',
    remedy: 'Its API may differ from what this server knows; please report it with the status.',
  },
  {
    holds: within(200, 300),
    found: 'what answers there is not AiFi: no list of customers',
    remedy: 'Check AIFI_BASE_URL; a sign-in page of a proxy or VPN in between looks the same.',
  },
]

const otherwise: Omit<Meaning, 'holds'> = {
  found: 'AiFi, or something in front of it, has trouble of its own',
  remedy: 'Run doctor again in a minute; if it stays like that, ask AiFi.',
}

function withoutStop(detail: string): string {
  return detail.replace(/\.$/, '')
}
