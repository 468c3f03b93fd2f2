import { randomBytes } from 'node:crypto'
import { Client, type FetchLike, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { exchange } from '../helpers/exchange.ts'
import { freePort } from '../helpers/free-port.ts'
import { envelopeOf } from '../helpers/harness.ts'
import { startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { builtFile, reading } from '../helpers/process.ts'
import { Replica } from '../helpers/replica.ts'
import { httpClients } from '../helpers/team.ts'
import { describeWithPostgres } from '../helpers/team-database.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
const key = () => randomBytes(32).toString('base64')

await describeWithPostgres('while the key is rotated', (postgres) => {
  let aifi: Sandbox
  let issuer: TestIssuer

  beforeAll(async () => {
    aifi = await startSandbox()
    issuer = await startIssuer({ publicUrl })
    return () => Promise.all([aifi.close(), issuer.close()])
  })

  /** A replica with these keys; `via` is where it listens. */
  async function startReplica(keys: readonly string[], more: Record<string, string> = {}) {
    const env = {
      AIFI_BASE_URL: aifi.baseUrl,
      AIFI_TOKEN: aifi.token,
      ...issuer.settings,
      AIFI_SECRET_KEY: keys.join(','),
      AIFI_STORE_URL: postgres().url,
      AIFI_APPROVAL_WAIT_SECONDS: '0',
      ...more,
    }
    const replica = await Replica.start({ name: 'replica', program: builtFile, env, port: await freePort() })
    onTestFinished(async () => void (await replica.end('SIGKILL')))
    return replica.address
  }

  const update = async (via: string, args: Readonly<Record<string, unknown>>, claims: Record<string, unknown> = {}) => {
    const [, connect] = httpClients.at(-1) ?? expect.unreachable()
    return (await connect({ url: `${publicUrl}/mcp`, token: await issuer.token(claims), via })).update({ ...args })
  }

  const signIn = async (visitor: Visitor, path = '/approvals') => {
    const start = await visitor.get(path)
    const back = new URL(await issuer.signIn(String(start.headers.location), 'alex'))
    return visitor.get(back.pathname + back.search)
  }

  const pathIn = (message: string) => /\/approvals\/[\da-f-]{36}/.exec(message)?.[0] ?? expect.unreachable()

  test('nobody is signed out and no question is lost, from the first replica that knows the new one to the last with the old', async () => {
    const [old, young] = [key(), key()]
    const before = await startReplica([old])
    const asked = { customerId: 4211, email: 'jane.rotated@example.com' }
    const { message } = await update(before, asked)
    const alex = new Visitor(publicUrl, before)
    await signIn(alex)
    const path = pathIn(message)
    const token = await alex.tokenOf(path)

    // Knows the new one, and does not use it: what it seals the replicas of before can read.
    const between = await startReplica([old, young])
    const after = await startReplica([young, old])
    for (const via of [between, after]) {
      expect(await update(via, asked)).toMatchObject({ status: 'approval_pending' })
      const there = alex.at(via)
      expect((await there.get('/approvals')).body).toContain('Signed in as <bdi>Alex Approver</bdi>')
      expect((await there.get(path)).body).toContain('jane.rotated@example.com')
    }
    await expect
      .poll(async () => {
        await alex.at(after).post(path, { token, decision: 'approve' })
        return (await update(between, asked)).status
      })
      .toBe('updated')

    // What is sealed with the new one, the replicas that only know of it can read.
    const later = { customerId: 77, externalId: 'rotated' }
    const second = pathIn((await update(after, later)).message)
    const robin = new Visitor(publicUrl, after)
    await signIn(robin)
    await robin.at(between).decide(second, 'decline')
    expect((await update(between, later)).status).toBe('declined')
  })

  test('two equal calls at one moment, at replicas that use different keys, are one question', async () => {
    const [old, young] = [key(), key()]
    const replicas = [await startReplica([old, young]), await startReplica([young, old])]
    for (const round of [1, 2, 3]) {
      const claims = { sub: `both-${round}` }
      const args = { customerId: 77, externalId: `both-${round}` }
      const told = await Promise.all(replicas.map((via) => update(via, args, claims)))
      expect(told.map(({ status }) => status)).toEqual(['approval_pending', 'approval_pending'])
      expect(new Set(told.map(({ message }) => pathIn(message))).size).toBe(1)
    }
  })

  test('a sign-in and a form that began under the old one end under both', async () => {
    const [old, young] = [key(), key()]
    const [before, after] = [await startReplica([old]), await startReplica([young, old])]
    const alex = new Visitor(publicUrl, before)
    const start = await alex.get('/approvals')
    const back = new URL(await issuer.signIn(String(start.headers.location), 'alex'))
    expect((await alex.at(after).get(back.pathname + back.search)).headers.location).toBe('/approvals')
    expect((await alex.at(after).get('/approvals')).status).toBe(200)
  })

  test('a form that was handed out under the old one is answered under the new one', async () => {
    const [old, young] = [key(), key()]
    const formsCount = { AIFI_FOUR_EYES: 'false' }
    const [before, after] = [await startReplica([old], formsCount), await startReplica([young, old], formsCount)]
    const token = await issuer.token({ sub: 'alex', name: 'Alex Approver', groups: ['approvers'] })
    const client = new Client(
      { name: 'forms', version: '1.0.0' },
      { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    let via = before
    client.setRequestHandler('elicitation/create', async () => {
      via = after
      await reading()
      return { action: 'accept', content: { approve: true } }
    })
    const fetchThere: FetchLike = async (address, { method = 'GET', headers, body } = {}) => {
      const all = { ...Object.fromEntries(new Headers(headers)), host: new URL(publicUrl).host }
      const sent = { method, headers: all, ...(typeof body === 'string' && { body }) }
      const answer = await exchange(via + new URL(address).pathname, sent)
      const type = String(answer.headers['content-type'])
      return new Response(answer.body, { status: answer.status, headers: { 'Content-Type': type } })
    }
    const requestInit = { headers: { Authorization: `Bearer ${token}` } }
    const url = new URL(`${publicUrl}/mcp`)
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit, fetch: fetchThere }))
    onTestFinished(() => client.close())
    const args = { customerId: 77, email: 'robert.form@example.com' }
    expect(envelopeOf(await client.callTool({ name: 'update_customer', arguments: args }))).toMatchObject({
      status: 'updated',
      approval: { channel: 'form', answer: 'approved' },
    })
    expect(via).toBe(after)
  })

  test('once the old one is gone, what was made with it opens nothing, and everybody is told what to do', async () => {
    const [old, young] = [key(), key()]
    const [before, after] = [await startReplica([old]), await startReplica([young])]
    const asked = { customerId: 4211, lastName: 'Lost', email: 'jane.lost@example.com' }
    const claims = { sub: 'lost' }
    const path = pathIn((await update(before, asked, claims)).message)
    const alex = new Visitor(publicUrl, before)
    await signIn(alex)
    const token = await alex.tokenOf(path)

    const there = alex.at(after)
    const answer = await there.post(path, { token, decision: 'approve' })
    expect([answer.status, String(answer.headers.location).startsWith(`${issuer.url}/auth`)]).toEqual([303, true])
    await signIn(there, path)
    const form = await there.post(path, { token, decision: 'approve' })
    expect([form.status, form.body.includes('changed nothing')]).toEqual([403, true])
    expect((await there.get(path)).status).toBe(404)
    expect(aifi.customers.get(4211)?.lastName).not.toBe('Lost')
  })
})
