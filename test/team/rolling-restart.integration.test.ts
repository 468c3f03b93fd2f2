import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { isJsonObject } from '../../src/lib/json.ts'
import { Balancer } from '../helpers/balancer.ts'
import { startChaosAifi } from '../helpers/chaos-aifi.ts'
import { exchange } from '../helpers/exchange.ts'
import { freePort } from '../helpers/free-port.ts'
import { startIssuer } from '../helpers/issuer.ts'
import type { Postgres } from '../helpers/postgres.ts'
import { builtFile } from '../helpers/process.ts'
import { Replica } from '../helpers/replica.ts'
import { describeWithPostgres } from '../helpers/team-database.ts'
import { verifyAudit } from '../helpers/verify-audit.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
const CALLERS = 12

await describeWithPostgres('a rolling restart under load', (postgres) => {
  test('cuts no call, loses no approval, and sends nothing twice', async () => {
    const team = await startTeam(postgres())
    const work = new Work(team)
    const going = Promise.all([
      ...Array.from({ length: CALLERS }, (_, caller) => work.call(caller)),
      work.approve('alex', () => 'approve'),
      work.approve('robin', (answered) => (answered % 4 === 0 ? 'decline' : 'approve')),
    ])
    await expect.poll(() => work.told.size).toBeGreaterThan(CALLERS / 2)

    const ends: Promise<unknown>[] = []
    let waiting = 0
    for (const old of team.first) {
      await team.add(`successor of ${old.name}`)
      waiting += team.balancer.open(old)
      ends.push(old.end('SIGTERM'))
      const before = work.told.size
      await expect.poll(() => work.told.size).toBeGreaterThan(before)
    }
    expect(await Promise.all(ends)).toEqual([0, 0, 0])
    expect(waiting).toBeGreaterThan(0)
    work.isOver = true
    await going
    process.stderr.write(`${JSON.stringify({ changes: work.told.size, calls: work.calls, waiting })}\n`)

    expect(work.cut).toEqual([])
    expect(new Set(work.told.values())).toEqual(new Set(['updated', 'declined']))
    for (const [email, status] of work.told)
      expect([email, team.patches.get(email) ?? 0]).toEqual([email, status === 'updated' ? 1 : 0])
    expect([...team.patches.keys()].filter((email) => !work.told.has(email))).toEqual([])
    expect(await postgres().query("select id from aifi_change where state <> 'ended'")).toEqual([])
    const lines = await postgres().query('select line from aifi_audit order by deployment, seq')
    const { problems, openAttempts, attempts } = verifyAudit(lines.map(({ line }) => `${line}\n`).join(''))
    const made = [...work.told.values()].filter((status) => status === 'updated')
    expect({ problems, openAttempts, attempts }).toEqual({ problems: [], openAttempts: [], attempts: made.length })
  })
})

type Team = Awaited<ReturnType<typeof startTeam>>

/** Three replicas of the built server behind a balancer, and an AiFi that counts what reaches it. */
async function startTeam(postgres: Postgres) {
  // It does nothing that only happens now and then.
  const aifi = await startChaosAifi(() => 0.5)
  onTestFinished(() => aifi.close())
  const issuer = await startIssuer({ publicUrl })
  onTestFinished(() => issuer.close())
  const balancer = await Balancer.start()
  onTestFinished(() => balancer.close())
  const env = {
    AIFI_BASE_URL: aifi.url,
    AIFI_TOKEN: 'a-token-of-the-test',
    ...issuer.settings,
    AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
    AIFI_MAX_CHANGES_PER_MINUTE: '1000',
    AIFI_STORE_URL: postgres.url,
  }
  const add = async (name: string) => {
    const replica = await Replica.start({ name, program: builtFile, env, port: await freePort() })
    onTestFinished(async () => void (await replica.end('SIGKILL')))
    await balancer.add(replica)
    return replica
  }
  const first = await Promise.all(['A', 'B', 'C'].map(add))
  return { first, add, balancer, issuer, patches: aifi.patches, via: `http://127.0.0.1:${balancer.port}` }
}

/** What callers and approvers do meanwhile, and what they were told. */
class Work {
  isOver = false
  /** The outcome that was told of each change, by the email that it sets. */
  readonly told = new Map<string, string>()
  /** Calls that were made; a change takes several where nobody answers for a while. */
  calls = 0
  /** Answers that are none. */
  readonly cut: string[] = []
  readonly #team: Team

  constructor(team: Team) {
    this.#team = team
  }

  /** An agent whose user wants one change after the other, and waits for the outcome of each. */
  async call(caller: number): Promise<void> {
    const token = await this.#team.issuer.token({ sub: `caller-${caller}`, exp: Math.floor(Date.now() / 1000) + 3_600 })
    for (let count = 0; !this.isOver; count += 1) {
      const email = `change-${caller}-${count}@example.com`
      let status = 'approval_pending'
      while (status === 'approval_pending') status = await this.#update({ customerId: 100 + caller, email }, token)
      if (status !== 'cut') this.told.set(email, status)
    }
  }

  /** Somebody in the group, who answers what stands in the inbox as long as there is any. */
  async approve(login: string, decision: (answered: number) => 'approve' | 'decline'): Promise<void> {
    const { issuer, via } = this.#team
    const visitor = new Visitor(publicUrl, via)
    const start = await visitor.get('/approvals')
    const back = new URL(await issuer.signIn(String(start.headers.location), login))
    await visitor.get(back.pathname + back.search)
    for (let answered = 1; !this.isOver || this.#waits > 0; ) {
      const { status, body } = await visitor.get('/approvals')
      if (status !== 200) this.cut.push(`the inbox: ${status} ${body}`)
      const [waiting = ''] = body.split('Decided lately')
      const paths = [...waiting.matchAll(/href="(\/approvals\/[\da-f-]{36})"/g)].map(([, path = '']) => path)
      const path = paths[Math.floor(Math.random() * paths.length)]
      if (path === undefined) {
        await sleep(50)
        continue
      }
      const answer = await visitor.decide(path, decision(answered))
      if (answer.status >= 500) this.cut.push(`an answer: ${answer.status} ${answer.body}`)
      answered += 1
    }
  }

  #waits = 0

  async #update(args: object, token: string): Promise<string> {
    const message = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'update_customer', arguments: args },
    }
    const headers = {
      Host: new URL(publicUrl).host,
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
    }
    this.#waits += 1
    this.calls += 1
    try {
      const { status, body } = await exchange(`${this.#team.via}/mcp`, {
        method: 'POST',
        headers,
        body: JSON.stringify(message),
      })
      const [, data] = /^(?:data: )?(\{.*)/m.exec(body) ?? []
      const answer: unknown = data === undefined ? undefined : JSON.parse(data)
      const result = isJsonObject(answer) && isJsonObject(answer.result) ? answer.result.structuredContent : undefined
      if (isJsonObject(result)) return String(result.status)
      this.cut.push(`a call: ${status} ${body}`)
    } catch (error) {
      this.cut.push(`a call: ${String(error)}`)
    } finally {
      this.#waits -= 1
    }
    return 'cut'
  }
}
