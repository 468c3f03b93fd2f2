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
  if (file === undefined) return readStore(io, read)
  try {
    await read(fileLines(file))
    return true
  } catch (error) {
    io.stderr.write(`aifi-customer-mcp: the audit file cannot be read (${errorCode(error) ?? 'unreadable'}).\n`)
    return false
  }
}

async function readStore({ env, stderr }: Io, read: (lines: LineSource) => Promise<void>): Promise<boolean> {
  const reader = new SettingsReader(env, (path) => readFileSync(path))
  const url = readStoreUrl(reader)
  const { readDatabaseAudit } = await import('../team/postgres/audit.ts')
  const [problem] = reader.problems
  const nowhere = 'Name its file, or set AIFI_STORE_URL to the database that holds it.'
  const why = problem ?? (url ? await readDatabaseAudit(url.reveal(), read) : nowhere)
  if (why !== undefined) stderr.write(`aifi-customer-mcp: the audit cannot be read. ${why}\n`)
  return why === undefined
}
