import type { Sending } from '../aifi/port.ts'
import { isJsonObject } from '../json.ts'

/** What an exchange proves about the change. */
export type Proof =
  /** AiFi accepted it. */
  | 'updated'
  /** AiFi's validation refused it; nothing was changed. */
  | 'invalid'
  /** It was refused, or never left; nothing was changed. */
  | 'failed'
  /** It may have been made: the record is read back. What is as asked proves `updated`; anything else is `unknown`. */
  | 'read_back'
  /** The same, but AiFi has finished with the request: values that are still the old ones prove `failed`. */
  | 'read_back_finished'

interface Row {
  /** The case, in words: the same table stands in the README. */
  readonly what: string
  readonly proof: Proof
  readonly matches: (sending: Sending, customerId: number) => boolean
}

const status = (sending: Sending): number => (sending.kind === 'answered' ? sending.http.status : 0)
const accepted = (sending: Sending): boolean => [200, 201, 204].includes(status(sending))

/** Every way in which sending a change can end, and what is known then. The first row that matches decides. */
export const outcomeTable: readonly Row[] = [
  {
    what: 'The request did not leave: unknown host, refused, TLS, connect timeout, proxy, no token, cancelled',
    proof: 'failed',
    matches: (sending) => sending.kind === 'not_sent',
  },
  {
    what: 'No complete answer: timeout, reset, closed, not HTTP',
    proof: 'read_back',
    matches: (sending) => sending.kind === 'no_answer',
  },
  {
    what: '200, 201 or 204 with this customer or with no content',
    proof: 'updated',
    matches: (sending, customerId) => accepted(sending) && (hasNoContent(sending) || isCustomer(sending, customerId)),
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
    what: '3xx (redirects are not followed), 401, 403, 404, 409, 429 and any other 4xx',
    proof: 'failed',
    matches: (sending) => status(sending) >= 300 && status(sending) < 500,
  },
  {
    what: '500 or 501, complete',
    proof: 'read_back_finished',
    matches: (sending) => [500, 501].includes(status(sending)) && !isIncomplete(sending),
  },
  {
    what: '502, 503, 504, and anything else',
    proof: 'read_back',
    matches: () => true,
  },
]

/** What is known after `sending`, for a change of this customer. */
export function proofOf(sending: Sending, customerId: number): Proof {
  return outcomeTable.find((row) => row.matches(sending, customerId))?.proof ?? 'read_back'
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
