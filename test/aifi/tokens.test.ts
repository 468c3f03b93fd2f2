import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Http } from '../../src/aifi/exchange.ts'
import { createHttp } from '../../src/aifi/http.ts'
import type { Credentials } from '../../src/aifi/port.ts'
import { createTokens, type TokenResult, type TokenSource } from '../../src/aifi/tokens.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { Secret } from '../../src/lib/secret.ts'
import { type Fault, fault } from '../helpers/fault.ts'
import { type FaultServer, startFaultServer } from '../helpers/fault-server.ts'
import { TestClock } from '../helpers/test-clock.ts'

/** Long enough to decide nothing. */
const TIMEOUT_MS = 10_000
const SECRET = 'canary-secret+&=ü'
const TOKEN_PATH = '/realms/aifi/protocol/openid-connect/token'

let server: FaultServer
let http: Http
let aheadMs: number
const clock: Clock = {
  now: () => systemClock.now() + aheadMs,
  monotonic: () => systemClock.monotonic() + aheadMs,
  after: systemClock.after,
}

beforeEach(async () => {
  aheadMs = 0
  server = await startFaultServer()
  http = createHttp({ timeoutMs: TIMEOUT_MS, clock })
})
afterEach(async () => {
  await http.close()
  await server.close()
})

function tokens(tokenParams: readonly (readonly [string, string])[] = [], over = http): TokenSource {
  const tokenUrl = server.url + TOKEN_PATH
  const clientSecret = new Secret(SECRET)
  const credentials: Credentials = { kind: 'client', clientId: 'app', clientSecret, tokenUrl, tokenParams }
  return createTokens(credentials, over, clock)
}

function granted(token: string, ...expiresIn: unknown[]): Fault {
  return fault.answer(200, { access_token: token, token_type: 'Bearer', expires_in: expiresIn[0] })
}

function textOf(result: TokenResult): string {
  return result.kind === 'token' ? result.token.reveal() : result.detail
}

async function secretOf(source: TokenSource): Promise<Secret> {
  const result = await source.get()
  if (result.kind !== 'token') throw new Error(result.detail)
  return result.token
}

describe('a token that was issued by AiFi', () => {
  it('is given out as it is; there is no other one', async () => {
    const source = createTokens({ kind: 'token', token: new Secret('abc') }, http, clock)
    expect(textOf(await source.get())).toBe('abc')
    expect(source.invalidate(await secretOf(source))).toBe(false)
    expect(textOf(await source.get())).toBe('abc')
  })

  it.each(['', 'a b', 'a\r\nx: y', 'ü'])('is not sent when it does not fit into a header: %j', async (token) => {
    const source = createTokens({ kind: 'token', token: new Secret(token) }, http, clock)
    expect(await source.get()).toEqual({
      kind: 'no_token',
      detail: 'The access token contains characters that cannot be sent.',
    })
  })
})

describe('a token for client credentials', () => {
  it('is asked for with id, secret, grant type and further parameters as a form', async () => {
    server.next('POST', granted('t1'))
    const params = [
      ['audience', 'oasis'],
      ['scope', 'a b'],
      ['scope', 'c'],
      ['client_id', 'other'],
    ] as const
    expect(textOf(await tokens(params).get())).toBe('t1')
    const [request] = server.received()
    expect(request).toMatchObject({ method: 'POST', path: TOKEN_PATH })
    expect(request?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/)
    expect(request?.headers).not.toHaveProperty('authorization')
    expect([...new URLSearchParams(request?.body)].sort()).toEqual([
      ['audience', 'oasis'],
      ['client_id', 'app'],
      ['client_secret', SECRET],
      ['grant_type', 'client_credentials'],
      ['scope', 'a b'],
      ['scope', 'c'],
    ])
  })

  it('is asked for once, however many need it at the same time', async () => {
    server.next('POST', fault.answerAfter(20, 200, { access_token: 't1', token_type: 'Bearer' }))
    const source = tokens()
    const all = await Promise.all([source.get(), source.get(), source.get()])
    expect(all.map(textOf)).toEqual(['t1', 't1', 't1'])
    expect(textOf(await source.get())).toBe('t1')
    expect(server.received()).toHaveLength(1)
  })

  it.each<[unknown, number, number]>([
    [300, 260, 280],
    ['300', 260, 280],
    [10, 7, 9],
    [undefined, 40, 50],
    [null, 40, 50],
    [0, 40, 50],
    [-1, 40, 50],
    ['soon', 40, 50],
    [{}, 40, 50],
    [1e12, 86_000, 86_390],
  ])(
    'that says it lives for %s s is still used after %s s, and no more after %s s',
    async (expiresIn, used, renewed) => {
      server.next('POST', granted('t1', expiresIn), granted('t2'))
      const source = tokens()
      expect(textOf(await source.get())).toBe('t1')
      aheadMs = used * 1000
      expect(textOf(await source.get())).toBe('t1')
      aheadMs = renewed * 1000
      expect(textOf(await source.get())).toBe('t2')
      expect(server.received()).toHaveLength(2)
    },
  )

  it('lives from when it was asked for, however long the answer took', async () => {
    const slow: Http = {
      async exchange(request) {
        const exchange = await http.exchange(request)
        aheadMs += 9_000
        return exchange
      },
      close: () => http.close(),
    }
    server.next('POST', granted('t1', 10), granted('t2', 10))
    const source = tokens([], slow)
    expect(textOf(await source.get())).toBe('t1')
    expect(textOf(await source.get())).toBe('t2')
  })

  it('is dropped when AiFi refused it, and only then', async () => {
    server.next('POST', granted('t1'), granted('t2'))
    const source = tokens()
    const first = await secretOf(source)
    expect(source.invalidate(first)).toBe(true)
    expect(textOf(await source.get())).toBe('t2')
    expect(source.invalidate(first)).toBe(true)
    expect(textOf(await source.get())).toBe('t2')
    expect(server.received()).toHaveLength(2)
  })

  it.each([{}, { token_type: null }])('may come without its type: %j', async (type) => {
    server.next('POST', fault.answer(200, { access_token: 't1', ...type }))
    expect(textOf(await tokens().get())).toBe('t1')
  })

  it('may come with an id_token, which is not looked at', async () => {
    server.next('POST', fault.answer(200, { access_token: 't1', token_type: 'Bearer', id_token: 'x.y.z', scope: 7 }))
    expect(textOf(await tokens().get())).toBe('t1')
  })
})

describe('no token', () => {
  it.each<[string, Fault, string]>([
    [
      'invalid_client',
      fault.answer(401, { error: 'invalid_client' }),
      'refused the client id or secret (invalid_client).',
    ],
    [
      'unauthorized_client with a challenge',
      fault.answer(401, { error: 'unauthorized_client' }, { 'www-authenticate': 'Basic realm="x"' }),
      'refused the client id or secret (unauthorized_client).',
    ],
    ['invalid_scope', fault.answer(400, { error: 'invalid_scope' }), 'refused the request (invalid_scope).'],
    [
      'an echo of the secret',
      fault.answer(400, { error: SECRET, error_description: SECRET }),
      'refused the request (HTTP 400).',
    ],
    ['a page', fault.answer(502, `<h1>${SECRET}</h1>`), 'answered HTTP 502 without a token.'],
    ['nothing', fault.answer(401), 'answered HTTP 401 without a token.'],
    ['204', fault.noContent(), 'answered HTTP 204 without a token.'],
    ['a redirect', fault.redirect(302, '/login'), 'answered HTTP 302 without a token.'],
    ['a list', fault.answer(200, []), 'answered HTTP 200 without a token.'],
    ['an object without a token', fault.answer(200, {}), 'answered HTTP 200 without a token.'],
    [
      'a token of the wrong type',
      fault.answer(200, { access_token: 1, token_type: 'Bearer' }),
      'gave an answer that is no token.',
    ],
    [
      'another kind of token',
      fault.answer(200, { access_token: 't', token_type: 'mac' }),
      'gave an answer that is no token.',
    ],
    [
      'a type that is none',
      fault.answer(200, { access_token: 't', token_type: 1 }),
      'gave an answer that is no token.',
    ],
    ['a server error', fault.answer(500, { error: 'x' }), 'answered HTTP 500 without a token.'],
    ['an unheard-of status', fault.answer(799, {}), 'answered HTTP 799 without a token.'],
    ['a reset', fault.resetAfterBody(), 'could not be used. The connection ended before the answer came.'],
    ['an endless answer', fault.endlessBody(), 'answered HTTP 200 without a token.'],
  ])('after %s, said in plain words', async (_, answer, words) => {
    server.next('POST', answer)
    const result = await tokens().get()
    expect(result).toEqual({ kind: 'no_token', detail: `AiFi's token endpoint ${words}` })
    expect(inspect(result, { depth: 9 })).not.toContain('canary')
    expect(server.received()).toHaveLength(1)
  })

  it('after silence, said in plain words', async () => {
    const testClock = new TestClock()
    const patient = createHttp({ timeoutMs: TIMEOUT_MS, clock: testClock })
    onTestFinished(() => patient.close())
    server.next('POST', fault.silence())
    const result = tokens([], patient).get()
    await expect.poll(() => server.received('POST').length).toBe(1)
    testClock.advance(TIMEOUT_MS)
    const detail = "AiFi's token endpoint could not be used. No answer came in time."
    expect(await result).toEqual({ kind: 'no_token', detail })
  })

  it('is not remembered: the next one asks again', async () => {
    server.next('POST', fault.answer(503), granted('t2'))
    const source = tokens()
    expect((await source.get()).kind).toBe('no_token')
    expect(textOf(await source.get())).toBe('t2')
  })

  it('shows no secret when the source itself is printed', () => {
    expect(inspect(tokens(), { depth: 9, showHidden: true })).not.toContain('canary')
  })
})
