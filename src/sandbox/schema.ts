import Joi from 'joi'
import { isJsonObject, type JsonObject } from '../lib/json.ts'

/** What AiFi documents for its requests, in Joi: a second reading of the contract, independent of our own schema. */

/** The body of `PATCH /customers/{customerId}`. */
export interface CustomerBody {
  email?: string
  password?: string
  currentPassword?: string
  externalId?: string
  firstName?: string
  lastName?: string
  phone?: string
  role?: 'customer' | 'employee' | 'tester' | 'untracked' | 'unknown'
  priority?: number
  metadata?: JsonObject | null
  blocked?: boolean
  /** AiFi's pages do not show its members. */
  card?: JsonObject
  cardType?: 'NONE' | 'STRIPE' | 'PAYTER' | 'ADYEN' | 'FREEDOM_PAY' | 'GENERIC'
  cardToken?: string | null
}

const text = Joi.string().allow('')
const password = Joi.string().min(8).max(255)

/** Every problem is reported, nothing is coerced, no default is filled in. */
export const customerBody = Joi.object<CustomerBody, true>({
  email: Joi.string().email({ tlds: false }),
  password,
  currentPassword: password,
  externalId: text,
  firstName: text,
  lastName: text,
  phone: text,
  role: Joi.string().valid('customer', 'employee', 'tester', 'untracked', 'unknown'),
  priority: Joi.number().integer().min(-10).max(10),
  metadata: Joi.object<JsonObject>().allow(null),
  blocked: Joi.boolean(),
  card: Joi.object<JsonObject>(),
  cardType: Joi.string().valid('NONE', 'STRIPE', 'PAYTER', 'ADYEN', 'FREEDOM_PAY', 'GENERIC'),
  cardToken: text.allow(null),
})
  .required()
  .prefs({ abortEarly: false, convert: false })

/** The filters of `GET /customers` that this program uses; of the documented ones, those by card and by date are left out. */
export interface CustomerQuery {
  externalId?: string
  email?: string
}

export const customerQuery = Joi.object<CustomerQuery, true>({ externalId: text, email: text }).prefs({
  abortEarly: false,
})

/** The path parameter, converted from text. */
export const customerId = Joi.number<number>().integer().required().label('customerId')

/** `value` as the schema understands it. Throws Joi's `ValidationError` with every problem. */
export function validated<T>(schema: Joi.Schema<T>, value: unknown): T {
  // Joi copies an object by assignment: an own `__proto__` key would become the copy's prototype, and its members
  // would count as fields. An object without a prototype keeps it as the unknown key that it is.
  const plain: unknown = isJsonObject(value) ? Object.assign(Object.create(null), value) : value
  const result = schema.validate(plain)
  if (result.error) throw result.error
  return result.value
}

/** The documented body of a validation error, the literal quotes in `field` included. */
export function validationErrorBody(error: Joi.ValidationError) {
  return {
    message: 'Invalid request body',
    type: 'E_INVALID_BODY',
    errors: error.details.map(({ message, type, context }) => ({
      error: message,
      rule: type,
      field: `"${context?.label ?? 'value'}"`,
    })),
  }
}
