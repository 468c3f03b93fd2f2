import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { isJsonObject } from '../../src/lib/json.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { exchange } from '../helpers/exchange.ts'
import { freePort } from '../helpers/free-port.ts'
import { startIssuer } from '../helpers/issuer.ts'
import { runToEnd, startServer, temporaryFolder } from '../helpers/process.ts'
import { anyPorts, operationsOf, startTeamSandbox } from '../helpers/team.ts'
import { startTeamHere } from '../helpers/team-here.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
let aifi: Sandbox

beforeAll(async () => {
  aifi = await startSandbox()
  return () => aifi.close()
})

/** `http` with real settings, before an issuer that may not be there. */
async function startTeam(issuer: string, env: Record<string, string> = {}) {
  const port = await freePort()
  const server = startServer({
    args: ['http'],
    env: {
      ...anyPorts,
      AIFI_LISTEN: `127.0.0.1:${port}`,
      AIFI_BASE_URL: aifi.baseUrl,
      AIFI_TOKEN: aifi.token,
      AIFI_PUBLIC_URL: publicUrl,
      AIFI_OIDC_ISSUER: issuer,
      AIFI_OIDC_CLIENT_ID: 'approvals',
      AIFI_APPROVER_GROUP: 'approvers',
      AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
      AIFI_APPROVAL_WAIT_SECONDS: '0',
      ...env,
    },
  })
  return { server, via: `http://127.0.0.1:${port}`, operations: await operationsOf(server) }
}

const accept = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' }
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }
const update = (args: object) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'update_customer', arguments: args },
})

function post(via: string, message: object, token: string, headers: Record<string, string> = {}) {
  const all = { ...accept, Host: new URL(publicUrl).host, Authorization: `Bearer ${token}`, ...headers }
  return exchange(`${via}/mcp`, { method: 'POST', headers: all, body: JSON.stringify(message) })
}

describe('an issuer that is away', () => {
  test('at the start and in the middle: callers are told to wait, people that nothing is lost, and it recovers', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const { via, operations } = await startTeam(url)
    const ready = async () => (await exchange(`${operations}/readyz`)).status
    expect((await exchange(`${operations}/healthz`)).status).toBe(200)
    expect(await ready()).toBe(503)
    const header = Buffer.from('{"alg":"RS256"}').toString('base64url')
    const answer = await post(via, list, `${header}.${header}.${header}`)
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5'])
    const page = await new Visitor(publicUrl, via).get('/approvals')
    expect([page.status, page.body.includes('Nothing that waits is lost')]).toEqual([503, true])

    const issuer = await startIssuer({ publicUrl, port })
    await expect.poll(ready).toBe(200)
    const token = await issuer.token()
    expect((await post(via, list, token)).status).toBe(200)
    await issuer.close()
    // Its keys are known: who has a token goes on.
    expect((await post(via, list, token)).status).toBe(200)
  })
})

describe('the webhook', () => {
  test('is told once of each question, without a value, and a failing one harms nothing', async () => {
    const issuer = await startIssuer({ publicUrl })
    onTestFinished(() => issuer.close())
    const told: string[] = []
    const hook = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      told.push(body)
      response.writeHead(500).end()
    })
    hook.listen(0, '127.0.0.1')
    await once(hook, 'listening')
    onTestFinished(() => void hook.close())
    const { port } = hook.address() as AddressInfo
    const { server, via } = await startTeam(issuer.url, { AIFI_NOTIFY_URL: `http://127.0.0.1:${port}/secret-path` })
    const token = await issuer.token({ name: 'Sam <!channel> & Co ` @all [here](https://evil.example)' })
    const args = { customerId: 4211, email: 'very.private@example.com' }
    for (const _ of [1, 2]) expect((await post(via, update(args), token)).body).toContain('approval_pending')
    await expect.poll(() => told.length).toBe(1)
    const { text } = JSON.parse(told[0] ?? '')
    // Code to all of them: what stands in there is neither a mention nor a link.
    const [before, who, after] = text.split('`')
    expect(before).toBe('Approval needed: Email of customer 4211, asked by ')
    expect(who).toContain("Sam &lt;!channel&gt; &amp; Co ' @all [here](https://evil.example)")
    expect(after).toMatch(/^ https:\/\/team\.example\/approvals\/[\w-]+$/)
    expect(text).not.toContain('private')
    await server.until(() => server.stderr.includes('the webhook was not told'), 'the warning')
    expect(server.stderr).not.toContain('secret-path')
  })
})

describe('a 2025-era client', () => {
  test('is known by its sealed session, which serves no other token, and an unreadable one counts as none', async () => {
    const issuer = await startIssuer({ publicUrl })
    onTestFinished(() => issuer.close())
    const { via } = await startTeam(issuer.url, { AIFI_OIDC_CLIENT_SECRET: issuer.clientSecret })
    const [sam, robin] = [await issuer.token(), await issuer.token({ sub: 'robin', name: 'Robin' })]
    const clientInfo = { name: 'old-client', version: '1.2' }
    const params = { protocolVersion: '2025-11-25', capabilities: { elicitation: {} }, clientInfo }
    const initialized = await post(via, { jsonrpc: '2.0', id: 1, method: 'initialize', params }, sam)
    const session = String(initialized.headers['mcp-session-id'])
    expect(session).not.toContain('old-client')
    const askedBy = async (token: string, id: string, externalId: string) => {
      await post(via, update({ customerId: 77, externalId }), token, { 'Mcp-Session-Id': id })
      const alex = new Visitor(publicUrl, via)
      await alex.signInAt(issuer, 'alex')
      const path = await alex.firstPath()
      const { body } = await alex.get(path)
      await alex.decide(path, 'decline')
      return /<dt>Asked by<\/dt><dd><bdi>([^<]+)/.exec(body)?.[1]
    }
    expect(await askedBy(sam, session, 'a')).toBe('Sam Agent, with old-client 1.2')
    expect(await askedBy(robin, session, 'b')).toBe('Robin, with an unnamed client')
    expect(await askedBy(sam, 'nonsense', 'c')).toBe('Sam Agent, with an unnamed client')
  })

  test('that calls itself by no text is answered all the same', async () => {
    const { vias, token } = await startTeamHere()
    const [via = ''] = vias
    const clientInfo = { name: { toString: 0, valueOf: 0 }, version: '1.2' }
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })
    const headers = { ...accept, Authorization: `Bearer ${token}` }
    expect((await exchange(`${via}/mcp`, { method: 'POST', headers, body })).body).toContain('Invalid')
  })
})

describe('the end', () => {
  test('answers the calls that wait, ends no question, and exits with 0', async () => {
    const audit = join(temporaryFolder(), 'audit.jsonl')
    const team = await startTeamSandbox({ env: { AIFI_APPROVAL_WAIT_SECONDS: '40', AIFI_AUDIT_LOG: audit } })
    const headers = { ...accept, Authorization: `Bearer ${team.token}` }
    const body = JSON.stringify(update({ customerId: 4211, blocked: true }))
    const call = exchange(team.mcpUrl, { method: 'POST', headers, body })
    await expect
      .poll(async () => (await exchange(`${team.operations}/metrics`)).body)
      .toContain('aifi_customer_mcp_open_questions 1')
    team.server.child.kill('SIGTERM')
    const { body: answer } = await call
    const message: unknown = JSON.parse(answer.replace(/^event: message\ndata: /, ''))
    const result = isJsonObject(message) && isJsonObject(message.result) ? message.result.structuredContent : {}
    expect(result).toMatchObject({ status: 'approval_pending', approval: { channel: 'inbox' } })
    expect(await team.server.ended).toEqual({ code: 0, signal: null })
    expect(readFileSync(audit, 'utf8')).toBe('')
  })

  test('health says whether it is ready', async () => {
    const team = await startTeamSandbox()
    const AIFI_OPS_LISTEN = new URL(team.operations).host
    expect(await runToEnd({ args: ['health'], env: { AIFI_OPS_LISTEN } })).toMatchObject({ code: 0, stdout: 'ready\n' })
    team.server.child.kill('SIGKILL')
    await team.server.ended
    expect(await runToEnd({ args: ['health'], env: { AIFI_OPS_LISTEN } })).toMatchObject({ code: 1 })
  })
})
