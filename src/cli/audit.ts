import { fileLines, type LineSource } from '../audit/lines.ts'
import { listAudit } from '../audit/list.ts'
import { AuditCheck, formatAuditReport } from '../audit/verify.ts'
import { errorCode } from '../lib/error-facts.ts'
import type { ProcessIo } from '../lib/process-io.ts'

type Io = Pick<ProcessIo, 'env' | 'stdout' | 'stderr'>

/** Given as the file. */
const POSTGRES = 'the address of a database goes into AIFI_STORE_URL, where no other user of this machine can read it.'

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
  if (/^postgres(ql)?:/i.test(file)) return refuse(io, POSTGRES)
  try {
    await read(fileLines(file))
    return true
  } catch (error) {
    return refuse(io, `the audit file cannot be read (${errorCode(error) ?? 'unreadable'}).`)
  }
}

async function readStore(io: Io, read: (lines: LineSource) => Promise<void>): Promise<boolean> {
  const { AuditStoreError, readAuditStore } = await import('./audit-store.ts')
  try {
    await readAuditStore(io.env, read)
    return true
  } catch (error) {
    if (!(error instanceof AuditStoreError)) throw error
    return refuse(io, `the audit cannot be read. ${error.message}`)
  }
}

function refuse({ stderr }: Io, why: string): false {
  stderr.write(`aifi-customer-mcp: ${why}\n`)
  return false
}
