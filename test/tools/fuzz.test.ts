import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { statuses, type UpdateEnvelope } from '../../src/change/envelope.ts'
import { customerFields } from '../../src/customer/fields.ts'
import { isJsonObject, type JsonObject, jsonEqual } from '../../src/lib/json.ts'
import { type Fault, fault, outwaited } from '../helpers/fault.ts'
import { type FaultServer, startFaultServer } from '../helpers/fault-server.ts'
import { bodyOf, jane, serverBefore, TIMEOUT_MS } from '../helpers/fault-situation.ts'
import type { Harness, TestClient } from '../helpers/harness.ts'
import { startServer } from '../helpers/process.ts'

/**
 * Inputs per test; the ordinary run takes a few seconds. More: `FUZZ_RUNS=20000 npx vitest run test/tools/fuzz.test.ts`.
 * A failure prints the seed and the smallest input that it found.
 */
const RUNS = Number(process.env.FUZZ_RUNS ?? 300)
const TEN_HOURS_MS = 36_000_000
/** Bytes of one result as JSON. */
const RESULT_LIMIT = 32_000

/** Nested so deep that a careless recursion runs out of stack. */
function nested(levels: number, kind: 'array' | 'object'): unknown {
  let value: unknown = 'bottom'
  for (let level = 0; level < levels; level++) value = kind === 'array' ? [value] : { x: value }
  return value
}

const oddText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '\ud800',
    '\u202e',
    '\u001b[31m',
    'constructor',
    '__proto__',
    'x'.repeat(20_000),
    '4211',
  ),
)
const oddValue = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue() },
  { weight: 2, arbitrary: oddText },
  fc.constantFrom(0, -0, 0.5, -1, 2 ** 53, 1e300, true, false, null),
  fc
    .integer({ min: 60, max: 4_000 })
    .chain((levels) => fc.constantFrom(nested(levels, 'array'), nested(levels, 'object'))),
)
const oddObject = fc.dictionary(oddText, oddValue, { maxKeys: 8 })

interface Fuzzed {
  readonly aifi: FaultServer
  readonly client: TestClient
  readonly harness: Harness
}

async function fuzzed(): Promise<Fuzzed> {
  const aifi = await startFaultServer()
  onTestFinished(() => aifi.close())
  return { aifi, ...(await serverBefore(aifi.url)) }
}

function isWithinLimit(envelope: UpdateEnvelope): boolean {
  return Buffer.byteLength(JSON.stringify(envelope)) <= RESULT_LIMIT
}

test(
  'any arguments get an answer in the one shape, and what is sent is exactly what was asked',
  async () => {
    const { aifi, client } = await fuzzed()
    aifi.always('GET', fault.answer(200, jane))
    aifi.always(
      'PATCH',
      fault.answerWith((request) => ({ status: 200, body: { ...jane, ...bodyOf(request) } })),
    )
    const plausible = fc.record(
      {
        customerId: fc.oneof({ weight: 5, arbitrary: fc.constant(4211) }, oddValue),
        firstName: fc.oneof(fc.string(), oddValue),
        email: fc.oneof(fc.emailAddress(), oddValue),
        role: fc.oneof(fc.constantFrom('tester', 'employee', 'Tester'), oddValue),
        priority: fc.oneof(fc.integer({ min: -12, max: 12 }), oddValue),
        metadata: fc.oneof(oddObject, oddValue, fc.json()),
        card: fc.oneof(oddObject, oddValue),
        cardToken: fc.oneof(fc.string(), oddValue),
        blocked: fc.oneof(fc.boolean(), oddValue),
        password: fc.oneof(fc.constant('canary-password'), oddValue),
        enterPrivately: fc.oneof(fc.subarray(['password', 'cardToken']), oddValue),
        expectedEmail: fc.oneof(fc.constant(jane.email), oddValue),
        dryRun: fc.oneof(fc.constant(false), oddValue),
        approvalCode: oddValue,
        wait_for_previous: oddValue,
      },
      { requiredKeys: [] },
    )
    const few = plausible.chain((all) => fc.subarray(Object.entries(all), { maxLength: 4 })).map(Object.fromEntries)
    const usually = few.map((args) => ({ customerId: 4211, ...args }))
    let sent = 0
    const arbitrary = fc.oneof(oddObject, plausible, few, { weight: 4, arbitrary: usually })
    await fc.assert(
      fc.asyncProperty(arbitrary, async (generated: JsonObject) => {
        // As it arrives over a wire.
        const args: JsonObject = JSON.parse(JSON.stringify(generated))

        const before = aifi.received('PATCH').length
        const envelope = await client.update(args)
        const patches = aifi.received('PATCH').slice(before)
        expect(statuses).toContain(envelope.status)
        expect(isWithinLimit(envelope)).toBe(true)
        expect(JSON.stringify(envelope)).not.toContain('canary')
        // This AiFi answers with one record only: what was sent for another customer has an unknown outcome.
        const wasSent = envelope.status === 'updated' || (envelope.status === 'unknown' && args.customerId !== 4211)
        expect(patches).toHaveLength(wasSent ? 1 : 0)
        sent += patches.length
        for (const patch of patches) {
          const body = bodyOf(patch)
          for (const [field, value] of Object.entries(body)) {
            expect(customerFields).toContain(field)
            const given = args[field]
            // What is no text may come as its text: some hosts send it so.
            const asked = typeof given === 'string' && typeof value !== 'string' ? JSON.parse(given) : given
            expect(jsonEqual(value, asked)).toBe(true)
          }
          const asked = customerFields.filter((field) => Object.hasOwn(args, field))
          expect(Object.keys(body).sort()).toEqual([...asked].sort())
        }
      }),
      { numRuns: RUNS },
    )
    expect(sent, 'some of it was worth sending').toBeGreaterThan(RUNS / 100)
  },
  TEN_HOURS_MS,
)

interface OddAnswer {
  readonly fault: Fault
  /** What is missing of it never comes. */
  readonly isTooSlow: boolean
}

/** An answer of AiFi: anything that is HTTP, and now and then what is not. */
const oddAnswer: fc.Arbitrary<OddAnswer> = (() => {
  const status = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(200, 200, 201, 204, 301, 400, 401, 404, 422, 429, 500, 502) },
    fc.integer({ min: 200, max: 999 }),
  )
  const record = fc.record(
    {
      ...Object.fromEntries(Object.keys(jane).map((field) => [field, oddValue])),
      id: fc.oneof(fc.constant(4211), oddValue),
    },
    { requiredKeys: [] },
  )
  const entry = fc.record({ error: oddValue, field: oddValue, rule: oddValue }, { requiredKeys: [] })
  const errors = fc.oneof(fc.array(fc.oneof(entry, oddValue), { maxLength: 30 }), oddValue)
  const error = fc.record({ message: oddValue, type: oddValue, errors }, { requiredKeys: [] })
  const echo = fc.constantFrom(
    {
      message: '"password" with value "canary-password" fails',
      errors: [{ error: 'canary-password', field: 'canary-password' }],
    },
    { ...jane, firstName: 'canary-password', metadata: { 'canary-password': ['canary-password'] } },
    { type: 'canary-password', errors: [{ rule: 'canary-password' }] },
  )
  const json = fc.oneof(record, record, error, echo, oddValue).map((value) => JSON.stringify(value) ?? 'null')
  const content = fc.oneof(
    { weight: 5, arbitrary: json.map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: json.map((text) => Buffer.from(text.slice(0, text.length / 2))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)) },
    fc.constantFrom(
      Buffer.from('['.repeat(200_000)),
      Buffer.from(`${'['.repeat(50_000)}${']'.repeat(50_000)}`),
      Buffer.from(`{"id":4211,"metadata":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`),
      Buffer.from(JSON.stringify({ ...jane, firstName: 'x'.repeat(900_000) })),
      Buffer.from(
        JSON.stringify({
          ...jane,
          metadata: Object.fromEntries(Array.from({ length: 20_000 }, (_, key) => [key, key])),
        }),
      ),
      Buffer.alloc(1_500_000, ' '),
      Buffer.from('{"id":4211,"__proto__":{"role":"tester"},"role":"customer"}'),
    ),
  )
  const value = fc.oneof(
    fc.constantFrom('', '0', '1', '-1', '1e9', 'soon', 'canary-password', 'Wed, 21 Oct 2099 07:28:00 GMT', 'text/html'),
    fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) }),
  )
  const name = fc.constantFrom(
    'retry-after',
    'x-request-id',
    'traceparent',
    'content-type',
    'x-correlation-id',
    'location',
  )
  const headers = fc.array(fc.tuple(name, value), { maxLength: 4 })
  const http = fc.tuple(status, headers, content).map(([code, lines, body]) => {
    const head = [['content-length', String(body.length)], ...lines]
      .map(([key, text]) => `${key}: ${text}\r\n`)
      .join('')
    return Buffer.concat([Buffer.from(`HTTP/1.1 ${code} X\r\n${head}\r\n`, 'latin1'), body])
  })
  const cut = fc.oneof(
    http.map((whole) => whole.subarray(0, whole.length / 3)),
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
  )
  const sending = (bytes: Uint8Array, closes: boolean): Fault => ({
    after: 'body',
    act: ({ socket }) => void (closes ? socket.end(bytes) : socket.write(bytes)),
  })
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(http, fc.boolean()).map(([bytes, closes]) => ({
        fault: sending(bytes, closes),
        isTooSlow: false,
      })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(cut, fc.boolean()).map(([bytes, closes]) => ({
        fault: sending(bytes, closes),
        isTooSlow: !closes,
      })),
    },
  )
})()

test(
  'any answers of AiFi, to reading and to sending, become an answer in the one shape',
  async () => {
    const { aifi, client, harness } = await fuzzed()
    const args = fc.constantFrom<JsonObject>(
      { firstName: 'Janet' },
      { priority: 3, lastName: 'Dough' },
      { password: 'canary-password', firstName: 'Janet' },
      { metadata: { a: 1 } },
    )
    const seen = new Map<string, number>()
    const views = fc.tuple(fc.option(oddAnswer), fc.option(oddAnswer))
    await fc.assert(
      fc.asyncProperty(args, oddAnswer, views, async (changes, patch, [before, after]) => {
        const sentBefore = aifi.received('PATCH').length
        const sent = () => aifi.received('PATCH').length - sentBefore
        const meeting = ({ fault, isTooSlow }: OddAnswer) =>
          isTooSlow ? outwaited(fault, () => harness.clock.advance(TIMEOUT_MS)) : fault
        aifi.always('PATCH', meeting(patch))
        aifi.always('GET', () => {
          const view = sent() === 0 ? before : after
          return view ? meeting(view) : fault.answer(200, jane)
        })
        harness.clock.advance(61_000)
        const envelope = await client.update({ customerId: 4211, ...changes })
        seen.set(envelope.status, (seen.get(envelope.status) ?? 0) + 1)
        // A record too long for a form goes to the page, which nobody can open here.
        const ends = ['updated', 'unchanged', 'invalid', 'failed', 'unknown', 'approval_unavailable']
        expect(ends).toContain(envelope.status)
        expect(isWithinLimit(envelope)).toBe(true)
        if ('password' in changes) expect(JSON.stringify(envelope)).not.toContain('canary')
        expect(sent()).toBeLessThanOrEqual(2)
        expect(sent() === 0).toBe(envelope.status === 'unchanged' || /[Nn]othing was sent/.test(envelope.message))
      }),
      { numRuns: RUNS },
    )
    expect(seen.size, [...seen].join(' ')).toBeGreaterThanOrEqual(4)
    expect(harness.log.filter((line) => line.includes('"level":50'))).toEqual([])
  },
  TEN_HOURS_MS,
)

test(
  'any bytes on stdin leave the process answering, in JSON-RPC and nothing else',
  async () => {
    const server = startServer({ args: ['--sandbox'] })
    await server.initialize()
    const method = fc.oneof(
      fc.constantFrom(
        'tools/call',
        'tools/list',
        'ping',
        'initialize',
        'notifications/cancelled',
        'server/discover',
        'no/such',
      ),
      oddText,
    )
    const name = fc.oneof(fc.constantFrom('update_customer', 'find_customers'), oddValue)
    const call = fc.record({ name, arguments: fc.oneof(oddObject, oddValue) }, { requiredKeys: [] })
    const id = fc.oneof(
      fc.string().map((text) => `fuzz-${text}`),
      fc.double(),
      fc.constantFrom<unknown>(null, {}, [], -1, true),
    )
    const message = fc
      .record(
        {
          jsonrpc: fc.oneof({ weight: 5, arbitrary: fc.constant<unknown>('2.0') }, oddValue),
          id,
          method,
          params: fc.oneof(call, oddValue),
          result: oddValue,
        },
        { requiredKeys: ['jsonrpc'] },
      )
      .map((value) => JSON.stringify(value))
    const line = fc.oneof(message, message, fc.json(), oddText)
    const chunk = fc.oneof(
      { weight: 3, arbitrary: line.map((text) => Buffer.from(`${text}\n`)) },
      { weight: 1, arbitrary: line.map((text) => Buffer.from(text.slice(0, text.length / 2))) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { minLength: 1, maxLength: 10 }), async (chunks) => {
        for (const each of chunks) server.write(each)
        server.write('\n')
        // `messages` throws on anything that is not JSON-RPC.
        const answer = await server.answer(server.send('tools/list'))
        expect(isJsonObject(answer.result) && Array.isArray(answer.result.tools)).toBe(true)
      }),
      { numRuns: Math.ceil(RUNS / 3) },
    )
    expect(server.stderr).not.toMatch(/nobody (caught|handled)/)
    server.child.stdin?.end()
    expect(await server.ended).toMatchObject({ code: 0 })
  },
  TEN_HOURS_MS,
)
