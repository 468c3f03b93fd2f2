import { AuditCheck, type AuditReport } from '../../src/audit/verify.ts'

/** What `audit verify` finds in an audit with this content. */
export function verifyAudit(content: Uint8Array | string): AuditReport {
  const check = new AuditCheck()
  const bytes = Buffer.from(content)
  for (let start = 0; start < bytes.length; ) {
    const lineBreak = bytes.indexOf('\n', start)
    const end = lineBreak < 0 ? bytes.length : lineBreak
    check.add(bytes.subarray(start, end))
    start = end + 1
  }
  return check.report()
}
