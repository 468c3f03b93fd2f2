import * as z from 'zod'
import type { HttpFacts } from '../aifi/port.ts'
import { shownCustomer } from '../change/evidence.ts'
import { listed } from '../change/messages.ts'
import { type RecordField, readRecord } from '../customer/record.ts'
import { type JsonObject, jsonEqual } from '../lib/json.ts'
import { Relay } from '../lib/text.ts'
import { commonMembers, customerObject, RESULT_LIMIT } from '../mcp/result.ts'
import type { Filter } from './find-arguments.ts'

/** How many records one lookup may show. */
const RECORD_LIMIT = 10
/** Bytes for the records of one result, as JSON: what is left goes to the message and what surrounds it. */
const RECORDS_BYTES = RESULT_LIMIT - 8_000

const foundCustomer = customerObject.extend({
  // True whenever there is an email. How AiFi makes one up is not known: to tell by its looks would be a guess, and a
  // false would pass for a proof.
  emailMayBeGenerated: z.boolean(),
})

/** The one shape of every answer of `find_customers`. Strict: clients reject a key that it does not declare. */
export const findEnvelope = z.strictObject({
  ...commonMembers,
  status: z.enum(['found', 'invalid', 'failed']),
  customers: z.array(foundCustomer).optional(),
  returned: z.number().optional(),
  more: z.number().optional(),
})

export type FindEnvelope = z.infer<typeof findEnvelope>

/** What a lookup brought. */
export interface Found {
  readonly filter: Filter
  /** The records that match the filter. */
  readonly matching: readonly JsonObject[]
  /** How many entries AiFi sent besides. They are nobody's business: a broken filter would give away all customers. */
  readonly others: number
  readonly http: HttpFacts
}

/** The answer `found`. */
export function foundEnvelope(found: Found): FindEnvelope {
  const { matching, http } = found
  const read = matching.slice(0, RECORD_LIMIT).map(shown)
  const fitting = withinLimit(read)
  const customers = fitting.map(({ customer }) => customer)
  const more = matching.length - customers.length
  return {
    status: 'found',
    message: [countWords(found), moreWords(customers.length, more), ...reservations(read, fitting), othersWords(found)]
      .filter((words) => words !== '')
      .join(' '),
    customers,
    returned: customers.length,
    more,
    ...shownHttp(http),
  }
}

/** Status and request id of AiFi's answer, and its error type when it has one. */
export function shownHttp({ status, requestId }: HttpFacts, type?: string): Pick<FindEnvelope, 'http'> {
  const relay = new Relay([])
  return {
    http: {
      status,
      ...(type !== undefined && { type: relay.text(type, 100) }),
      ...(requestId !== undefined && { requestId: relay.text(requestId, 200) }),
    },
  }
}

interface Shown {
  readonly customer: z.infer<typeof foundCustomer>
  /** Members that AiFi sent with a wrong type. */
  readonly wrong: readonly RecordField[]
  /** Members that are not shown as they are stored. */
  readonly altered: readonly string[]
}

function shown(entry: JsonObject): Shown {
  const { record, wrong } = readRecord(entry)
  const { customer = {} } = shownCustomer(record, new Relay([]))
  const altered = Object.entries(customer).filter(([field, value]) => !jsonEqual(value, entry[field]))
  return {
    customer: { ...customer, emailMayBeGenerated: Boolean(record.email) },
    wrong,
    altered: altered.map(([field]) => field),
  }
}

/** As many of the records as a result holds: rather all of them without metadata than fewer. */
function withinLimit(records: readonly Shown[]): readonly Shown[] {
  const fits = (some: readonly Shown[]) => Buffer.byteLength(JSON.stringify(some)) <= RECORDS_BYTES
  if (fits(records)) return records
  const bare = records.map(({ customer: { metadata: _, ...customer }, ...rest }) => ({ ...rest, customer }))
  while (!fits(bare)) bare.pop()
  return bare
}

function countWords({ filter, matching, http }: Found): string {
  const count = matching.length
  if (filter.by === 'customerId') return count === 0 ? noRecordWords(filter.value, http.status) : 'Found.'
  if (count === 0) return `No customer with this ${filter.by} was found. ${nextStep(filter)}`
  if (count === 1) return `One customer has this ${filter.by}.`
  return `${count} customers have this ${filter.by}: ask the user which one is meant.`
}

/** Reading by number is no documented operation: that it is not there looks like a customer who is not. */
function noRecordWords(customerId: number, status: number): string {
  const missing =
    status === 404
      ? ' (HTTP 404): it may not exist, this access token may not see it, or this AiFi does not read by number'
      : ''
  return `Customer ${customerId} was not found${missing}. Check the number with the user, or look up by email or externalId.`
}

function nextStep({ by, value }: Exclude<Filter, { by: 'customerId' }>): string {
  const capitals = by === 'email' && value !== value.toLowerCase() ? ' Also try it in lower case.' : ''
  return `Check it with the user: AiFi finds exact matches only.${capitals}`
}

function moreWords(shown: number, more: number): string {
  return more === 0 ? '' : `Only ${shown} are shown, ${more} more are not.`
}

/** What is not quite as AiFi has it. */
function reservations(read: readonly Shown[], fitting: readonly Shown[]): string[] {
  const names = (some: readonly (readonly string[])[]) => listed([...new Set(some.flat())])
  const wrong = names(fitting.map((each) => each.wrong))
  const altered = names(fitting.map((each) => each.altered.filter((field) => Object.hasOwn(each.customer, field))))
  return [
    fitting === read ? '' : 'The metadata is left out: too long.',
    wrong && `AiFi sent ${wrong} in an unexpected form; left out here.`,
    altered && `Not shown exactly as stored, being long or having hidden characters: ${altered}.`,
  ]
}

function othersWords({ others }: Found): string {
  if (others === 0) return ''
  return others === 1
    ? 'AiFi also sent 1 record that does not match; it is not shown.'
    : `AiFi also sent ${others} records that do not match; they are not shown.`
}
