import type { AuditLine, UnreadableLine } from './lines.ts'

export interface AuditProblem {
  /** Line number in the file, from 1: the line itself, or the first one after the place where lines are missing. */
  readonly line: number
  readonly run?: string
  /** What is wrong there, as a sentence without a subject of its own: "is a copy of line 3". */
  readonly text: string
}

/** What breaks the chains of the given lines, by line number. */
export function chainProblems(lines: readonly AuditLine[], unreadable: readonly UnreadableLine[]): AuditProblem[] {
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
