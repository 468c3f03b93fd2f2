import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { type AuditEntry, auditLine } from '../../src/audit/audit.ts'
import { run } from '../../src/cli/command-line.ts'
import { postgresAudit } from '../../src/team/postgres/audit.ts'
import { Database } from '../../src/team/postgres/database.ts'
import { freePort } from '../helpers/free-port.ts'
import { processWith } from '../helpers/process-io.ts'
import { silent } from '../helpers/recording-audit.ts'
import { describeWithPostgres } from '../helpers/team-database.ts'

async function audit(env: Readonly<Record<string, string>>, ...args: string[]) {
  const { io, out, err } = processWith({ args: ['audit', ...args], env })
  const code = await run(io)
  return { code, out: out(), err: err() }
}

const approval = {
  channel: 'inbox',
  answer: 'approved',
  decidedBy: 'approver',
  decidedAt: '2026-11-24T13:03:40.000Z',
} as const

/** A change from its attempt to its end. */
function change(customerId: number): AuditEntry[] {
  const changeId = randomUUID()
  const fields = ['blocked']
  return [
    { event: 'attempt', changeId, customerId, fields, client: 'a-bot 1.0', reason: 'asked for by phone', approval },
    { event: 'outcome', changeId, customerId, status: 'updated', http: { status: 200 } },
  ]
}

await describeWithPostgres('the audit in the database', (postgres) => {
  const env = () => ({ AIFI_STORE_URL: postgres().url })

  /** The audit of one deployment. */
  async function write(deployment: string, ...entries: AuditEntry[]): Promise<void> {
    const database = new Database(postgres().url)
    const kept = postgresAudit(database, deployment, silent)
    for (const entry of entries) expect(await kept.write(entry)).toBe(true)
    await database.close()
  }

  /** As {@link write}, all at once: a transaction for each takes long. */
  async function fill(deployment: string, entries: readonly AuditEntry[]): Promise<void> {
    const run = randomUUID()
    let prev: string | null = null
    const lines = [{ event: 'start' }, ...entries].map((entry, seq) => {
      const { line, hash } = auditLine({ time: new Date(), run, seq, prev }, entry)
      prev = hash
      return line
    })
    await postgres().query(
      'insert into aifi_audit select $1, place - 1, line from unnest($2::text[]) with ordinality as given (line, place)',
      [deployment, lines],
    )
  }

  test('is listed and checked as a file is, however many lines it has; one that was tampered with is found', async () => {
    const many = Array.from({ length: 600 }, (_, index) => change(1000 + index)).flat()
    await fill('many', many)
    await write('one', ...change(4211))
    await write('another', ...change(77))
    const listed = await audit(env(), 'list')
    expect([listed.code, listed.err]).toEqual([0, ''])
    expect(listed.out.trimEnd().split('\n')).toHaveLength(1 + 602)
    expect(listed.out).toMatch(
      / 77 +blocked +updated \(HTTP 200\) +approved \(inbox\) +a-bot 1\.0 +“asked for by phone”/,
    )
    const csv = await audit(env(), 'list', '--csv')
    expect(csv.out.split('\r\n')).toHaveLength(1 + 602 + 1)

    const intact = await audit(env(), 'verify')
    expect(intact.code).toBe(0)
    expect(intact.out).toContain('Attempts: 602. Outcomes: 602. Lookups: 0. Runs: 3.\nIntact')

    await postgres().query(
      "update aifi_audit set line = replace(line, 'blocked', 'email') where deployment = 'one' and seq = 1",
    )
    const changed = await audit(env(), 'verify')
    expect(changed.code).toBe(1)
    expect(changed.out).toContain('NOT INTACT: 1 problem.')
    expect(changed.out).toContain('was changed, or its hash in line')
    await postgres().query("delete from aifi_audit where deployment = 'one' and seq = 1")
    expect((await audit(env(), 'verify')).out).toContain('one line of the run is missing')
  })

  test('needs no right but to read it', async () => {
    await postgres().query('create role auditor login')
    await postgres().query('grant select on aifi_audit to auditor')
    const url = new URL(postgres().url)
    url.username = 'auditor'
    expect((await audit({ AIFI_STORE_URL: url.href }, 'list')).out).toContain('TIME')
  })

  test('that cannot be read says why, and repeats nothing of the address', async () => {
    const away = `postgres://u:secret-word@127.0.0.1:${await freePort()}/x?sslmode=require`
    for (const [settings, why] of [
      [{}, 'set AIFI_STORE_URL'],
      [{ AIFI_STORE_URL: away }, 'no parameter but sslmode=verify-full'],
      [{ AIFI_STORE_URL: `${postgres().url}-other` }, 'no database of the name'],
      [{ AIFI_STORE_URL_FILE: '/nowhere/file' }, 'ENOENT'],
      [{ AIFI_STORE_URL: postgres().url.replace('test@', 'auditor-2@') }, 'lets nobody in'],
    ] as const) {
      const { code, out, err } = await audit(settings, 'verify')
      expect([code, out]).toEqual([1, ''])
      expect(err).toContain(why)
      expect(err).not.toContain('secret-word')
    }
    await postgres().query('create database without_tables')
    const empty = postgres().url.replace(/postgres$/, 'without_tables')
    expect(await audit({ AIFI_STORE_URL: empty }, 'list')).toMatchObject({
      code: 1,
      err: expect.stringContaining('The database holds none.'),
    })
  })

  test('is named by a setting, never by an argument that others can read', async () => {
    const { code, err } = await audit({}, 'verify', 'postgres://u:secret-word@db.example/x')
    expect(code).toBe(1)
    expect(err).toContain('goes into AIFI_STORE_URL')
    expect(err).not.toContain('secret-word')
  })
})
