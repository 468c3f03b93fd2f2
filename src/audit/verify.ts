import { harmless } from '../lib/text.ts'
import { type AuditProblem, chainProblems } from './chain.ts'
import { type AuditLine, auditLines, type UnreadableLine } from './lines.ts'

/** What an audit file says about itself. Intact when `problems` is empty. */
export interface AuditReport {
  readonly runs: number
  readonly attempts: number
  readonly outcomes: number
  readonly lookups: number
  /** Lines removed, changed, copied, moved or inserted, in the order of the file. */
  readonly problems: readonly AuditProblem[]
  /** Line numbers of records cut off while they were written (a crash, a full disk). No sign of tampering. */
  readonly tornLines: readonly number[]
  /** Runs that begin here further on than at number 0: the lines before are in a rotated file, or were removed. */
  readonly continuedRuns: readonly { line: number; run: string; seq: number }[]
  /** Attempts without an outcome: the process ended in between, or it is still at it. */
  readonly openAttempts: readonly AuditLine[]
}

/**
 * Checks the chains of an audit file (its content, as bytes or text).
 *
 * It finds every line that was removed, changed, copied, moved or inserted, by damage or a careless edit, as long as a
 * later line of the same run is left. It cannot find that a run's last lines were removed, that its very last line was
 * changed, that a whole run was removed, or that somebody with write access made the chain anew.
 */
export function verifyAudit(content: Uint8Array | string): AuditReport {
  const lines: AuditLine[] = []
  const unreadable: UnreadableLine[] = []
  for (const line of auditLines(typeof content === 'string' ? Buffer.from(content) : asBuffer(content))) {
    if ('torn' in line) unreadable.push(line)
    else lines.push(line)
  }
  const chain = chainProblems(lines, unreadable)
  const accounted = new Set(chain.map(({ line }) => line))
  const others = unreadable.filter(({ line }) => !accounted.has(line))
  const foreign = others.filter(({ torn }) => !torn).map(({ line }) => ({ line, text: 'is no record of this audit' }))
  const finished = new Set(lines.filter(({ event }) => event === 'outcome').map(({ changeId }) => changeId))
  const count = (event: AuditLine['event']) => lines.filter((line) => line.event === event).length
  return {
    runs: new Set(lines.map(({ run }) => run)).size,
    attempts: count('attempt'),
    outcomes: count('outcome'),
    lookups: count('lookup'),
    problems: [...chain, ...foreign].sort((a, b) => a.line - b.line),
    tornLines: others.filter(({ torn }) => torn).map(({ line }) => line),
    continuedRuns: continuedRuns(lines),
    openAttempts: lines.filter(({ event, changeId }) => event === 'attempt' && !finished.has(changeId)),
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function continuedRuns(lines: readonly AuditLine[]): AuditReport['continuedRuns'] {
  const firstLines = new Map<string, AuditLine>()
  for (const line of lines) if (!firstLines.has(line.run)) firstLines.set(line.run, line)
  const continued = [...firstLines.values()].filter(({ event, seq }) => event === 'start' && seq > 0)
  return continued.map(({ line, run, seq }) => ({ line, run, seq }))
}

/** A part of the report longer than this is cut, in lines: a file converted by an editor has every line changed. */
const SHOWN = 50

/** The report for a terminal, ending in a line break. */
export function formatAuditReport(report: AuditReport): string {
  const { attempts, outcomes, lookups, runs, problems, tornLines, continuedRuns, openAttempts } = report
  const verdict =
    problems.length === 0
      ? 'Intact: the chain shows no line removed, changed, copied or moved.'
      : `NOT INTACT: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}.`
  return `${[
    `Attempts: ${attempts}. Outcomes: ${outcomes}. Lookups: ${lookups}. Runs: ${runs}.`,
    verdict,
    ...shown(problems, ({ line, run, text }) => `Line ${line}${run === undefined ? '' : ` (run ${run})`} ${text}.`),
    ...shown(
      tornLines,
      (line) => `Line ${line} was cut off while it was written, by a crash or a full disk; no tampering.`,
    ),
    ...shown(
      continuedRuns,
      ({ line, run, seq }) =>
        `Line ${line} begins run ${run} at number ${seq}: what came before is in a rotated file, or was removed.`,
    ),
    ...shown(
      openAttempts,
      ({ line, time, customerId, changeId }) =>
        `Line ${line}: change ${changeId} of customer ${customerId}, ${time}, has no outcome here; look at the customer in AiFi.`,
    ),
    'Not detectable: the last lines of a run removed or its last one changed, a whole run removed, a chain made anew by somebody with write access.',
  ].join('\n')}\n`
}

function shown<Item>(items: readonly Item[], format: (item: Item) => string): string[] {
  // What stands in the file may have been written by anybody, and goes to a terminal.
  const lines = items.slice(0, SHOWN).map((item) => harmless(format(item)))
  return items.length > SHOWN ? [...lines, `… and ${items.length - SHOWN} more.`] : lines
}
