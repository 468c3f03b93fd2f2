import { type Audit, type AuditEntry, auditLine } from '../../audit/audit.ts'
import type { AuditLines } from '../../audit/list.ts'
import { errorCode } from '../../lib/error-facts.ts'
import type { Logger } from '../../lib/logger.ts'
import { Database, type Query, type Row } from './database.ts'
import { DatabaseError } from './database-error.ts'

/** Lines that are read at a time. */
const PAGE = 1_000
/** PostgreSQL, appendix A. */
const UNDEFINED_TABLE = '42P01'

/**
 * Adds an entry to the chain of a deployment, in the transaction of what it is about: either both are there, or neither.
 * One chain for all replicas, so from here to the end of the transaction no other can add to it.
 */
export async function appendAudit(query: Query, deployment: string, entry: AuditEntry): Promise<void> {
  const chain = (await chainOf(query, deployment)) ?? (await newChain(query, deployment))
  if (!(chain?.time instanceof Date)) throw new Error('The audit has no chain.')
  const place = { time: chain.time, run: String(chain.run), seq: Number(chain.seq) }
  const prev = typeof chain.prev === 'string' ? chain.prev : null
  const start = prev === null ? auditLine({ ...place, prev }, { event: 'start' }) : undefined
  const seq = start ? place.seq + 1 : place.seq
  const { line, hash } = auditLine({ ...place, seq, prev: start?.hash ?? prev }, entry)
  await query(
    `with added as (
       insert into aifi_audit (deployment, seq, line) select $1::text, * from unnest($2::bigint[], $3::text[]))
     update aifi_audit_chain set seq = $4, prev = $5 where deployment = $1`,
    [deployment, start ? [place.seq, seq] : [seq], start ? [start.line, line] : [line], seq + 1, hash],
  )
}

async function chainOf(query: Query, deployment: string): Promise<Row | undefined> {
  const [chain] = await query(
    'select run, seq, prev, clock_timestamp() as time from aifi_audit_chain where deployment = $1 for update',
    [deployment],
  )
  return chain
}

async function newChain(query: Query, deployment: string): Promise<Row | undefined> {
  await query('insert into aifi_audit_chain (deployment) values ($1) on conflict do nothing', [deployment])
  return chainOf(query, deployment)
}

/**
 * The audit of a team, in its database. An entry may be there twice when the connection was lost while it was written; it
 * is never lost.
 */
export function postgresAudit(database: Database, deployment: string, logger: Pick<Logger, 'error'>): Audit {
  return {
    async write(entry) {
      try {
        await database.transaction((query) => appendAudit(query, deployment, entry))
        return true
      } catch (err) {
        logger.error({ err }, 'the audit cannot be written')
        return false
      }
    },
    close() {},
  }
}

/** The lines of the audits in a database, those of one deployment after those of another, as a file would have them. */
export async function* databaseAuditLines(database: Database): AsyncGenerator<Buffer> {
  let after: readonly unknown[] = ['', -1]
  for (;;) {
    const rows = await database.query(
      'select deployment, seq, line from aifi_audit where (deployment, seq) > ($1, $2) order by deployment, seq limit $3',
      [...after, PAGE],
    )
    for (const { line } of rows) yield Buffer.from(String(line))
    const last = rows.at(-1)
    if (!last) return
    after = [last.deployment, last.seq]
  }
}

/** Has `read` go through the audit in the database at this address. Resolves with why it cannot, as a sentence. */
export async function readDatabaseAudit(
  address: string,
  read: (lines: AuditLines) => Promise<void>,
): Promise<string | undefined> {
  const database = new Database(address)
  try {
    await read(databaseAuditLines(database))
    return undefined
  } catch (error) {
    if (error instanceof DatabaseError) return error.message
    const code = errorCode(error) ?? 'unknown error'
    return code === UNDEFINED_TABLE ? 'The database holds none.' : `The database refused it (${code}).`
  } finally {
    await database.close()
  }
}
