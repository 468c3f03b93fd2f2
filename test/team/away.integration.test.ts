import { randomBytes } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { exchange } from '../helpers/exchange.ts'
import { freePort } from '../helpers/free-port.ts'
import { openGate } from '../helpers/gate.ts'
import { startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { runToEnd, startServer } from '../helpers/process.ts'
import { anyPorts, operationsOf } from '../helpers/team.ts'
import { callTool } from '../helpers/team-call.ts'
import { describeWithPostgres } from '../helpers/team-database.ts'
import { startTeamHere, type TeamHere } from '../helpers/team-here.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
const block = { customerId: 4211, blocked: true }

async function newIssuer(): Promise<TestIssuer> {
  const issuer = await startIssuer({ publicUrl })
  onTestFinished(() => issuer.close())
  return issuer
}

async function signIn(issuer: TestIssuer, via: string): Promise<Visitor> {
  const alex = new Visitor(publicUrl, via)
  const begun = await alex.get('/approvals')
  const back = new URL(await issuer.signIn(String(begun.headers.location), 'alex'))
  await alex.get(back.pathname + back.search)
  return alex
}

/** Reads the question, and says yes. */
async function approve(alex: Visitor, path: string, { clock }: TeamHere): Promise<void> {
  const token = await alex.tokenOf(path)
  clock.advance(1_000)
  await alex.post(path, { token, decision: 'approve' })
}

describe('AiFi is away', () => {
  test('when somebody asks: nobody is asked about a record that nobody can see, and it recovers', async () => {
    const issuer = await newIssuer()
    const team = await startTeamHere({ issuer })
    const [via = ''] = team.vias
    const token = await issuer.token()
    await team.aifi.shut()
    const { result } = await callTool(via, token, block)
    expect(result).toMatchObject({ status: 'failed', message: expect.stringContaining('AiFi could not be reached') })
    await team.aifi.open()
    expect((await callTool(via, token, block)).result).toMatchObject({ status: 'approval_pending' })
  })

  test('when it is approved: the approver and the caller are told that nothing was sent, and the next one goes through', async () => {
    const issuer = await newIssuer()
    const team = await startTeamHere({ issuer })
    const [via = ''] = team.vias
    const token = await issuer.token()
    const alex = await signIn(issuer, via)
    const { path } = await callTool(via, token, block)
    await team.aifi.shut()
    await approve(alex, path, team)
    const page = await alex.get(path)
    expect(page.body).toContain('Nothing was sent and nothing was changed')
    expect(page.body).toContain('approved by <bdi>Alex Approver</bdi>')
    const { result } = await callTool(via, token, block)
    expect(result).toMatchObject({ status: 'failed', approval: { answer: 'approved', by: 'Alex Approver' } })
    await team.aifi.open()
    const again = await callTool(via, token, block)
    await approve(alex, again.path, team)
    expect((await callTool(via, token, block)).result).toMatchObject({ status: 'updated' })
    expect(team.patches).toHaveLength(1)
  })
})

test('the issuer is away when somebody comes back from it: they are told so, and the next attempt succeeds', async () => {
  const port = await freePort()
  const gate = await openGate(`http://127.0.0.1:${port}`)
  const issuer = await startIssuer({ publicUrl, port, address: gate.url })
  onTestFinished(() => issuer.close())
  const team = await startTeamHere({ issuer })
  const [via = ''] = team.vias
  const alex = new Visitor(publicUrl, via)
  const begun = await alex.get('/approvals')
  const back = new URL(await issuer.signIn(String(begun.headers.location), 'alex'))
  await gate.shut()
  const failed = await alex.get(back.pathname + back.search)
  expect(failed.status).toBe(503)
  expect(failed.body).toContain('The sign-in service cannot be reached. Nothing that waits is lost.')
  expect([...alex.cookies.keys()]).toEqual([])
  await gate.open()
  expect((await (await signIn(issuer, via)).get('/approvals')).body).toContain('Signed in as <bdi>Alex Approver</bdi>')
})

test('the webhook is away: the question is asked all the same', async () => {
  const issuer = await newIssuer()
  const AIFI_NOTIFY_URL = `http://127.0.0.1:${await freePort()}/hook`
  const { vias } = await startTeamHere({ issuer, env: { AIFI_NOTIFY_URL } })
  const { result } = await callTool(vias[0] ?? '', await issuer.token(), block)
  expect(result).toMatchObject({ status: 'approval_pending' })
})

await describeWithPostgres('the database is away', (postgres) => {
  async function settings(issuer: TestIssuer, aifi: Sandbox, store: string) {
    const port = await freePort()
    const env = {
      ...anyPorts,
      AIFI_LISTEN: `127.0.0.1:${port}`,
      AIFI_BASE_URL: aifi.baseUrl,
      AIFI_TOKEN: aifi.token,
      ...issuer.settings,
      AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
      AIFI_APPROVAL_WAIT_SECONDS: '30',
      AIFI_STORE_URL: store,
    }
    return { env, via: `http://127.0.0.1:${port}` }
  }

  test('at the start, for longer than it waits: it does not start, and says why', async () => {
    const issuer = await newIssuer()
    const aifi = await startSandbox()
    onTestFinished(() => aifi.close())
    const { env } = await settings(issuer, aifi, `postgres://test@127.0.0.1:${await freePort()}/postgres`)
    const { code, stderr } = await runToEnd({ args: ['http'], env })
    expect([code, stderr.includes('The database that AIFI_STORE_URL names cannot be reached.')]).toEqual([1, true])
  })

  test('in the middle: everybody is told what is so, nothing is lost, and it recovers by itself', async () => {
    const patches: string[] = []
    const issuer = await newIssuer()
    const aifi = await startSandbox({ onRequest: ({ method }) => void (method === 'PATCH' && patches.push(method)) })
    onTestFinished(() => aifi.close())
    const gate = await openGate(postgres().url)
    const { env, via } = await settings(issuer, aifi, gate.url)
    const operations = await operationsOf(startServer({ args: ['http'], env }))
    const ready = async () => JSON.parse((await exchange(`${operations}/readyz`)).body)
    const token = await issuer.token()
    const alex = await signIn(issuer, via)
    const waiting = callTool(via, token, block)
    let path = ''
    await expect
      .poll(async () => {
        path = /href="(\/approvals\/[\w-]{36})"/.exec((await alex.get('/approvals')).body)?.[1] ?? ''
        return path
      })
      .not.toBe('')
    const form = await alex.tokenOf(path)

    await gate.shut()
    expect(await ready()).toMatchObject({ ready: false, store: false, issuer: true })
    const [{ result }, list, answer] = await Promise.all([
      callTool(via, token, { customerId: 77, blocked: true }),
      alex.get('/approvals'),
      alex.post(path, { token: form, decision: 'approve' }),
    ])
    expect(result).toMatchObject({ status: 'failed', message: expect.stringContaining('this call sent nothing') })
    for (const page of [list, answer]) {
      expect([page.status, page.body.includes('Nothing that waits is lost')]).toEqual([503, true])
    }
    // Another replica may have taken an answer meanwhile.
    const lost = { status: 'unknown', message: expect.stringContaining('what became of it since is not known here') }
    expect((await waiting).result).toMatchObject(lost)
    expect(patches).toEqual([])

    await gate.open()
    await expect.poll(ready).toMatchObject({ ready: true })
    const again = callTool(via, token, block)
    await alex.decide(path, 'approve')
    expect((await again).result).toMatchObject({ status: 'updated', approval: { by: 'Alex Approver' } })
    expect(patches).toHaveLength(1)
  })
})
