import type { Aifi, Reading } from '../aifi/port.ts'
import { asStored, type Place } from '../customer/as-stored.ts'
import { changesNothing, movedFields, sameEmail, sensitiveFields } from '../customer/compare.ts'
import type { ChangeRequest, CustomerField } from '../customer/fields.ts'
import { type CustomerRecord, readRecord } from '../customer/record.ts'
import type { RecordViews } from '../customer/record-view.ts'
import { type Clock, type Instant, instantIn } from '../lib/clock.ts'
import { harmless } from '../lib/text.ts'
import type { Change, Shown } from './change.ts'
import { NOTHING, type UpdateEnvelope } from './envelope.ts'
import { notSentMessage, READING_OFF } from './messages.ts'
import type { ChangeStore } from './store.ts'

/** What is to be done with a request, the record having been read. */
export type Plan =
  /** It ends here; nothing is sent. `request` is without markers, where it came so far. */
  | { kind: 'stop'; envelope: UpdateEnvelope; request?: ChangeRequest }
  | {
      kind: 'go'
      /** What is to be shown, and sent: with what is stored in the place of every marker. */
      request: ChangeRequest
      shown: Shown
      /** The fields that a person has to agree to; empty when nobody has to be asked. */
      sensitive: readonly CustomerField[]
    }

export interface PlannerDeps {
  readonly aifi: Aifi
  readonly store: ChangeStore
  readonly views: RecordViews
  readonly clock: Clock
}

export interface PlannerSettings {
  /** Off: no record is read, so none is shown. */
  readonly readBack: boolean
  /** Fields that need approval besides those that always do (`AIFI_APPROVAL_FIELDS`). */
  readonly approvalFields: 'all' | readonly string[]
  /** How long a question waits for its answer, milliseconds. */
  readonly lifetimeMs: number
}

/** Reads a record, and decides by it what is to be done. */
export class Planner {
  readonly #deps: PlannerDeps
  readonly #settings: PlannerSettings

  constructor(deps: PlannerDeps, settings: PlannerSettings) {
    this.#deps = deps
    this.#settings = settings
  }

  /** The record as it is now; undefined when reading is switched off. */
  async read(customerId: number, signal?: AbortSignal): Promise<Reading | undefined> {
    return this.#settings.readBack ? this.#deps.aifi.readCustomer(customerId, signal) : undefined
  }

  /** What to do with a request as it came. */
  first(request: ChangeRequest, reading: Reading | undefined): Plan {
    if (reading?.kind === 'unreachable') return unreached(request, reading)
    const { record, unreadable } = shownBy(request.customerId, reading)
    const resolved = asStored(request, record, this.#deps.views.of(request.customerId))
    if (resolved.kind === 'resolved') return this.again(resolved.request, reading)
    return { kind: 'stop', envelope: unfitMarkers(request, resolved.places, unreadable) }
  }

  /** What to do with a request that has no markers in it any more. */
  again(request: ChangeRequest, reading: Reading | undefined): Plan {
    const { customerId } = request
    if (reading?.kind === 'unreachable') return unreached(request, reading)
    const shown = shownBy(customerId, reading)
    const { record } = shown
    const wrongPerson = expectedEmailProblem(request, record)
    if (wrongPerson) return { kind: 'stop', envelope: wrongPerson }
    if (changesNothing(request, record)) {
      const message = `Customer ${customerId} already is as asked. ${NOTHING}`
      const customer = record && { customer: this.#deps.views.of(customerId).customer(record) }
      return { kind: 'stop', request, envelope: { status: 'unchanged', customerId, message, ...customer } }
    }
    return { kind: 'go', request, shown, sensitive: sensitiveFields(request, record, this.#settings.approvalFields) }
  }

  /** With what a person who is asked has to know besides. */
  async withPast(about: Pick<Change, 'key' | 'customerId'>, shown: Shown): Promise<Shown> {
    return { ...shown, past: await this.#deps.store.past(about) }
  }

  /** When a question that is put now lapses. */
  lapse(): Instant {
    return instantIn(this.#deps.clock, this.#settings.lifetimeMs)
  }
}

/** True when a record is no longer as it was shown, in what a person was shown or the request is about. */
export function hasMoved(was: Shown, is: Shown, request: ChangeRequest): boolean {
  return movedFields(was.record, is.record, request).length > 0
}

function unreached({ customerId }: ChangeRequest, reading: Extract<Reading, { kind: 'unreachable' }>): Plan {
  const message = notSentMessage(reading.cause, reading.detail)
  return { kind: 'stop', envelope: { status: 'failed', customerId, message } }
}

/** So many places are named. */
const NAMED = 20

function unfitMarkers(
  { customerId }: ChangeRequest,
  places: readonly Place[],
  unreadable: string | undefined,
): UpdateEnvelope {
  const errors = places.slice(0, NAMED).map(({ pointer, why }) => {
    const field = harmless(pointer.slice(1).replaceAll('/', '.'), 200)
    const message =
      why === 'edited'
        ? `"${field}" was changed beside its marker. Give the marker alone to keep what is stored, or the whole new value without a marker.`
        : `"${field}" has a marker that is not of what is stored there now. Look the record up again.`
    return { field, message, rule: 'any.invalid' }
  })
  const why =
    unreadable === undefined ? '' : ` A marker means what is stored, and the record could not be read. ${unreadable}`
  const message = `${errors.map((error) => error.message).join(' ')}${why} ${NOTHING}`
  return { status: 'invalid', customerId, message, errors }
}

/** The record, if it was read and is this customer's. */
export function shownBy(customerId: number, reading: Reading | undefined): Shown {
  if (reading === undefined) return { unreadable: READING_OFF }
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
  if (record?.email && sameEmail(record.email, expectedEmail)) return undefined
  const found = record
    ? `The record of customer ${customerId} does not carry the expected email.`
    : `The record of customer ${customerId} could not be read, so its email cannot be compared with the expected one.`
  const message = `${found} ${NOTHING} Check the customer number with the user.`
  return {
    status: 'invalid',
    customerId,
    message,
    errors: [{ field: 'expectedEmail', message: found, rule: 'any.only' }],
  }
}
