import * as z from 'zod'
import { isJsonObject, type JsonObject } from '../lib/json.ts'

/** Shopper password, characters (AiFi Admin API, "Update customer by customerId"). */
const password = z.string().check(lengthWithin(8, 255))

const jsonObject = z.custom<JsonObject>(isJsonObject)

/**
 * The body of AiFi's `PATCH /api/admin/v2/customers/{customerId}`: every documented field and limit, no default.
 * Absent means unchanged; `null` is a value only where AiFi documents one.
 */
export const customerChanges = z.strictObject({
  email: z.email({ pattern: z.regexes.unicodeEmail }).optional(),
  externalId: z.string().optional().describe("their id in the retailer's own system"),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  phone: z.string().optional(),
  role: z
    .enum(['customer', 'employee', 'tester', 'untracked', 'unknown'])
    .optional()
    .describe('employee: their shopping gets no receipts'),
  priority: z.int().min(-10).max(10).optional().describe('usual 0; higher: their shopping is processed first'),
  metadata: jsonObject.nullable().optional().describe('AiFi may replace all of it: include every key to keep'),
  password: password.optional().describe("new password of the shopper's app login"),
  currentPassword: password.optional().describe("the shopper's present password, if AiFi asks for it"),
  blocked: z.boolean().optional().describe('true: cannot enter the store; false lifts only this block'),
  card: jsonObject.optional().describe('payment card, with provider and cardToken'),
  cardType: z
    .enum(['NONE', 'STRIPE', 'PAYTER', 'ADYEN', 'FREEDOM_PAY', 'GENERIC'])
    .optional()
    .describe('deprecated, use card.provider'),
  cardToken: z
    .string()
    .nullable()
    .optional()
    .describe('deprecated, use card.cardToken; null deletes the payment card for good'),
})

/**
 * Limits of a string in UTF-16 code units, as AiFi's validator counts them. zod's own `min` and `max` count code points,
 * and would refuse what AiFi accepts.
 */
function lengthWithin(minimum: number, maximum: number) {
  const check = z.check<string>(({ value, issues }) => {
    const limits = { origin: 'string', input: value, inclusive: true } as const
    if (value.length < minimum) issues.push({ ...limits, code: 'too_small', minimum })
    if (value.length > maximum) issues.push({ ...limits, code: 'too_big', maximum })
  })
  // Where zod looks for the limits when it derives JSON Schema.
  check._zod.onattach.push(({ _zod }) => void Object.assign(_zod.bag, { minimum, maximum }))
  return check
}

/** The changes that were asked for; only the fields that are to be sent. */
export type CustomerChanges = z.infer<typeof customerChanges>
export type CustomerField = keyof CustomerChanges

/** What the program has to know about a field besides its schema. */
interface FieldFacts {
  /** The name that people read. */
  readonly label: string
  /** A person has to agree. `when_removing`: only if something that is there today would be lost. */
  readonly sensitive: boolean | 'when_removing'
  /** Its value is shown nowhere. `string`: only a string is secret, `null` is not. */
  readonly secret: boolean | 'string'
  /** AiFi documents it in its answers, so before and after can be compared. */
  readonly readable: boolean
}

export const fieldFacts = {
  email: { label: 'Email', sensitive: true, secret: false, readable: true },
  externalId: { label: 'External id', sensitive: true, secret: false, readable: true },
  firstName: { label: 'First name', sensitive: false, secret: false, readable: true },
  lastName: { label: 'Last name', sensitive: false, secret: false, readable: true },
  phone: { label: 'Phone', sensitive: false, secret: false, readable: true },
  role: { label: 'Role', sensitive: true, secret: false, readable: true },
  priority: { label: 'Priority', sensitive: false, secret: false, readable: true },
  metadata: { label: 'Metadata', sensitive: 'when_removing', secret: false, readable: true },
  password: { label: 'Password', sensitive: true, secret: true, readable: false },
  currentPassword: { label: 'Current password', sensitive: true, secret: true, readable: false },
  blocked: { label: 'Blocked', sensitive: true, secret: false, readable: false },
  card: { label: 'Payment card', sensitive: true, secret: true, readable: false },
  cardType: { label: 'Card type', sensitive: true, secret: false, readable: false },
  cardToken: { label: 'Card token', sensitive: true, secret: 'string', readable: false },
} as const satisfies Record<CustomerField, FieldFacts>

/** The names of the body, in AiFi's order. */
export const customerFields: readonly CustomerField[] = customerChanges.keyof().options

export function isCustomerField(name: string): name is CustomerField {
  return Object.hasOwn(fieldFacts, name)
}

/** The fields that a request carries. */
export function changedFields(changes: CustomerChanges): CustomerField[] {
  return customerFields.filter((field) => Object.hasOwn(changes, field))
}

/** True when the value of `field` may appear nowhere but in the request to AiFi. */
export function isSecretValue(field: CustomerField, value: unknown): boolean {
  const { secret } = fieldFacts[field]
  return secret === 'string' ? typeof value === 'string' : secret
}

export const privateFieldNames = [
  'password',
  'currentPassword',
  'cardToken',
] as const satisfies readonly CustomerField[]
export type PrivateFieldName = (typeof privateFieldNames)[number]

/** The secrets that a person can type into the approval page, with the limits that hold for them. */
export const privateFields = {
  password: customerChanges.shape.password.unwrap(),
  currentPassword: customerChanges.shape.currentPassword.unwrap(),
  cardToken: customerChanges.shape.cardToken.unwrap().unwrap().min(1),
} as const satisfies Record<PrivateFieldName, z.ZodType<string>>

/** A change of one customer, as the assistant asked for it and after our own checks. */
export interface ChangeRequest {
  readonly customerId: number
  /** Exactly what goes into the body, but for what a person still has to type. */
  readonly changes: CustomerChanges
  /** Secret fields that a person types into the approval page. */
  readonly enterPrivately: readonly PrivateFieldName[]
  /** The change goes ahead only if the record carries this email. */
  readonly expectedEmail?: string
  readonly dryRun: boolean
  /** The code that a person confirmed, under `AIFI_APPROVAL=chat`. */
  readonly approvalCode?: string
}

/** Everything that is to be changed, what a person still has to type included. */
export function requestedFields(request: ChangeRequest): CustomerField[] {
  const typed: readonly CustomerField[] = request.enterPrivately
  return customerFields.filter((field) => Object.hasOwn(request.changes, field) || typed.includes(field))
}

/** Every secret string of a body, to cut it out of whatever comes back. Numbers of three digits and more count. */
export function secretStrings(changes: CustomerChanges): string[] {
  const found: string[] = []
  const open: unknown[] = changedFields(changes)
    .filter((field) => isSecretValue(field, changes[field]))
    .map((field) => changes[field])
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next === 'string' && next !== '') found.push(next)
    else if (typeof next === 'number' && String(next).length >= 3) found.push(String(next))
    // One by one: as arguments of one `push`, a hundred thousand members would exhaust the stack.
    else if (typeof next === 'object' && next !== null) for (const member of Object.values(next)) open.push(member)
  }
  return found
}
