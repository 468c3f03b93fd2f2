import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nearestName } from '../../src/lib/nearest-name.ts'

const fields = [
  'customerId',
  'email',
  'externalId',
  'firstName',
  'lastName',
  'phone',
  'role',
  'blocked',
  'card',
  'cardType',
]

test.each([
  ['first_name', 'firstName'],
  ['customer_id', 'customerId'],
  ['CUSTOMER-ID', 'customerId'],
  ['fisrtName', 'firstName'],
  ['mail', 'email'],
  ['emailAddress', 'email'],
  ['phoneNumber', 'phone'],
  ['isBlocked', 'blocked'],
  ['roel', 'role'],
  ['card_type', 'cardType'],
  ['name', undefined],
  ['reason', undefined],
  ['__proto__', undefined],
  ['', undefined],
])('%j was probably meant to be %j', (name, meant) => {
  expect(nearestName(name, fields)).toBe(meant)
})

test('a name is always nearest to itself, and one of any length gets an answer at once', () => {
  for (const field of fields) expect(nearestName(field, fields)).toBe(field)
  expect(nearestName('x'.repeat(1_000_000), fields)).toBeUndefined()
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (name) => void nearestName(name, fields)))
})
