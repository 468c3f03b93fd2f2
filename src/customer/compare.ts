import { isLosslessNumber } from 'lossless-json'
import { canonicalJson, isJsonObject, jsonEqual, NESTING_LIMIT, nestsWithin } from '../lib/json.ts'
import {
  type ChangeRequest,
  type CustomerChanges,
  type CustomerField,
  changedFields,
  fieldFacts,
  requestedFields,
} from './fields.ts'
import { type CustomerRecord, type RecordField, recordFields } from './record.ts'

/** A request and a customer's record, compared. Pure: no text for people, nothing sent. */

/** The value of `field` in `record`, told apart from "AiFi did not say". */
export function known(record: CustomerRecord | undefined, field: CustomerField): { value: unknown } | undefined {
  const isRecordField = (name: string): name is RecordField => recordFields.some((each) => each === name)
  if (!record || !isRecordField(field) || !Object.hasOwn(record, field)) return undefined
  return { value: record[field] }
}

/** True when every field that was asked for is readable and already as asked: there is nothing to send. */
export function changesNothing(request: ChangeRequest, record: CustomerRecord | undefined): boolean {
  if (request.enterPrivately.length > 0) return false
  const { changes } = request
  return changedFields(changes).every((field) => verified(field, changes[field], record) === 'as_requested')
}

/**
 * True when something that is in `before` would be gone if `after` took its place: a member, at any depth, that is
 * missing, null, empty or of another kind, or an element that a list no longer holds.
 */
export function loses(before: unknown, after: unknown): boolean {
  // Nobody can see what is deeper, and recursion must end.
  return !nestsWithin(before, NESTING_LIMIT) || losesInside(before, after)
}

function losesInside(before: unknown, after: unknown): boolean {
  if (Array.isArray(before)) return before.length > 0 && (!Array.isArray(after) || lacksElements(before, after))
  if (isJsonObject(before)) {
    const isGone = (key: string) =>
      !isJsonObject(after) || !Object.hasOwn(after, key) || losesInside(before[key], after[key])
    return Object.keys(before).some(isGone)
  }
  if (before === null || before === '') return false
  return kindOf(before) !== kindOf(after) || after === null || after === ''
}

/** A number that is kept in its digits is an object to JavaScript. */
function kindOf(value: unknown): string {
  return isLosslessNumber(value) ? 'number' : typeof value
}

function lacksElements(before: readonly unknown[], after: readonly unknown[]): boolean {
  const left = new Map<string, number>()
  for (const element of after.map(canonicalJson)) left.set(element, (left.get(element) ?? 0) + 1)
  return before.map(canonicalJson).some((element) => {
    const count = left.get(element) ?? 0
    left.set(element, count - 1)
    return count === 0
  })
}

/** The fields of a request that a person has to agree to. A setting can add to the built-in ones, never take away. */
export function sensitiveFields(
  request: ChangeRequest,
  record: CustomerRecord | undefined,
  added: 'all' | readonly string[],
): CustomerField[] {
  return requestedFields(request).filter(
    (field) =>
      added === 'all' ||
      added.includes(field) ||
      fieldFacts[field].sensitive ||
      mayLose(field, request.changes[field], record),
  )
}

/** What is there today, or may be there unseen, could be gone afterwards: AiFi may replace the whole `metadata`. */
export function mayLose(field: CustomerField, after: unknown, record: CustomerRecord | undefined): boolean {
  const { readable, removes } = fieldFacts[field]
  if (!readable) return removes?.(after) ?? false
  const today = known(record, field)
  if (today !== undefined) return loses(today.value, after)
  return after === null || after === '' || isJsonObject(after)
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

type Verified = 'as_requested' | 'not_reported' | 'different'

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
  const differed = fields.some((field) => verified(field, changes[field], before) === 'different')
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

/**
 * True when two texts name the same mailbox: ASCII letters in any case, all else the same characters in either spelling
 * that Unicode counts as one (NFC). A character that only NFC makes ASCII, as the Kelvin sign U+212A, is none.
 */
export function sameEmail(a: string, b: string): boolean {
  return !becomesAscii(a) && !becomesAscii(b) && folded(a) === folded(b)
}

function folded(email: string): string {
  return email.normalize('NFC').replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function becomesAscii(email: string): boolean {
  return Array.from(email).some((character) => character > '\u007f' && /^[\0-\u007f]/.test(character.normalize('NFC')))
}
