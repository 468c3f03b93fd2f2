import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import type { QuestionLimits } from '../../src/change/limits.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { Database } from '../../src/team/postgres/database.ts'
import { migrate } from '../../src/team/postgres/migrations.ts'
import { deploymentOf, PostgresStore } from '../../src/team/postgres/store.ts'
import { createSeals } from '../../src/team/seal.ts'
import { NoPostgres, type Postgres, startPostgres } from './postgres.ts'
import type { SharedStore } from './transitions.ts'

export const teamLimits: QuestionLimits = { open: 100, onePerCustomer: false, pauses: false }
export const testKey = new Uint8Array(32).fill(3)

/** A PostgreSQL for the tests of this file; where none can be started, they are left out, and it is said. */
export async function describeWithPostgres(name: string, tests: (postgres: () => Postgres) => void): Promise<void> {
  const started = await startPostgres().catch((err: unknown) => {
    if (!(err instanceof NoPostgres)) throw err
    process.stderr.write(`LEFT OUT: ${name}. ${err.message}\n`)
    return undefined
  })
  if (!started) {
    describe.skip(name, () => tests(unavailable))
    return
  }
  describe(name, () => {
    beforeAll(async () => {
      const database = new Database(started.url)
      await migrate(database)
      await database.close()
    })
    afterAll(() => started.stop())
    tests(() => started)
  })
}

function unavailable(): never {
  throw new Error('There is no PostgreSQL here.')
}

export interface OpenOptions {
  readonly address?: string
  readonly limits?: QuestionLimits
  readonly keys?: readonly Uint8Array[]
  readonly listen?: boolean
}

/** The store as one more process has it. */
export function openStore(postgres: Postgres, clock: Clock, options: OpenOptions = {}): PostgresStore {
  const { address = 'https://aifi.example', limits = teamLimits, keys = [testKey], listen = true } = options
  const seal = createSeals(keys)('change')
  const logger = { error: () => undefined }
  return new PostgresStore(new Database(postgres.url), { address, limits, seal, clock, logger, listen })
}

/** The address of an empty database of this server, which says there of itself that it is PostgreSQL 14.12. */
export async function asOldServer(postgres: Postgres): Promise<string> {
  await postgres.query('create database old')
  const url = new URL(postgres.url)
  url.pathname = '/old'
  const database = new Database(url.href)
  await database.query('create schema old')
  await database.query('alter database old set search_path = old, pg_catalog, public')
  await database.query(
    `create function old.current_setting(text) returns text language sql as $$
       select case $1 when 'server_version' then '14.12' when 'server_version_num' then '140012' end $$`,
  )
  await database.close()
  return url.href
}

/** A deployment of its own, and time that passes when it is told to. */
export function sharedPostgres(postgres: Postgres): SharedStore {
  const address = `https://${randomUUID()}.example`
  const database = new Database(postgres.url)
  return {
    open: (clock) => openStore(postgres, clock, { address, listen: false }),
    pass: (ms) => passTime(database, address, ms),
    close: () => database.close(),
  }
}

/** As if so many milliseconds had passed for the store. */
export async function passTime(database: Database, address: string, ms: number): Promise<void> {
  const columns = ['expires_at', 'lease_until', 'ended_at', 'erase_at']
  const earlier = columns.map((column) => `${column} = ${column} - $2 * interval '1 millisecond'`)
  await database.query(`update aifi_change set ${earlier.join(', ')} where deployment = $1`, [
    deploymentOf(address),
    ms,
  ])
}
