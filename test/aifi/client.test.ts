import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import * as fc from 'fast-check'
import { errors } from 'undici'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { type AifiClient, type AifiOptions, createAifi } from '../../src/aifi/client.ts'
import { extractError } from '../../src/aifi/errors.ts'
import type { Body, Delivery } from '../../src/aifi/port.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { Secret } from '../../src/lib/secret.ts'
import { type Fault, fault } from '../helpers/fault.ts'
import { type FaultServer, selfSignedCertificate, startFaultServer } from '../helpers/fault-server.ts'
import { TestClock } from '../helpers/test-clock.ts'

/** Long enough to decide nothing. */
const PATIENT_MS = 5_000
const TOKEN = 'canary-token-7f3a'
const PATH = '/api/admin/v2/customers/4211'
const record = { id: 4211, email: 'jane@example.com', blocked: false }
const token = { kind: 'token', token: new Secret(TOKEN) } as const

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})

async function faultServer(...options: Parameters<typeof startFaultServer>): Promise<FaultServer> {
  const server = await startFaultServer(...options)
  open.push(server)
  return server
}

function client(baseUrl: string, options: Partial<AifiOptions> = {}): AifiClient {
  const own = { credentials: token, timeoutMs: PATIENT_MS, clock: systemClock, readOnly: false }
  const aifi = createAifi({ baseUrl, ...own, ...options })
  open.unshift(aifi)
  return aifi
}

async function connected(options: Partial<AifiOptions> = {}): Promise<{ server: FaultServer; aifi: AifiClient }> {
  const server = await faultServer()
  return { server, aifi: client(server.url, options) }
}

function withClientCredentials({ url }: FaultServer): Partial<AifiOptions> {
  const clientSecret = new Secret('canary-secret-91bd')
  return { credentials: { kind: 'client', clientId: 'app', clientSecret, tokenUrl: `${url}/token`, tokenParams: [] } }
}

/** What undici tells on one of its diagnostics channels until the test ends. */
function told(channelName: string): unknown[] {
  const messages: unknown[] = []
  const keep = (message: unknown) => void messages.push(message)
  subscribe(channelName, keep)
  onTestFinished(() => void unsubscribe(channelName, keep))
  return messages
}

/** An address on this machine at which nobody listens. */
async function deadAddress(): Promise<string> {
  const server = await startFaultServer()
  await server.close()
  return server.url
}

describe('sending a change', () => {
  it('sends exactly the body that was given, once, with the token', async () => {
    const { server, aifi } = await connected()
    server.next('PATCH', fault.answer(200, record, { 'x-request-id': 'r-1' }))
    const body = { firstName: 'Zoë', metadata: { a: null }, cardToken: null }
    expect(await aifi.updateCustomer(4211, body)).toEqual({
      kind: 'answered',
      http: { status: 200, requestId: 'r-1' },
      body: { kind: 'json', value: record },
      attempts: 1,
    })
    const [request] = server.received('PATCH')
    expect(server.received()).toHaveLength(1)
    expect(request).toMatchObject({ path: PATH, body: JSON.stringify(body) })
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      accept: 'application/json',
    })
  })

  it('keeps the path prefix of the address, and shows the address without credentials or trailing slash', async () => {
    const server = await faultServer()
    const aifi = client(`${server.url}/oasis//`)
    expect(aifi.address).toBe(`${server.url}/oasis`)
    await aifi.updateCustomer(0, {})
    expect(server.received('PATCH')[0]?.path).toBe('/oasis/api/admin/v2/customers/0')
  })

  it.each([1.5, -1, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])('refuses %s as part of a path', async (id) => {
    const { server, aifi } = await connected()
    await expect(aifi.updateCustomer(id, {})).rejects.toThrow(TypeError)
    await expect(aifi.readCustomer(id)).rejects.toThrow(TypeError)
    expect(server.received()).toHaveLength(0)
  })

  it.each<[string, Fault, number, Body]>([
    ['200 with a record', fault.answer(200, record), 200, { kind: 'json', value: record }],
    ['200 without a body', fault.answer(200), 200, { kind: 'empty' }],
    ['200 with white space', fault.answer(200, ' \r\n'), 200, { kind: 'empty' }],
    ['201', fault.answer(201, record), 201, { kind: 'json', value: record }],
    ['204', fault.noContent(), 204, { kind: 'empty' }],
    ['a redirect, which is not followed', fault.redirect(307, '/elsewhere'), 307, { kind: 'empty' }],
    ['304', fault.answer(304), 304, { kind: 'empty' }],
    ['401 without a body', fault.answer(401), 401, { kind: 'empty' }],
    ['422 with errors', fault.answer(422, { errors: [] }), 422, { kind: 'json', value: { errors: [] } }],
    ['429 without Retry-After', fault.answer(429), 429, { kind: 'empty' }],
    ['500', fault.answer(500, '<h1>no</h1>'), 500, { kind: 'text', text: '<h1>no</h1>' }],
    ['502', fault.answer(502), 502, { kind: 'empty' }],
    ['503 with Retry-After', fault.answer(503, undefined, { 'retry-after': 'soon' }), 503, { kind: 'empty' }],
    ['a status nobody knows', fault.answer(799), 799, { kind: 'empty' }],
    ['a long text, shortened', fault.answer(500, 'x'.repeat(9000)), 500, { kind: 'text', text: 'x'.repeat(2000) }],
    ['half a record', fault.answer(200, '{"id":'), 200, { kind: 'text', text: '{"id":' }],
    [
      'nesting to fear',
      fault.answer(200, '['.repeat(900) + ']'.repeat(900)),
      200,
      { kind: 'text', text: expect.any(String) },
    ],
    [
      '103 and then the answer',
      fault.informational(103, fault.answer(200, record)),
      200,
      { kind: 'json', value: record },
    ],
    ['102 and then the answer', fault.informational(102, fault.noContent()), 204, { kind: 'empty' }],
    ['one answer too many', fault.answerTwice(200, record), 200, { kind: 'json', value: record }],
    ['a body cut off', fault.truncatedBody(), 200, { kind: 'incomplete', cause: 'cut_off' }],
    ['an error body cut off', fault.truncatedBody(500), 500, { kind: 'incomplete', cause: 'cut_off' }],
    ['a chunked body cut off', fault.truncatedChunked(), 200, { kind: 'incomplete', cause: 'cut_off' }],
    ['a malformed chunked body', fault.malformedChunked(), 200, { kind: 'incomplete', cause: 'cut_off' }],
    ['a reset within the body', fault.resetMidBody(), 200, { kind: 'incomplete', cause: 'cut_off' }],
    ['an endless body', fault.endlessBody(), 200, { kind: 'incomplete', cause: 'too_large' }],
  ])('reports %s', async (_, each, status, body) => {
    const { server, aifi } = await connected()
    server.next('PATCH', each)
    const delivery = await aifi.updateCustomer(4211, { role: 'tester' })
    expect(delivery).toEqual({ kind: 'answered', http: { status }, body, attempts: 1 })
    expect(server.received()).toHaveLength(1)
    expect(server.partial()).toHaveLength(0)
  })

  it('takes an answer over the size cap for incomplete when it comes whole and closes the connection', async () => {
    const { server, aifi } = await connected()
    server.next('PATCH', fault.answer(200, `"${'x'.repeat(1_100_000)}"`, { connection: 'close' }), fault.answer(200))
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ body: { kind: 'incomplete', cause: 'too_large' } })
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ body: { kind: 'empty' } })
    expect(server.received('PATCH')).toHaveLength(2)
  })

  it.each<[string, Fault, 'reset' | 'malformed', 'received' | 'partial']>([
    ['a reset after the headers', fault.resetAfterHeaders(), 'reset', 'partial'],
    ['a reset after the body', fault.resetAfterBody(), 'reset', 'received'],
    ['an orderly end without an answer', fault.closeAfterBody(), 'reset', 'received'],
    ['a reset within the answer’s headers', fault.resetMidHeaders(), 'reset', 'received'],
    ['an end within the answer’s headers', fault.closeMidHeaders(), 'reset', 'received'],
    ['100 Continue without having been asked', fault.informational(100, fault.answer(200)), 'reset', 'received'],
    ['another protocol', fault.switchingProtocols(), 'reset', 'received'],
    ['what is no HTTP', fault.garbage(), 'malformed', 'received'],
    ['endless headers', fault.endlessHeaders(), 'malformed', 'received'],
  ])('does not know the outcome after %s, and does not send again', async (_, each, cause, arrived) => {
    const { server, aifi } = await connected()
    server.next('PATCH', each)
    const delivery = await aifi.updateCustomer(4211, { role: 'tester' })
    expect(delivery).toEqual({ kind: 'no_answer', cause, detail: expect.stringMatching(/^[A-Z].*\.$/) })
    expect(server[arrived]('PATCH')).toHaveLength(1)
    expect(server.received().length + server.partial().length).toBe(1)
  })

  it.each<[string, Fault, number, object]>([
    ['slow headers', fault.slowHeaders(), 0, { kind: 'no_answer', cause: 'timeout' }],
    ['silence', fault.silence(), 0, { kind: 'no_answer', cause: 'timeout' }],
    ['1xx and then silence', fault.informational(103, fault.silence()), 1, { kind: 'no_answer', cause: 'timeout' }],
    ['a slow body', fault.slowBody(), 1, { http: { status: 200 }, body: { kind: 'incomplete', cause: 'timeout' } }],
  ])('is given up at the deadline after %s, and not sent again', async (_, each, begun, ending) => {
    const clock = new TestClock()
    const { server, aifi } = await connected({ clock })
    const answers = told('undici:request:headers')
    server.next('PATCH', each)
    const delivery = aifi.updateCustomer(4211, { role: 'tester' })
    await expect.poll(() => [server.received('PATCH').length, answers.length]).toEqual([1, begun])
    clock.advance(PATIENT_MS)
    expect(await delivery).toMatchObject(ending)
    expect(server.received()).toHaveLength(1)
    expect(server.partial()).toHaveLength(0)
  })

  it('does not know the outcome when the connection is reset before the server read anything', async () => {
    const { server, aifi } = await connected()
    server.nextConnection('resetUnread')
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ kind: 'no_answer', cause: 'reset' })
    expect(server.connections().accepted).toBe(1)
  })

  it.each([
    ['reset', fault.resetAfterHeaders()],
    ['closed', fault.closeAfterBody()],
  ])(
    'does not know the outcome when a connection that was used before is %s, and does not send again',
    async (_, each) => {
      const { server, aifi } = await connected()
      server.next('PATCH', fault.answer(200, record), each)
      await aifi.updateCustomer(4211, {})
      await pause(20)
      expect(await aifi.updateCustomer(4211, {})).toMatchObject({ kind: 'no_answer', cause: 'reset' })
      expect(server.received('PATCH').length + server.partial('PATCH').length).toBe(2)
      expect(server.connections().accepted).toBe(1)
    },
  )
})

describe('a change that certainly was not sent', () => {
  const notSent = (cause: string) => ({ kind: 'not_sent', cause, detail: expect.stringMatching(/^[A-Z].*\.$/) })

  it('knows a refused connection', async () => {
    expect(await client(await deadAddress()).updateCustomer(4211, {})).toEqual(notSent('refused'))
  })

  it('tries once more after a connection that failed at once', async () => {
    const { server, aifi } = await connected()
    server.nextConnection('reset')
    server.next('PATCH', fault.answer(200, record))
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ kind: 'answered' })
    expect(server.received('PATCH')).toHaveLength(1)
  })

  it('tries once more, and succeeds when somebody listens by then', async () => {
    const server = await faultServer()
    const proxy = await faultServer()
    const aifi = client(server.url, { proxy: { httpProxy: proxy.url } })
    proxy.next('CONNECT', fault.closeAfterBody(), fault.tunnel())
    server.next('PATCH', fault.answer(200, record))
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ kind: 'answered', attempts: 2 })
    expect(server.received('PATCH')).toHaveLength(1)
  })

  it('does not try again when only one try is allowed, or the budget is too small', async () => {
    const { server, aifi } = await connected({ proxy: { httpProxy: await deadAddress() } })
    const proxy = await faultServer()
    const other = client(server.url, { proxy: { httpProxy: proxy.url } })
    proxy.always('CONNECT', fault.answer(502))
    expect(await other.updateCustomer(4211, {}, { once: true })).toEqual(notSent('proxy'))
    expect(await other.updateCustomer(4211, {}, { budgetMs: PATIENT_MS + 200 })).toEqual(notSent('proxy'))
    expect(proxy.connections().accepted).toBe(2)
    expect(await aifi.updateCustomer(4211, {})).toEqual(notSent('proxy'))
    expect(server.connections().accepted).toBe(0)
  })

  it('knows an unknown host', async () => {
    const aifi = client('http://no-such-host.invalid')
    expect(await aifi.updateCustomer(4211, {}, { once: true })).toEqual(notSent('dns'))
  })

  it('knows a connection that was never established: a TLS greeting that is not answered', async () => {
    const server = await faultServer()
    server.nextConnection('hang', 'hang')
    const aifi = client(server.url.replace('http:', 'https:'), { timeoutMs: 150 })
    expect(await aifi.updateCustomer(4211, {})).toEqual(notSent('connect_timeout'))
  })

  it.each(['reset', 'plain'] as const)('knows TLS that failed: %s', async (connectionFault) => {
    const server = await faultServer()
    server.nextConnection(connectionFault)
    const aifi = client(server.url.replace('http:', 'https:'))
    expect(await aifi.updateCustomer(4211, {})).toEqual(notSent('tls'))
    expect(server.connections().accepted).toBe(1)
  })

  const certificate = selfSignedCertificate()
  it.skipIf(!certificate)('knows a certificate that is not trusted (skipped where there is no openssl)', async () => {
    const server = await faultServer(certificate && { tls: certificate })
    const delivery = await client(server.url).updateCustomer(4211, {})
    expect(delivery).toEqual(notSent('tls'))
    expect(delivery).toMatchObject({ detail: expect.stringContaining('NODE_EXTRA_CA_CERTS') })
    expect(server.received()).toHaveLength(0)
    expect(server.connections().accepted).toBe(1)
  })

  it.each([407, 403, 503])('knows a proxy that answers %s', async (status) => {
    const server = await faultServer()
    const proxy = await faultServer()
    proxy.always('CONNECT', fault.answer(status))
    const aifi = client(server.url, { proxy: { httpProxy: proxy.url } })
    const delivery = await aifi.updateCustomer(4211, {})
    expect(delivery).toEqual(notSent('proxy'))
    expect(delivery).toMatchObject({ detail: expect.stringContaining(`HTTP ${status}`) })
  })

  it('does not storm a proxy that hangs up', async () => {
    const server = await faultServer()
    const proxy = await faultServer()
    proxy.always('CONNECT', fault.closeAfterBody())
    const aifi = client(server.url, { proxy: { httpProxy: proxy.url } })
    expect(await aifi.updateCustomer(4211, {})).toEqual(notSent('proxy'))
    expect(proxy.connections().accepted).toBe(2)
  })

  it('goes around the proxy where NO_PROXY says so, and sends it the password of its address', async () => {
    const server = await faultServer()
    const proxy = await faultServer()
    proxy.always('CONNECT', fault.tunnel())
    server.always('PATCH', fault.answer(200, record))
    const httpProxy = proxy.url.replace('://', '://user:p%40ss@')
    await client(server.url, { proxy: { httpProxy, noProxy: '127.0.0.1' } }).updateCustomer(4211, {})
    expect(proxy.partial('CONNECT')).toHaveLength(0)
    await client(server.url, { proxy: { httpProxy } }).updateCustomer(4211, {})
    expect(proxy.partial('CONNECT')[0]?.headers['proxy-authorization']).toBe(`Basic ${btoa('user:p@ss')}`)
    expect(server.received('PATCH')).toHaveLength(2)
  })

  it('names no proxy address that cannot be used', async () => {
    const proxy = { httpsProxy: 'http://user:canary@:bad' }
    expect(await client('https://aifi.example', { proxy }).updateCustomer(4211, {})).toEqual({
      kind: 'not_sent',
      cause: 'proxy',
      detail: 'The proxy could not be used.',
    })
  })
})

describe('the connections', () => {
  it('are opened by the first exchange, and anew by the next where that failed', async () => {
    const server = await faultServer()
    server.always('GET', fault.answer(200, record))
    const proxy: { httpProxy?: string } = { httpProxy: 'http://:bad' }
    const aifi = client(server.url, { proxy })
    await aifi.warm()
    expect(await aifi.readCustomer(4211)).toMatchObject({ kind: 'unreachable', cause: 'proxy' })
    delete proxy.httpProxy
    expect(await aifi.readCustomer(4211)).toMatchObject({ kind: 'record' })
  })

  it('are not opened any more by a client that was closed', async () => {
    const { server, aifi } = await connected()
    await aifi.close()
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ kind: 'not_sent', cause: 'cancelled' })
    expect(server.connections().accepted).toBe(0)
  })
})

describe('sending again', () => {
  it('waits as long as a 429 asks, once', async () => {
    const { server, aifi } = await connected()
    server.next('PATCH', fault.answer(429, undefined, { 'retry-after': '0' }), fault.answer(200, record))
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({
      http: { status: 200 },
      attempts: 2,
    })
    server.always('PATCH', fault.answer(429, undefined, { 'retry-after': '0' }))
    const delivery = await aifi.updateCustomer(4211, {})
    expect(delivery).toMatchObject({ http: { status: 429, retryAfterSeconds: 0 }, attempts: 2 })
    expect(server.received('PATCH')).toHaveLength(4)
  })

  it('does not wait longer than the budget, nor at all when only one try is allowed', async () => {
    const { server, aifi } = await connected()
    server.always('PATCH', fault.answer(429, undefined, { 'retry-after': '2' }))
    const budgetMs = PATIENT_MS + 1_900
    expect(await aifi.updateCustomer(4211, {}, { budgetMs })).toMatchObject({ attempts: 1 })
    expect(await aifi.updateCustomer(4211, {}, { once: true, budgetMs: 60_000 })).toMatchObject({ attempts: 1 })
    expect(server.received('PATCH')).toHaveLength(2)
  })

  it.each([
    ['120', 120],
    [new Date(Date.now() + 3_600_000).toUTCString(), expect.closeTo(3_600, -3)],
    [new Date(Date.now() - 60_000).toUTCString(), undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['99999999', undefined],
    ['', undefined],
    ['0x10', undefined],
    ['1e3', undefined],
    ['tomorrow', undefined],
    ['Wed, 99 Foo 2099 99:99:99 GMT', undefined],
  ])('reads Retry-After: %s', async (value, seconds) => {
    const { server, aifi } = await connected()
    server.next('PATCH', fault.answer(503, undefined, { 'retry-after': value }))
    const delivery = await aifi.updateCustomer(4211, {}, { budgetMs: 0 })
    expect(delivery).toMatchObject({ kind: 'answered' })
    expect(delivery.kind === 'answered' && delivery.http.retryAfterSeconds).toEqual(seconds)
  })

  it('repeats a 401 once with a fresh OAuth token, for a password too', async () => {
    const server = await faultServer()
    const aifi = client(server.url, withClientCredentials(server))
    const granted = (name: string) => fault.answer(200, { access_token: name, token_type: 'Bearer', expires_in: 300 })
    server.next('POST', granted('t1'), granted('t2'), granted('t3'))
    server.next('PATCH', fault.answer(401), fault.answer(200, record), fault.answer(401), fault.answer(401))
    expect(await aifi.updateCustomer(4211, {}, { once: true })).toMatchObject({ http: { status: 200 }, attempts: 2 })
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ http: { status: 401 }, attempts: 2 })
    const sent = server.received('PATCH').map(({ headers }) => headers.authorization)
    expect(sent).toEqual(['Bearer t1', 'Bearer t2', 'Bearer t2', 'Bearer t3'])
  })

  it('does not repeat a 401 when the token endpoint has no other token', async () => {
    const server = await faultServer()
    const aifi = client(server.url, withClientCredentials(server))
    server.always('POST', fault.answer(200, { access_token: 't1', token_type: 'Bearer' }))
    server.always('PATCH', fault.answer(401))
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ http: { status: 401 }, attempts: 1 })
    expect(server.received('PATCH')).toHaveLength(1)
  })

  it.each<[string, Fault]>([
    ['is about the shopper’s password', fault.answer(401, { type: 'E_CUSTOMER_LOGIN_FAIL' })],
    ['does not say what it is about', fault.truncatedBody(401)],
  ])('does not repeat a 401 that %s', async (_, answer) => {
    const server = await faultServer()
    const aifi = client(server.url, withClientCredentials(server))
    server.always('POST', fault.answer(200, { access_token: 't', token_type: 'Bearer' }))
    server.next('PATCH', answer)
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ http: { status: 401 }, attempts: 1 })
    expect(server.received('PATCH')).toHaveLength(1)
    expect(server.received('POST')).toHaveLength(1)
  })

  it('does not repeat a 401 with a static token', async () => {
    const { server, aifi } = await connected()
    server.always('PATCH', fault.answer(401))
    expect(await aifi.updateCustomer(4211, {})).toMatchObject({ http: { status: 401 }, attempts: 1 })
    expect(server.received('PATCH')).toHaveLength(1)
  })

  it('sends nothing without a token, and says why without the secret', async () => {
    const server = await faultServer()
    const aifi = client(server.url, withClientCredentials(server))
    server.next('POST', fault.answer(401, { error: 'invalid_client', error_description: 'canary-secret-91bd' }))
    const delivery = await aifi.updateCustomer(4211, {})
    expect(delivery).toEqual({
      kind: 'not_sent',
      cause: 'token',
      detail: "AiFi's token endpoint refused the client id or secret (invalid_client).",
    })
    expect(server.received('PATCH')).toHaveLength(0)
  })
})

describe('stopping', () => {
  const cancelled = { kind: 'not_sent', cause: 'cancelled', detail: expect.any(String) }

  it('sends nothing when it was cancelled before, or while it waited for a token', async () => {
    const server = await faultServer()
    const aifi = client(server.url, withClientCredentials(server))
    server.always('POST', fault.silence())
    expect(await aifi.updateCustomer(4211, {}, { signal: AbortSignal.abort() })).toEqual(cancelled)
    expect(server.received()).toHaveLength(0)
    const stop = new AbortController()
    const delivery = aifi.updateCustomer(4211, {}, { signal: stop.signal })
    stop.abort()
    expect(await delivery).toEqual(cancelled)
    expect(server.received('PATCH')).toHaveLength(0)
  })

  it('sends nothing when it is cancelled while it connects, or between two tries', async () => {
    const server = await faultServer()
    server.nextConnection('hang')
    const connecting = client(server.url.replace('http:', 'https:'))
    const stop = new AbortController()
    const delivery = connecting.updateCustomer(4211, {}, { signal: stop.signal })
    setTimeout(() => stop.abort(), 50)
    expect(await delivery).toEqual(cancelled)

    const pausing = client(await deadAddress())
    const stopPause = new AbortController()
    setTimeout(() => stopPause.abort(), 100)
    expect(await pausing.updateCustomer(4211, {}, { signal: stopPause.signal })).toEqual(cancelled)
  })

  it('can be cancelled by who hears that it is about to leave', async () => {
    const { server, aifi } = await connected()
    const stop = new AbortController()
    const delivery = await aifi.updateCustomer(4211, {}, { signal: stop.signal, onSending: () => stop.abort() })
    expect(delivery).toEqual(cancelled)
    expect(server.received()).toHaveLength(0)
  })

  it('lets a change that has left come to its end', async () => {
    const { server, aifi } = await connected()
    const stop = new AbortController()
    server.next('PATCH', fault.answerAfter(50, 200, record))
    const delivery = aifi.updateCustomer(4211, {}, { signal: stop.signal })
    await expect.poll(() => server.received('PATCH').length).toBe(1)
    stop.abort()
    expect(await delivery).toMatchObject({ kind: 'answered', http: { status: 200 } })
  })

  it('says once that it sends, before anything has arrived, and not at all when nothing is sent', async () => {
    const { server, aifi } = await connected()
    const arrivedBefore: number[] = []
    const onSending = () => void arrivedBefore.push(server.received().length)
    server.next('PATCH', fault.answer(429, undefined, { 'retry-after': '0' }), fault.answer(200))
    await aifi.updateCustomer(4211, {}, { onSending })
    expect(arrivedBefore).toEqual([0])
    await client(await deadAddress()).updateCustomer(4211, {}, { onSending })
    expect(arrivedBefore).toEqual([0])
  })

  it('repeats no reading that was ended because it is closed', async () => {
    const { server, aifi } = await connected()
    server.next('GET', fault.silence())
    const reading = aifi.readCustomer(4211)
    await expect.poll(() => server.received('GET').length).toBe(1)
    await aifi.close()
    expect(await reading).toMatchObject({ kind: 'unreadable', cause: 'failed' })
  })

  it('ends what is under way when it is closed, and sends nothing afterwards', async () => {
    const { server, aifi } = await connected()
    server.next('PATCH', fault.silence(), fault.slowBody())
    const deliveries = [aifi.updateCustomer(4211, {}), aifi.updateCustomer(77, {})]
    await expect.poll(() => server.received('PATCH').length).toBe(2)
    await pause(50)
    await aifi.close()
    expect(await deliveries[0]).toMatchObject({ kind: 'no_answer', cause: 'closing' })
    expect(await deliveries[1]).toMatchObject({ kind: 'answered', body: { kind: 'incomplete', cause: 'cut_off' } })
    expect(await aifi.updateCustomer(4211, {})).toEqual(cancelled)
    await aifi.close()
    await expect.poll(() => server.connections().open).toBe(0)
  })
})

describe('reading a record', () => {
  it('reads it', async () => {
    const { server, aifi } = await connected()
    server.next('GET', fault.answer(200, record))
    expect(await aifi.readCustomer(4211)).toEqual({ kind: 'record', record, http: { status: 200 } })
    expect(server.received('GET')[0]).toMatchObject({ path: PATH, headers: { authorization: `Bearer ${TOKEN}` } })
  })

  it.each<[string, Fault, string]>([
    ['401', fault.answer(401), 'refused'],
    ['403', fault.answer(403), 'refused'],
    ['404', fault.answer(404), 'not_found'],
    ['429', fault.answer(429, undefined, { 'retry-after': '0' }), 'refused'],
    ['500', fault.answer(500), 'failed'],
    ['503', fault.answer(503), 'failed'],
    ['a redirect', fault.redirect(302, '/login'), 'failed'],
    ['a list', fault.answer(200, [record]), 'failed'],
    ['a page with the status of an error', fault.answer(404, '<html>'), 'not_found'],
    ['a text', fault.answer(200, 'ok'), 'failed'],
    ['nothing', fault.noContent(), 'failed'],
    ['a cut-off record', fault.truncatedBody(), 'failed'],
  ])('cannot read the record after %s, once', async (_, answer, cause) => {
    const { server, aifi } = await connected()
    server.always('GET', answer)
    const reading = await aifi.readCustomer(4211)
    expect(reading).toMatchObject({ kind: 'unreadable', cause, reason: expect.stringMatching(/^[A-Z].*\.$/) })
    expect(server.received('GET')).toHaveLength(1)
  })

  it.each(['<html>Sign in', '\r\n <!doctype html>'])('takes a page for something else than AiFi: %j', async (page) => {
    const { server, aifi } = await connected()
    server.always('GET', fault.answer(200, page, { 'content-type': 'text/plain' }))
    const behind = { kind: 'unreachable', cause: 'web_page', detail: expect.stringContaining('web page') }
    expect(await aifi.readCustomer(4211)).toEqual(behind)
    expect(await aifi.listCustomers({ email: 'jane@example.com' })).toEqual(behind)
  })

  it('a 404 concerns this record only', async () => {
    const { server, aifi } = await connected()
    server.next('GET', fault.answer(404), fault.answer(200, record))
    expect(await aifi.readCustomer(9)).toMatchObject({ cause: 'not_found' })
    expect(await aifi.readCustomer(4211)).toMatchObject({ kind: 'record' })
  })

  it.each([405, 501])('does not read any more after %s', async (status) => {
    const { server, aifi } = await connected()
    server.always('GET', fault.answer(status))
    expect(await aifi.readCustomer(4211)).toMatchObject({ kind: 'unreadable', cause: 'not_offered', http: { status } })
    expect(await aifi.readCustomer(77)).toMatchObject({ kind: 'unreadable', cause: 'switched_off' })
    expect(server.received('GET')).toHaveLength(1)
  })

  it.each([fault.resetAfterBody(), fault.closeAfterBody(), fault.garbage()])(
    'reads again when it did not get through',
    async (each) => {
      const { server, aifi } = await connected()
      server.next('GET', each, fault.answer(200, record))
      expect(await aifi.readCustomer(4211)).toMatchObject({ kind: 'record' })
      server.always('GET', each)
      expect(await aifi.readCustomer(4211)).toMatchObject({ kind: 'unreadable', cause: 'failed' })
      expect(server.received('GET')).toHaveLength(4)
    },
  )

  it('does not read again when the time was used up', async () => {
    const clock = new TestClock()
    const { server, aifi } = await connected({ clock })
    server.always('GET', fault.silence())
    const reading = aifi.readCustomer(4211)
    await expect.poll(() => server.received('GET').length).toBe(1)
    clock.advance(PATIENT_MS)
    expect(await reading).toMatchObject({ kind: 'unreadable', cause: 'failed' })
    expect(server.received('GET')).toHaveLength(1)
  })

  it('says when AiFi cannot be reached or gives no token', async () => {
    expect(await client(await deadAddress()).readCustomer(4211)).toMatchObject({
      kind: 'unreachable',
      cause: 'refused',
    })
    const server = await faultServer()
    const aifi = client(server.url, withClientCredentials(server))
    expect(await aifi.readCustomer(4211)).toMatchObject({ kind: 'unreachable', cause: 'token' })
  })

  it('repeats a 401 with a fresh OAuth token', async () => {
    const server = await faultServer()
    const aifi = client(server.url, withClientCredentials(server))
    server.next('POST', fault.answer(200, { access_token: 't1', token_type: 'bearer' }))
    server.next('POST', fault.answer(200, { access_token: 't2', token_type: 'bearer' }))
    server.next('GET', fault.answer(401), fault.answer(200, record))
    expect(await aifi.readCustomer(4211)).toMatchObject({ kind: 'record' })
  })

  it('ends at once when it is cancelled', async () => {
    const { server, aifi } = await connected()
    server.always('GET', fault.silence())
    const stop = new AbortController()
    const reading = aifi.readCustomer(4211, stop.signal)
    await expect.poll(() => server.received('GET').length).toBe(1)
    stop.abort()
    expect(await reading).toMatchObject({ kind: 'unreadable', cause: 'cancelled' })
  })
})

it('keeps few connections, however many changes come at once', async () => {
  const { server, aifi } = await connected()
  server.always('PATCH', fault.answer(200, record))
  const deliveries: Delivery[] = await Promise.all(Array.from({ length: 40 }, (_, id) => aifi.updateCustomer(id, {})))
  expect(deliveries.every(({ kind }) => kind === 'answered')).toBe(true)
  expect(server.received('PATCH')).toHaveLength(40)
  expect(server.connections().accepted).toBeLessThanOrEqual(16)
})

describe('when every connection waits for an answer that does not come', () => {
  const DEADLINE_MS = 20_000
  const CONNECTIONS = 16

  /** As many changes as there are connections, all of which have arrived, and a clock that ends them. */
  async function stuck(answer: Fault) {
    const clock = new TestClock()
    const { server, aifi } = await connected({ timeoutMs: DEADLINE_MS, clock })
    server.next('PATCH', ...Array.from({ length: CONNECTIONS }, () => answer))
    const change = (id: number) => aifi.updateCustomer(id, {}, { once: true })
    const waiting = Array.from({ length: CONNECTIONS }, (_, id) => change(id))
    await expect.poll(() => server.received('PATCH').length).toBe(CONNECTIONS)
    return { server, change, waiting, runOut: () => clock.advance(DEADLINE_MS) }
  }

  it('never writes a change that waited in vain for a connection', async () => {
    const { server, change, waiting, runOut } = await stuck(fault.silence())
    const inVain = Array.from({ length: 30 }, (_, id) => change(1_000 + id))
    await pause()
    runOut()
    for (const delivery of await Promise.all(waiting)) expect(delivery).toMatchObject({ kind: 'no_answer' })
    for (const delivery of await Promise.all(inVain)) {
      expect(delivery).toMatchObject({ kind: 'not_sent', cause: 'connect_timeout' })
    }
    // It stands behind all of them in the queue for a connection.
    server.next('PATCH', fault.answer(200, record))
    expect(await change(4211)).toMatchObject({ kind: 'answered' })
    expect(server.received('PATCH')).toHaveLength(CONNECTIONS + 1)
    expect(server.partial('PATCH')).toHaveLength(0)
  })

  it.each([
    ['nothing', fault.silence(), 0, { kind: 'no_answer', cause: 'timeout' }],
    ['a part', fault.slowBody(), CONNECTIONS, { kind: 'answered', body: { kind: 'incomplete', cause: 'timeout' } }],
  ])('gives the connections up with the changes, of whose answers %s has come', async (_, answer, begun, ending) => {
    const answers = told('undici:request:headers')
    const { server, change, waiting, runOut } = await stuck(answer)
    await expect.poll(() => answers.length).toBe(begun)
    runOut()
    for (const delivery of await Promise.all(waiting)) expect(delivery).toMatchObject(ending)
    server.next('PATCH', fault.answer(200, record))
    expect(await change(4211)).toMatchObject({ kind: 'answered', http: { status: 200 }, body: { kind: 'json' } })
  })
})

it('writes a change once, even where undici would begin it again on a new connection', async () => {
  const { server, aifi } = await connected()
  const connections = told('undici:client:connected')
  server.next('PATCH', fault.silence(), fault.answer(200, record))
  const change = aifi.updateCustomer(4211, {})
  await expect.poll(() => server.received('PATCH').length).toBe(1)
  // What undici takes for a connection that it ended itself: it connects anew, and begins what was under way there again.
  const [first] = connections
  if (!isConnection(first)) throw new Error('no connection')
  first.socket.destroy(new errors.InformationalError('reset'))
  expect(await change).toMatchObject({ kind: 'no_answer', cause: 'reset' })
  expect(connections).toHaveLength(2)
  expect(await aifi.updateCustomer(77, {})).toMatchObject({ kind: 'answered' })
  expect(server.received('PATCH').map(({ path }) => path)).toEqual([PATH, PATH.replace('4211', '77')])
})

function isConnection(message: unknown): message is { socket: Socket } {
  return typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket
}

describe('the access token', () => {
  const echo = fault.answerWith(({ headers }) => {
    const said = headers.authorization ?? ''
    return { status: 422, headers: { 'x-request-id': said }, body: { message: said, [said]: [said] } }
  })

  it.each([8, 20, 40, 3_000])('of %s characters is cut out of an answer that repeats it', async (length) => {
    const secret = 'canary"\\'.repeat(length).slice(-length)
    const { server, aifi } = await connected({ credentials: { kind: 'token', token: new Secret(secret) } })
    server.next('PATCH', echo)
    expect(await aifi.updateCustomer(4211, {})).toEqual({
      kind: 'answered',
      http: { status: 422, requestId: 'Bearer •••' },
      body: { kind: 'json', value: { message: 'Bearer •••', 'Bearer •••': ['Bearer •••'] } },
      attempts: 1,
    })
  })
})

it('passes on no secret in any of its words', async () => {
  const { server, aifi } = await connected()
  server.always('PATCH', fault.resetAfterBody())
  server.always('GET', fault.garbage())
  const said = [await aifi.updateCustomer(4211, { password: 'canary-password' }), await aifi.readCustomer(4211)]
  expect(JSON.stringify(said)).not.toContain('canary')
})

describe("AiFi's error body", () => {
  it('is read with clean field names', () => {
    const errors = [
      { error: '"email" is required', rule: 'any.required', field: '"email"' },
      { error: 'no', rule: 'any.only', field: '"card.provider"' },
      { error: 'plain', field: 'role', rule: 7 },
    ]
    expect(extractError({ message: 'Invalid request body', type: 'E_INVALID_BODY', errors })).toEqual({
      message: 'Invalid request body',
      type: 'E_INVALID_BODY',
      errors: [
        { field: 'email', message: '"email" is required', rule: 'any.required' },
        { field: 'card.provider', message: 'no', rule: 'any.only' },
        { field: 'role', message: 'plain', rule: '' },
      ],
    })
  })

  it('is bounded, and what has another shape is left out', () => {
    const errors = [null, 'text', [{ error: 'deep' }], {}, { error: {} }, ...Array(5_000).fill({ error: 'x' })]
    expect(extractError({ message: 5, type: ['x'], errors }).errors).toHaveLength(20)
    expect(extractError({ message: 5, type: ['x'], errors: { error: 'x' } })).toEqual({ errors: [] })
    for (const body of [undefined, null, 'text', 7, []]) expect(extractError(body)).toEqual({ errors: [] })
  })

  it('never throws', () => {
    const entry = fc.record(
      { error: fc.jsonValue(), field: fc.jsonValue(), rule: fc.jsonValue() },
      { requiredKeys: [] },
    )
    const body = fc.record({ message: fc.jsonValue(), errors: fc.array(fc.oneof(entry, fc.jsonValue())) })
    fc.assert(fc.property(fc.oneof(body, fc.jsonValue()), (value) => extractError(value).errors.length <= 20))
  })
})
