import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { exchange } from '../helpers/exchange.ts'
import { httpClients, startTeamSandbox, type TeamSandbox } from '../helpers/team.ts'
import { Visitor } from '../helpers/visitor.ts'

let team: TeamSandbox
let origin = ''

beforeAll(async () => {
  team = await startTeamSandbox({ shared: true, env: { AIFI_APPROVAL_WAIT_SECONDS: '30' } })
  origin = new URL(team.approvalsUrl).origin
})
afterAll(() => {
  team.server.child.kill('SIGKILL')
})

/** The path of the only question about this customer. */
async function questionAbout(visitor: Visitor, customer: string): Promise<string> {
  let path: string | undefined
  await expect
    .poll(async () => {
      const { body } = await visitor.get('/approvals')
      const row = body.split('<li>').find((each) => each.includes(`customer ${customer}`) && each.includes('expires'))
      path = /href="(\/approvals\/[\w-]+)"/.exec(row ?? '')?.[1]
      return path
    })
    .toBeDefined()
  return path ?? ''
}

const bearer = () => ({ Authorization: `Bearer ${team.token}` })

async function post(message: unknown, headers: Record<string, string> = bearer(), url = team.mcpUrl) {
  const all = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers }
  return exchange(url, {
    method: 'POST',
    headers: all,
    body: typeof message === 'string' || message instanceof Buffer ? message : JSON.stringify(message),
  })
}

const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }

describe.each(httpClients)('with %s', (_, connect) => {
  test('a change waits for Alex, who approves it, and the waiting call is told by whom', async () => {
    const client = await connect({ url: team.mcpUrl, token: team.token })
    expect((await client.toolNames()).sort()).toEqual(['find_customers', 'update_customer'])
    const call = client.update({ customerId: 4211, blocked: true })
    const alex = await new Visitor(origin).signIn('alex')
    const path = await questionAbout(alex, '4211')
    const page = await alex.get(path)
    expect(page.body).toContain('Sam, with team-client 2.0.0')
    const answer = await alex.decide(path, 'approve')
    expect(answer.status).toBe(303)
    expect(await call).toMatchObject({
      status: 'updated',
      approval: { channel: 'inbox', answer: 'approved', by: 'Alex' },
    })
    expect((await alex.get(path)).body).toContain('approved by <bdi>Alex</bdi>')
    expect((await alex.get('/approvals')).body).toContain('approved by <bdi>Alex</bdi>')
  })

  test('what Alex declines is told as declined by Alex, and nothing is sent', async () => {
    const client = await connect({ url: team.mcpUrl, token: team.token })
    const call = client.update({ customerId: 77, externalId: randomUUID() })
    const alex = await new Visitor(origin).signIn('alex')
    const path = await questionAbout(alex, '77')
    await alex.decide(path, 'decline')
    const result = await call
    expect(result).toMatchObject({ status: 'declined', approval: { by: 'Alex' } })
    expect(result.message).toContain('declined by Alex')
  })
})

describe('a token', () => {
  test('that is missing or wrong is answered with where to get one', async () => {
    for (const headers of [{}, { Authorization: 'Bearer nonsense' }, { Authorization: 'Basic abc' }]) {
      const answer = await post(list, headers)
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toContain(
        `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`,
      )
    }
    const metadata = await exchange(`${origin}/.well-known/oauth-protected-resource/mcp`)
    expect(JSON.parse(metadata.body)).toMatchObject({ resource: team.mcpUrl, authorization_servers: [origin] })
  })

  test('whose signature, header or claims were altered is refused', async () => {
    const [header = '', payload = '', signature = ''] = team.token.split('.')
    const claims: JsonObject = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const alex = Buffer.from(JSON.stringify({ ...claims, sub: 'alex' })).toString('base64url')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const forged of [`${header}.${alex}.${signature}`, `${none}.${payload}.`, `${none}.${payload}.${signature}`]) {
      expect((await post(list, { Authorization: `Bearer ${forged}` })).status).toBe(401)
    }
  })
})

describe('a message', () => {
  test('of 5 MB is refused clearly', async () => {
    const answer = await post(
      `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"${'x'.repeat(5_000_000)}"}}`,
    )
    expect(answer.status).toBe(413)
    expect(answer.body).toContain('over 1 MB')
  })

  test.each<[string, unknown, number, string]>([
    ['is no JSON', '{', -32700, 'not JSON'],
    ['is a batch', [list, list], -32600, 'one message at a time'],
    ['nests too deep', `{"a":${'['.repeat(600)}${']'.repeat(600)}}`, -32600, 'nests too deep'],
  ])('that %s is refused', async (_, body, code, words) => {
    const answer = await post(body)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code, message: expect.stringContaining(words) } })
  })

  test('of bytes that are no text is refused, not sent with other letters in their place', async () => {
    const call = { name: 'update_customer', arguments: { customerId: 77, firstName: 'J?', dryRun: true } }
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: call }))
    body[body.indexOf('?')] = 0xff
    const answer = await post(body)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: -32700 } })
  })

  test('may have null for parameters, as some clients write it', async () => {
    const answer = await post({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: null })
    expect(answer.body).toContain('update_customer')
  })

  test('from a page of another origin, or to another host, is not taken', async () => {
    expect((await post(list, { ...bearer(), Origin: 'https://elsewhere.example' })).status).toBe(403)
    expect((await post(list, { ...bearer(), Host: 'elsewhere.example' })).status).toBe(421)
    expect((await exchange(team.approvalsUrl, { headers: { Host: 'elsewhere.example' } })).status).toBe(421)
  })

  test('with a member that is named __proto__ is refused by that name', async () => {
    const args = '{"customerId":4211,"firstName":"Jane","__proto__":{"role":"ADMIN"}}'
    const answer = await post(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"update_customer","arguments":${args}}}`,
    )
    expect(answer.body).toContain('__proto__')
    expect(answer.body).toContain('invalid')
  })

  test('with a secret in its arguments is refused, and the secret is nowhere', async () => {
    const answer = await post({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'update_customer', arguments: { customerId: 4211, password: 'hunter2hunter2' } },
    })
    expect(answer.body).toContain('enterPrivately')
    expect(answer.body + team.server.stderr).not.toContain('hunter2hunter2')
  })
})

describe('the inbox', () => {
  /** A question about a plain customer that is withdrawn at the end. */
  async function ask(
    customer: number,
  ): Promise<{ call: Promise<JsonObject>; alex: Visitor; sam: Visitor; path: string }> {
    const [, connect] = httpClients[2] ?? expect.unreachable()
    const client = await connect({ url: team.mcpUrl, token: team.token })
    const call = client.update({ customerId: customer, blocked: true })
    const alex = await new Visitor(origin).signIn('alex')
    const sam = await new Visitor(origin).signIn('sam')
    return { call, alex, sam, path: await questionAbout(alex, String(customer)) }
  }

  test('is shown to nobody who has not signed in', async () => {
    const answer = await new Visitor(origin).get('/approvals')
    expect(answer.body).toContain('Who are you?')
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.headers['x-frame-options']).toBe('DENY')
  })

  test('lets whoever asked withdraw, but not approve, by their own form or by one of somebody else', async () => {
    const { call, alex, sam, path } = await ask(4211)
    const own = await sam.tokenOf(path)
    expect((await sam.get(path)).body).toContain('somebody else decides')
    expect((await sam.post(path, { token: own, decision: 'approve' })).status).toBe(403)
    const stolen = await alex.tokenOf(path)
    expect((await sam.post(path, { token: stolen, decision: 'approve' })).status).toBe(403)
    expect((await sam.decide(path, 'withdraw')).status).toBe(303)
    expect(await call).toMatchObject({ status: 'declined', approval: { answer: 'withdrawn' } })
    expect((await alex.get(path)).body).toContain('Withdrawn')
  })

  test('takes no form of another site, none without its token, and none twice', async () => {
    const { call, alex, path } = await ask(4211)
    const token = await alex.tokenOf(path)
    const foreign = { Origin: 'https://elsewhere.example', 'Sec-Fetch-Site': 'cross-site' }
    expect((await alex.post(path, { token, decision: 'approve' }, foreign)).status).toBe(403)
    expect((await alex.post(path, { decision: 'approve' })).status).toBe(403)
    expect((await alex.post(path, { token: `${token}A`, decision: 'approve' })).status).toBe(403)
    await alex.decide(path, 'decline')
    expect((await call).status).toBe('declined')
    // The same form again: the page shows who decided, and nothing is decided anew.
    expect((await alex.post(path, { token, decision: 'approve' })).status).toBe(303)
    expect((await alex.get(path)).body).toContain('Declined')
  })

  test('counts no yes that came before anybody could read', async () => {
    const { call, alex, path } = await ask(77)
    const token = await alex.tokenOf(path)
    const answer = await alex.post(path, { token, decision: 'approve' })
    expect(answer.body).toContain('Please read it, then press again')
    await alex.decide(path, 'decline')
    expect((await call).status).toBe('declined')
  })

  test('knows nothing of a question that there is not', async () => {
    const alex = await new Visitor(origin).signIn('alex')
    expect((await alex.get('/approvals/00000000-0000-4000-8000-000000000000')).status).toBe(404)
  })

  test('takes a password that only Alex types', async () => {
    const [, connect] = httpClients[2] ?? expect.unreachable()
    const client = await connect({ url: team.mcpUrl, token: team.token })
    const call = client.update({ customerId: 4211, enterPrivately: ['password'] })
    const alex = await new Visitor(origin).signIn('alex')
    const path = await questionAbout(alex, '4211')
    const wrong = await alex.decide(path, 'approve', { password: 'correct horse', passwordAgain: 'battery staple' })
    expect(wrong.body).toContain('not the same')
    await alex.decide(path, 'approve', { password: 'correct horse', passwordAgain: 'correct horse' })
    const result = await call
    expect(result.status).toBe('updated')
    expect(JSON.stringify(result) + team.server.stderr).not.toContain('correct horse')
  })
})

describe('operations', () => {
  test('are on a port of their own, ready, and count without a value of a record', async () => {
    expect((await exchange(`${team.operations}/healthz`)).status).toBe(200)
    expect(JSON.parse((await exchange(`${team.operations}/readyz`)).body)).toEqual({
      ready: true,
      draining: false,
      issuer: true,
    })
    const { body } = await exchange(`${team.operations}/metrics`)
    expect(body).toMatch(/aifi_customer_mcp_http_answers_total\{code="401"\} \d/)
    expect(body).toMatch(/aifi_customer_mcp_open_questions \d/)
    expect(body).not.toMatch(/\b4211\b/)
    expect((await exchange(`${origin}/metrics`)).status).toBe(404)
  })
})
