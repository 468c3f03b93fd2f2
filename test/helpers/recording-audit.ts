import { type Audit, type AuditAttempt, type AuditLookup, type AuditOutcome, noAudit } from '../../src/audit/audit.ts'

export interface RecordingAudit {
  readonly audit: Audit
  readonly attempts: AuditAttempt[]
  readonly outcomes: AuditOutcome[]
  readonly lookups: AuditLookup[]
}

/** An audit that keeps in memory what it is told. */
export function recordingAudit(): RecordingAudit {
  const attempts: AuditAttempt[] = []
  const outcomes: AuditOutcome[] = []
  const lookups: AuditLookup[] = []
  const audit: Audit = {
    ...noAudit,
    attempt: (entry) => void attempts.push(entry),
    outcome: (entry) => void outcomes.push(entry),
    lookup: (entry) => void lookups.push(entry),
  }
  return { audit, attempts, outcomes, lookups }
}

/** An audit that cannot be written. */
export function brokenAudit(error: Error): Audit {
  const fail = () => {
    throw error
  }
  return { ...noAudit, attempt: fail, outcome: fail, lookup: fail }
}
