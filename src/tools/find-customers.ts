import type { ToolAnnotations } from '@modelcontextprotocol/server'
import type { Aifi, Listing } from '../aifi/port.ts'
import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { RateLimit } from '../lib/rate-limit.ts'
import type { Call } from '../mcp/call.ts'
import { refusedArguments } from '../mcp/result.ts'
import { type Filter, parseFilter } from './find-arguments.ts'
import { tooManyLookups, unreadEnvelope, unwritableAudit } from './find-refusals.ts'
import { type FindEnvelope, foundEnvelope } from './find-result.ts'

export const FIND_CUSTOMERS = 'find_customers'

export const findCustomersTitle = 'Find AiFi customers'

export const findCustomersDescription = [
  'Look up AiFi customers, to find the right one before changing it. Give exactly one of customerId, email, externalId.',
  'Only whole values match, and AiFi cannot search names or phones: ask the user for one of the three.',
  'If several match, let the user choose. The answer never says whether somebody is blocked, and nothing of cards.',
  'AiFi makes up an email where none was given and does not mark it (emailMayBeGenerated): no email proves who somebody is.',
].join(' ')

/** The last two mean something only for tools that change things; hosts that look all the same assume the worst. */
export const findCustomersAnnotations: ToolAnnotations = {
  readOnlyHint: true,
  openWorldHint: true,
  destructiveHint: false,
  idempotentHint: true,
}

/** A runaway assistant stops here: a person's questions need far fewer. */
export const LOOKUPS_PER_MINUTE = 30

export interface FindCustomersDeps {
  /** Nothing in here can change a customer. */
  readonly aifi: Pick<Aifi, 'readCustomer' | 'listCustomers'>
  readonly audit: Audit
  readonly lookups: RateLimit
  readonly clock: Clock
}

/** One call of `find_customers`: check the arguments, ask AiFi once, keep only what matches, note it, answer. */
export async function findCustomers(call: Call, deps: FindCustomersDeps): Promise<FindEnvelope> {
  const parsed = parseFilter(call.arguments)
  if (!parsed.ok) return refusedArguments('Nothing was looked up.', parsed.errors)
  const retryAfterSeconds = deps.lookups.take()
  if (retryAfterSeconds !== undefined) return tooManyLookups(retryAfterSeconds)
  const { filter } = parsed
  const listing = await look(filter, call, deps)
  return audited(filter, answerTo(filter, listing, call), deps)
}

/** Asks AiFi, for as long as the call may take. A record that was read by its number is a list of one. */
async function look(filter: Filter, call: Call, { aifi, clock }: FindCustomersDeps): Promise<Listing> {
  const late = new AbortController()
  const forget = clock.after(call.deadline.remainingMs, () => late.abort())
  const stop = AbortSignal.any([late.signal, call.cancelled])
  try {
    if (filter.by === 'email') return await aifi.listCustomers({ email: filter.value }, stop)
    if (filter.by === 'externalId') return await aifi.listCustomers({ externalId: filter.value }, stop)
    const reading = await aifi.readCustomer(filter.value, stop)
    return reading.kind === 'record' ? { kind: 'list', entries: [reading.record], http: reading.http } : reading
  } finally {
    forget()
  }
}

/** What AiFi's answer comes to, and how many records matched; null when that is not known. */
function answerTo(filter: Filter, listing: Listing, call: Call): { envelope: FindEnvelope; found: number | null } {
  if (listing.kind === 'list') {
    const matching = listing.entries.filter(isJsonObject).filter((entry) => matches(entry, filter))
    const others = listing.entries.length - matching.length
    return { envelope: foundEnvelope({ filter, matching, others, http: listing.http }), found: matching.length }
  }
  if (listing.kind === 'unreadable' && listing.cause === 'not_found' && listing.http) {
    return { envelope: foundEnvelope({ filter, matching: [], others: 0, http: listing.http }), found: 0 }
  }
  return { envelope: unreadEnvelope(listing, call.deadline.passed), found: null }
}

/** Not AiFi but we decide what was asked for: a filter that is ignored or too generous must not show other people. */
function matches(entry: JsonObject, { by, value }: Filter): boolean {
  if (!Number.isSafeInteger(entry.id)) return false
  const actual = entry[by === 'customerId' ? 'id' : by]
  if (by !== 'email') return actual === value
  return typeof actual === 'string' && actual.toLowerCase() === value.toLowerCase()
}

/** On the audit's disk before anybody is shown: what was looked up by, never the value. */
function audited(
  filter: Filter,
  { envelope, found }: ReturnType<typeof answerTo>,
  { audit }: FindCustomersDeps,
): FindEnvelope {
  const isAudited = audit.write({ event: 'lookup', filter: filter.by, found, status: envelope.status })
  return isAudited ? envelope : unwritableAudit()
}
