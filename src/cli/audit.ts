import { createReadStream } from 'node:fs'
import { type AuditLines, listAudit } from '../audit/list.ts'
import { AuditCheck, formatAuditReport } from '../audit/verify.ts'
import { readStoreUrl } from '../config/http.ts'
import { SettingsReader } from '../config/settings-reader.ts'
import { errorCode } from '../lib/error-facts.ts'
import type { ProcessIo } from '../lib/process-io.ts'
import { Lines } from '../mcp/lines.ts'

type Io = Pick<ProcessIo, 'env' | 'stdout' | 'stderr'>

interface Place {
  /** Undefined: the database of the settings. */
  readonly file: string | undefined
}

/** `audit verify [FILE]`: exit code 1 when something is wrong with the audit, or it cannot be read. */
export function verifyCommand(io: Io, place: Place): Promise<number> {
  return readAudit(io, place, async (lines) => {
    const check = new AuditCheck()
    for await (const line of lines) check.add(line)
    const report = check.report()
    io.stdout.write(formatAuditReport(report))
    return report.problems.length > 0 ? 1 : 0
  })
}

/** `audit list [--csv] [FILE]`: exit code 1 when the audit cannot be read. Whether it is sound, `audit verify` says. */
export function listCommand(io: Io, { file, csv }: Place & { readonly csv: boolean }): Promise<number> {
  return readAudit(io, { file }, async (lines) => {
    const list = await listAudit(lines, { csv })
    io.stdout.write(list.text)
    const left = list.unreadable === 1 ? '1 line is' : `${list.unreadable} lines are`
    if (list.unreadable > 0)
      io.stderr.write(`aifi-customer-mcp: ${left} no record and left out; audit verify says which.\n`)
    return 0
  })
}

/** Resolves with what `read` does; with 1 when the audit cannot be read, which is on stderr then. */
async function readAudit(io: Io, { file }: Place, read: (lines: AuditLines) => Promise<number>): Promise<number> {
  const refuse = (why: string) => {
    io.stderr.write(`aifi-customer-mcp: ${why}\n`)
    return 1
  }
  if (file !== undefined && /^postgres(ql)?:/i.test(file))
    return refuse(
      'the address of a database goes into AIFI_STORE_URL, where no other user of this machine can read it.',
    )
  if (file !== undefined)
    return read(fileLines(file)).catch((error: unknown) =>
      refuse(`the audit file cannot be read (${errorCode(error) ?? 'unreadable'}).`),
    )
  const reader = new SettingsReader(io.env)
  const url = readStoreUrl(reader)
  const { readDatabaseAudit } = await import('../team/postgres/audit.ts')
  let code = 0
  const readLines = async (lines: AuditLines) => {
    code = await read(lines)
  }
  const [problem] = reader.problems
  const nowhere = 'Name its file, or set AIFI_STORE_URL to the database that holds it.'
  const why = problem ?? (url ? await readDatabaseAudit(url.reveal(), readLines) : nowhere)
  return why === undefined ? code : refuse(`the audit cannot be read. ${why}`)
}

/** Far more than a record has, in bytes. */
const LONGEST_LINE = 16 * 1024 * 1024
/** Stands for a line that is longer. */
const NO_RECORD = Buffer.from('(too long)')

/** The lines of a file of any size. Throws what the file system throws. */
async function* fileLines(path: string): AsyncGenerator<Buffer> {
  const found: Buffer[] = []
  const lines = new Lines(LONGEST_LINE, {
    line: (bytes) => found.push(Buffer.from(bytes)),
    tooLong: () => found.push(NO_RECORD),
  })
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    lines.push(chunk)
    yield* found.splice(0)
  }
  // What comes last may have no line break.
  lines.push(Buffer.from('\n'))
  yield* found
}
