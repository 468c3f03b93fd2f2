import * as z from 'zod'
import { escaped } from '../lib/escapes.ts'
import { readJson } from '../lib/json.ts'
import { keysOf } from '../lib/keys.ts'

/** The lines of an audit, in order, without their line breaks: those of a file, or what a database holds. */
export type AuditLines = AsyncIterable<Uint8Array>

/** One change of which nothing is known: the columns, in their order. */
const BLANK = {
  time: '',
  customerId: '',
  fields: '',
  status: '',
  http: '',
  client: '',
  user: '',
  host: '',
  reason: '',
  channel: '',
  answer: '',
  decidedBy: '',
  decidedAt: '',
  changeId: '',
}
const COLUMNS = keysOf(BLANK)
type Row = Readonly<typeof BLANK>

interface AuditList {
  /** One line a change, in the order in which the changes began or were refused. */
  readonly text: string
  /** Lines that are no record. */
  readonly unreadable: number
}

/** Lenient: a list shows what is there; whether it is sound is for `audit verify` to say. */
const text = z.string().catch('')
const recordSchema = z.object({
  v: z.literal(1),
  event: z.enum(['start', 'attempt', 'outcome', 'lookup']),
  run: text,
  time: text,
  user: text,
  host: text,
  changeId: text,
  customerId: z.int().optional().catch(undefined),
  fields: z.array(z.string()).catch([]),
  client: text,
  reason: text,
  status: text,
  http: z.object({ status: z.int() }).optional().catch(undefined),
  approval: z.object({ channel: text, answer: text, decidedBy: text, decidedAt: text }).optional().catch(undefined),
})
type AuditRecord = z.infer<typeof recordSchema>

/** A longer cell is cut for people; the CSV has it whole. Characters. */
const CELL_LIMIT = 200

/** The changes of an audit: who asked for what, who decided, how it ended. `csv`: for a spreadsheet (RFC 4180). */
export async function listAudit(lines: AuditLines, { csv }: { readonly csv: boolean }): Promise<AuditList> {
  const rows = new Map<string, Row>()
  const origins = new Map<string, Pick<AuditRecord, 'user' | 'host'>>()
  let unreadable = 0
  for await (const line of lines) {
    if (line.length === 0) continue
    const record = recordSchema.safeParse(readJson(Buffer.from(line).toString())).data
    if (!record) unreadable += 1
    else if (record.event === 'start') origins.set(record.run, record)
    else if (record.event !== 'lookup') {
      rows.set(record.changeId, rowWith(rows.get(record.changeId), record, origins.get(record.run)))
    }
  }
  const all = [...rows.values()]
  return { text: csv ? asCsv(all) : asTable(all), unreadable }
}

/** What was known of a change, and what the record adds; a later outcome replaces an earlier one. */
function rowWith(row: Row | undefined, record: AuditRecord, origin: Partial<Row> = {}): Row {
  const { time, client, reason, changeId, customerId = '', fields, approval, http } = record
  const { user, host } = origin
  const told = { time, client, reason, changeId, user, host, ...approval }
  const known = filled(row ?? BLANK, { ...told, customerId: String(customerId), fields: fields.join(' ') })
  if (record.event === 'attempt') return filled(known, { status: 'no outcome' })
  return { ...known, status: record.status, http: http ? String(http.status) : '' }
}

function filled(row: Row, told: { readonly [Column in keyof Row]?: string | undefined }): Row {
  const result = { ...row }
  for (const column of COLUMNS) result[column] ||= told[column] ?? ''
  return result
}

/** What begins like this, a spreadsheet would run. */
const FORMULA = /^[=+\-@\t\r]/

function asCsv(rows: readonly Row[]): string {
  // Every cell in quotes: in countries that separate by semicolons, one in a text would begin a cell.
  const cell = (value: string) => `"${(FORMULA.test(value) ? "'" : '') + escaped(value).replaceAll('"', '""')}"`
  const lines = rows.map((row) => COLUMNS.map((column) => cell(row[column])).join(','))
  return [COLUMNS.join(','), ...lines, ''].join('\r\n')
}

function asTable(rows: readonly Row[]): string {
  if (rows.length === 0) return 'No changes.\n'
  const head = ['TIME', 'CUSTOMER', 'FIELDS', 'OUTCOME', 'DECIDED', 'ASKED BY', 'REASON']
  const table = [head, ...rows.map((row) => readable(row).map(shortened))]
  const widths = head.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')
  return table.map((cells) => `${line(cells).trimEnd()}\n`).join('')
}

function readable(row: Row): string[] {
  const place = row.user && row.host ? ` (${row.user}@${row.host})` : ''
  const how = [row.answer, row.channel && `(${row.channel})`].filter(Boolean).join(' ')
  return [
    row.time.replace(/\.\d+Z$/, 'Z'),
    row.customerId || '?',
    row.fields || '?',
    row.http ? `${row.status} (HTTP ${row.http})` : row.status,
    row.channel === 'not_needed' ? 'no need to ask' : how || '-',
    `${row.client || '?'}${place}`,
    row.reason && `“${row.reason}”`,
  ]
}

function shortened(cell: string): string {
  const shown = escaped(cell)
  return shown.length > CELL_LIMIT ? `${shown.slice(0, CELL_LIMIT - 1)}…` : shown
}
