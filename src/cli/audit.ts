import { fileLines } from '../audit/lines.ts'
import { listAudit } from '../audit/list.ts'
import { AuditCheck, formatAuditReport } from '../audit/verify.ts'
import { errorCode } from '../lib/error-facts.ts'
import type { ProcessIo } from './process-io.ts'

type Output = Pick<ProcessIo, 'stdout' | 'stderr'>

/** `audit verify FILE`: exit code 1 when something is wrong with the file, or it cannot be read. */
export async function verifyCommand({ stdout, stderr }: Output, file: string): Promise<number> {
  const check = new AuditCheck()
  try {
    for await (const line of fileLines(file)) check.add(line)
  } catch (error) {
    return unreadable(stderr, error)
  }
  const report = check.report()
  stdout.write(formatAuditReport(report))
  return report.problems.length > 0 ? 1 : 0
}

/** `audit list [--csv] FILE`: exit code 1 when the file cannot be read. Whether it is sound, `audit verify` says. */
export async function listCommand(
  { stdout, stderr }: Output,
  { file, csv }: { readonly file: string; readonly csv: boolean },
): Promise<number> {
  try {
    const list = await listAudit(fileLines(file), { csv })
    stdout.write(list.text)
    if (list.unreadable > 0) {
      const lines = list.unreadable === 1 ? '1 line is' : `${list.unreadable} lines are`
      stderr.write(`aifi-customer-mcp: ${lines} no record and left out; audit verify says which.\n`)
    }
    return 0
  } catch (error) {
    return unreadable(stderr, error)
  }
}

function unreadable(stderr: ProcessIo['stderr'], error: unknown): number {
  stderr.write(`aifi-customer-mcp: the audit file cannot be read (${errorCode(error) ?? 'unreadable'}).\n`)
  return 1
}
