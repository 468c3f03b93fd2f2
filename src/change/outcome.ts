import type { Delivery } from '../aifi/port.ts'
import { provesUpdated, stillAsBefore, verified } from '../customer/compare.ts'
import { type ChangeRequest, type CustomerChanges, changedFields } from '../customer/fields.ts'
import type { CustomerRecord, RecordField } from '../customer/record.ts'
import type { RecordView } from '../customer/record-view.ts'
import { isJsonObject } from '../lib/json.ts'
import type { Relay } from '../lib/text.ts'
import type { Said } from './said.ts'

/** What an exchange proves about the change. */
export type Proof =
  /** AiFi accepted it, and shows the record. */
  | 'updated'
  /** AiFi accepted it without showing the record: that is read back, and must not contradict. */
  | 'accepted'
  /** AiFi's validation refused it; nothing was changed. */
  | 'invalid'
  /** It was refused, or never left; nothing was changed. */
  | 'failed'
  /** It may have been made: the record is read back, and {@link readBackTable} decides. */
  | 'read_back'
  /** The same, but AiFi has finished with the request: it cannot take effect any more. */
  | 'read_back_finished'

interface Row {
  /** The case, in words: the same table stands in docs/outcomes.md. */
  readonly what: string
  readonly proof: Proof
  readonly matches: (delivery: Delivery, customerId: number) => boolean
}

const status = (delivery: Delivery): number => (delivery.kind === 'answered' ? delivery.http.status : 0)
const isSuccess = (delivery: Delivery): boolean => [200, 201, 204].includes(status(delivery))

/** Every way in which sending a change can end, and what is known then. The first row that matches decides. */
export const outcomeTable: readonly Row[] = [
  {
    what: 'The request did not leave: unknown host, connection refused, TLS, connect timeout, proxy, no token, cancelled',
    proof: 'failed',
    matches: (delivery) => delivery.kind === 'not_sent',
  },
  {
    what: 'No complete status and headers came back: timeout, reset, closed, not HTTP',
    proof: 'read_back',
    matches: (delivery) => delivery.kind === 'no_answer',
  },
  {
    what: '200, 201 or 204 with this customer',
    proof: 'updated',
    matches: (delivery, customerId) => isSuccess(delivery) && isCustomer(delivery, customerId),
  },
  {
    what: '200, 201 or 204 with no content: AiFi accepted it',
    proof: 'accepted',
    matches: (delivery) => isSuccess(delivery) && hasNoContent(delivery),
  },
  {
    what: 'Any other 2xx, or one whose content is cut off, no JSON, no customer, or another customer',
    proof: 'read_back',
    matches: (delivery) => status(delivery) >= 200 && status(delivery) < 300,
  },
  {
    what: '400 or 422',
    proof: 'invalid',
    matches: (delivery) => status(delivery) === 400 || status(delivery) === 422,
  },
  {
    what: '408 (the server gave up on the request) or 499 (a proxy did)',
    proof: 'read_back',
    matches: (delivery) => status(delivery) === 408 || status(delivery) === 499,
  },
  {
    what: '401, 403, 404, 409, 429 and any other 4xx',
    proof: 'failed',
    matches: (delivery) => status(delivery) >= 400 && status(delivery) < 500,
  },
  {
    what: '301, 302, 307 or 308: the address is another one; not followed',
    proof: 'failed',
    matches: (delivery) => [301, 302, 307, 308].includes(status(delivery)),
  },
  {
    what: '500 or 501, and its whole content: AiFi has finished with the request',
    proof: 'read_back_finished',
    matches: (delivery) => [500, 501].includes(status(delivery)) && !isIncomplete(delivery),
  },
  {
    what: '502, 503, 504, 303 (done, the answer is elsewhere), 500 or 501 cut off, and anything else',
    proof: 'read_back',
    matches: () => true,
  },
]

/** What is known about one change that was sent. */
export interface Evidence {
  readonly request: ChangeRequest
  /** What was sent, typed secrets included. */
  readonly changes: CustomerChanges
  readonly before: CustomerRecord | undefined
  /** The record afterwards: as AiFi answered, or as it was read back. */
  readonly after: CustomerRecord | undefined
  /** Members that AiFi sent with a wrong type. */
  readonly wrong: readonly RecordField[]
  /** When `after` was read back, wall clock, milliseconds since 1970. */
  readonly readBackAt: number | undefined
  /** Why it was not, as a sentence; undefined as long as nobody tried to. */
  readonly notRead: string | undefined
  readonly delivery: Delivery
  /** What the answer by itself proves. */
  readonly proof: Proof
  /** What AiFi said of it, as far as it may be repeated. */
  readonly said: Said
  /** Takes over text from AiFi, the secrets of this change cut out. */
  readonly relay: Relay
  /** The values of the record, and those that were sent, as a result shows them. */
  readonly view: RecordView
}

interface ReadBackRow {
  readonly what: string
  readonly status: 'updated' | 'failed' | 'unknown'
  readonly matches: (evidence: Evidence) => boolean
}

/** What the record that is read back proves where the answer proves nothing. The first row that matches decides. */
export const readBackTable: readonly ReadBackRow[] = [
  {
    what: 'It had been read before, something asked for was different then, and all that AiFi shows is as asked now',
    status: 'updated',
    matches: ({ changes, before, after }) => provesUpdated(changes, before, after),
  },
  {
    what: 'AiFi has accepted it without content, and the record shows nothing else than was asked for, or cannot be read',
    status: 'updated',
    matches: ({ changes, after, proof }) => proof === 'accepted' && !contradicts(changes, after),
  },
  {
    what: 'AiFi has finished with the request (500, 501), shows every field that was asked for, and all still are as before',
    status: 'failed',
    matches: ({ changes, before, after, proof }) =>
      proof === 'read_back_finished' && stillAsBefore(changes, before, after),
  },
  {
    what: 'Old or other values, even where AiFi has accepted it (it may take effect, or be shown, later); otherwise not readable, or another record',
    status: 'unknown',
    matches: () => true,
  },
]

/** What is known once the record has been read back. */
export function readBackProof(evidence: Evidence): ReadBackRow['status'] {
  return readBackTable.find((row) => row.matches(evidence))?.status ?? 'unknown'
}

/** What is known after `delivery`, for a change of this customer. */
export function proofOf(delivery: Delivery, customerId: number): Proof {
  return outcomeTable.find((row) => row.matches(delivery, customerId))?.proof ?? 'read_back'
}

/** AiFi shows something else than was asked for: what it was before, or a value that nobody asked for. */
function contradicts(changes: CustomerChanges, after: CustomerRecord | undefined): boolean {
  return changedFields(changes).some((field) => verified(field, changes[field], after) === 'different')
}

function hasNoContent(delivery: Delivery): boolean {
  return delivery.kind === 'answered' && delivery.body.kind === 'empty'
}

function isIncomplete(delivery: Delivery): boolean {
  return delivery.kind === 'answered' && delivery.body.kind === 'incomplete'
}

/** A customer carries its id, and it is this one's. */
function isCustomer(delivery: Delivery, customerId: number): boolean {
  if (delivery.kind !== 'answered' || delivery.body.kind !== 'json') return false
  return isJsonObject(delivery.body.value) && delivery.body.value.id === customerId
}
