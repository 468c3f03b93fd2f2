import type { JsonObject } from '../lib/json.ts'
import { Secret } from '../lib/secret.ts'
import type { CustomerBody, CustomerQuery } from './schema.ts'

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
}

/**
 * The customer after a PATCH: what the body leaves out stays.
 * `metadata` and `card` are replaced as a whole; whether AiFi does that or merges is not known.
 */
export function changedCustomer(customer: SandboxCustomer, body: CustomerBody): SandboxCustomer {
  const { password, currentPassword, card, cardType, cardToken, ...fields } = body
  return {
    ...customer,
    ...fields,
    card: changedCard(customer.card, body),
    password: password === undefined ? customer.password : new Secret(password),
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

/** True when every filter of the query fits. */
export function matchesQuery(customer: SandboxCustomer, { externalId, email }: CustomerQuery): boolean {
  return (
    (externalId === undefined || externalId === customer.externalId) &&
    (email === undefined || email === customer.email)
  )
}

/** Exactly AiFi's documented customer object: no `blocked`, no password, no card. */
export function documentedCustomer(customer: SandboxCustomer) {
  const { id, externalId, role, metadata, priority, email, firstName, lastName, phone } = customer
  return { id, externalId, role, metadata, priority, email, firstName, lastName, phone }
}

/** A customer of whom only the email is known, with AiFi's create-defaults. */
const blank = {
  externalId: null,
  role: 'customer',
  metadata: null,
  priority: 0,
  firstName: null,
  lastName: null,
  phone: null,
  blocked: false,
  card: null,
  password: null,
} as const

/**
 * Invented people. The telephone numbers are from ranges kept for fiction (NANP 555-0100 to 0199, Ofcom 020 7946 0xxx,
 * Bundesnetzagentur 030 23125 xxx, Arcep 01 99 00 xx xx).
 */
const seeds: readonly (Partial<SandboxCustomer> & Pick<SandboxCustomer, 'id' | 'email'>)[] = [
  {
    id: 77,
    email: 'marcus.weber@example.com',
    externalId: 'crm-000077',
    firstName: 'Marcus',
    lastName: 'Weber',
    phone: '+49 30 23125 042',
    metadata: { homeStore: 'Berlin Mitte', newsletter: false },
    password: new Secret('sandbox-password-77'),
  },
  {
    id: 102,
    email: 'amelia.shaw@example.com',
    externalId: 'hr-20113',
    firstName: 'Amelia',
    lastName: 'Shaw',
    phone: '+44 20 7946 0102',
    role: 'employee',
    metadata: { department: 'Fresh food' },
  },
  {
    id: 318,
    email: 'gate.test@example.com',
    externalId: 'qa-gate-3',
    firstName: 'Gate',
    lastName: 'Test',
    role: 'tester',
    priority: -10,
  },
  {
    id: 560,
    email: '7c1f0c0e-93d5-4b0a-8a53-5b1d1d9f6e24@aifi.example.com',
    externalId: 'kiosk-560',
    firstName: 'Noor',
    lastName: 'Bakker',
    card: { provider: 'PAYTER', cardToken: 'payter-sandbox-560' },
  },
  {
    id: 1024,
    email: 'layla.haddad@example.com',
    externalId: 'crm-001024',
    firstName: 'ليلى',
    lastName: 'حداد',
    phone: '+33 1 99 00 10 24',
    priority: 5,
    metadata: { language: 'ar', loyalty: { tier: 'silver', points: 1280 } },
  },
  { id: 2050, email: 'walk-in-2050@example.com', role: 'untracked' },
  {
    id: 4211,
    email: 'jane@example.com',
    externalId: 'crm-004211',
    firstName: 'Jane',
    lastName: 'Doe',
    phone: '+1 555 0142',
    metadata: { loyalty: { tier: 'gold', points: 20450 }, newsletter: true },
    blocked: true,
    card: { provider: 'STRIPE', cardToken: 'pm_sandbox_4211' },
    password: new Secret('sandbox-password-4211'),
  },
  {
    id: 9003,
    email: 'sofia.lindqvist@example.com',
    externalId: 'vip-9003',
    firstName: 'Sofia',
    lastName: 'Lindqvist',
    phone: '+1 555 0173',
    role: 'unknown',
    priority: 10,
    metadata: { company: 'Example Retail', tags: ['vip', 'press'] },
    card: { provider: 'ADYEN', cardToken: 'adyen-sandbox-9003' },
  },
]

/** The customers that a sandbox starts with, by id. */
export function seedCustomers(): Map<number, SandboxCustomer> {
  return new Map(seeds.map((seed) => [seed.id, { ...blank, ...seed }]))
}
