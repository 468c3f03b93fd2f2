import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { exchange } from '../helpers/exchange.ts'
import { freePort } from '../helpers/free-port.ts'
import { startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { type Server, startServer } from '../helpers/process.ts'
import { anyPorts, httpClients, operationsOf } from '../helpers/team.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
let issuer: TestIssuer
let aifi: Sandbox
let server: Server
let via = ''
let patches = 0

beforeAll(async () => {
  issuer = await startIssuer({ publicUrl })
  aifi = await startSandbox({
    onRequest: ({ method }) => {
      patches += method === 'PATCH' ? 1 : 0
    },
  })
  ;({ server, via } = await startTeam())
})
afterAll(async () => {
  server.child.kill('SIGKILL')
  await issuer.close()
  await aifi.close()
})

async function startTeam(env: Record<string, string> = {}) {
  const port = await freePort()
  const started = startServer({
    shared: true,
    args: ['http'],
    env: { ...settings(), AIFI_LISTEN: `127.0.0.1:${port}`, ...env },
  })
  await operationsOf(started)
  return { server: started, via: `http://127.0.0.1:${port}` }
}

function settings() {
  return {
    ...anyPorts,
    AIFI_BASE_URL: aifi.baseUrl,
    AIFI_TOKEN: aifi.token,
    ...issuer.settings,
    AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
    AIFI_APPROVAL_WAIT_SECONDS: '1',
  }
}

const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }
const callOf = (name: string, args: object) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name, arguments: args },
})

async function post(message: object, token: string, to = via) {
  const headers = {
    Host: 'team.example',
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    Authorization: `Bearer ${token}`,
  }
  return exchange(`${to}/mcp`, { method: 'POST', headers, body: JSON.stringify(message) })
}

/** Signs in at the issuer, beginning at this path, and comes back to it. */
async function signIn(login: string, path = '/approvals', to = via): Promise<Visitor> {
  const visitor = new Visitor(publicUrl, to)
  const signedIn = await visitor.signInAt(issuer, login, path)
  expect([signedIn.status, signedIn.headers.location]).toEqual([303, path])
  return visitor
}

/** The path of the newest question that the assistant was told of. */
function pathIn(message: string): string {
  return /https:\/\/team\.example(\/approvals\/[\w-]+)/.exec(message)?.[1] ?? ''
}

describe('a token', () => {
  const now = Math.floor(Date.now() / 1000)
  test.each([
    ['has expired', { exp: now - 60 }, 'expired'],
    ['never expires', { exp: undefined }, 'does not say when it expires'],
    ['is not valid yet', { nbf: now + 600 }, 'not valid yet'],
    ['is for another resource', { aud: 'https://other.example/mcp' }, 'another audience'],
    ['is from another issuer', { iss: 'https://issuer.example' }, 'another issuer'],
    ['is an ID token', { nonce: 'n-0S6_WzA2Mj' }, 'ID token'],
  ])('that %s is refused', async (_, claims, reason) => {
    const answer = await post(list, await issuer.token(claims))
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toContain(reason)
    expect(answer.headers['www-authenticate']).toContain(
      `resource_metadata="${publicUrl}/.well-known/oauth-protected-resource/mcp"`,
    )
  })

  test.each([
    ['scope', { scope: 'openid customers.read' }],
    ['scp, as a list', { scope: undefined, scp: ['customers.read'] }],
    ['roles', { scope: undefined, roles: ['customers.read'] }],
  ])('that allows reading by %s reads, and is told what changing takes', async (_, claims) => {
    const token = await issuer.token(claims)
    expect((await post(callOf('find_customers', { customerId: 4211 }), token)).body).toContain('"status":"found"')
    const refused = await post(callOf('update_customer', { customerId: 4211, firstName: 'J' }), token)
    expect(refused.status).toBe(403)
    expect(refused.headers['www-authenticate']).toContain('error="insufficient_scope"')
    expect(refused.headers['www-authenticate']).toContain('customers.write customers.read')
  })

  test('whose subject is longer than that of any issuer does not say who asks', async () => {
    const long = await pendingOf(await issuer.token({ sub: 's'.repeat(256) }), 4211)
    expect(long).toMatchObject({ status: 'approval_unavailable' })
    const longest = await pendingOf(await issuer.token({ sub: 's'.repeat(255) }), 4211)
    expect(longest.status).toBe('approval_pending')
    await (await signIn('alex')).decide(pathIn(longest.message), 'decline')
  })

  test('of an application may propose, and is shown as one', async () => {
    const token = await issuer.token({ sub: 'the-agent' })
    const [, connect] = httpClients[2] ?? expect.unreachable()
    const client = await connect({ url: `${publicUrl}/mcp`, token, via })
    const call = () => client.update({ customerId: 77, externalId: 'app-1' })
    expect((await call()).status).toBe('approval_pending')
    const alex = await signIn('alex')
    await expect.poll(async () => (await alex.get('/approvals')).body).toContain('application the-agent')
    await alex.decide(await alex.firstPath(), 'decline')
    expect((await call()).status).toBe('declined')
  })
})

describe('who signs in', () => {
  test('comes back to the question, approves, and the same call again is told by whom; its PATCH is the only one', async () => {
    const [, connect] = httpClients[0] ?? expect.unreachable()
    const client = await connect({ url: `${publicUrl}/mcp`, token: await issuer.token(), via })
    const before = patches
    const call = () => client.update({ customerId: 4211, email: 'jane.new@example.com' })
    expect((await call()).status).toBe('approval_pending')
    const robin = await signIn('robin')
    await expect.poll(async () => (await robin.get('/approvals')).body).toContain('customer 4211')
    const path = await robin.firstPath()
    const alex = await signIn('alex', path)
    expect((await alex.get(path)).body).toContain('Sam Agent, with team-client 2.0.0')
    await alex.decide(path, 'approve')
    expect(await call()).toMatchObject({ status: 'updated', approval: { channel: 'inbox', by: 'Alex Approver' } })
    // Another approver, a moment too late, is told who was faster.
    await robin.decide(path, 'approve')
    expect((await robin.get(path)).body).toContain('approved by <bdi>Alex Approver</bdi>')
    expect(patches).toBe(before + 1)
  })

  test('without the group sees what they asked for, and nothing else', async () => {
    const address = pathIn((await pendingOf(await issuer.token({ sub: 'someone-else' }), 4211)).message)
    const sam = await signIn('sam')
    expect((await sam.get('/approvals')).body).not.toContain('customer 4211,')
    expect((await sam.get(address)).status).toBe(404)
    const newsOf = async (id = '') => (await sam.get(`/approvals/news?id=${id}`)).body
    expect(await newsOf(address.split('/').at(-1))).toBe(await newsOf(randomUUID()))
    expect((await sam.post(address, { token: await sam.tokenOf('/approvals'), decision: 'approve' })).status).toBe(403)
    await (await signIn('alex')).decide(address, 'decline')
    expect((await sam.get('/approvals')).body).not.toContain(address)
    expect((await sam.get(address)).status).toBe(404)
  })

  test.each(['text', 'overage'])('with groups that are no plain list (%s) is no approver', async (login) => {
    const address = pathIn((await pendingOf(await issuer.token({ sub: `for-${login}` }), 4211)).message)
    expect((await (await signIn(login)).get(address)).status).toBe(404)
    await (await signIn('alex')).decide(address, 'decline')
  })

  test('may not approve what they asked for with their own token', async () => {
    const address = pathIn((await pendingOf(await issuer.token({ sub: 'alex', name: 'Alex Approver' }), 4211)).message)
    const alex = await signIn('alex')
    const page = await alex.get(address)
    expect(page.body).toContain('somebody else decides')
    expect(page.body).not.toContain('value="approve"')
    expect((await alex.post(address, { token: await alex.tokenOf(address), decision: 'approve' })).status).toBe(403)
    await alex.decide(address, 'withdraw')
  })

  test('by an ID token that somebody else has signed is nobody', async () => {
    const robin = new Visitor(publicUrl, via)
    issuer.isForged = true
    const back = await robin.signInAt(issuer, 'robin').finally(() => {
      issuer.isForged = false
    })
    expect([back.status, [...robin.cookies.keys()]]).toEqual([400, []])
    await robin.signInAt(issuer, 'robin')
    expect([...robin.cookies.keys()]).toEqual(['__Host-approvals'])
  })

  test('cannot come back with the answer that another browser began, or twice', async () => {
    const begun = await new Visitor(publicUrl, via).get('/approvals')
    const back = new URL(await issuer.signIn(String(begun.headers.location), 'alex'))
    const other = await new Visitor(publicUrl, via).get(back.pathname + back.search)
    expect([other.status, other.headers['set-cookie']]).toEqual([400, undefined])
  })

  test('gets cookies for this host alone, and loses them when signing out', async () => {
    const alex = await signIn('alex')
    const begun = await new Visitor(publicUrl, via).get('/approvals')
    expect(String(begun.headers['set-cookie'])).toMatch(/^__Host-sign-in-[^=]+=[^;]+;.*HttpOnly; Secure; SameSite=Lax/)
    expect([...alex.cookies.keys()]).toEqual(['__Host-approvals'])
    const { headers } = await alex.get('/approvals')
    expect(headers['content-security-policy']).toContain(`form-action 'self' ${new URL(issuer.url).origin};`)
    expect((await alex.post('/approvals/sign-out', { token: 'of nobody' })).status).toBe(403)
    const token = await alex.tokenOf('/approvals')
    const out = await alex.post('/approvals/sign-out', { token })
    expect(String(out.headers.location)).toContain(`${issuer.url}/session/end`)
    expect((await alex.get('/approvals')).headers.location).toContain(`${issuer.url}/auth`)
  })

  test('with a form after the session has ended signs in and sees the question again', async () => {
    const address = pathIn((await pendingOf(await issuer.token(), 77)).message)
    const answer = await new Visitor(publicUrl, via).post(address, { token: 'x', decision: 'approve' })
    expect([answer.status, String(answer.headers.location).startsWith(`${issuer.url}/auth`)]).toEqual([303, true])
    await (await signIn('alex', address)).decide(address, 'decline')
  })
})

/** A call that does not wait for the answer. */
async function pendingOf(token: string, customerId: number): Promise<{ status: string; message: string }> {
  const args = { customerId, externalId: `x-${patches}-${Math.random()}` }
  const answer = await post(callOf('update_customer', args), token)
  const { result } = JSON.parse(answer.body.replace(/^event: message\ndata: /, ''))
  return result.structuredContent
}
