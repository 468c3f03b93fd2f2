import { isJsonObject, type JsonObject } from '../lib/json.ts'

/**
 * The customer as AiFi's pages document it (the object that every answer carries). Every member but `id` may be null
 * or missing; `role` is left open, since AiFi may know roles that we do not.
 */
export interface CustomerRecord {
  id?: number
  externalId?: string | null
  role?: string | null
  metadata?: JsonObject | null
  priority?: number | null
  email?: string | null
  firstName?: string | null
  lastName?: string | null
  phone?: string | null
}

const isString = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

const memberTypes = {
  id: (value: unknown): value is number => Number.isSafeInteger(value),
  externalId: isString,
  role: isString,
  metadata: isJsonObject,
  priority: isNumber,
  email: isString,
  firstName: isString,
  lastName: isString,
  phone: isString,
} as const satisfies Record<keyof CustomerRecord, (value: unknown) => boolean>

export type RecordField = keyof typeof memberTypes
export const recordFields: readonly RecordField[] = Object.keys(memberTypes).filter((key): key is RecordField =>
  Object.hasOwn(memberTypes, key),
)
/** Those that hold text. */
export const textFields = recordFields.filter((field) => field !== 'id' && field !== 'priority' && field !== 'metadata')

/**
 * The documented members of a customer that AiFi sent, and the names of those with a wrong type, which are left out.
 * Undocumented members are not taken over.
 */
export function readRecord(json: JsonObject): { record: CustomerRecord; wrong: RecordField[] } {
  const wrong: RecordField[] = []
  const members: [RecordField, unknown][] = []
  for (const field of recordFields) {
    const value = json[field]
    if (value === undefined) continue
    if (memberTypes[field](value) || (value === null && field !== 'id')) members.push([field, value])
    else wrong.push(field)
  }
  const record: CustomerRecord = Object.fromEntries(members)
  return { record, wrong }
}

/** First and last name, as far as there are any. */
export function fullName(record: CustomerRecord): string {
  return [record.firstName, record.lastName].filter((part) => part).join(' ')
}
