import { createdCustomer, type SandboxCustomer } from './customer.ts'
import type { CustomerBody } from './customer-body.ts'

/**
 * Invented people. The telephone numbers are from ranges kept for fiction (NANP 555-0100 to 0199, Ofcom 020 7946 0xxx,
 * Bundesnetzagentur 030 23125 xxx, Arcep 01 99 00 xx xx).
 */
const seeds: Readonly<Record<number, CustomerBody>> = {
  77: {
    email: 'marcus.weber@example.com',
    externalId: 'crm-000077',
    firstName: 'Marcus',
    lastName: 'Weber',
    phone: '+49 30 23125 042',
    metadata: { homeStore: 'Berlin Mitte', newsletter: false },
    password: 'sandbox-password-77',
  },
  102: {
    email: 'amelia.shaw@example.com',
    externalId: 'hr-20113',
    firstName: 'Amelia',
    lastName: 'Shaw',
    phone: '+44 20 7946 0102',
    role: 'employee',
    metadata: { department: 'Fresh food' },
  },
  318: {
    email: 'gate.test@example.com',
    externalId: 'qa-gate-3',
    firstName: 'Gate',
    lastName: 'Test',
    role: 'tester',
    priority: -10,
  },
  560: {
    email: '7c1f0c0e-93d5-4b0a-8a53-5b1d1d9f6e24@aifi.example.com',
    externalId: 'kiosk-560',
    firstName: 'Noor',
    lastName: 'Bakker',
    card: { provider: 'PAYTER', cardToken: 'payter-sandbox-560' },
  },
  1024: {
    email: 'layla.haddad@example.com',
    externalId: 'crm-001024',
    firstName: 'ليلى',
    lastName: 'حداد',
    phone: '+33 1 99 00 10 24',
    priority: 5,
    metadata: { language: 'ar', loyalty: { tier: 'silver', points: 1280 } },
  },
  2050: {
    email: 'walk-in-2050@example.com',
    role: 'untracked',
  },
  4211: {
    email: 'jane@example.com',
    externalId: 'crm-004211',
    firstName: 'Jane',
    lastName: 'Doe',
    phone: '+1 555 0142',
    metadata: { loyalty: { tier: 'gold', points: 20450 }, newsletter: true },
    blocked: true,
    card: { provider: 'STRIPE', cardToken: 'pm_sandbox_4211' },
    password: 'sandbox-password-4211',
  },
  9003: {
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
}

/** The customers that a sandbox starts with, by id. */
export function seedCustomers(): Map<number, SandboxCustomer> {
  const createdAt = new Date('2025-03-01T09:00:00Z')
  return new Map(Object.entries(seeds).map(([id, body]) => [Number(id), createdCustomer(Number(id), body, createdAt)]))
}
