import type { Sending } from '../aifi/port.ts'
import { known, revertOf, unexpectedFields, verified } from '../customer/compare.ts'
import {
  type ChangeRequest,
  type CustomerChanges,
  changedFields,
  customerChanges,
  isCustomerField,
  isSecretValue,
} from '../customer/fields.ts'
import type { CustomerRecord, RecordField } from '../customer/record.ts'
import type { RecordView } from '../customer/record-view.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Relay } from '../lib/text.ts'
import type { UpdateEnvelope } from './envelope.ts'
import type { Proof } from './outcome.ts'
import type { Said } from './refusal.ts'

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

type Line = NonNullable<UpdateEnvelope['changes']>[number]

/** One line per field that was sent; its values only where they are no secret. */
export function changeLines({
  changes,
  before,
  after,
  view,
}: Pick<Evidence, 'changes' | 'before' | 'after' | 'view'>): Line[] {
  return changedFields(changes).map((field) => {
    const value = changes[field]
    const outcome = { verified: verified(field, value, after) }
    if (isSecretValue(field, value)) return { field, ...outcome }
    const was = known(before, field)
    return { field, ...(was && { before: view.value(field, was.value) }), after: view.value(field, value), ...outcome }
  })
}

/** Fields that moved although nobody asked for it. */
export function unexpectedLines({
  changes,
  before,
  after,
  view,
}: Evidence): NonNullable<UpdateEnvelope['unexpectedChanges']> {
  return unexpectedFields(before, after, changes).map((field) => ({
    field,
    before: view.value(field, before?.[field]),
    after: view.value(field, after?.[field]),
  }))
}

/** Arguments that would undo the change: only values that can be given back exactly as they were. */
export function revertArguments({
  request,
  changes,
  before,
  view,
}: Pick<Evidence, 'request' | 'changes' | 'before' | 'view'>): JsonObject | undefined {
  const values = Object.entries(revertOf(changes, before) ?? {}).filter(
    ([field, value]) => view.view(field, value).marks.length === 0 && isAllowed(field, value),
  )
  return values.length > 0 ? { customerId: request.customerId, ...Object.fromEntries(values) } : undefined
}

/** AiFi may hold what we do not accept: a role of its own, an email that is none. */
function isAllowed(field: string, value: unknown): boolean {
  return isCustomerField(field) && customerChanges.shape[field].safeParse(value).success
}
