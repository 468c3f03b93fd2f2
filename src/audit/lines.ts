import { createHash } from 'node:crypto'
import * as z from 'zod'

/** One readable line of an audit file. */
export interface AuditLine {
  /** Line number in the file, from 1. */
  readonly line: number
  readonly run: string
  readonly seq: number
  readonly prev: string | null
  /** SHA-256 of the line as it stands in the file, in hex. */
  readonly hash: string
  readonly event: 'start' | 'attempt' | 'outcome' | 'lookup'
  readonly time: string
  readonly changeId?: string | undefined
  readonly customerId?: number | undefined
}

/** A line that is no record. `torn`: it could be the beginning of one, cut off by a crash or a full disk. */
export interface UnreadableLine {
  readonly line: number
  readonly torn: boolean
}

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

/** Far more than a record has, in bytes: a longer line is cut, and so not readable. */
const LONGEST_LINE = 16 * 1024 * 1024

/** How every record begins. */
const BEGINNING = '{"v":1,"time":"'

/** The lines of an audit file, blank ones left out. */
export function* auditLines(content: Buffer): Generator<AuditLine | UnreadableLine> {
  let line = 0
  // Line by line: the whole file may be larger than a string can be.
  for (let start = 0; start < content.length; ) {
    const lineBreak = content.indexOf('\n', start)
    const end = lineBreak < 0 ? content.length : lineBreak
    line += 1
    if (end > start) yield readLine(line, content.subarray(start, end))
    start = end + 1
  }
}

function readLine(line: number, bytes: Buffer): AuditLine | UnreadableLine {
  const text = bytes.toString('utf8', 0, LONGEST_LINE)
  try {
    const record = recordSchema.safeParse(JSON.parse(text))
    if (!record.success) return { line, torn: false }
    return { line, hash: createHash('sha256').update(bytes).digest('hex'), ...record.data }
  } catch {
    return { line, torn: text.startsWith(BEGINNING) || BEGINNING.startsWith(text) }
  }
}
