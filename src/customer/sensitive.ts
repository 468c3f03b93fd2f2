import { known, losesMembers } from './compare.ts'
import { type ChangeRequest, type CustomerField, fieldFacts, requestedFields } from './fields.ts'
import type { CustomerRecord } from './record.ts'

/** The fields of a request that a person has to agree to. A setting can add to the built-in ones, never take away. */
export function sensitiveFields(
  request: ChangeRequest,
  record: CustomerRecord | undefined,
  added: 'all' | readonly string[],
): CustomerField[] {
  return requestedFields(request).filter((field) => {
    if (added === 'all' || added.includes(field)) return true
    const { sensitive } = fieldFacts[field]
    return sensitive === 'when_removing' ? mayLoseMembers(request, record) : sensitive
  })
}

/** AiFi may replace the whole `metadata`: what is there today and missing in the request could be gone afterwards. */
function mayLoseMembers(request: ChangeRequest, record: CustomerRecord | undefined): boolean {
  const today = known(record, 'metadata')
  return today === undefined || losesMembers(today.value, request.changes.metadata)
}
