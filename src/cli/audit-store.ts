import type { AuditLines } from '../audit/list.ts'
import { readStoreUrl } from '../config/http.ts'
import { SettingsReader } from '../config/settings-reader.ts'
import { errorCode } from '../lib/error-facts.ts'
import type { Environment } from '../lib/process-io.ts'
import { databaseAuditLines } from '../team/audit-postgres.ts'
import { Database, DatabaseAddressError, DatabaseError } from '../team/database.ts'

/** PostgreSQL, appendix A. */
const UNDEFINED_TABLE = '42P01'

/** Why there is no audit to read, as a sentence for people. */
export class AuditStoreError extends Error {
  override readonly name = 'AuditStoreError'
}

/** What `read` makes of the audit in the database of the settings. Rejects with {@link AuditStoreError}. */
export async function readAuditStore(env: Environment, read: (lines: AuditLines) => Promise<number>): Promise<number> {
  const reader = new SettingsReader(env)
  const url = readStoreUrl(reader)
  const [problem] = reader.problems
  if (problem !== undefined) throw new AuditStoreError(problem)
  if (!url) throw new AuditStoreError('Name its file, or set AIFI_STORE_URL to the database that holds it.')
  let database: Database | undefined
  try {
    database = new Database(url.reveal())
    return await read(databaseAuditLines(database))
  } catch (error) {
    throw new AuditStoreError(whyNot(error), { cause: error })
  } finally {
    await database?.close()
  }
}

function whyNot(error: unknown): string {
  if (error instanceof DatabaseError || error instanceof DatabaseAddressError) return error.message
  const code = errorCode(error) ?? 'unknown error'
  return code === UNDEFINED_TABLE ? 'The database holds none.' : `The database refused it (${code}).`
}
