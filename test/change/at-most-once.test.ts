import fc from 'fast-check'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import type { UpdateEnvelope } from '../../src/change/envelope.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { outwaited } from '../helpers/fault.ts'
import { startFaultServer } from '../helpers/fault-server.ts'
import { serverBefore, TIMEOUT_MS } from '../helpers/fault-situation.ts'
import { accept, decline, type Harness, type TestClient } from '../helpers/harness.ts'
import {
  acceptedEndings,
  type Ending,
  ModelAifi,
  recordOf,
  refusedEndings,
  slowEndings,
  unclearEndings,
  type View,
  views,
} from '../helpers/model-aifi.ts'

/** More than the few seconds of an ordinary run: `FUZZ_RUNS=5000 npx vitest run test/change/at-most-once.test.ts`. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 60)

/** One change, and everything that happens to it. */
interface Step {
  readonly kind: 'plain' | 'approved' | 'declined' | 'not answered yes'
  readonly args: JsonObject
  /** What its PATCH requests meet, one after the other; the last one stands. */
  readonly endings: readonly Ending[]
  readonly before: View
  readonly after: View
}

const endings = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...acceptedEndings) },
    { weight: 4, arbitrary: fc.constantFrom(...refusedEndings) },
    { weight: 8, arbitrary: fc.constantFrom(...unclearEndings) },
    { weight: 1, arbitrary: fc.constantFrom(...slowEndings) },
  ),
  { minLength: 1, maxLength: 4 },
)
const plain = fc.constantFrom<JsonObject>(
  { firstName: 'Janet' },
  { priority: 7, phone: '+1 555 0199' },
  { metadata: { tier: 'gold', since: 2020 } },
)
const sensitive = fc.constantFrom<JsonObject>(
  { role: 'tester' },
  { blocked: true },
  { password: 'canary-password' },
  { firstName: 'Janet', blocked: false },
  { metadata: { since: 2020 } },
)
const view = fc.oneof({ weight: 3, arbitrary: fc.constant<View>('shown') }, fc.constantFrom(...views))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('plain' as const),
    args: plain,
    endings,
    before: fc.constant<View>('shown'),
    after: view,
  }),
  fc.record({
    kind: fc.constantFrom('approved', 'approved', 'approved', 'declined', 'not answered yes'),
    args: sensitive,
    endings,
    before: view,
    after: view,
  }),
)

let harness: Harness
let client: TestClient
let model: ModelAifi
let customerId: number
let current: Step
let left: Ending[]

beforeEach(async () => {
  const server = await startFaultServer()
  onTestFinished(() => server.close())
  customerId = 1000
  model = new ModelAifi({
    ending: () => {
      const next = left.length > 1 ? left.shift() : left[0]
      if (!next) throw new Error('no ending')
      return next
    },
    view: (id) => (model.arrived(id) === 0 ? current.before : current.after),
  })
  server.always('GET', model.get)
  server.always('PATCH', (request) => {
    const [next] = left
    const fault = model.patch(request)
    const isSlow = next !== undefined && slowEndings.includes(next)
    return isSlow ? outwaited(fault, () => harness.clock.advance(TIMEOUT_MS)) : fault
  })
  const answer = () => {
    if (current.kind === 'declined') return decline()
    return accept({ approve: current.kind === 'approved' })
  }
  const started = await serverBefore(server.url, { answer })
  harness = started.harness
  client = started.client
})

/** Makes the change, and checks what was said about it against what became of it. */
async function take(next: Step): Promise<UpdateEnvelope> {
  current = next
  left = [...next.endings]
  customerId += 1
  // After three refusals in ten minutes nobody would be asked.
  harness.clock.advance(11 * 60_000)
  const asked = client.asked.length
  const envelope = await client.update({ customerId, ...next.args })
  const processed = model.processed(customerId)

  expect(processed, 'processed at most once').toBeLessThanOrEqual(1)
  const questions = client.asked.slice(asked).map(({ message }) => message)
  expect(questions.length > 0, 'a question for a sensitive change').toBe(next.kind !== 'plain')
  expect(questions.length, 'a question asked once').toBeLessThanOrEqual(1)
  if (next.kind === 'declined' || next.kind === 'not answered yes') {
    expect(envelope.status).toBe('declined')
    expect(model.arrived(customerId), 'nothing is sent without an approval').toBe(0)
    return envelope
  }
  expect(['updated', 'invalid', 'failed', 'unknown']).toContain(envelope.status)
  if (envelope.status === 'updated') expect(processed, 'said to be updated').toBe(1)
  if (envelope.status === 'failed' || envelope.status === 'invalid') expect(processed, 'said not to be made').toBe(0)
  expect(model.arrived(customerId), 'sent, and again once at most for each reason').toBeLessThanOrEqual(2)
  return envelope
}

test('whatever happens, a change is processed at most once, never without approval, and the answer is true', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
      for (const each of steps) await take(each)
    }),
    { numRuns: RUNS, endOnFailure: RUNS > 1000 },
  )
}, 36_000_000)

test('every single ending is met with a true answer, for a plain and for an approved change', async () => {
  const said = new Map<string, Set<string>>()
  for (const ending of [...acceptedEndings, ...refusedEndings, ...unclearEndings, ...slowEndings.slice(0, 3)]) {
    for (const kind of ['plain', 'approved'] as const) {
      const args = kind === 'plain' ? { firstName: 'Janet' } : { blocked: true }
      const { status } = await take({ kind, args, endings: [ending], before: 'shown', after: 'shown' })
      said.set(status, (said.get(status) ?? new Set()).add(kind))
    }
  }
  // What is read back can only prove the change of a field that AiFi shows.
  expect([...said.keys()].sort()).toEqual(['failed', 'invalid', 'unknown', 'updated'])
})

test('a change that was made once is not made by asking again: the record already is as asked', async () => {
  const made = { kind: 'plain', args: { firstName: 'Janet' }, before: 'shown', after: 'shown' } as const
  const [reset] = unclearEndings.filter(({ name }) => name === 'reset, processed at_once')
  if (!reset) throw new Error('no such ending')
  expect((await take({ ...made, endings: [reset] })).status).toBe('updated')
  expect(model.record(customerId)).toEqual({ ...recordOf(customerId), firstName: 'Janet' })
  const again = await client.update({ customerId, firstName: 'Janet' })
  expect(again.status).toBe('unchanged')
  expect(model.processed(customerId)).toBe(1)
})
