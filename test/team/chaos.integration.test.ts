import { expect, test } from 'vitest'
import { databaseAuditLines } from '../../src/team/postgres/audit.ts'
import { Database } from '../../src/team/postgres/database.ts'
import { CANARY, runChaos } from '../helpers/chaos.ts'
import { describeWithPostgres } from '../helpers/team-database.ts'
import { verifyAudit } from '../helpers/verify-audit.ts'

/** `CHAOS_CHANGES=1000` is the long run (`npm run test:team`). */
const changes = Number(process.env.CHAOS_CHANGES ?? 24)

await describeWithPostgres('three replicas that are killed and stopped, over a database that crashes', (postgres) => {
  test(`${changes} changes: one PATCH at most for an approval, none without, and what is told is so`, async () => {
    const report = await runChaos(postgres(), { changes, replicaFaultMs: 1_500, databaseFaultMs: 2_000 })
    process.stderr.write(`${JSON.stringify(report)}\n`)
    expect(report.violations).toEqual([])

    const dump = JSON.stringify([
      await postgres().query('select * from aifi_change'),
      await postgres().query('select * from aifi_audit'),
    ])
    for (const secret of [CANARY, 'change-1@example.com', 'Jane']) expect(dump).not.toContain(secret)
    expect(postgres().log()).not.toMatch(/violates|S3cret|change-\d+@/)

    const database = new Database(postgres().url)
    let lines = ''
    for await (const line of databaseAuditLines(database)) lines += `${line}\n`
    await database.close()
    const { problems, openAttempts, attempts } = verifyAudit(lines)
    expect(problems).toEqual([])
    expect(openAttempts).toEqual([])
    expect(attempts).toBeGreaterThan(0)
  }, 1_800_000)
})
