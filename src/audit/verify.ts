import { createHash } from 'node:crypto'
import * as z from 'zod'
import { readJson } from '../lib/json.ts'
import { harmless } from '../lib/text.ts'

/** What every record has. What else is in it, other versions may know. */
const recordSchema = z.object({
  v: z.literal(1),
  time: z.string(),
  run: z.string(),
  seq: z.int().min(0),
  prev: z.string().nullable(),
  event: z.enum(['start', 'attempt', 'outcome', 'lookup']),
  changeId: z.string().optional(),
  customerId: z.int().optional(),
})

/** One readable line of an audit. */
interface AuditLine extends Readonly<z.infer<typeof recordSchema>> {
  /** Line number, from 1. */
  readonly line: number
  /** SHA-256 of the line as it stands there, in hex. */
  readonly hash: string
}

/** A line that is no record. `torn`: it could be the beginning of one, cut off by a crash or a full disk. */
interface UnreadableLine {
  readonly line: number
  readonly torn: boolean
}

interface AuditProblem {
  /** Line number, from 1: the line itself, or the first one after the place where lines are missing. */
  readonly line: number
  readonly run?: string
  /** What is wrong there, as a sentence without a subject of its own: "is a copy of line 3". */
  readonly text: string
}

/** What an audit says about itself. Intact when `problems` is empty. */
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

/** How every record begins. */
const BEGINNING = '{"v":1,"time":"'

/**
 * Checks the chains of an audit, whose lines it is given one by one.
 *
 * It finds every line that was removed, changed, copied, moved or inserted, by damage or a careless edit, as long as a
 * later line of the same run is left. It cannot find that a run's last lines were removed, that its very last line was
 * changed, that a whole run was removed, or that somebody with write access made the chain anew.
 */
export class AuditCheck {
  readonly #lines: AuditLine[] = []
  readonly #unreadable: UnreadableLine[] = []
  #count = 0

  /** The next line, without its line break. A blank one only counts. */
  add(bytes: Uint8Array): void {
    this.#count += 1
    if (bytes.length === 0) return
    const line = readLine(this.#count, bytes)
    if ('torn' in line) this.#unreadable.push(line)
    else this.#lines.push(line)
  }

  report(): AuditReport {
    const lines = this.#lines
    const chain = chainProblems(lines, this.#unreadable)
    const accounted = new Set(chain.map(({ line }) => line))
    const others = this.#unreadable.filter(({ line }) => !accounted.has(line))
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
}

function readLine(line: number, bytes: Uint8Array): AuditLine | UnreadableLine {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  const value = readJson(text)
  if (value === undefined) return { line, torn: text.startsWith(BEGINNING) || BEGINNING.startsWith(text) }
  const record = recordSchema.safeParse(value)
  if (!record.success) return { line, torn: false }
  return { line, hash: createHash('sha256').update(bytes).digest('hex'), ...record.data }
}

function continuedRuns(lines: readonly AuditLine[]): AuditReport['continuedRuns'] {
  const firstLines = new Map<string, AuditLine>()
  for (const line of lines) if (!firstLines.has(line.run)) firstLines.set(line.run, line)
  const continued = [...firstLines.values()].filter(({ event, seq }) => event === 'start' && seq > 0)
  return continued.map(({ line, run, seq }) => ({ line, run, seq }))
}

/** What breaks the chains of the given lines, by line number. */
function chainProblems(lines: readonly AuditLine[], unreadable: readonly UnreadableLine[]): AuditProblem[] {
  const { placed, problems } = placeByHash(lines)
  const runs = new Map<string, AuditLine[]>()
  for (const line of placed) {
    const run = runs.get(line.run)
    if (run) run.push(line)
    else runs.set(line.run, [line])
  }
  const broken = [...runs.values()].flatMap((run) => {
    const inSequence = run.toSorted((a, b) => a.seq - b.seq)
    return [...misplaced(run), ...beginning(inSequence, unreadable), ...brokenLinks(inSequence, unreadable)]
  })
  return [...problems, ...broken].sort((a, b) => a.line - b.line)
}

/**
 * Copies left out, and every line where the hash of its predecessor says it belongs: that predecessor is unchanged, so
 * its run and number are right, and a line that disagrees with them was changed.
 */
function placeByHash(lines: readonly AuditLine[]): { placed: AuditLine[]; problems: AuditProblem[] } {
  const problems: AuditProblem[] = []
  const byHash = new Map<string, AuditLine>()
  for (const line of lines) {
    const original = byHash.get(line.hash)
    if (original) problems.push(problem(line, `is a copy of line ${original.line}`))
    else byHash.set(line.hash, line)
  }
  const placed = [...byHash.values()].map((line) => {
    const before = byHash.get(line.prev ?? '')
    if (!before || (before.run === line.run && before.seq + 1 === line.seq)) return line
    problems.push(problem(line, `was changed: it follows line ${before.line}, but its run or number says otherwise`))
    return { ...line, run: before.run, seq: before.seq + 1 }
  })
  return { placed, problems }
}

function misplaced(run: readonly AuditLine[]): AuditProblem[] {
  return run.flatMap((line, index) => {
    const above = run[index - 1]
    if (above === undefined || above.seq <= line.seq) return []
    return problem(line, `was moved, or line ${above.line} was: it is number ${line.seq} and stands after ${above.seq}`)
  })
}

/** Only a `start` line may be the first of its run; it is number 0, or log rotation has put it further on. */
function beginning([first]: readonly AuditLine[], unreadable: readonly UnreadableLine[]): AuditProblem[] {
  if (first === undefined) return []
  if (first.event !== 'start' && first.seq > 0) return [missingLines({ line: 0, seq: -1 }, first, unreadable)]
  const sound = first.event === 'start' && (first.seq === 0) === (first.prev === null)
  return sound ? [] : [problem(first, 'was changed: the first line of a run looks otherwise')]
}

function brokenLinks(inSequence: readonly AuditLine[], unreadable: readonly UnreadableLine[]): AuditProblem[] {
  return inSequence.flatMap((line, index) => {
    const before = inSequence[index - 1]
    if (before === undefined) return []
    if (line.seq === before.seq) {
      return problem(line, `has the same number as line ${before.line}: one of them was inserted or changed`)
    }
    if (line.seq > before.seq + 1) return missingLines(before, line, unreadable)
    if (line.prev === before.hash) return []
    return problem(before, `was changed, or its hash in line ${line.line} was`)
  })
}

function missingLines(
  before: Pick<AuditLine, 'line' | 'seq'>,
  after: AuditLine,
  unreadable: readonly UnreadableLine[],
): AuditProblem {
  const count = after.seq - before.seq - 1
  const missing = count === 1 ? 'one line of the run is missing' : `${count} lines of the run are missing`
  const damaged = unreadable.find(({ line }) => line > before.line && line < after.line)
  if (damaged) return { line: damaged.line, run: after.run, text: `cannot be read, and ${missing} there` }
  const place = before.line === 0 ? 'before it' : `between line ${before.line} and it`
  return problem(after, `comes after a gap: ${missing} ${place}`)
}

function problem({ line, run }: AuditLine, text: string): AuditProblem {
  return { line, run, text }
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
