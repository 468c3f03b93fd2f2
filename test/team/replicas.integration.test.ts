import { randomBytes } from 'node:crypto'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { databaseAuditLines } from '../../src/team/postgres/audit.ts'
import { Database } from '../../src/team/postgres/database.ts'
import { schemaVersion } from '../../src/team/postgres/migrations.ts'
import { deploymentOf } from '../../src/team/postgres/store.ts'
import { aifiServer } from '../helpers/company-network.ts'
import { exchange } from '../helpers/exchange.ts'
import { fault } from '../helpers/fault.ts'
import { freePort } from '../helpers/free-port.ts'
import { startIssuer } from '../helpers/issuer.ts'
import { runToEnd, startServer } from '../helpers/process.ts'
import { anyPorts, httpClients, operationsOf } from '../helpers/team.ts'
import { asOldServer, describeWithPostgres, passTime } from '../helpers/team-database.ts'
import { verifyAudit } from '../helpers/verify-audit.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
const AIFI_SECRET_KEY = randomBytes(32).toString('base64')

await describeWithPostgres('replicas of the built server over one PostgreSQL', (postgres) => {
  let aifi: Sandbox

  beforeAll(async () => {
    aifi = await startSandbox()
    return () => aifi.close()
  })

  function settings(issuer: string): Record<string, string> {
    return {
      ...anyPorts,
      AIFI_BASE_URL: aifi.baseUrl,
      AIFI_TOKEN: aifi.token,
      AIFI_PUBLIC_URL: publicUrl,
      AIFI_OIDC_ISSUER: issuer,
      AIFI_OIDC_CLIENT_ID: 'approvals',
      AIFI_APPROVER_GROUP: 'approvers',
      AIFI_SECRET_KEY,
      AIFI_STORE_URL: postgres().url,
      AIFI_APPROVAL_WAIT_SECONDS: '0',
    }
  }

  async function startReplica(env: Record<string, string>) {
    const port = await freePort()
    const server = startServer({ args: ['http'], env: { ...env, AIFI_LISTEN: `127.0.0.1:${port}` } })
    return { server, via: `http://127.0.0.1:${port}`, operations: await operationsOf(server) }
  }

  test('a question outlives the replica that asked it, is decided at another, and told by a third', async () => {
    const issuer = await startIssuer({ publicUrl })
    onTestFinished(() => issuer.close())
    const env = { ...settings(issuer.url), AIFI_OIDC_CLIENT_SECRET: issuer.clientSecret }
    const token = await issuer.token()
    const [, connect] = httpClients.at(-1) ?? expect.unreachable()
    const update = async (via: string) => {
      const client = await connect({ url: `${publicUrl}/mcp`, token, via })
      return client.update({ customerId: 4211, blocked: true })
    }

    const first = await startReplica(env)
    expect(await update(first.via)).toMatchObject({ status: 'approval_pending' })
    first.server.child.kill('SIGKILL')
    await first.server.ended

    const second = await startReplica(env)
    expect(JSON.parse((await exchange(`${second.operations}/readyz`)).body)).toMatchObject({ ready: true, store: true })
    const alex = new Visitor(publicUrl, second.via)
    await alex.signInAt(issuer, 'alex')
    await alex.decide(await alex.firstPath(), 'approve')

    const third = await startReplica(env)
    await expect
      .poll(() => update(third.via))
      .toMatchObject({ status: 'updated', approval: { channel: 'inbox', answer: 'approved' } })

    const database = new Database(postgres().url)
    onTestFinished(() => database.close())
    let lines = ''
    for await (const line of databaseAuditLines(database)) lines += `${line}\n`
    expect(verifyAudit(lines)).toMatchObject({ problems: [], openAttempts: [], attempts: 1 })
    expect(lines).toContain('"channel":"inbox"')
  })

  test('what lapsed while none lived is ended by the next one, without anybody asking', async () => {
    const issuer = await startIssuer({ publicUrl })
    onTestFinished(() => issuer.close())
    const silentAifi = await aifiServer()
    silentAifi.always('PATCH', fault.silence())
    const env = { ...settings(issuer.url), AIFI_BASE_URL: silentAifi.url, AIFI_OIDC_CLIENT_SECRET: issuer.clientSecret }
    const [, connect] = httpClients.at(-1) ?? expect.unreachable()
    const first = await startReplica(env)
    const client = await connect({ url: `${publicUrl}/mcp`, token: await issuer.token(), via: first.via })
    expect(await client.update({ customerId: 4211, blocked: true })).toMatchObject({ status: 'approval_pending' })
    const sending = client.update({ customerId: 77, firstName: 'Kim' }).catch(() => undefined)
    await expect.poll(() => silentAifi.partial('PATCH').length + silentAifi.received('PATCH').length).toBe(1)
    first.server.child.kill('SIGKILL')
    await Promise.all([first.server.ended, sending])

    const deployment = deploymentOf(silentAifi.url)
    const states = async () => {
      const rows = await postgres().query(
        'select customer_id, state, answer from aifi_change where deployment = $1 order by customer_id',
        [deployment],
      )
      return rows.map(({ customer_id, state, answer }) => [Number(customer_id), state, answer])
    }
    expect(await states()).toEqual([
      [77, 'sending', null],
      [4211, 'asked', null],
    ])
    const database = new Database(postgres().url)
    onTestFinished(() => database.close())
    await passTime(database, silentAifi.url, 24 * 60 * 60_000)
    await startReplica(env)
    await expect.poll(states).toEqual([
      [77, 'ended', null],
      [4211, 'ended', 'expired'],
    ])
    expect(silentAifi.partial('PATCH').length + silentAifi.received('PATCH').length).toBe(1)
  })

  test('a PostgreSQL that is too old is refused, and gets no tables', async () => {
    const AIFI_STORE_URL = await asOldServer(postgres())
    const { code, stderr } = await runToEnd({
      args: ['http'],
      env: { ...settings('https://issuer.example'), AIFI_STORE_URL },
    })
    expect([code, stderr.includes('15 or newer is needed')]).toEqual([1, true])
    const database = new Database(AIFI_STORE_URL)
    onTestFinished(() => database.close())
    expect(await schemaVersion(database)).toBe(0)
  })
})
