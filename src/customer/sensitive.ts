import { known, loses } from './compare.ts'
import { type ChangeRequest, type CustomerField, fieldFacts, requestedFields } from './fields.ts'
import type { CustomerRecord } from './record.ts'

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
  return field === 'metadata' || after === ''
}
