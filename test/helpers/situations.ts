import { expect } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Answer, decline, type Harness, start, type TestClient } from './harness.ts'
import { openedAddress, PageVisitor } from './page-visitor.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS

/** A sensitive change: somebody has to be asked. */
export const block = { customerId: 77, blocked: true }
/** A change that nobody has to be asked about. */
export const rename = { customerId: 77, firstName: 'Marc' }

export const byForm = { AIFI_APPROVAL: 'form' }
export const onPage = { AIFI_APPROVAL: 'page' }
/** Calls do not wait for the page. */
export const atOnce = { AIFI_APPROVAL_WAIT_SECONDS: '0' }

/** A client whose person does these things at the questions, one after the other; the last one stands. */
export function doing(...steps: ((params: Parameters<Answer>[0]) => ReturnType<Answer>)[]): Answer {
  let count = 0
  return (params) => {
    const step = steps[Math.min(count, steps.length - 1)]
    count += 1
    return step ? step(params) : decline()
  }
}

/** A call that waits for the page, and the person there. */
export async function waitingOnPage(args: JsonObject = block, env: Record<string, string> = {}) {
  const harness = await start({ env: { ...onPage, ...env } })
  const client = await harness.connect()
  const call = client.update(args)
  call.catch(() => undefined)
  const page = new PageVisitor(await openedAddress(harness))
  await page.get()
  return { harness, client, call, page }
}

/** Waits for a round trip, so that what was written before has arrived. */
export async function roundTrip({ client }: TestClient): Promise<void> {
  await client.listTools()
}

export const statusesOf = (envelopes: readonly { status: string }[]) => envelopes.map(({ status }) => status).sort()

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
