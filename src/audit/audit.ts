import { createHash, randomUUID } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import process from 'node:process'
import type { Clock } from '../lib/clock.ts'
import { errorCode } from '../lib/error-facts.ts'
import { writeExactly } from '../lib/exact-json.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Logger } from '../lib/logger.ts'
import type { Person } from '../lib/person.ts'
import { AppendFile, type Disk } from './append-file.ts'

/** The audit trail: who changed which customer, by whose decision, with what outcome. */
export interface Audit {
  /** True when the entry is on the disk. False when it cannot be put there, which has been logged. */
  write(entry: AuditEntry): boolean | Promise<boolean>
  /** Afterwards nothing can be written. */
  close(): void
}

/** One that is written while the caller stands still, so that nothing comes between an entry and what it is about. */
export interface ImmediateAudit extends Audit {
  write(entry: AuditEntry): boolean
}

/** One thing that happened. */
export type AuditEntry =
  /** A change is about to be sent. */
  | ({ readonly event: 'attempt' } & AuditAttempt)
  /** How a change ended, sent or not. */
  | ({ readonly event: 'outcome' } & AuditOutcome)
  | ({ readonly event: 'lookup' } & AuditLookup)

/** Who agreed. `answer` is what the client or page reported. */
export interface AuditApproval {
  /** How somebody was asked. `not_needed`: nobody had to be; `none`: nobody could be. */
  channel: string
  answer: string
  decidedBy: 'client' | 'page' | 'approver' | 'assistant' | 'setting' | 'nobody'
  /** ISO 8601. */
  decidedAt?: string
  /** Who, where an issuer vouches for it. */
  by?: Person
}

export interface AuditAttempt {
  /** Random; ties the records of one change together. */
  changeId: string
  customerId: number
  /** Names only. */
  fields: readonly string[]
  /** The program that asked, by its own account. */
  client: string
  /** Who asked, over HTTP: a person, or an application on nobody's behalf. */
  proposer?: Person
  application?: string
  /** Why, in the words of the assistant; secrets cut out. */
  reason?: string
  approval: AuditApproval
  /** Of the distributed trace that the call was part of. */
  traceId?: string
  /** Only when the operator turned values on, and never a secret one: the caller leaves those out. */
  values?: JsonObject
}

/** Of a change that was sent, the attempt has told the rest. */
export interface AuditOutcome
  extends Partial<
    Pick<AuditAttempt, 'fields' | 'client' | 'proposer' | 'application' | 'reason' | 'approval' | 'traceId'>
  > {
  changeId: string
  customerId: number
  status: string
  http?: { status: number; type?: string | undefined; requestId?: string | undefined }
}

export interface AuditLookup {
  /** The program that asked, by its own account. */
  client: string
  filter: 'customerId' | 'email' | 'externalId'
  /** How many records matched; `null` when that is not known. */
  found: number | null
  /** Whose records the client was shown. */
  customerIds: readonly number[]
  status: string
  traceId?: string
}

/** The audit file cannot be opened or written; nothing may be sent then. `cause` says why. */
export class AuditError extends Error {
  override readonly name = 'AuditError'
}

/** Keeps nothing. */
export const noAudit: ImmediateAudit = { write: () => true, close() {} }

/** Stands in the `start` line of a run. */
interface AuditOrigin {
  /** The user of the operating system; its number where it has no name. */
  readonly user: string
  readonly host: string
}

export interface AuditOptions {
  clock: Clock
  logger: Pick<Logger, 'error'>
  /** Names this run of the process in the file. */
  runId?: string
  /** For whom and where it runs. */
  origin?: AuditOrigin
  disk?: Disk
}

/**
 * Opens the audit file, made with mode 0600 if it is not there; throws {@link AuditError} when that is impossible.
 *
 * The lines of a run are chained: each has the next number and the SHA-256 of the line before (`AuditCheck` looks at that).
 * A run begins in a file with a `start` line, numbered 0, or, in a file that log rotation put in place, further on.
 * Lines are plain ASCII, so that no terminal and no editor shows them as something else.
 */
export function openAudit(path: string, options: AuditOptions): ImmediateAudit {
  const { clock, logger, runId = randomUUID(), origin = thisOrigin(), disk } = options
  const file = orAuditError(() => new AppendFile(path, disk))
  let seq = 0
  let prev: string | null = null

  const append = (event: string, entry: object) => {
    const { line, hash } = auditLine({ time: new Date(clock.now()), run: runId, seq, prev }, { event, ...entry })
    file.append(line)
    seq += 1
    prev = hash
  }
  return {
    write(entry) {
      try {
        orAuditError(() => {
          if (file.refresh()) append('start', origin)
          append(entry.event, entry)
          file.flush()
        })
        return true
      } catch (err) {
        logger.error({ err }, 'the audit cannot be written')
        return false
      }
    },
    close: () => file.close(),
  }
}

function thisOrigin(): AuditOrigin {
  const host = hostname()
  try {
    return { user: userInfo().username, host }
  } catch {
    // Containers often run under a number that no list of users has.
    return { user: String(process.getuid?.() ?? 'unknown'), host }
  }
}

/** Where a line stands in its run: its number, and the hash of the line before. */
interface AuditPlace {
  readonly time: Date
  readonly run: string
  readonly seq: number
  readonly prev: string | null
}

/** An entry as it is written, plain ASCII, and the SHA-256 by which the next line names it. */
export function auditLine(
  { time, run, seq, prev }: AuditPlace,
  entry: AuditEntry | { readonly event: string },
): { line: string; hash: string } {
  const line = ascii(writeExactly({ v: 1, time: time.toISOString(), run, seq, prev, ...entry }))
  return { line, hash: createHash('sha256').update(line).digest('hex') }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: ': its folder does not exist',
  EACCES: ': this user may not write it',
  EROFS: ': the file system is read-only',
  ENOSPC: ': the disk is full',
}

function orAuditError<Result>(action: () => Result): Result {
  try {
    return action()
  } catch (cause) {
    const code = errorCode(cause) ?? ''
    throw new AuditError(`The audit file cannot be written${REASONS[code] ?? (code && ` (${code})`)}.`, { cause })
  }
}

function ascii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
