import type { AuditAttempt, AuditEntry, AuditLookup, AuditOutcome, ImmediateAudit } from '../../src/audit/audit.ts'

/** Everything that the audit is told, in order and by kind. */
export interface RecordingAudit {
  readonly audit: ImmediateAudit
  readonly entries: AuditEntry[]
  readonly attempts: AuditAttempt[]
  readonly outcomes: AuditOutcome[]
  readonly lookups: AuditLookup[]
}

type Handlers = {
  readonly [Event in AuditEntry['event']]?: (entry: Extract<AuditEntry, { event: Event }>) => unknown
}

/** An audit that hands each entry on, and cannot be written when that throws. */
export function auditOf(handlers: Handlers): ImmediateAudit {
  return {
    write(entry) {
      try {
        if (entry.event === 'attempt') handlers.attempt?.(entry)
        else if (entry.event === 'outcome') handlers.outcome?.(entry)
        else handlers.lookup?.(entry)
        return true
      } catch {
        return false
      }
    },
    close: () => undefined,
  }
}

/** For a log that nobody reads. */
export const silent = { error: () => undefined }

/** An audit that cannot be written. */
export const brokenAudit: ImmediateAudit = { write: () => false, close: () => undefined }

/** @param failing cannot be written, for entries of this kind. */
export function recordingAudit(failing?: AuditEntry['event']): RecordingAudit {
  const recorded: RecordingAudit = {
    entries: [],
    attempts: [],
    outcomes: [],
    lookups: [],
    audit: {
      write(entry) {
        if (entry.event === failing) return false
        recorded.entries.push(entry)
        if (entry.event === 'attempt') recorded.attempts.push(entry)
        else if (entry.event === 'outcome') recorded.outcomes.push(entry)
        else recorded.lookups.push(entry)
        return true
      },
      close: () => undefined,
    },
  }
  return recorded
}
