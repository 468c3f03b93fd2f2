import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { accept, start } from '../helpers/harness.ts'
import { byForm } from '../helpers/situations.ts'

describe('which fields need a person', () => {
  const values: JsonObject = {
    blocked: true,
    currentPassword: 'sandbox-password-77',
    password: 'a new password',
    role: 'tester',
    email: 'm@example.com',
    externalId: 'x',
    card: { provider: 'STRIPE', cardToken: 'tok_1' },
    cardType: 'STRIPE',
    cardToken: 'tok_1',
    firstName: 'Marc',
    lastName: 'Vogel',
    phone: '+49 30 23125 001',
    priority: 3,
  }
  const plain = ['firstName', 'lastName', 'phone', 'priority']

  async function askedFields(env: Record<string, string>): Promise<string[]> {
    const harness = await start({ env: { ...byForm, ...env, AIFI_MAX_CHANGES_PER_MINUTE: '100' } })
    const client = await harness.connect({ answer: () => accept() })
    const asked: string[] = []
    for (const [field, value] of Object.entries(values)) {
      const before = client.asked.length
      expect((await client.update({ customerId: 77, [field]: value })).status, field).toBe('updated')
      if (client.asked.length > before) asked.push(field)
    }
    return asked
  }

  test('are the built-in ones', async () => {
    expect(await askedFields({})).toEqual(Object.keys(values).filter((field) => !plain.includes(field)))
  })

  test('can be added to by AIFI_APPROVAL_FIELDS, never taken from', async () => {
    const asked = await askedFields({ AIFI_APPROVAL_FIELDS: 'phone,blocked' })
    expect(asked).toEqual(Object.keys(values).filter((field) => field === 'phone' || !plain.includes(field)))
  })

  test('are all of them under AIFI_APPROVAL_FIELDS=all', async () => {
    expect(await askedFields({ AIFI_APPROVAL_FIELDS: 'all' })).toEqual(Object.keys(values))
  })
})
