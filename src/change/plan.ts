import type { Reading } from '../aifi/port.ts'
import { changesNothing } from '../customer/compare.ts'
import type { ChangeRequest, CustomerField } from '../customer/fields.ts'
import { type CustomerRecord, readRecord, shownCustomer } from '../customer/record.ts'
import { sensitiveFields } from '../customer/sensitive.ts'
import { jsonEqual } from '../lib/json.ts'
import { Relay } from '../lib/text.ts'
import type { Shown } from './change.ts'
import type { UpdateEnvelope } from './envelope.ts'
import { notSentMessage } from './messages.ts'

/** What is to be done with a request, the record having been read. */
export type Plan =
  /** It ends here; nothing is sent. */
  | { kind: 'stop'; envelope: UpdateEnvelope }
  | {
      kind: 'go'
      shown: Shown
      /** The fields that a person has to agree to; empty when nobody has to be asked. */
      sensitive: readonly CustomerField[]
    }

/** Decides what to do. Pure. `reading` is undefined when reading is switched off. */
export function planChange(
  request: ChangeRequest,
  reading: Reading | undefined,
  added: 'all' | readonly string[],
): Plan {
  const { customerId } = request
  if (reading?.kind === 'unreachable') {
    const message = notSentMessage(reading.cause, reading.detail)
    return { kind: 'stop', envelope: { status: 'failed', customerId, message } }
  }
  const shown = shownBy(customerId, reading)
  const { record } = shown
  const wrongPerson = expectedEmailProblem(request, record)
  if (wrongPerson) return { kind: 'stop', envelope: wrongPerson }
  if (changesNothing(request, record)) {
    const message = `Customer ${customerId} already is as asked. Nothing was sent and nothing was changed.`
    const customer = record && { customer: shownCustomer(record, new Relay([])) }
    return { kind: 'stop', envelope: { status: 'unchanged', customerId, message, ...customer } }
  }
  return { kind: 'go', shown, sensitive: sensitiveFields(request, record, added) }
}

/** The record, if it was read and is this customer's. */
export function shownBy(customerId: number, reading: Reading | undefined): Shown {
  if (reading === undefined) return { unreadable: 'Reading records is switched off here.' }
  if (reading.kind === 'unreachable') return { unreadable: reading.detail }
  if (reading.kind === 'unreadable') return { unreadable: reading.reason }
  const { record } = readRecord(reading.record)
  if (record.id !== customerId) {
    return { unreadable: 'AiFi answered with something that is not the record of this customer.' }
  }
  return { record }
}

function expectedEmailProblem(request: ChangeRequest, record: CustomerRecord | undefined): UpdateEnvelope | undefined {
  const { customerId, expectedEmail } = request
  if (expectedEmail === undefined) return undefined
  if (record?.email && jsonEqual(record.email.toLowerCase(), expectedEmail.toLowerCase())) return undefined
  const found = record
    ? `The record of customer ${customerId} does not carry the expected email.`
    : `The record of customer ${customerId} could not be read, so its email cannot be compared with the expected one.`
  const message = `${found} Nothing was sent and nothing was changed. Check the customer number with the user.`
  return {
    status: 'invalid',
    customerId,
    message,
    errors: [{ field: 'expectedEmail', message: found, rule: 'any.only' }],
  }
}
