import * as z from 'zod'
import { isJsonObject, type JsonObject, visitParts } from '../lib/json.ts'

/** Shopper password, in UTF-16 code units (AiFi Admin API, "Update customer by customerId"). */
const PASSWORD_LENGTH = { minLength: 8, maxLength: 255 }
const password = z.string().check(lengthWithin(PASSWORD_LENGTH)).meta(PASSWORD_LENGTH)

/** An object whose members nobody looks at; as JSON made it, a member that is named `__proto__` included. */
export const jsonObject = z.custom<JsonObject>(isJsonObject)

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
function lengthWithin({ minLength, maxLength }: typeof PASSWORD_LENGTH): z.core.CheckFn<string> {
  return ({ value, issues }) => {
    const about = { origin: 'string', input: value, inclusive: true } as const
    if (value.length < minLength) issues.push({ ...about, code: 'too_small', minimum: minLength })
    if (value.length > maxLength) issues.push({ ...about, code: 'too_big', maximum: maxLength })
  }
}

/** The changes that were asked for; only the fields that are to be sent. */
export type CustomerChanges = z.infer<typeof customerChanges>
export type CustomerField = keyof CustomerChanges

/** Everything the program has to know about a field besides its schema: nothing about one field stands elsewhere. */
interface FieldFacts {
  /** The name that people read. */
  readonly label: string
  /** A person has to agree, even if nothing that is there today would be lost. */
  readonly sensitive: boolean
  /** Its value is shown nowhere. `string`: only a string is secret, `null` is not. */
  readonly secret: boolean | 'string'
  /** AiFi documents it in its answers, so before and after can be compared. */
  readonly readable: boolean
  /** What was there before a change can be put back: by its old value, or because there are only two. */
  readonly restorable: boolean
  /** A yes that the assistant relays from the chat is enough (`AIFI_APPROVAL=chat`). */
  readonly chatApproval: boolean
  /** A request that carries it is sent at most once: repeated, it could lock the shopper out. */
  readonly sentOnce: boolean
  /** A secret that a person can type into the approval page; absent where none can. */
  readonly typed?: TypedField
  /** What the hidden value is called in a question, where a label with an article would be no English. */
  readonly hiddenAs?: string
  /** True for a value that takes away what is there, of a field that AiFi does not show. */
  readonly removes?: (value: unknown) => boolean
  /** The value in words for staff, where its own text says too little. */
  readonly words?: (value: unknown) => string
  /** The change of this field alone as an order, `Block Jane Miller`; absent where `Change “Label” of …` says it. */
  readonly headline?: (whom: string, value: unknown) => string
  /** What it does to the shopper or the store, in the words of AiFi's pages; absent where that is obvious. */
  readonly consequence?: (value: unknown) => string
  /** What may be expected of an accepted change and does not follow from it. */
  readonly caveat?: (value: unknown) => string | undefined
}

/** How a person types a secret: the label of the input, and the limits in UTF-16 code units. */
export interface TypedField {
  readonly label: string
  /** A new secret is typed twice, since nobody can look up what was mistyped. */
  readonly twice: boolean
  readonly minLength: number
  /** Absent where AiFi states none. */
  readonly maxLength?: number
}

const profile = {
  sensitive: false,
  secret: false,
  readable: true,
  restorable: true,
  chatApproval: true,
  sentOnce: false,
} as const
const sensitiveProfile = { ...profile, sensitive: true } as const
const login = {
  sensitive: true,
  secret: true,
  readable: false,
  restorable: false,
  chatApproval: false,
  sentOnce: true,
} as const
const payment = {
  sensitive: true,
  secret: false,
  readable: false,
  restorable: false,
  chatApproval: false,
  sentOnce: false,
} as const

/** Of `card`: whether null deletes it is not documented, as it is of `cardToken`. */
function hasNoToken(card: unknown): boolean {
  return isJsonObject(card) && Object.hasOwn(card, 'cardToken') && card.cardToken === null
}

const facts = {
  email: {
    ...sensitiveProfile,
    label: 'Email',
    consequence: () => "It is also sent to the retailer's own systems.",
  },
  externalId: {
    ...sensitiveProfile,
    label: 'External id',
    consequence: () => "It links this record to a customer in the retailer's own system.",
  },
  firstName: { ...profile, label: 'First name' },
  lastName: { ...profile, label: 'Last name' },
  phone: { ...profile, label: 'Phone' },
  role: {
    ...sensitiveProfile,
    label: 'Role',
    headline: (whom, value) => `Change the role of ${whom} to ${value}`,
    consequence: (value) =>
      value === 'employee'
        ? 'Shopping sessions of an employee get no receipts.'
        : 'The role decides whether shopping sessions get receipts.',
  },
  priority: { ...profile, label: 'Priority' },
  metadata: {
    ...profile,
    label: 'Metadata',
    consequence: () => 'AiFi may replace all metadata. What is not listed in the new value could be lost.',
  },
  password: {
    ...login,
    label: 'Password',
    typed: { label: 'New password for the shopper', twice: true, ...PASSWORD_LENGTH },
    headline: (whom) => `Set a new password for ${whom}`,
    consequence: () =>
      "The shopper's present password stops working. It can be changed again, but not brought back from here.",
  },
  currentPassword: {
    ...login,
    label: 'Current password',
    // It changes nothing itself.
    restorable: true,
    typed: { label: 'Current password of the shopper', twice: false, ...PASSWORD_LENGTH },
  },
  blocked: {
    ...sensitiveProfile,
    label: 'Blocked',
    readable: false,
    words: (value) => (value === true ? 'Blocked' : 'Not blocked'),
    headline: (whom, value) => `${value === true ? 'Block' : 'Unblock'} ${whom}`,
    consequence: (value) =>
      value === true
        ? 'The customer cannot enter the store any more.'
        : 'The block is lifted. It may not be the only reason why they cannot get in.',
    caveat: (value) => (value === false ? 'The block may not be the only reason why they cannot get in.' : undefined),
  },
  card: {
    ...payment,
    label: 'Payment card',
    secret: true,
    hiddenAs: 'new card details',
    removes: hasNoToken,
    headline: (whom, value) => `${hasNoToken(value) ? 'Remove' : 'Replace'} the payment card of ${whom}`,
    consequence: (value) =>
      hasNoToken(value)
        ? 'Its card token is null, which probably deletes the payment card. It cannot be restored from here.'
        : 'It may replace the payment card that purchases are charged to. The present one cannot be restored from here.',
  },
  cardType: { ...payment, label: 'Card type', restorable: true },
  cardToken: {
    ...payment,
    label: 'Card token',
    secret: 'string',
    typed: { label: 'Card token of the shopper', twice: false, minLength: 1 },
    removes: (value) => value === null,
    headline: (whom, value) => `${value === null ? 'Remove' : 'Replace'} the payment card of ${whom}`,
    consequence: (value) =>
      value === null
        ? 'The payment card is deleted. It cannot be restored from here.'
        : 'It may replace the payment card that purchases are charged to. The present one cannot be restored from here.',
  },
} as const satisfies Record<CustomerField, FieldFacts>

export const fieldFacts: Readonly<Record<CustomerField, FieldFacts>> = facts

type Facts = typeof facts
/** The fields that AiFi documents in its answers. */
export type ReadableField = { [F in CustomerField]: Facts[F]['readable'] extends true ? F : never }[CustomerField]
/** The secrets that a person can type into the approval page. */
export type PrivateFieldName = {
  [F in CustomerField]: Facts[F] extends { readonly typed: TypedField } ? F : never
}[CustomerField]

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

export const privateFieldNames: readonly PrivateFieldName[] = customerFields.filter(
  (field): field is PrivateFieldName => fieldFacts[field].typed !== undefined,
)

/** How a person types a secret that can be typed. */
export function typedField(name: PrivateFieldName): TypedField {
  return facts[name].typed
}

/** True for what a person may type: the limits of the argument hold, and it has to be something. */
export function canBeTyped(name: PrivateFieldName, value: string): boolean {
  return value.length >= typedField(name).minLength && customerChanges.shape[name].safeParse(value).success
}

/** A change of one customer, as the assistant asked for it and after our own checks. */
export interface ChangeRequest {
  readonly customerId: number
  /** Exactly what goes into the body, but for what a person still has to type. */
  readonly changes: CustomerChanges
  /** Fields that were given with a marker: to be left as they are stored, if it fits. Absent when there are none. */
  readonly marked?: JsonObject
  /** Secret fields that a person types into the approval page. */
  readonly enterPrivately: readonly PrivateFieldName[]
  /** The change goes ahead only if the record carries this email. */
  readonly expectedEmail?: string
  /** Why, in the assistant's words. Not sent, and no part of what makes two requests the same. */
  readonly reason?: string
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
  const keep = (part: unknown) => {
    if (typeof part === 'string' && part !== '') found.push(part)
    else if (typeof part === 'number' && String(part).length >= 3) found.push(String(part))
  }
  for (const field of changedFields(changes)) if (isSecretValue(field, changes[field])) visitParts(changes[field], keep)
  return found
}
