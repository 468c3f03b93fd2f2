import * as z from 'zod'
import type { JsonObject } from '../lib/json.ts'
import { jsonObject, type ReadableField } from './fields.ts'

const text = z.string().nullable().optional()

/**
 * The customer as AiFi's pages document it (the object that every answer carries). Every member but `id` may be null
 * or missing; `role` is left open, since AiFi may know roles that we do not.
 */
const customerRecord = z.strictObject({
  id: z.int().optional(),
  externalId: text,
  role: text,
  metadata: jsonObject.nullable().optional(),
  priority: z.number().nullable().optional(),
  email: text,
  firstName: text,
  lastName: text,
  phone: text,
} satisfies Record<'id' | ReadableField, z.ZodType>)

export type CustomerRecord = z.infer<typeof customerRecord>
export type RecordField = keyof CustomerRecord

export const recordFields: readonly RecordField[] = customerRecord.keyof().options

/** The customer in a result: what cannot be shown exactly has a marker in its place, and its place is in `altered`. */
export const shownRecord = customerRecord.extend({
  metadata: z.unknown().optional(),
  priority: z.unknown().optional(),
  altered: z.array(z.string()).optional(),
})
export type ShownRecord = z.infer<typeof shownRecord>

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
    if (customerRecord.shape[field].safeParse(value).success) members.push([field, value])
    else wrong.push(field)
  }
  const record: CustomerRecord = Object.fromEntries(members)
  return { record, wrong }
}

/** First and last name, as far as there are any. */
export function fullName(record: CustomerRecord): string {
  return [record.firstName, record.lastName].filter((part) => part).join(' ')
}
