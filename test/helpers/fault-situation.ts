import { onTestFinished } from 'vitest'
import type { UpdateEnvelope } from '../../src/change/envelope.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Fault, fault, outwaited, type ReceivedRequest } from './fault.ts'
import { type FaultServer, startFaultServer } from './fault-server.ts'
import { type Answer, accept, type Harness, type HarnessOptions, start, type TestClient } from './harness.ts'

/** The customer that everything happens to. */
export const jane = {
  id: 4211,
  externalId: 'crm-004211',
  role: 'customer',
  metadata: { tier: 'gold' },
  priority: 0,
  email: 'jane@example.com',
  firstName: 'Jane',
  lastName: 'Doe',
  phone: '+1 555 0142',
}

/** The same customer as the sandbox has her. */
export const seededJane = {
  ...jane,
  metadata: { loyalty: { tier: 'gold', points: 20450 }, newsletter: true },
}

/** What a change meets: AiFi before, at, and after the PATCH. */
export interface Circumstances {
  /** What the PATCH requests meet, one after the other; the last one stands. */
  readonly patch?: Fault | readonly [Fault, ...Fault[]]
  /** What is read until a PATCH has arrived; default: Jane's record. */
  readonly before?: Fault
  /** What is read from then on; default: the same as before. */
  readonly after?: Fault
  readonly env?: Record<string, string>
  /** The answers to the PATCH have no end: the deadline of the exchange is over once what comes of them was read. */
  readonly isTooSlow?: boolean
  /** The deadline of an exchange; the clock reaches it only by being pushed. */
  readonly timeoutMs?: number
  readonly answer?: Answer
  readonly audit?: HarnessOptions['audit']
}

export interface Situation {
  readonly aifi: FaultServer
  readonly harness: Harness
  readonly client: TestClient
  /** How many PATCH requests have arrived, wholly or in part. */
  patches(): number
}

/** The deadline of an exchange. */
export const TIMEOUT_MS = 5_000
/** Longer than any pause before a repetition. */
const PAUSE_MS = 1_000

/** The whole server in front of an AiFi that does as told, with a client whose person approves. */
export async function situation(circumstances: Circumstances = {}): Promise<Situation> {
  const { patch = fault.answer(200, jane), before = fault.answer(200, jane), after = before } = circumstances
  const aifi = await startFaultServer()
  onTestFinished(() => aifi.close())
  const [first, ...rest] = Array.isArray(patch) ? patch : [patch]
  const queue: Fault[] = [first, ...rest]
  aifi.always('PATCH', () => {
    const next = (queue.length > 1 ? queue.shift() : queue[0]) ?? first
    return circumstances.isTooSlow ? outwaited(next, () => harness.clock.advance(TIMEOUT_MS)) : next
  })
  const patches = () => aifi.received('PATCH').length + aifi.partial('PATCH').length
  aifi.always('GET', () => (patches() === 0 ? before : after))
  const { client, harness } = await serverBefore(aifi.url, circumstances)
  return { aifi, harness, client, patches }
}

/** The same in front of any address. However slow the machine is, no deadline is over before the clock is pushed. */
export async function serverBefore(
  baseUrl: string,
  { timeoutMs = TIMEOUT_MS, env, answer = () => accept(), audit }: Circumstances = {},
): Promise<{ harness: Harness; client: TestClient }> {
  const settings = { AIFI_TIMEOUT_MS: String(timeoutMs), AIFI_APPROVAL: 'form', AIFI_MAX_CHANGES_PER_MINUTE: '1000000' }
  const harness = await start({ baseUrl, env: { ...settings, ...env }, ...(audit && { audit }) })
  harness.clock.holdTimers(PAUSE_MS)
  return { harness, client: await harness.connect({ answer }) }
}

/** One change of Jane under these circumstances, and how many PATCH requests arrived for it. */
export async function change(
  args: JsonObject,
  circumstances: Circumstances,
): Promise<{ envelope: UpdateEnvelope; patches: number; aifi: FaultServer }> {
  const { aifi, client, patches } = await situation(circumstances)
  const envelope = await client.update({ customerId: jane.id, ...args })
  return { envelope, patches: patches(), aifi }
}

/** An AiFi that applies the body to Jane's record, and whatever else it thinks right. */
export function applying(extra: JsonObject = {}): Fault {
  return fault.answerWith((request) => ({ status: 200, body: { ...jane, ...bodyOf(request), ...extra } }))
}

export function bodyOf({ body }: ReceivedRequest): JsonObject {
  return JSON.parse(body)
}

/** An address on this machine at which nobody listens. */
export async function deadAddress(): Promise<string> {
  const server = await startFaultServer()
  await server.close()
  return server.url
}
