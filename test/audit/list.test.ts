import { readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AuditEntry, openAudit } from '../../src/audit/audit.ts'
import { run } from '../../src/cli/command-line.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { accept, decline, start } from '../helpers/harness.ts'
import { temporaryFolder } from '../helpers/process.ts'
import { processWith } from '../helpers/process-io.ts'
import { silent } from '../helpers/recording-audit.ts'
import { byForm, doing } from '../helpers/situations.ts'

const at = { now: () => Date.UTC(2026, 10, 24, 13, 3, 46, 531) }
const origin = { user: 'sam', host: 'till-7' }

/** An audit file with these entries. */
function written(...entries: AuditEntry[]): string {
  const file = join(temporaryFolder(), 'audit.jsonl')
  const audit = openAudit(file, { clock: { ...systemClock, ...at }, logger: silent, origin })
  for (const entry of entries) expect(audit.write(entry)).toBe(true)
  audit.close()
  return file
}

async function list(...args: string[]) {
  const { io, out, err } = processWith({ args: ['audit', 'list', ...args] })
  const code = await run(io)
  return { code, out: out(), err: err() }
}

const approval = {
  channel: 'page',
  answer: 'approved',
  decidedBy: 'page',
  decidedAt: '2026-11-24T13:03:40.000Z',
} as const
const sent = (client: string): AuditEntry[] => [
  { event: 'attempt', changeId: 'c1', customerId: 4211, fields: ['blocked', 'role'], client, approval },
  { event: 'outcome', changeId: 'c1', customerId: 4211, status: 'updated', http: { status: 200 } },
]

/** The cells of a CSV (RFC 4180), by an independent reader. */
function cells(csv: string): string[][] {
  const rows = csv.split('\r\n').filter((line) => line !== '')
  return rows.map((line) =>
    [...line.matchAll(/"((?:[^"]|"")*)"|[^,"]+/g)].map(([all, inner]) => inner?.replaceAll('""', '"') ?? all),
  )
}

describe('audit list', () => {
  test('is one line a change: when, whom, what, how it ended, who decided, who asked, why', async () => {
    const declined = { ...approval, answer: 'declined' }
    const file = written(
      ...sent('claude-code 2.1.87'),
      { event: 'lookup', client: 'x', filter: 'email', found: 1, customerIds: [4211], status: 'found' },
      {
        event: 'outcome',
        changeId: 'c2',
        customerId: 77,
        fields: ['email'],
        client: 'cursor 3',
        reason: 'ticket 12',
        status: 'declined',
        approval: declined,
      },
      { event: 'attempt', changeId: 'c3', customerId: 5, fields: ['phone'], client: 'cursor 3', approval },
    )
    const { code, out, err } = await list(file)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const lines = out.trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ['TIME', 'CUSTOMER', 'FIELDS', 'OUTCOME', 'DECIDED', 'ASKED BY', 'REASON'],
      [
        '2026-11-24T13:03:46Z',
        '4211',
        'blocked role',
        'updated (HTTP 200)',
        'approved (page)',
        'claude-code 2.1.87 (sam@till-7)',
      ],
      ['2026-11-24T13:03:46Z', '77', 'email', 'declined', 'declined (page)', 'cursor 3 (sam@till-7)', '“ticket 12”'],
      ['2026-11-24T13:03:46Z', '5', 'phone', 'no outcome', 'approved (page)', 'cursor 3 (sam@till-7)'],
    ])
  })

  test.each(['=1+1', '+1', '-1', '@SUM(1)', '\t=1', '\r=1'])(
    'has no cell that a spreadsheet would run: %j',
    async (formula) => {
      const { out } = await list('--csv', written(...sent(formula)))
      const [head = [], row = []] = cells(out)
      expect(row).toHaveLength(head.length)
      for (const cell of row) expect(cell).not.toMatch(/^[=+\-@\t\r]/)
      const shown = formula.replace('\t', '\\u{9}').replace('\r', '\\u{d}')
      expect(row[head.indexOf('client')]).toBe(`'${shown}`)
    },
  )

  test('keeps what could end a cell or a line inside of it, and shows what does not show itself', async () => {
    const hostile = 'a",=1;=2\r\n=3\u202e\u200b\u001b[2J\\'
    const file = written(...sent(hostile))
    const [head = [], row = [], ...more] = cells((await list('--csv', file)).out)
    expect(more).toEqual([])
    expect(row[head.indexOf('client')]).toBe('a",=1;=2\\u{d}\\u{a}=3\\u{202e}\\u{200b}\\u{1b}[2J\\\\')
    expect((await list(file)).out).toMatch(/^[ -~“”\n]+$/)
    expect((await list(file)).out.trimEnd().split('\n')).toHaveLength(2)
  })

  test('says what it leaves out, and shows a change of an earlier version', async () => {
    const old = {
      v: 1,
      run: 'r',
      seq: 1,
      prev: 'x',
      event: 'outcome',
      changeId: 'c',
      customerId: 1,
      status: 'declined',
    }
    const file = written(...sent('one'))
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n{"v":1,"ti\n${JSON.stringify(old)}`)
    const { code, out, err } = await list(file)
    expect(code).toBe(0)
    expect(out).toMatch(/^ +1 +\? +declined +- +\?$/m)
    expect(err).toBe('aifi-customer-mcp: 1 line is no record and left out; audit verify says which.\n')
  })

  test('of a file that is not there says so, and of an empty one that there is nothing', async () => {
    const file = join(temporaryFolder(), 'audit.jsonl')
    expect(await list(file)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('ENOENT') })
    writeFileSync(file, '')
    expect(await list(file)).toMatchObject({ code: 0, out: 'No changes.\n' })
  })

  test('tells of real changes, made and refused, for which user of the operating system', async () => {
    const file = join(temporaryFolder(), 'audit.jsonl')
    const harness = await start({ env: byForm, audit: openAudit(file, { clock: systemClock, logger: silent }) })
    harness.clock.hold()
    const client = await harness.connect({ answer: doing(() => accept(), decline) })
    await client.update({ customerId: 4211, blocked: true })
    await client.update({ customerId: 77, role: 'tester' })
    const { out } = await list('--csv', file)
    const [head = [], ...rows] = cells(out)
    const column = (name: string) => rows.map((row) => row[head.indexOf(name)])
    expect(column('status')).toEqual(['updated', 'declined'])
    expect(column('fields')).toEqual(['blocked', 'role'])
    expect(column('client')).toEqual(['test-client 1.0.0', 'test-client 1.0.0'])
    expect(column('decidedBy')).toEqual(['client', 'client'])
    expect(column('user')).toEqual([userInfo().username, userInfo().username])
  })
})
