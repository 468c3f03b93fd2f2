import { once } from 'node:events'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { sandboxCommand } from '../../src/cli/sandbox.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts'
import { seededJane as jane } from '../helpers/fault-situation.ts'

const { Request: NativeRequest, Response: NativeResponse } = globalThis

const running: Sandbox[] = []
afterEach(() => Promise.all(running.splice(0).map((sandbox) => sandbox.close())))

async function start(options?: SandboxOptions): Promise<Sandbox> {
  const sandbox = await startSandbox(options)
  running.push(sandbox)
  return sandbox
}

interface Call {
  token?: string | null
  contentType?: string
}

/** One HTTP exchange with the customers; a string body goes out as it is. */
async function call(
  sandbox: Pick<Sandbox, 'baseUrl' | 'token'>,
  method: string,
  path: string,
  body?: unknown,
  options: Call = {},
) {
  const { token = sandbox.token, contentType = 'application/json' } = options
  const headers = new Headers()
  if (token !== null) headers.set('Authorization', `Bearer ${token}`)
  if (body !== undefined) headers.set('Content-Type', contentType)
  const sent = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${sandbox.baseUrl}/api/admin/v2/customers${path}`, { method, headers, body: sent })
  const text = await response.text()
  return { status: response.status, text, json: text === '' ? undefined : JSON.parse(text) }
}

const invalid = (...errors: { error: string; rule: string; field: string }[]) => ({
  status: 422,
  json: { message: 'Invalid request body', type: 'E_INVALID_BODY', errors },
})

describe('access', () => {
  test('every start has its own token and secret', async () => {
    const [one, other] = [await start(), await start()]
    expect(one.token).not.toBe(other.token)
    expect(one.clientSecret).not.toBe(other.clientSecret)
    expect((await call(one, 'GET', '/4211', undefined, { token: other.token })).status).toBe(401)
  })

  test.each([
    ['no token', null],
    ['a wrong token', 'wrong'],
  ])('%s is answered 401 without a body and changes nothing', async (_, token) => {
    const sandbox = await start()
    const answer = await call(sandbox, 'PATCH', '/4211', { blocked: false }, { token })
    expect(answer).toMatchObject({ status: 401, text: '' })
    expect(sandbox.customers.get(4211)?.blocked).toBe(true)
  })

  function tokenRequest(sandbox: Sandbox, form: Record<string, string>) {
    return fetch(sandbox.tokenUrl, { method: 'POST', body: new URLSearchParams(form) })
  }

  test('client credentials get a token that opens the API until it expires', async () => {
    let now = Date.now()
    const sandbox = await start({ clock: { now: () => now } })
    const response = await tokenRequest(sandbox, {
      grant_type: 'client_credentials',
      client_id: sandbox.clientId,
      client_secret: sandbox.clientSecret,
    })
    expect(response.status).toBe(200)
    const { access_token: token, ...rest } = JSON.parse(await response.text())
    expect(rest).toMatchObject({ expires_in: 300, token_type: 'Bearer' })
    expect(token).not.toBe(sandbox.token)
    expect((await call(sandbox, 'GET', '/4211', undefined, { token })).status).toBe(200)
    now += 300_000
    expect((await call(sandbox, 'GET', '/4211', undefined, { token })).status).toBe(401)
    expect((await call(sandbox, 'GET', '/4211')).status).toBe(200)
  })

  test.each([
    ['a wrong secret', { grant_type: 'client_credentials', client_secret: 'wrong' }, 401, 'invalid_client'],
    ['a wrong client', { grant_type: 'client_credentials', client_id: 'wrong' }, 401, 'invalid_client'],
    ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no grant', {}, 400, 'invalid_request'],
  ])("the token endpoint refuses %s in Keycloak's words", async (_, form, status, error) => {
    const sandbox = await start()
    const credentials = { client_id: sandbox.clientId, client_secret: sandbox.clientSecret }
    const response = await tokenRequest(sandbox, { ...credentials, ...form })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error, error_description: expect.any(String) })
  })
})

describe('reading', () => {
  test('a customer is exactly the documented object, without blocked, password or card', async () => {
    const answer = await call(await start(), 'GET', '/4211')
    expect(answer).toMatchObject({ status: 200 })
    expect(answer.json).toStrictEqual(jane)
  })

  test('a customer without names has null in their place', async () => {
    const answer = await call(await start(), 'GET', '/2050')
    expect(answer.json).toMatchObject({ firstName: null, lastName: null, phone: null, externalId: null })
  })

  test.each(['GET', 'PATCH'])('%s of an unknown customer is 404 without a body', async (method) => {
    const answer = await call(await start(), method, '/999999', method === 'PATCH' ? { firstName: 'A' } : undefined)
    expect(answer).toMatchObject({ status: 404, text: '' })
  })

  test('without getById reading one is 404 without a body, while listing and changing go on', async () => {
    const sandbox = await start({ getById: false })
    expect(await call(sandbox, 'GET', '/4211')).toMatchObject({ status: 404, text: '' })
    expect((await call(sandbox, 'GET', '?email=jane@example.com')).json).toStrictEqual([jane])
    expect((await call(sandbox, 'PATCH', '/4211', {})).json).toStrictEqual(jane)
  })

  test('the list is a bare array of everybody', async () => {
    const answer = await call(await start(), 'GET', '')
    expect(answer.json).toHaveLength(8)
    expect(answer.json).toContainEqual(jane)
  })

  test.each([
    ['externalId=crm-004211', [4211]],
    ['email=marcus.weber%40example.com', [77]],
    ['email=jane%40example.com&externalId=hr-20113', []],
    ['email=JANE%40example.com', []],
  ])('the list filters by %s', async (query, ids) => {
    const answer = await call(await start(), 'GET', `?${query}`)
    expect(answer.json.map((customer: { id: number }) => customer.id)).toStrictEqual(ids)
  })

  test.each([
    ['limit=5', { error: '"limit" is not allowed', rule: 'object.unknown', field: '"limit"' }],
    ['email=a&email=b', { error: '"email" must be a string', rule: 'string.base', field: '"email"' }],
  ])('the list refuses the query %s', async (query, error) => {
    expect(await call(await start(), 'GET', `?${query}`)).toMatchObject(invalid(error))
  })
})

describe('changing', () => {
  test('what is sent changes, what is left out stays, no create-default is applied', async () => {
    const sandbox = await start()
    await call(sandbox, 'PATCH', '/4211', { role: 'tester', priority: 3 })
    const before = sandbox.customers.get(4211)
    const answer = await call(sandbox, 'PATCH', '/4211', { firstName: 'Janet', phone: '' })
    expect(answer.json).toStrictEqual({ ...jane, role: 'tester', priority: 3, firstName: 'Janet', phone: '' })
    expect(sandbox.customers.get(4211)).toStrictEqual({ ...before, firstName: 'Janet', phone: '' })
  })

  test('the sample request {} is accepted and changes nothing', async () => {
    expect((await call(await start(), 'PATCH', '/4211', {})).json).toStrictEqual(jane)
  })

  test('blocked, card and password are stored and never returned', async () => {
    const sandbox = await start()
    const body = { blocked: true, card: { provider: 'ADYEN', cardToken: 'tok_1' }, password: 'a new password' }
    const answer = await call(sandbox, 'PATCH', '/77', body)
    expect(Object.keys(answer.json)).toStrictEqual(Object.keys(jane))
    const held = sandbox.customers.get(77)
    expect(held).toMatchObject({ blocked: true, card: body.card })
    expect(held?.password?.reveal()).toBe('a new password')
    expect(JSON.stringify(held)).not.toContain('a new password')
  })

  test('metadata is replaced as a whole, and null clears it', async () => {
    const sandbox = await start()
    expect((await call(sandbox, 'PATCH', '/4211', { metadata: { a: 1 } })).json.metadata).toStrictEqual({ a: 1 })
    expect((await call(sandbox, 'PATCH', '/4211', { metadata: null })).json.metadata).toBeNull()
  })

  test('the deprecated card fields change the card, and a null token deletes it', async () => {
    const sandbox = await start()
    const card = () => sandbox.customers.get(4211)?.card
    await call(sandbox, 'PATCH', '/4211', { cardToken: '' })
    expect(card()).toStrictEqual({ provider: 'STRIPE', cardToken: '' })
    await call(sandbox, 'PATCH', '/4211', { cardType: 'GENERIC' })
    expect(card()).toStrictEqual({ provider: 'GENERIC', cardToken: '' })
    await call(sandbox, 'PATCH', '/4211', { card: { provider: 'PAYTER' } })
    expect(card()).toStrictEqual({ provider: 'PAYTER' })
    await call(sandbox, 'PATCH', '/4211', { cardToken: null })
    expect(card()).toBeNull()
  })

  test('a current password must be the right one, when one is given', async () => {
    const sandbox = await start()
    const passwordOf = (id: number) => sandbox.customers.get(id)?.password?.reveal()
    const wrong = { password: 'password-two', currentPassword: 'not the password' }
    for (const id of [4211, 102]) {
      const answer = await call(sandbox, 'PATCH', `/${id}`, wrong)
      expect(answer).toMatchObject({ status: 401, json: { type: 'E_CUSTOMER_LOGIN_FAIL' } })
    }
    expect(passwordOf(4211)).toBe('sandbox-password-4211')
    expect(passwordOf(102)).toBeUndefined()
    const right = { password: 'password-two', currentPassword: 'sandbox-password-4211' }
    expect((await call(sandbox, 'PATCH', '/4211', right)).status).toBe(200)
    expect((await call(sandbox, 'PATCH', '/4211', { password: 'password-three' })).status).toBe(200)
    expect(passwordOf(4211)).toBe('password-three')
  })
})

describe('validation', () => {
  test("every problem is reported in AiFi's shape and Joi's words, and nothing is changed", async () => {
    const sandbox = await start()
    const answer = await call(sandbox, 'PATCH', '/4211', {
      email: 'jane',
      password: 'short',
      priority: 11,
      firstName: 'X',
    })
    expect(answer).toMatchObject({ status: 422 })
    expect(answer.json).toStrictEqual({
      message: 'Invalid request body',
      type: 'E_INVALID_BODY',
      errors: [
        { error: '"email" must be a valid email', rule: 'string.email', field: '"email"' },
        { error: '"password" length must be at least 8 characters long', rule: 'string.min', field: '"password"' },
        { error: '"priority" must be less than or equal to 10', rule: 'number.max', field: '"priority"' },
      ],
    })
    expect((await call(sandbox, 'GET', '/4211')).json).toStrictEqual(jane)
  })

  test.each([
    [{ priority: '3' }, 'priority', 'number.base'],
    [{ priority: 1.5 }, 'priority', 'number.integer'],
    [{ priority: -11 }, 'priority', 'number.min'],
    [{ blocked: 'true' }, 'blocked', 'boolean.base'],
    [{ blocked: null }, 'blocked', 'boolean.base'],
    [{ firstName: null }, 'firstName', 'string.base'],
    [{ email: '' }, 'email', 'string.empty'],
    [{ password: 'x'.repeat(256) }, 'password', 'string.max'],
    [{ currentPassword: 'x' }, 'currentPassword', 'string.min'],
    [{ role: 'admin' }, 'role', 'any.only'],
    [{ cardType: null }, 'cardType', 'any.only'],
    [{ card: null }, 'card', 'object.base'],
    [{ metadata: '{}' }, 'metadata', 'object.base'],
    [{ metadata: [] }, 'metadata', 'object.base'],
    [{ nickname: 'J' }, 'nickname', 'object.unknown'],
    ['{"__proto__":{"blocked":false}}', '__proto__', 'object.unknown'],
    ['{"constructor":1}', 'constructor', 'object.unknown'],
  ])('%j is refused', async (body, field, rule) => {
    const sandbox = await start()
    const answer = await call(sandbox, 'PATCH', '/4211', body)
    expect(answer.status).toBe(422)
    expect(answer.json.errors[0]).toMatchObject({ rule, field: `"${field}"` })
    expect(sandbox.customers.get(4211)?.blocked).toBe(true)
  })

  test.each([
    { externalId: '', firstName: '', lastName: '', phone: '', cardToken: '' },
    { email: 'jane@store.invented', priority: -10, role: 'untracked' },
    { password: 'x'.repeat(8) },
    { password: 'x'.repeat(255) },
    { card: { provider: 'STRIPE', cardToken: 't', defaultCard: true } },
    { cardToken: null, metadata: null },
  ])('%j is accepted', async (body) => {
    expect((await call(await start(), 'PATCH', '/4211', body)).status).toBe(200)
  })

  test('a __proto__ key in metadata is kept like any other', async () => {
    const answer = await call(await start(), 'PATCH', '/77', '{"metadata":{"__proto__":{"a":1}}}')
    expect(answer.text).toContain('"metadata":{"__proto__":{"a":1}}')
  })

  test.each([
    ['malformed JSON', '{"firstName":', 'application/json'],
    ['an array', '[]', 'application/json; charset=utf-8'],
    ['null', 'null', 'application/json'],
    ['no body at all', undefined, ''],
    ['a body that is not declared as JSON', '{}', 'text/plain'],
  ])('%s is refused in the same shape', async (_, body, contentType) => {
    const answer = await call(await start(), 'PATCH', '/4211', body, { contentType })
    const error = { error: '"value" must be of type object', rule: 'object.base', field: '"value"' }
    expect(answer).toMatchObject(invalid(error))
  })

  test.each([
    ['jane', 'number.base'],
    ['4211.5', 'number.integer'],
    ['99999999999999999999', 'number.unsafe'],
  ])('the customer id %s is refused', async (id, rule) => {
    for (const [method, body] of [['GET'], ['PATCH', {}]] as const) {
      const answer = await call(await start(), method, `/${id}`, body)
      expect(answer.status).toBe(422)
      expect(answer.json.errors).toMatchObject([{ rule, field: '"customerId"' }])
    }
  })

  test('a body over a million bytes is 413, also when its length is not announced', async () => {
    const sandbox = await start()
    const big = JSON.stringify({ firstName: 'x'.repeat(3_000_000) })
    expect(await call(sandbox, 'PATCH', '/4211', big)).toMatchObject({ status: 413, text: '' })
    const headers = { Authorization: `Bearer ${sandbox.token}`, 'Content-Type': 'application/json' }
    const url = `${sandbox.baseUrl}/api/admin/v2/customers/77`
    /** A stream goes out chunked, its length unannounced. */
    const chunked = (text: string) =>
      fetch(url, { method: 'PATCH', headers, body: new Blob([text]).stream(), duplex: 'half' })
    expect((await chunked(big)).status).toBe(413)
    expect((await chunked('{"firstName":"Mark"}')).status).toBe(200)
    expect(sandbox.customers.get(77)?.firstName).toBe('Mark')
  })
})

describe('a look behind the answers', () => {
  async function look(sandbox: Sandbox, path: string, token = sandbox.token) {
    const response = await fetch(`${sandbox.baseUrl}/sandbox${path}`, { headers: { Authorization: `Bearer ${token}` } })
    const text = await response.text()
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) }
  }

  test('a customer is shown with what AiFi never shows, and the password not even then', async () => {
    const sandbox = await start({ getById: false })
    await call(sandbox, 'PATCH', '/4211', { blocked: false, cardToken: null })
    expect(await look(sandbox, '/customers/4211')).toStrictEqual({
      status: 200,
      json: { ...jane, blocked: false, card: null, passwordIsSet: true },
    })
    expect((await look(sandbox, '/customers/102')).json).toMatchObject({ passwordIsSet: false })
    expect((await look(sandbox, '/customers/999999')).status).toBe(404)
  })

  test('requests to the Admin API are counted by method, the refused ones included', async () => {
    const sandbox = await start()
    await call(sandbox, 'GET', '/4211')
    await call(sandbox, 'PATCH', '/4211', { priority: 99 })
    await call(sandbox, 'PATCH', '/4211', { priority: 1 }, { token: 'wrong' })
    await look(sandbox, '/customers/4211')
    expect((await look(sandbox, '/requests')).json).toStrictEqual({ GET: 1, PATCH: 2 })
  })

  test.each(['/customers/4211', '/requests'])('%s needs the token', async (path) => {
    expect((await look(await start(), path, 'wrong')).status).toBe(401)
  })
})

describe('running', () => {
  test('onRequest is told of every request, the refused ones included', async () => {
    const seen: unknown[] = []
    const sandbox = await start({ onRequest: (request) => seen.push(request) })
    await call(sandbox, 'GET', '?email=jane@example.com')
    await call(sandbox, 'PATCH', '/4211', { blocked: false }, { token: 'wrong' })
    await call(sandbox, 'PATCH', '/4211', '{"firstName":')
    const path = '/api/admin/v2/customers'
    expect(seen).toStrictEqual([
      { method: 'GET', path: `${path}?email=jane@example.com`, body: undefined },
      { method: 'PATCH', path: `${path}/4211`, body: { blocked: false } },
      { method: 'PATCH', path: `${path}/4211`, body: '{"firstName":' },
    ])
  })

  test('it leaves the global Request and Response alone', async () => {
    await call(await start(), 'GET', '')
    expect(globalThis.Request).toBe(NativeRequest)
    expect(globalThis.Response).toBe(NativeResponse)
  })

  test('after close nobody listens, and closing again is harmless', async () => {
    const sandbox = await startSandbox()
    await call(sandbox, 'GET', '/4211')
    await sandbox.close()
    await sandbox.close()
    await expect(call(sandbox, 'GET', '/4211')).rejects.toThrow()
  })

  test('close does not wait for a client that never finishes its request', async () => {
    const sandbox = await startSandbox()
    const socket = connect(Number(new URL(sandbox.baseUrl).port), '127.0.0.1')
    socket.write('PATCH / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n')
    await once(socket, 'data')
    socket.on('error', () => {})
    await sandbox.close()
    socket.destroy()
  })

  test('a port in use is said plainly', async () => {
    const port = Number(new URL((await start()).baseUrl).port)
    await expect(startSandbox({ port })).rejects.toThrow(`Port ${port} on 127.0.0.1 is already in use.`)
  })

  test('the command prints settings that work as they stand, one a line, and the other way in as comments', async () => {
    const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough()]
    const stop = new AbortController()
    const ended = sandboxCommand({ stdout, stderr, stop: stop.signal }, { port: 0, getById: false })
    const [printed]: string[] = await once(stdout, 'data')
    const [, baseUrl = '', token = '', others = ''] =
      /^AIFI_BASE_URL=(.*)\nAIFI_TOKEN=(.*)\n((?:#.*\n)+)$/.exec(String(printed)) ?? []
    expect(others).toMatch(/^# AIFI_CLIENT_ID=\S+\n# AIFI_CLIENT_SECRET=\S+$/m)
    expect(others).toContain(`# AIFI_TOKEN_URL=${baseUrl}/realms/aifi/protocol/openid-connect/token\n`)
    expect((await call({ baseUrl, token }, 'PATCH', '/77', { role: 'employee' })).json).toMatchObject({
      role: 'employee',
    })
    expect((await call({ baseUrl, token }, 'GET', '/77')).status).toBe(404)
    stop.abort()
    expect(await ended).toBe(0)
    await expect(call({ baseUrl, token }, 'GET', '')).rejects.toThrow()
  })
})
