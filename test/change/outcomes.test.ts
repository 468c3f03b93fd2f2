import { describe, expect, it, onTestFinished } from 'vitest'
import type { Delivery } from '../../src/aifi/port.ts'
import type { UpdateEnvelope } from '../../src/change/envelope.ts'
import { outcomeTable, type Proof, proofOf, readBackTable } from '../../src/change/outcome.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Fault, fault, outwaited } from '../helpers/fault.ts'
import { selfSignedCertificate, startFaultServer } from '../helpers/fault-server.ts'
import {
  applying,
  type Circumstances,
  change,
  deadAddress,
  jane,
  serverBefore,
  situation,
  TIMEOUT_MS,
} from '../helpers/fault-situation.ts'
import { accept } from '../helpers/harness.ts'

const janet = { ...jane, firstName: 'Janet' }

/** Faults after which the change may have been made or not, and what the message says about each. */
const unclear: readonly [
  name: string,
  patch: Fault,
  says: RegExp,
  httpStatus: number | undefined,
  isTooSlow?: boolean,
][] = [
  ['a reset before the body was read', fault.resetAfterHeaders(), /connection ended before/, undefined],
  ['a reset after the body was read', fault.resetAfterBody(), /connection ended before/, undefined],
  ['an orderly end without an answer', fault.closeAfterBody(), /connection ended before/, undefined],
  ['a reset within the headers of the answer', fault.resetMidHeaders(), /connection ended before/, undefined],
  ['an end within the headers of the answer', fault.closeMidHeaders(), /connection ended before/, undefined],
  ['no answer at all', fault.silence(), /No answer came in time/, undefined, true],
  ['headers that never end', fault.slowHeaders(), /No answer came in time/, undefined, true],
  ['too many headers', fault.endlessHeaders(), /no HTTP answer/, undefined],
  ['what is not HTTP', fault.garbage(), /no HTTP answer/, undefined],
  ['another protocol', fault.switchingProtocols(), /connection ended before/, undefined],
  ['100 without having asked', fault.informational(100, fault.answer(200)), /connection ended before/, undefined],
  ['103 and then nothing', fault.informational(103, fault.silence()), /No answer came in time/, undefined, true],
  ['a slow body', fault.slowBody(), /HTTP 200, but not all of it arrived/, 200, true],
  ['an endless body', fault.endlessBody(), /HTTP 200, but not all of it arrived/, 200],
  ['a reset within the body', fault.resetMidBody(), /HTTP 200, but not all of it arrived/, 200],
  ['a body cut off', fault.truncatedBody(), /HTTP 200, but not all of it arrived/, 200],
  ['a chunked body cut off', fault.truncatedChunked(), /HTTP 200, but not all of it arrived/, 200],
  ['a malformed chunked body', fault.malformedChunked(), /HTTP 200, but not all of it arrived/, 200],
  ['half a record', fault.answer(200, '{"id":4211,'), /HTTP 200, but not with this customer's record/, 200],
  ['a page', fault.answer(200, '<html>Sign in</html>', { 'content-type': 'text/html' }), /not with this customer/, 200],
  ['JSON that is no customer', fault.answer(200, { ok: true }), /not with this customer/, 200],
  ['a list', fault.answer(200, [janet]), /not with this customer/, 200],
  ["another customer's record", fault.answer(200, { ...janet, id: 77 }), /not with this customer/, 200],
  ['a record whose id is text', fault.answer(200, { ...janet, id: '4211' }), /not with this customer/, 200],
  ['202', fault.answer(202), /HTTP 202, which proves nothing/, 202],
  ['202 with the record', fault.answer(202, janet), /HTTP 202, which proves nothing/, 202],
  ['206', fault.answer(206, janet), /HTTP 206, which proves nothing/, 206],
  ['303', fault.redirect(303, '/elsewhere'), /HTTP 303, which proves nothing/, 303],
  ['304', fault.answer(304), /HTTP 304, which proves nothing/, 304],
  ['408', fault.answer(408), /error \(HTTP 408\)/, 408],
  ['499', fault.answer(499), /error \(HTTP 499\)/, 499],
  ['500 cut off', fault.truncatedBody(500), /error \(HTTP 500\)/, 500],
  ['502', fault.answer(502, '<h1>Bad gateway</h1>'), /error \(HTTP 502\)/, 502],
  ['503', fault.answer(503, undefined, { 'retry-after': '0' }), /error \(HTTP 503\)/, 503],
  ['504', fault.answer(504), /error \(HTTP 504\)/, 504],
  ['a status nobody knows', fault.answer(799), /HTTP 799/, 799],
]

/** What is read after such a fault, and what that proves. */
const views: readonly [view: string, after: Circumstances, status: UpdateEnvelope['status'], seen: RegExp][] = [
  ['shows the new value', { after: fault.answer(200, janet) }, 'updated', /read at \d\d:\d\d:\d\d \S+ does/],
  ['shows the old value', {}, 'unknown', /At \d\d:\d\d:\d\d \S+ the record still showed firstName “Jane”/],
  [
    'shows a third value',
    { after: fault.answer(200, { ...jane, firstName: 'Joan' }) },
    'unknown',
    /showed firstName “Joan”/,
  ],
  ['cannot be read', { after: fault.answer(500) }, 'unknown', /could not be read afterwards/],
  [
    "is another customer's",
    { after: fault.answer(200, { ...janet, id: 77 }) },
    'unknown',
    /could not be read afterwards/,
  ],
  [
    'was not read before either',
    { before: fault.answer(404), after: fault.answer(200, janet) },
    'unknown',
    /may have done before/,
  ],
  ['is not to be read', { env: { AIFI_READ_BACK: 'off' } }, 'unknown', /switched off here/],
]

describe.each(unclear)('after %s', (_, patch, says, httpStatus, isTooSlow = false) => {
  const circumstances = { patch, isTooSlow }

  it.each(views)(
    'when the record %s, it is said as it is, and nothing is sent again',
    async (_view, after, status, seen) => {
      const { envelope, patches } = await change({ firstName: 'Janet' }, { ...circumstances, ...after })
      expect(envelope).toMatchObject({ status, customerId: 4211, message: expect.stringMatching(seen) })
      expect(envelope.http?.status).toBe(httpStatus)
      expect(envelope.changes).toHaveLength(1)
      if (status === 'unknown') {
        expect(envelope.message).toMatch(says)
        expect(envelope.message).toContain('a person should look at firstName')
      } else {
        expect(envelope.changes).toMatchObject([{ field: 'firstName', verified: 'as_requested' }])
      }
      expect(patches).toBe(1)
    },
  )
})

describe('what reading back can prove', () => {
  const asked = { role: 'tester', blocked: true }
  const tester = { ...jane, role: 'tester' }

  it.each<[string, JsonObject, Circumstances, UpdateEnvelope['status'], RegExp]>([
    ['nothing about a field that AiFi does not show', { blocked: true }, {}, 'unknown', /not show blocked/],
    [
      'nothing about a password',
      { password: 'canary-password' },
      { after: fault.answer(200, { ...jane, password: 'canary-password' }) },
      'unknown',
      /not show password.* should look at password/,
    ],
    [
      'a change of which one field is shown and was different before',
      asked,
      { after: fault.answer(200, tester) },
      'updated',
      /was made \(role\)\. AiFi does not show blocked, which went in the same request; a person should look/,
    ],
    [
      'nothing when that field was as asked before',
      asked,
      { before: fault.answer(200, tester) },
      'unknown',
      /showed role as asked, as it may have done before\. AiFi does not show blocked\./,
    ],
    [
      'nothing when only one of two fields is as asked',
      { firstName: 'Janet', lastName: 'Dough' },
      { after: fault.answer(200, janet) },
      'unknown',
      /the record still showed lastName “Doe”, but a late request may still take effect; look again later/,
    ],
    [
      'nothing when AiFi leaves the field out',
      { phone: '+1 555 0199' },
      { after: fault.answer(200, { ...jane, phone: undefined }) },
      'unknown',
      /AiFi does not show phone\./,
    ],
    [
      'nothing when the field comes with a wrong type',
      { priority: 5 },
      { after: fault.answer(200, { ...jane, priority: '5' }) },
      'unknown',
      /AiFi does not show priority\./,
    ],
    [
      'a deletion of metadata',
      { metadata: null },
      { after: fault.answer(200, { ...jane, metadata: null }) },
      'updated',
      /the change of customer 4211 was made \(metadata\)/,
    ],
  ])('%s', async (_, args, circumstances, status, says) => {
    const { envelope, patches } = await change(args, { patch: fault.resetAfterBody(), ...circumstances })
    expect(envelope).toMatchObject({ status, message: expect.stringMatching(says) })
    expect(JSON.stringify(envelope)).not.toContain('canary')
    expect(patches).toBe(1)
  })

  it('a move that nobody asked for, which is told even when the outcome is unknown', async () => {
    const after = fault.answer(200, { ...jane, role: 'employee' })
    const { envelope } = await change({ firstName: 'Janet' }, { patch: fault.resetAfterBody(), after })
    expect(envelope).toMatchObject({
      status: 'unknown',
      unexpectedChanges: [{ field: 'role', before: 'customer', after: 'employee' }],
    })
  })
})

describe.each([
  ['200', fault.answer(200)],
  ['201', fault.answer(201)],
  ['204', fault.noContent()],
])('after %s without content', (httpStatus, patch) => {
  it.each<[string, JsonObject, Circumstances, UpdateEnvelope['status'], RegExp]>([
    [
      'new values confirm the change',
      { firstName: 'Janet' },
      { after: fault.answer(200, janet) },
      'updated',
      /^AiFi accepted the change of customer 4211: firstName\.$/,
    ],
    [
      'old values contradict it',
      { firstName: 'Janet' },
      {},
      'unknown',
      /AiFi accepted it without showing the record\. At .* still showed firstName “Jane”, but AiFi may show it late/,
    ],
    [
      'other values contradict it',
      { firstName: 'Janet' },
      { after: fault.answer(200, { ...jane, firstName: 'Joan' }) },
      'unknown',
      /the record showed firstName “Joan”.* a person should look at firstName/,
    ],
    [
      'other values contradict it, whatever it was before',
      { firstName: 'Janet' },
      { before: fault.answer(404), after: fault.answer(200, jane) },
      'unknown',
      /the record showed firstName “Jane”/,
    ],
    [
      'one of two that is still the old one contradicts it',
      { firstName: 'Janet', lastName: 'Dough' },
      { after: fault.answer(200, janet) },
      'unknown',
      /still showed lastName “Doe”/,
    ],
    [
      'a field that AiFi does not show is accepted, not confirmed',
      { firstName: 'Janet', blocked: true },
      { after: fault.answer(200, janet) },
      'updated',
      /does not report blocked/,
    ],
    ['so is a password', { password: 'canary-password' }, {}, 'updated', /does not report password/],
    [
      'so is what cannot be read',
      { firstName: 'Janet' },
      { after: fault.answer(500) },
      'updated',
      /does not report firstName/,
    ],
    [
      'so is what is read of another customer',
      { firstName: 'Janet' },
      { after: fault.answer(200, { ...jane, id: 77 }) },
      'updated',
      /does not report firstName/,
    ],
    [
      'so is what is not to be read',
      { firstName: 'Janet' },
      { env: { AIFI_READ_BACK: 'off' } },
      'updated',
      /does not report firstName/,
    ],
  ])('%s', async (_, args, circumstances, status, says) => {
    const { envelope, patches } = await change(args, { patch, ...circumstances })
    expect(envelope).toMatchObject({
      status,
      message: expect.stringMatching(says),
      http: { status: Number(httpStatus) },
    })
    expect(patches).toBe(1)
  })
})

describe.each([500, 501])('after a complete %s', (httpStatus) => {
  it.each<[string, JsonObject, Circumstances, UpdateEnvelope['status'], RegExp]>([
    ['old values prove that nothing was changed', { firstName: 'Janet' }, {}, 'failed', /still shows the old values/],
    [
      'the new ones prove the change',
      { firstName: 'Janet' },
      { after: fault.answer(200, janet) },
      'updated',
      /read at \d\d:\d\d:\d\d \S+ does/,
    ],
    [
      'an unreadable record proves nothing',
      { firstName: 'Janet' },
      { after: fault.answer(404) },
      'unknown',
      /could not be read afterwards/,
    ],
    [
      'old values prove nothing about a field that AiFi does not show',
      { firstName: 'Janet', blocked: true },
      {},
      'unknown',
      /the record still showed firstName “Jane”\. AiFi does not show blocked/,
    ],
    [
      'a field that moved proves nothing',
      { firstName: 'Janet', lastName: 'Dough' },
      { after: fault.answer(200, janet) },
      'unknown',
      /the record still showed lastName “Doe”\./,
    ],
  ])('%s', async (_, args, circumstances, status, says) => {
    const patch = fault.answer(httpStatus, { message: 'Internal error', type: 'E_INTERNAL' })
    const { envelope, patches } = await change(args, { patch, ...circumstances })
    expect(envelope).toMatchObject({ status, message: expect.stringMatching(says), http: { status: httpStatus } })
    expect(patches).toBe(1)
  })
})

describe('a refusal', () => {
  const validation = {
    message: 'Invalid request body',
    type: 'E_INVALID_BODY',
    errors: [{ error: '"phone" is not a phone number', rule: 'string.pattern.base', field: '"phone"' }],
  }
  const errors = [{ field: 'phone', message: '"phone" is not a phone number', rule: 'string.pattern.base' }]
  const later = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString()
  const tooOften = (retryAfter?: string) =>
    fault.answer(429, undefined, retryAfter === undefined ? {} : { 'retry-after': retryAfter })

  it.each<[string, Fault, Partial<UpdateEnvelope>, RegExp]>([
    [
      '400',
      fault.answer(400, validation),
      { status: 'invalid', errors },
      /Invalid request body.*"phone" is not a phone/,
    ],
    [
      '422',
      fault.answer(422, validation),
      { status: 'invalid', errors },
      /Invalid request body.*"phone" is not a phone/,
    ],
    [
      '422 with a page',
      fault.answer(422, '<html>'),
      { status: 'invalid', errors: [] },
      /refused the change as invalid/,
    ],
    ['400 without content', fault.answer(400), { status: 'invalid', errors: [] }, /as invalid \(HTTP 400\)/],
    ['422 cut off', fault.truncatedBody(422), { status: 'invalid', errors: [] }, /as invalid \(HTTP 422\)/],
    ['401', fault.answer(401), { status: 'failed' }, /access token \(HTTP 401\).*check its credentials/],
    ['402', fault.answer(402), { status: 'failed' }, /refused the change \(HTTP 402\)/],
    [
      '403',
      fault.answer(403, { type: 'E_UNAUTHORIZED' }),
      { status: 'failed' },
      /may not change customer 4211, or may not/,
    ],
    ['404', fault.answer(404), { status: 'failed' }, /no customer 4211 that this access token can see/],
    ['405', fault.answer(405), { status: 'failed' }, /refused the change \(HTTP 405\)/],
    ['409', fault.answer(409, { message: 'exists' }), { status: 'failed' }, /conflict \(HTTP 409\).*It says: "exists"/],
    ['413', fault.answer(413, '<html>'), { status: 'failed' }, /refused the change \(HTTP 413\)/],
    ['418 cut off', fault.truncatedBody(418), { status: 'failed' }, /refused the change \(HTTP 418\)/],
    ['429', tooOften(), { status: 'failed' }, /asked too often \(HTTP 429\)\./],
    ['429 for 2 minutes', tooOften('120'), { status: 'failed', retryAfterSeconds: 120 }, /Try again in 120 s/],
    ['429 until a date', tooOften(later(3_600)), { status: 'failed' }, /Try again in (5\d|60) minutes/],
    ['429 until yesterday', tooOften(later(-86_400)), { status: 'failed' }, /asked too often \(HTTP 429\)\./],
    ['429 for 30 years', tooOften('999999999'), { status: 'failed' }, /asked too often \(HTTP 429\)\./],
    ['429 for a negative time', tooOften('-1'), { status: 'failed' }, /asked too often \(HTTP 429\)\./],
    ['429 for a word', tooOften('soon'), { status: 'failed' }, /asked too often \(HTTP 429\)\./],
    ['301', fault.redirect(301, '/elsewhere'), { status: 'failed' }, /redirect \(HTTP 301\), which is not followed/],
    ['302', fault.redirect(302, '/login'), { status: 'failed' }, /redirect \(HTTP 302\), which is not followed/],
    ['307', fault.redirect(307, '/elsewhere'), { status: 'failed' }, /check AIFI_BASE_URL/],
    ['308', fault.redirect(308, 'https://elsewhere.example'), { status: 'failed' }, /check AIFI_BASE_URL/],
  ])('%s is told as it is, and the change is sent once', async (name, patch, expected, says) => {
    const { envelope, patches, aifi } = await change({ phone: 'x' }, { patch })
    expect(envelope).toMatchObject({ ...expected, message: expect.stringMatching(says) })
    expect(envelope.message).toContain('Nothing was changed.')
    expect(envelope.http?.status).toBe(Number(name.slice(0, 3)))
    expect('retryAfterSeconds' in envelope).toBe(/Try again in/.test(envelope.message))
    expect(envelope).not.toHaveProperty('changes')
    expect(patches).toBe(1)
    expect(aifi.received('GET')).toHaveLength(1)
  })

  it('carries the type and the request id of AiFi', async () => {
    const patch = fault.answer(403, { type: 'E_UNAUTHORIZED' }, { 'x-request-id': 'req-7' })
    const { envelope } = await change({ phone: 'x' }, { patch })
    expect(envelope.http).toEqual({ status: 403, type: 'E_UNAUTHORIZED', requestId: 'req-7' })
  })

  it('of the current password is told as that', async () => {
    const patch = fault.answer(401, { type: 'E_CUSTOMER_LOGIN_FAIL', message: 'no: canary-current' })
    const args = { password: 'canary-password', currentPassword: 'canary-current' }
    const { envelope, patches } = await change(args, { patch })
    expect(envelope).toMatchObject({ status: 'failed', http: { status: 401, type: 'E_CUSTOMER_LOGIN_FAIL' } })
    expect(envelope.message).toMatch(/did not accept the shopper's current password/)
    expect(JSON.stringify(envelope)).not.toContain('canary')
    expect(patches).toBe(1)
  })

  it('with more errors than fit says how many, and stays within the size of a result', async () => {
    const error = { error: '“'.repeat(600), rule: '„'.repeat(300), field: '"'.repeat(300) }
    const { envelope } = await change({ phone: 'x' }, { patch: fault.answer(422, { errors: Array(20).fill(error) }) })
    expect(envelope.status).toBe('invalid')
    expect(envelope.errors?.length).toBeGreaterThan(1)
    expect(Buffer.byteLength(JSON.stringify(envelope))).toBeLessThan(32_000)
  })
})

describe('sending again', () => {
  const soon = fault.answer(429, undefined, { 'retry-after': '0' })

  it('happens once after a 429 whose Retry-After fits', async () => {
    const twice = await change({ phone: '1' }, { patch: [soon, applying()] })
    expect(twice).toMatchObject({ envelope: { status: 'updated' }, patches: 2 })
    const refused = await change({ phone: '1' }, { patch: soon })
    expect(refused).toMatchObject({ envelope: { status: 'failed', retryAfterSeconds: 0 }, patches: 2 })
  })

  it.each([
    { password: 'canary-password' },
    { currentPassword: 'canary-password' },
    { firstName: 'Janet', currentPassword: 'canary-password' },
  ])('never happens after a 429 for a password: %o', async (args) => {
    const sent = await change(args, { patch: [soon, applying()] })
    expect(sent).toMatchObject({ envelope: { status: 'failed', http: { status: 429 } }, patches: 1 })
  })

  it('that ends without an answer leaves the outcome unknown', async () => {
    const { envelope, patches } = await change({ phone: '1' }, { patch: [soon, fault.resetAfterBody()] })
    expect(envelope.status).toBe('unknown')
    expect(patches).toBe(2)
  })

  it('that does not leave is not the end: what AiFi has answered is', async () => {
    const goodbye = (status: number, headers: string): Fault => ({
      after: 'body',
      act({ socket }) {
        socket.end(`HTTP/1.1 ${status} X\r\nconnection: close\r\n${headers}content-length: 0\r\n\r\n`)
        void closing?.()
      },
    })
    let closing: (() => Promise<void>) | undefined
    const { aifi, client, patches } = await situation({ patch: goodbye(429, 'retry-after: 0\r\n') })
    closing = () => aifi.close()
    const envelope = await client.update({ customerId: 4211, phone: '1' })
    expect(envelope).toMatchObject({ status: 'failed', http: { status: 429 } })
    expect(envelope.message).not.toContain('Nothing was sent')
    expect(patches()).toBe(1)
  })

  it('does not happen for a 503, whatever its Retry-After', async () => {
    const patch = fault.answer(503, undefined, { 'retry-after': '0' })
    expect(await change({ phone: '1' }, { patch })).toMatchObject({ envelope: { status: 'unknown' }, patches: 1 })
  })

  it('does not happen for a 401 with the token of the settings', async () => {
    const { envelope, patches } = await change({ phone: '1' }, { patch: [fault.answer(401), applying()] })
    expect(envelope).toMatchObject({ status: 'failed', http: { status: 401 } })
    expect(patches).toBe(1)
  })
})

describe('AiFi that is not reached', () => {
  const reads: readonly ('auto' | 'off')[] = ['auto', 'off']
  const certificate = selfSignedCertificate()

  async function unreached(baseUrl: string, read: 'auto' | 'off', timeoutMs = TIMEOUT_MS): Promise<UpdateEnvelope> {
    const env = { AIFI_READ_BACK: read }
    const { client } = await serverBefore(baseUrl, { env, timeoutMs })
    const envelope = await client.update({ customerId: 4211, firstName: 'Janet' })
    expect(envelope).toMatchObject({ status: 'failed', customerId: 4211 })
    expect(envelope.message).toContain('Nothing was sent')
    expect(envelope).not.toHaveProperty('http')
    return envelope
  }

  async function listening(...options: Parameters<typeof startFaultServer>) {
    const server = await startFaultServer(...options)
    onTestFinished(() => server.close())
    return server
  }

  it.each(reads)('is told: an unknown host (reading %s)', async (read) => {
    const { message } = await unreached('https://no-such-host.invalid', read)
    expect(message).toMatch(/host name could not be resolved/)
  })

  it.each(reads)('is told: a refused connection (reading %s)', async (read) => {
    const { message } = await unreached(await deadAddress(), read)
    expect(message).toMatch(/No connection could be made \(ECONNREFUSED\)/)
  })

  it.each(reads)('is told: a connection that is never established (reading %s)', async (read) => {
    const server = await listening()
    server.nextConnection('hang', 'hang')
    const { message } = await unreached(server.url.replace('http:', 'https:'), read, 150)
    expect(message).toMatch(/No connection was established in time/)
    expect(server.received()).toHaveLength(0)
  })

  it.each(reads)('is told: no TLS there (reading %s)', async (read) => {
    const server = await listening()
    server.nextConnection('plain')
    const { message } = await unreached(server.url.replace('http:', 'https:'), read)
    expect(message).toMatch(/No secure connection could be made/)
  })

  it.skipIf(!certificate).each(reads)('is told: a certificate that nobody trusts (reading %s)', async (read) => {
    const server = await listening(certificate && { tls: certificate })
    const { message } = await unreached(server.url, read)
    expect(message).toMatch(/NODE_EXTRA_CA_CERTS/)
    expect(server.received()).toHaveLength(0)
  })

  it.each(['<html>Sign in</html>', '\ufeff\n<!-- portal -->'])('is told: a page in its place, %j', async (page) => {
    const { envelope, patches } = await change({ phone: '1' }, { before: fault.answer(200, page) })
    expect(envelope).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(/A web page came .*Nothing was sent/),
    })
    expect(patches).toBe(0)
  })

  it('does not take a page with the status of an error for that', async () => {
    const { envelope, patches } = await change({ blocked: true }, { before: fault.answer(404, '<html>') })
    expect(envelope.status).toBe('updated')
    expect(patches).toBe(1)
  })

  it('is told when a page takes its place while a person is asked', async () => {
    let isAway = false
    const before: Fault = {
      after: 'body',
      act: (faulty) => fault.answer(200, isAway ? '<html>' : jane).act(faulty),
    }
    const answer = () => {
      isAway = true
      return accept()
    }
    const { envelope, patches } = await change({ blocked: true }, { before, answer })
    expect(envelope).toMatchObject({ status: 'failed', approval: { answer: 'approved' } })
    expect(envelope.message).toContain('A web page came')
    expect(patches).toBe(0)
  })

  it('is told when it went away between reading and sending', async () => {
    const { aifi, client, patches } = await situation({
      before: {
        after: 'body',
        act({ socket }) {
          const body = JSON.stringify(jane)
          socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
          void aifi.close()
        },
      },
    })
    const envelope = await client.update({ customerId: 4211, firstName: 'Janet' })
    expect(envelope).toMatchObject({ status: 'failed', message: expect.stringContaining('Nothing was sent') })
    expect(patches()).toBe(0)
  })
})

describe('the OAuth token', () => {
  const granted = (name: string) => fault.answer(200, { access_token: name, token_type: 'Bearer', expires_in: 300 })

  async function withClient(circumstances: Circumstances, ...tokens: Fault[]) {
    const endpoint = await startFaultServer()
    onTestFinished(() => endpoint.close())
    endpoint.next('POST', ...tokens)
    const credentials = { AIFI_TOKEN: '', AIFI_CLIENT_ID: 'app', AIFI_CLIENT_SECRET: 'canary-secret' }
    const env = { ...credentials, AIFI_TOKEN_URL: `${endpoint.url}/token`, ...circumstances.env }
    return { endpoint, ...(await situation({ ...circumstances, env })) }
  }
  const phone = (client: { update(args: JsonObject): Promise<UpdateEnvelope> }, digits = '1') =>
    client.update({ customerId: 4211, phone: digits })

  it('that is refused in the middle is replaced, and the change is made once', async () => {
    const { client, aifi, patches } = await withClient(
      { patch: [fault.answer(401), applying()] },
      granted('t1'),
      granted('t2'),
    )
    expect(await phone(client)).toMatchObject({ status: 'updated' })
    expect(patches()).toBe(2)
    expect(aifi.received('PATCH').map(({ headers }) => headers.authorization)).toEqual(['Bearer t1', 'Bearer t2'])
  })

  it('that is refused twice is told, for a password too', async () => {
    for (const args of [{ phone: '1' }, { password: 'canary-password' }]) {
      const { client, patches } = await withClient({ patch: fault.answer(401) }, granted('t1'), granted('t2'))
      const envelope = await client.update({ customerId: 4211, ...args })
      expect(envelope).toMatchObject({ status: 'failed', http: { status: 401 } })
      expect(envelope.message).toMatch(/did not accept the access token/)
      expect(patches()).toBe(2)
    }
  })

  it('that has expired is replaced before anything is sent with it', async () => {
    const { client, harness, aifi, endpoint } = await withClient({ patch: applying() }, granted('t1'), granted('t2'))
    await phone(client)
    harness.clock.advance(400_000)
    expect(await phone(client, '2')).toMatchObject({ status: 'updated' })
    expect(endpoint.received('POST')).toHaveLength(2)
    expect(aifi.received('PATCH').map(({ headers }) => headers.authorization)).toEqual(['Bearer t1', 'Bearer t2'])
  })

  it('is fetched once for many changes at a time', async () => {
    const { client, endpoint } = await withClient({ patch: applying() }, granted('t1'))
    const answers = await Promise.all(Array.from({ length: 20 }, (_, digits) => phone(client, String(digits))))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill('updated'))
    expect(endpoint.received('POST')).toHaveLength(1)
  })

  it.each<[string, Fault, RegExp, boolean?]>([
    ['refuses', fault.answer(401, { error: 'invalid_client', error_description: 'canary' }), /\(invalid_client\)/],
    ['fails', fault.answer(503), /answered HTTP 503 without a token/],
    ['answers a page', fault.answer(200, '<html>canary'), /answered HTTP 200 without a token/],
    ['answers nonsense', fault.answer(200, { access_token: ['canary'] }), /no token/],
    ['answers a token that cannot be sent', granted('canary\r\nx: y'), /cannot be sent/],
    ['hangs up', fault.closeAfterBody(), /could not be used\. The connection ended/],
    ['is silent', fault.silence(), /could not be used\. No answer came in time/, true],
    ['never ends', fault.endlessBody(), /without a token/],
  ])('that cannot be had since its endpoint %s leaves the change unsent', async (_, token, says, isTooSlow) => {
    for (const read of ['auto', 'off']) {
      const met = isTooSlow ? outwaited(token, () => harness.clock.advance(TIMEOUT_MS)) : token
      const { client, aifi, harness } = await withClient({ env: { AIFI_READ_BACK: read } }, met, met)
      const envelope = await phone(client)
      expect(envelope).toMatchObject({ status: 'failed', message: expect.stringMatching(says) })
      expect(envelope.message).toMatch(/Whoever set this server up.*Nothing was sent/)
      expect(JSON.stringify(envelope)).not.toContain('canary')
      expect(aifi.received()).toHaveLength(0)
    }
  })

  it('that cannot be replaced in the middle leaves the change unmade', async () => {
    const { client, patches } = await withClient({ patch: [fault.answer(401), applying()] }, granted('t1'))
    const envelope = await phone(client)
    expect(envelope).toMatchObject({ status: 'failed', http: { status: 401 } })
    expect(envelope.message).toMatch(/access token \(HTTP 401\).* Nothing was changed\.$/)
    expect(envelope.message).not.toContain('Nothing was sent')
    expect(patches()).toBe(1)
  })
})

describe('the table', () => {
  const answered = (
    status: number,
    body: Extract<Delivery, { kind: 'answered' }>['body'] = { kind: 'empty' },
  ): Delivery => ({
    kind: 'answered',
    http: { status },
    body,
    attempts: 1,
  })

  it('decides every HTTP status', () => {
    const byProof = new Map<Proof, number[]>()
    for (let status = 200; status < 600; status++) {
      const proof = proofOf(answered(status), 4211)
      byProof.set(proof, [...(byProof.get(proof) ?? []), status])
    }
    const refusals = Array.from({ length: 100 }, (_, index) => 400 + index)
    expect(byProof.get('accepted')).toEqual([200, 201, 204])
    for (const status of [200, 201, 204]) {
      expect(proofOf(answered(status, { kind: 'json', value: jane }), 4211)).toBe('updated')
    }
    expect(byProof.get('invalid')).toEqual([400, 422])
    expect(byProof.get('read_back_finished')).toEqual([500, 501])
    expect(byProof.get('failed')).toEqual([
      ...[301, 302, 307, 308],
      ...refusals.filter((status) => ![400, 408, 422, 499].includes(status)),
    ])
  })

  it('has a row for everything, no two of them alike, in words for people', () => {
    for (const table of [outcomeTable, readBackTable]) {
      const texts = table.map(({ what }) => what)
      expect(new Set(texts).size).toBe(texts.length)
      for (const text of texts) expect(text).toMatch(/^[A-Z0-9][^.]*$/)
    }
    expect(outcomeTable.at(-1)?.matches(answered(999), 4211)).toBe(true)
  })
})
