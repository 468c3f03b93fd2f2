import { readFileSync } from 'node:fs'
import { formatAuditReport, verifyAudit } from '../audit/verify.ts'
import type { Host } from './process-io.ts'

/** `audit verify FILE`: exit code 1 when something is wrong with the file, or it cannot be read. */
export function verifyCommand({ stdout, stderr }: Host, file: string): number {
  let content: Uint8Array
  try {
    content = readFileSync(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    stderr.write(`aifi-customer-mcp: the audit file cannot be read (${code}).\n`)
    return 1
  }
  const report = verifyAudit(content)
  stdout.write(formatAuditReport(report))
  return report.problems.length > 0 ? 1 : 0
}
