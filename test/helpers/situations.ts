import { expect } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import type { Harness } from './harness.ts'

/** A sensitive change: somebody has to be asked. */
export const block = { customerId: 77, blocked: true }
/** A change that nobody has to be asked about. */
export const rename = { customerId: 77, firstName: 'Marc' }

/** Somebody else changes the record at AiFi; does not count as a request of ours. */
export async function changeElsewhere(
  { sandbox, requests }: Harness,
  customerId: number,
  body: JsonObject,
): Promise<void> {
  const response = await fetch(`${sandbox.baseUrl}/api/admin/v2/customers/${customerId}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${sandbox.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(200)
  const own = requests.findLastIndex(({ method }) => method === 'PATCH')
  requests.splice(own, 1)
}

/** Has sent nothing to AiFi that changes a customer. */
export function expectNothingSent(harness: Harness): void {
  expect(harness.sent('PATCH')).toEqual([])
}
