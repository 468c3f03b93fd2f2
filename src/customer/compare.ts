import { isJsonObject, type JsonObject, jsonEqual } from '../lib/json.ts'
import { type ChangeRequest, type CustomerChanges, type CustomerField, changedFields, fieldFacts } from './fields.ts'
import { type CustomerRecord, type RecordField, recordFields } from './record.ts'

/** Before and after, compared. Pure: no text for people, no requests. */

/** The value of `field` in `record`, told apart from "AiFi did not say". */
export function known(record: CustomerRecord | undefined, field: CustomerField): { value: unknown } | undefined {
  const isRecordField = (name: string): name is RecordField => recordFields.some((each) => each === name)
  if (!record || !isRecordField(field) || !Object.hasOwn(record, field)) return undefined
  return { value: record[field] }
}

/** True when every field that was asked for is readable and already as asked: there is nothing to send. */
export function changesNothing(request: ChangeRequest, record: CustomerRecord | undefined): boolean {
  if (request.enterPrivately.length > 0) return false
  return changedFields(request.changes).every((field) => {
    const before = known(record, field)
    return before !== undefined && jsonEqual(before.value, request.changes[field])
  })
}

/** True when `after` lacks a member that `before` has, at any depth: AiFi may replace the whole object. */
export function losesMembers(before: unknown, after: unknown): boolean {
  if (Array.isArray(before))
    return before.some((item, at) => losesMembers(item, Array.isArray(after) ? after[at] : null))
  if (!isJsonObject(before)) return false
  if (!isJsonObject(after)) return Object.keys(before).length > 0
  return Object.keys(before).some((key) => !Object.hasOwn(after, key) || losesMembers(before[key], after[key]))
}

/** The members of the record that a person was shown, or that the question depends on, and that differ now. */
export function movedFields(
  shown: CustomerRecord | undefined,
  now: CustomerRecord | undefined,
  request: ChangeRequest,
): RecordField[] {
  const identity: readonly RecordField[] = ['id', 'email', 'firstName', 'lastName']
  const asked: readonly string[] = changedFields(request.changes)
  return recordFields.filter((field) => {
    if (!identity.includes(field) && !asked.includes(field)) return false
    return !jsonEqual(shown?.[field], now?.[field])
  })
}

export type Verified = 'as_requested' | 'not_reported' | 'different'

/** What came back for one field that was sent. Fields that AiFi never reports are `not_reported`. */
export function verified(field: CustomerField, sent: unknown, after: CustomerRecord | undefined): Verified {
  const reported = known(after, field)
  if (!reported) return 'not_reported'
  return jsonEqual(reported.value, sent) ? 'as_requested' : 'different'
}

/** Fields that differ from what was read before although nobody asked for it (AiFi documents create-defaults on PATCH). */
export function unexpectedFields(
  before: CustomerRecord | undefined,
  after: CustomerRecord | undefined,
  changes: CustomerChanges,
): RecordField[] {
  if (!before || !after) return []
  return recordFields.filter(
    (field) =>
      field !== 'id' &&
      !Object.hasOwn(changes, field) &&
      Object.hasOwn(before, field) &&
      Object.hasOwn(after, field) &&
      !jsonEqual(before[field], after[field]),
  )
}

/**
 * True when the record read after an unclear answer proves that the change was made: it was read before, something
 * readable differed from the request then, and everything readable is as requested now.
 */
export function provesUpdated(
  changes: CustomerChanges,
  before: CustomerRecord | undefined,
  now: CustomerRecord | undefined,
): boolean {
  const fields = changedFields(changes).filter((field) => fieldFacts[field].readable)
  const differed = fields.some((field) => {
    const value = known(before, field)
    return value !== undefined && !jsonEqual(value.value, changes[field])
  })
  return differed && fields.every((field) => verified(field, changes[field], now) === 'as_requested')
}

/**
 * True when nothing was changed as far as can be: AiFi shows every field that was asked for, something was to change,
 * and all of them still have the values they had before.
 */
export function stillAsBefore(
  changes: CustomerChanges,
  before: CustomerRecord | undefined,
  now: CustomerRecord | undefined,
): boolean {
  const values = changedFields(changes).map((field) => ({
    asked: changes[field],
    was: known(before, field),
    is: known(now, field),
  }))
  const allAsBefore = values.every(
    ({ was, is }) => was !== undefined && is !== undefined && jsonEqual(was.value, is.value),
  )
  return allAsBefore && values.some(({ was, asked }) => !jsonEqual(was?.value, asked))
}

/** The arguments that would restore what was readable before; absent when nothing is. */
export function revertOf(changes: CustomerChanges, before: CustomerRecord | undefined): JsonObject | undefined {
  const entries = changedFields(changes)
    .filter((field) => fieldFacts[field].readable)
    .flatMap((field): [string, unknown][] => {
      const value = known(before, field)
      const restorable = value !== undefined && (value.value !== null || field === 'metadata')
      return restorable && !jsonEqual(value.value, changes[field]) ? [[field, value.value]] : []
    })
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}
