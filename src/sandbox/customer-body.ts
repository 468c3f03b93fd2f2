import Joi from 'joi'
import type { JsonObject } from '../lib/json.ts'

/** The body of `POST /customers`. */
export interface NewCustomerBody {
  email?: string
  password?: string
  externalId?: string
  firstName?: string
  lastName?: string
  phone?: string
  role?: 'customer' | 'employee' | 'tester' | 'untracked' | 'unknown'
  priority?: number
  metadata?: JsonObject | null
}

/** The body of `PATCH /customers/{customerId}`. */
export interface CustomerBody extends NewCustomerBody {
  currentPassword?: string
  blocked?: boolean
  /** AiFi's pages do not show its members. */
  card?: JsonObject
  cardType?: 'NONE' | 'STRIPE' | 'PAYTER' | 'ADYEN' | 'FREEDOM_PAY' | 'GENERIC'
  cardToken?: string | null
}

const text = Joi.string().allow('')
const password = Joi.string().min(8).max(255)

const profile = {
  email: Joi.string().email({ tlds: false }),
  password,
  externalId: text,
  firstName: text,
  lastName: text,
  phone: text,
  role: Joi.string().valid('customer', 'employee', 'tester', 'untracked', 'unknown'),
  priority: Joi.number().integer().min(-10).max(10),
  metadata: Joi.object<JsonObject>().allow(null),
}

/** What AiFi documents for a new customer, in Joi. Every problem is reported, nothing is coerced. */
export const newCustomerBody = Joi.object<NewCustomerBody, true>(profile)
  .required()
  .prefs({ abortEarly: false, convert: false })

/** What AiFi documents for a change, in Joi. Every problem is reported, nothing is coerced, no default is filled in. */
export const customerBody = Joi.object<CustomerBody, true>({
  ...profile,
  currentPassword: password,
  blocked: Joi.boolean(),
  card: Joi.object<JsonObject>(),
  cardType: Joi.string().valid('NONE', 'STRIPE', 'PAYTER', 'ADYEN', 'FREEDOM_PAY', 'GENERIC'),
  cardToken: text.allow(null),
})
  .required()
  .prefs({ abortEarly: false, convert: false })
