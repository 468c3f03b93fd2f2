import * as z from 'zod'
import type { Aifi, HttpFacts, Listing } from '../aifi/port.ts'
import { statusWords } from '../aifi/status-words.ts'
import type { Audit } from '../audit/audit.ts'
import { unreachedWords } from '../change/messages.ts'
import { inAifisWords, shownHttp } from '../change/said.ts'
import { sameEmail } from '../customer/compare.ts'
import { customerChanges } from '../customer/fields.ts'
import { readRecord, shownRecord } from '../customer/record.ts'
import type { RecordViews } from '../customer/record-view.ts'
import { type Clock, timeLimit } from '../lib/clock.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { keysOf } from '../lib/keys.ts'
import type { RateLimit } from '../lib/rate-limit.ts'
import { listed } from '../lib/text.ts'
import { traceIdOf } from '../lib/trace.ts'
import type { Call } from '../mcp/call.ts'
import { defineTool, type Tool } from '../mcp/define-tool.ts'
import type { RawArguments } from '../mcp/raw-arguments.ts'
import { commonMembers, RESULT_LIMIT, refusedArguments } from '../mcp/result.ts'
import { type ParsedArguments, parse } from './arguments.ts'
import { problem } from './issues.ts'

/** A runaway assistant stops here: a person's questions need far fewer. */
export const LOOKUPS_PER_MINUTE = 30
/** How many records one lookup may show. */
const RECORD_LIMIT = 10
/** Bytes for the records of one result, as JSON: what is left goes to the message and what surrounds it. */
const RECORDS_BYTES = RESULT_LIMIT - 8_000

const description = [
  'Look up AiFi customers, to find the right one before changing it. Give exactly one of customerId, email, externalId; anything else is refused.',
  'Only whole values match, and AiFi cannot search names or phones: ask the user for one of the three.',
  'If several match, let the user choose. The answer never says whether somebody is blocked, and nothing of cards.',
  'AiFi makes up an email where none was given and does not mark it (emailMayBeGenerated): no email proves who somebody is.',
].join(' ')

const findArguments = z.strictObject({
  customerId: z.int().min(0).optional().describe('AiFi customer number'),
  email: customerChanges.shape.email,
  // Empty, it would be no filter at all.
  externalId: z.string().min(1).optional().describe("id in the retailer's own system"),
})
const filterNames = keysOf(findArguments.shape)

const statusIsError = { found: false, invalid: true, failed: true } as const

const foundCustomer = shownRecord.extend({
  // True whenever there is an email. How AiFi makes one up is not known: to tell by its looks would be a guess, and a
  // false would pass for a proof.
  emailMayBeGenerated: z.boolean(),
})

/** The one shape of every answer of `find_customers`. Strict: clients reject a key that it does not declare. */
export const findEnvelope = z.strictObject({
  ...commonMembers,
  status: z.enum(keysOf(statusIsError)),
  customers: z.array(foundCustomer).optional(),
  returned: z.number().optional(),
  more: z.number().optional(),
})
export type FindEnvelope = z.infer<typeof findEnvelope>

interface FindCustomersDeps {
  /** Nothing in here can change a customer. */
  readonly aifi: Pick<Aifi, 'readCustomer' | 'listCustomers'>
  readonly audit: Audit
  readonly views: RecordViews
  readonly lookups: RateLimit
  readonly clock: Clock
}

/** The tool that only reads. */
export function findCustomersTool(deps: FindCustomersDeps): Tool {
  return defineTool({
    name: 'find_customers',
    title: 'Find AiFi customers',
    description,
    input: findArguments,
    output: { schema: findEnvelope, isError: statusIsError },
    // The last two mean something only for tools that change things; hosts that look all the same assume the worst.
    annotations: { readOnlyHint: true, openWorldHint: true, destructiveHint: false, idempotentHint: true },
    scope: 'customers.read',
    handle: (call) => findCustomers(call, deps),
    broken: { status: 'failed', message: 'This server failed. No customer is shown.' },
    logged: ({ status, returned, more, http }) => ({ status, returned, more, http: http?.status }),
  })
}

/** One call: check the arguments, ask AiFi once, keep only what matches, note it in the audit, answer. */
async function findCustomers(call: Call, deps: FindCustomersDeps): Promise<FindEnvelope> {
  const parsed = parseFilter(call.arguments)
  if (!parsed.ok) return refusedArguments('Nothing was looked up.', parsed.errors)
  const retryAfterSeconds = deps.lookups.take()
  if (retryAfterSeconds !== undefined) {
    const message = `Too many lookups in a minute. Nothing was looked up. Try again in ${retryAfterSeconds} s.`
    return { status: 'failed', message, retryAfterSeconds }
  }
  const filter = parsed.data
  const envelope = answerTo(filter, await look(filter, call, deps), call, deps.views)
  const { status, customers = [], returned, more } = envelope
  // Before anybody is shown: what was looked up by, never the value; and how many matched, null when that is not known.
  const found = returned === undefined || more === undefined ? null : returned + more
  const customerIds = customers.flatMap(({ id }) => (id === undefined ? [] : [id]))
  const entry = { client: call.clientName, filter: filter.by, found, customerIds, status, ...traceIdOf(call) }
  if (await deps.audit.write({ event: 'lookup', ...entry })) return envelope
  const message =
    'The audit trail cannot be written, so nothing is shown. Whoever set this server up should check AIFI_AUDIT_LOG.'
  return { status: 'failed', message }
}

/** What a lookup goes by: exactly one of the three. */
type Filter =
  | { readonly by: 'customerId'; readonly value: number }
  | { readonly by: 'email'; readonly value: string }
  | { readonly by: 'externalId'; readonly value: string }

function parseFilter(raw: RawArguments): ParsedArguments<Filter> {
  const one = `Give exactly one of ${filterNames.join(', ')}.`
  const parsed = parse(findArguments, raw, {
    nullIsAbsent: true,
    instead: () => 'Leave it out.',
    rules: (given, keys) => {
      const names = keys.filter((key) => Object.hasOwn(given, key))
      if (names.length === 0) return [problem('', 'object.missing', `${one} AiFi cannot search names or phones.`)]
      return names.length > 1 ? [problem('', 'object.xor', `${one} Here were ${names.join(' and ')}.`)] : []
    },
  })
  if (!parsed.ok) return parsed
  const { customerId, email, externalId = '' } = parsed.data
  if (customerId !== undefined) return { ...parsed, data: { by: 'customerId', value: customerId } }
  const isByEmail = email !== undefined
  return { ...parsed, data: isByEmail ? { by: 'email', value: email } : { by: 'externalId', value: externalId } }
}

/** Asks AiFi, for as long as the call may take. A record that was read by its number is a list of one. */
async function look(filter: Filter, call: Call, { aifi, clock }: FindCustomersDeps): Promise<Listing> {
  const { traceparent } = call
  const { signal: stop, end } = timeLimit(clock, call.deadline.remainingMs, call.cancelled)
  try {
    if (filter.by === 'email') return await aifi.listCustomers({ email: filter.value }, stop, traceparent)
    if (filter.by === 'externalId') return await aifi.listCustomers({ externalId: filter.value }, stop, traceparent)
    const reading = await aifi.readCustomer(filter.value, stop, traceparent)
    return reading.kind === 'record' ? { kind: 'list', entries: [reading.record], http: reading.http } : reading
  } finally {
    end()
  }
}

function answerTo(filter: Filter, listing: Listing, call: Call, views: RecordViews): FindEnvelope {
  if (listing.kind === 'list') return foundEnvelope(filter, listing.entries, listing.http, views)
  if (listing.kind === 'unreadable' && listing.cause === 'not_found' && listing.http)
    return foundEnvelope(filter, [], listing.http, views)
  return unreadEnvelope(listing, call.deadline.passed)
}

/** Not AiFi but we decide what was asked for: a filter that is ignored or too generous must not show other people. */
function matches(entry: JsonObject, { by, value }: Filter): boolean {
  if (!Number.isSafeInteger(entry.id)) return false
  const actual = entry[by === 'customerId' ? 'id' : by]
  if (by !== 'email') return actual === value
  return typeof actual === 'string' && sameEmail(actual, value)
}

function foundEnvelope(filter: Filter, entries: readonly unknown[], http: HttpFacts, views: RecordViews): FindEnvelope {
  const matching = entries.filter(isJsonObject).filter((entry) => matches(entry, filter))
  // They are nobody's business: a broken filter would give away all customers.
  const others = entries.length - matching.length
  const read = matching.slice(0, RECORD_LIMIT).map((entry) => shown(entry, views))
  const fitting = withinLimit(read)
  const more = matching.length - fitting.length
  const sentences = [
    countWords(filter, matching.length, http.status),
    more > 0 && `Only ${fitting.length} are shown, ${more} more are not.`,
    ...reservations(read, fitting),
    others === 1 && 'AiFi also sent 1 record that does not match; it is not shown.',
    others > 1 && `AiFi also sent ${others} records that do not match; they are not shown.`,
  ]
  return {
    status: 'found',
    message: sentences.filter((sentence) => sentence !== false).join(' '),
    customers: fitting.map(({ customer }) => customer),
    returned: fitting.length,
    more,
    http: shownHttp(http.status, inAifisWords({ errors: [] }, http.requestId)),
  }
}

interface Shown {
  readonly customer: z.infer<typeof foundCustomer>
  /** Members that AiFi sent with a wrong type. */
  readonly wrong: readonly string[]
}

function shown(entry: JsonObject, views: RecordViews): Shown {
  const { record, wrong } = readRecord(entry)
  const customer = views.of(Number(record.id)).customer(record)
  return { customer: { ...customer, emailMayBeGenerated: Boolean(record.email) }, wrong }
}

/** As many of the records as a result holds: rather all of them without metadata than fewer. */
function withinLimit(records: readonly Shown[]): readonly Shown[] {
  const fits = (some: readonly Shown[]) => Buffer.byteLength(JSON.stringify(some)) <= RECORDS_BYTES
  if (fits(records)) return records
  const bare = records.map(({ customer, wrong }) => ({ customer: withoutMetadata(customer), wrong }))
  while (!fits(bare)) bare.pop()
  return bare
}

function withoutMetadata({ metadata: _, altered = [], ...customer }: Shown['customer']): Shown['customer'] {
  const others = altered.filter((pointer) => !/^\/metadata(\/|$)/.test(pointer))
  return { ...customer, ...(others.length > 0 && { altered: others }) }
}

function countWords({ by, value }: Filter, count: number, status: number): string {
  if (by === 'customerId' && count > 0) return 'Found.'
  if (by === 'customerId') {
    // Reading by number is no documented operation: that it is not there looks like a customer who is not.
    const missing =
      status === 404
        ? ' (HTTP 404): it may not exist, this access token may not see it, or this AiFi does not read by number'
        : ''
    return `Customer ${value} was not found${missing}. Check the number with the user, or look up by email or externalId.`
  }
  if (count > 1) return `${count} customers have this ${by}: ask the user which one is meant.`
  if (count === 1) return `One customer has this ${by}.`
  const capitals = by === 'email' && value !== value.toLowerCase() ? ' Also try it in lower case.' : ''
  return `No customer with this ${by} was found. Check it with the user: AiFi finds exact matches only.${capitals}`
}

/** What is not quite as AiFi has it. */
function reservations(read: readonly Shown[], fitting: readonly Shown[]): (string | false)[] {
  const names = (some: readonly (readonly string[])[]) => listed([...new Set(some.flat())])
  const wrong = names(fitting.map((each) => each.wrong))
  const altered = names(fitting.map(({ customer }) => (customer.altered ?? []).map(fieldOf)))
  return [
    fitting !== read && 'The metadata is left out: too long.',
    wrong !== '' && `AiFi sent ${wrong} in an unexpected form; left out here.`,
    altered !== '' &&
      `Not shown exactly as stored: ${altered}; given back with its marker, such a value is left as it is.`,
  ]
}

/** The field of a JSON Pointer. */
function fieldOf(pointer: string): string {
  return pointer.split('/')[1] ?? ''
}

/** AiFi did not show a list. @param late the call's own time was up, so that nobody waited for AiFi any longer. */
function unreadEnvelope(unread: Exclude<Listing, { kind: 'list' }>, late: boolean): FindEnvelope {
  if (unread.kind === 'unreachable')
    return { status: 'failed', message: `${unreachedWords(unread.cause, unread.detail)} Nothing was looked up.` }
  const { http, error = { errors: [] } } = unread
  const said = inAifisWords(error, http?.requestId)
  const { message, errors } = said
  const isInvalid = http?.status === 400 || http?.status === 422
  const words = message === undefined ? '' : ` It says: "${message}".`
  const details = errors.length > 0 ? ` ${errors.map(({ message }) => message).join('; ')}.` : ''
  return {
    status: isInvalid ? 'invalid' : 'failed',
    message: `${late ? 'AiFi did not answer in time. Try again later.' : whyUnread(unread)}${words}${details}`,
    ...((isInvalid || errors.length > 0) && { errors: [...errors] }),
    ...(http && { http: shownHttp(http.status, said) }),
    ...(http?.retryAfterSeconds !== undefined && { retryAfterSeconds: http.retryAfterSeconds }),
  }
}

function whyUnread({ cause, reason, http }: Extract<Listing, { kind: 'unreadable' }>): string {
  switch (cause) {
    case 'not_offered':
    case 'switched_off':
      return `${reason} Look the customer up by email or externalId.`
    case 'too_large':
      return `Too many customers match, or AiFi did not apply the filter. ${reason} Use customerId, or have a person look in AiFi.`
    default:
      return http && http.status >= 300 ? statusWords(http.status, { for: 'lookup' }) : reason
  }
}
