import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../lib/json.ts'
import { Secret } from '../lib/secret.ts'
import type { CustomerBody } from './customer-body.ts'
import type { CustomerQuery } from './customer-query.ts'

/** A customer as the sandbox holds it: more than AiFi's documented answers show. Never changed, only replaced. */
export interface SandboxCustomer {
  readonly id: number
  readonly externalId: string | null
  readonly role: NonNullable<CustomerBody['role']>
  readonly metadata: JsonObject | null
  readonly priority: number
  readonly email: string
  readonly firstName: string | null
  readonly lastName: string | null
  readonly phone: string | null
  readonly blocked: boolean
  /** The payment instrument: `provider`, `cardToken` and whatever else was sent. */
  readonly card: JsonObject | null
  /** `null` when none is set. */
  readonly password: Secret | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A new customer with AiFi's create-defaults, the made-up email among them. */
export function createdCustomer(id: number, body: CustomerBody, at: Date): SandboxCustomer {
  const blank: SandboxCustomer = {
    id,
    externalId: null,
    role: 'customer',
    metadata: null,
    priority: 0,
    email: `${randomUUID()}@aifi.example.com`,
    firstName: null,
    lastName: null,
    phone: null,
    blocked: false,
    card: null,
    password: null,
    createdAt: at,
    updatedAt: at,
  }
  return changedCustomer(blank, body, at)
}

/**
 * The customer after a PATCH: what the body leaves out stays.
 * `metadata` and `card` are replaced as a whole; whether AiFi does that or merges is not known.
 */
export function changedCustomer(customer: SandboxCustomer, body: CustomerBody, at: Date): SandboxCustomer {
  const { password, currentPassword, card, cardType, cardToken, ...fields } = body
  return {
    ...customer,
    ...fields,
    card: changedCard(customer.card, body),
    password: password === undefined ? customer.password : new Secret(password),
    updatedAt: at,
  }
}

/** A `cardToken` of null deletes the instrument, whatever else is sent; the deprecated fields win over `card`. */
function changedCard(current: JsonObject | null, { card, cardType, cardToken }: CustomerBody): JsonObject | null {
  if (cardToken === null) return null
  if (cardType === undefined && cardToken === undefined) return card ?? current
  return {
    ...(card ?? current),
    ...(cardType !== undefined && { provider: cardType }),
    ...(cardToken !== undefined && { cardToken }),
  }
}

/** True unless a current password is given that is not the customer's. */
export function loginHolds(customer: SandboxCustomer, { currentPassword }: CustomerBody): boolean {
  return currentPassword === undefined || currentPassword === customer.password?.reveal()
}

/** True when every filter of the query fits; the bounds are inclusive. */
export function matchesQuery(customer: SandboxCustomer, query: CustomerQuery): boolean {
  const { externalId, email, paymentInstrumentProviderId, minCreatedAt, maxCreatedAt, minUpdatedAt, maxUpdatedAt } =
    query
  return (
    (externalId === undefined || externalId === customer.externalId) &&
    (email === undefined || email === customer.email) &&
    // What AiFi compares this one with is not documented; the token is the provider's name for the instrument.
    (paymentInstrumentProviderId === undefined || paymentInstrumentProviderId === customer.card?.cardToken) &&
    (minCreatedAt === undefined || customer.createdAt >= minCreatedAt) &&
    (maxCreatedAt === undefined || customer.createdAt <= maxCreatedAt) &&
    (minUpdatedAt === undefined || customer.updatedAt >= minUpdatedAt) &&
    (maxUpdatedAt === undefined || customer.updatedAt <= maxUpdatedAt)
  )
}

/** Exactly AiFi's documented customer object: no `blocked`, no password, no card. */
export function documentedCustomer(customer: SandboxCustomer) {
  const { id, externalId, role, metadata, priority, email, firstName, lastName, phone } = customer
  return { id, externalId, role, metadata, priority, email, firstName, lastName, phone }
}
