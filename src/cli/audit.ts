import { readFileSync } from 'node:fs'
import { fileLines, type LineSource } from '../audit/lines.ts'
import { listAudit } from '../audit/list.ts'
import { AuditCheck, formatAuditReport } from '../audit/verify.ts'
import { readStoreUrl } from '../config/http.ts'
import { SettingsReader } from '../config/settings-reader.ts'
import { errorCode } from '../lib/error-facts.ts'
import type { ProcessIo } from './process-io.ts'

type Io = Pick<ProcessIo, 'env' | 'stdout' | 'stderr'>

interface Place {
  /** Undefined: the database of the settings. */
  readonly file: string | undefined
}

/** `audit verify [FILE]`: exit code 1 when something is wrong with the audit, or it cannot be read. */
export async function verifyCommand(io: Io, place: Place): Promise<number> {
  const check = new AuditCheck()
  const isRead = await readAudit(io, place, async (lines) => {
    for await (const line of lines) check.add(line)
  })
  if (!isRead) return 1
  const report = check.report()
  io.stdout.write(formatAuditReport(report))
  return report.problems.length > 0 ? 1 : 0
}

/** `audit list [--csv] [FILE]`: exit code 1 when the audit cannot be read. Whether it is sound, `audit verify` says. */
export async function listCommand(io: Io, { file, csv }: Place & { readonly csv: boolean }): Promise<number> {
  const isRead = await readAudit(io, { file }, async (lines) => {
    const list = await listAudit(lines, { csv })
    io.stdout.write(list.text)
    if (list.unreadable === 0) return
    const left = list.unreadable === 1 ? '1 line is' : `${list.unreadable} lines are`
    io.stderr.write(`aifi-customer-mcp: ${left} no record and left out; audit verify says which.\n`)
  })
  return isRead ? 0 : 1
}

/** False when it cannot be read, which is on stderr then. */
async function readAudit(io: Io, { file }: Place, read: (lines: LineSource) => Promise<void>): Promise<boolean> {
  try {
    if (file === undefined) await readStore(io, read)
    else await read(fileLines(file))
    return true
  } catch (error) {
    const code = errorCode(error) ?? 'unreadable'
    const subject = file === undefined ? 'audit' : 'audit file'
    const why = error instanceof StoreError ? `. ${error.message}` : ` (${code}).`
    io.stderr.write(`aifi-customer-mcp: the ${subject} cannot be read${why}\n`)
    return false
  }
}

/** PostgreSQL, appendix A. */
const UNDEFINED_TABLE = '42P01'

/** A sentence for people. */
class StoreError extends Error {
  override readonly name = 'StoreError'
}

async function readStore({ env }: Io, read: (lines: LineSource) => Promise<void>): Promise<void> {
  const reader = new SettingsReader(env, (path) => readFileSync(path))
  const url = readStoreUrl(reader)
  const [problem] = reader.problems
  if (problem !== undefined) throw new StoreError(problem)
  if (!url) throw new StoreError('Name the file of the audit, or set AIFI_STORE_URL to the database that holds it.')
  const { Database, DatabaseAddressError, DatabaseError } = await import('../team/database.ts')
  const { databaseAuditLines } = await import('../team/audit-postgres.ts')
  let database: InstanceType<typeof Database> | undefined
  try {
    database = new Database(url.reveal())
    await read(databaseAuditLines(database))
  } catch (error) {
    if (error instanceof DatabaseError || error instanceof DatabaseAddressError) throw new StoreError(error.message)
    const isEmpty = errorCode(error) === UNDEFINED_TABLE
    throw isEmpty ? new StoreError('The database holds none.') : error
  } finally {
    await database?.close()
  }
}
