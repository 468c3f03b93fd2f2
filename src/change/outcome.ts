import type { Sending } from '../aifi/port.ts'
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
  readonly matches: (sending: Sending, customerId: number) => boolean
}

const status = (sending: Sending): number => (sending.kind === 'answered' ? sending.http.status : 0)
const isSuccess = (sending: Sending): boolean => [200, 201, 204].includes(status(sending))

/** Every way in which sending a change can end, and what is known then. The first row that matches decides. */
export const outcomeTable: readonly Row[] = [
  {
    what: 'The request did not leave: unknown host, connection refused, TLS, connect timeout, proxy, no token, cancelled',
    proof: 'failed',
    matches: (sending) => sending.kind === 'not_sent',
  },
  {
    what: 'No complete status and headers came back: timeout, reset, closed, not HTTP',
    proof: 'read_back',
    matches: (sending) => sending.kind === 'no_answer',
  },
  {
    what: '200, 201 or 204 with this customer',
    proof: 'updated',
    matches: (sending, customerId) => isSuccess(sending) && isCustomer(sending, customerId),
  },
  {
    what: '200, 201 or 204 with no content: AiFi accepted it',
    proof: 'accepted',
    matches: (sending) => isSuccess(sending) && hasNoContent(sending),
  },
  {
    what: 'Any other 2xx, or one whose content is cut off, no JSON, no customer, or another customer',
    proof: 'read_back',
    matches: (sending) => status(sending) >= 200 && status(sending) < 300,
  },
  {
    what: '400 or 422',
    proof: 'invalid',
    matches: (sending) => status(sending) === 400 || status(sending) === 422,
  },
  {
    what: '408 (the server gave up on the request) or 499 (a proxy did)',
    proof: 'read_back',
    matches: (sending) => status(sending) === 408 || status(sending) === 499,
  },
  {
    what: '401, 403, 404, 409, 429 and any other 4xx',
    proof: 'failed',
    matches: (sending) => status(sending) >= 400 && status(sending) < 500,
  },
  {
    what: '301, 302, 307 or 308: the address is another one; not followed',
    proof: 'failed',
    matches: (sending) => [301, 302, 307, 308].includes(status(sending)),
  },
  {
    what: '500 or 501, and its whole content: AiFi has finished with the request',
    proof: 'read_back_finished',
    matches: (sending) => [500, 501].includes(status(sending)) && !isIncomplete(sending),
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
  readonly sending: Sending
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

/** What is known after `sending`, for a change of this customer. */
export function proofOf(sending: Sending, customerId: number): Proof {
  return outcomeTable.find((row) => row.matches(sending, customerId))?.proof ?? 'read_back'
}

/** AiFi shows something else than was asked for: what it was before, or a value that nobody asked for. */
function contradicts(changes: CustomerChanges, after: CustomerRecord | undefined): boolean {
  return changedFields(changes).some((field) => verified(field, changes[field], after) === 'different')
}

function hasNoContent(sending: Sending): boolean {
  return sending.kind === 'answered' && sending.body.kind === 'empty'
}

function isIncomplete(sending: Sending): boolean {
  return sending.kind === 'answered' && sending.body.kind === 'incomplete'
}

/** A customer carries its id, and it is this one's. */
function isCustomer(sending: Sending, customerId: number): boolean {
  if (sending.kind !== 'answered' || sending.body.kind !== 'json') return false
  return isJsonObject(sending.body.value) && sending.body.value.id === customerId
}
