import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Disk } from '../../src/audit/append-file.ts'
import { type AuditApproval, type AuditEntry, AuditError, type AuditOptions, openAudit } from '../../src/audit/audit.ts'
import { formatAuditReport } from '../../src/audit/verify.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { Secret } from '../../src/lib/secret.ts'

import { silent } from '../helpers/recording-audit.ts'
import { verifyAudit } from '../helpers/verify-audit.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'))
  path = join(folder, 'audit.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const approval: AuditApproval = { channel: 'page', answer: 'approved', decidedBy: 'page' }
/** The audit by kind of entry; what cannot be written throws. */
const open = (options: Partial<AuditOptions> = {}) => {
  let logged: unknown
  const logger = {
    error: (said: { err?: unknown } | string) => {
      logged = typeof said === 'string' ? said : said.err
    },
  }
  const audit = openAudit(path, { clock: systemClock, logger, ...options })
  const writing = (event: AuditEntry['event']) => (entry: object) => {
    if (!audit.write({ event, ...entry } as AuditEntry)) throw logged
  }
  return { attempt: writing('attempt'), outcome: writing('outcome'), lookup: writing('lookup'), close: audit.close }
}
const attempt = (changeId: string) => ({ changeId, customerId: 4211, fields: ['role'], client: 'test 1', approval })
const outcome = (changeId: string) => ({ changeId, customerId: 4211, status: 'updated' })
const lookup = { filter: 'email', found: 1, status: 'found' } as const
const content = () => readFileSync(path, 'utf8')
const lines = () => content().trimEnd().split('\n')
const records = () => lines().map((line) => JSON.parse(line))
const verify = () => verifyAudit(readFileSync(path))
const problemLines = (text: string) => verifyAudit(text).problems.map(({ line }) => line)

/** A whole day of one process: a start line, then `changes` attempts with their outcomes. */
function writeRun(changes: number, options: Partial<AuditOptions> = {}): string[] {
  const audit = open(options)
  for (let change = 0; change < changes; change++) {
    audit.attempt(attempt(`change-${options.runId}-${change}`))
    audit.outcome(outcome(`change-${options.runId}-${change}`))
  }
  audit.close()
  return lines()
}

describe('writing the audit', () => {
  test('a change leaves an attempt and an outcome, tied by its id, in a file that only its owner can read', () => {
    const audit = open({
      runId: 'run',
      origin: { user: 'sam', host: 'till-7' },
      clock: { ...systemClock, now: () => 0 },
    })
    audit.attempt({ ...attempt('c1'), values: { role: 'tester' } })
    audit.outcome({ ...outcome('c1'), http: { status: 200, requestId: 'r-1' } })
    audit.lookup(lookup)
    audit.close()

    expect(records()).toEqual([
      {
        v: 1,
        time: '1970-01-01T00:00:00.000Z',
        run: 'run',
        seq: 0,
        prev: null,
        event: 'start',
        user: 'sam',
        host: 'till-7',
      },
      expect.objectContaining({ seq: 1, event: 'attempt', ...attempt('c1'), values: { role: 'tester' } }),
      expect.objectContaining({ seq: 2, event: 'outcome', ...outcome('c1'), http: { status: 200, requestId: 'r-1' } }),
      expect.objectContaining({ seq: 3, event: 'lookup', ...lookup }),
    ])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(verify()).toMatchObject({ problems: [], tornLines: [], openAttempts: [], runs: 1, attempts: 1, lookups: 1 })
  })

  test('opening creates the file and writes nothing', () => {
    open().close()
    expect(content()).toBe('')
    expect(verify()).toMatchObject({ problems: [], runs: 0 })
  })

  test('a file that others could read is made private', () => {
    writeFileSync(path, '')
    chmodSync(path, 0o664)
    open().close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('every line is ASCII, and a secret that slips in is not shown', () => {
    const audit = open()
    audit.attempt({
      ...attempt('c1'),
      client: 'evil\u202e\u001b[2J\u2028\u007f',
      values: { password: new Secret('canary') },
    })
    audit.close()
    expect(content()).toMatch(/^[ -~\n]+$/)
    expect(records()[1]).toMatchObject({ client: 'evil\u202e\u001b[2J\u2028\u007f', values: { password: '[secret]' } })
  })

  test('a symbolic link to a file is followed', () => {
    mkdirSync(join(folder, 'elsewhere'))
    symlinkSync(join(folder, 'elsewhere', 'file'), path)
    writeRun(1)
    expect(existsSync(join(folder, 'elsewhere', 'file'))).toBe(true)
    expect(verify().problems).toEqual([])
  })

  test.each([
    ['a folder', () => folder],
    ['a device', () => '/dev/full'],
    ['a file in a folder that does not exist', () => join(folder, 'none', 'audit')],
    ['a file below a file', () => join(import.meta.filename, 'audit')],
  ])('%s is refused when it is opened', (_, target) => {
    expect(() => openAudit(target(), { logger: silent, clock: systemClock })).toThrow(AuditError)
  })

  test('a pipe is refused without waiting for its other end', async () => {
    await once(spawn('mkfifo', [path]), 'exit')
    expect(() => open()).toThrow(AuditError)
  })

  test('after closing, nothing can be recorded', () => {
    const audit = open()
    audit.close()
    audit.close()
    expect(() => audit.lookup(lookup)).toThrow(AuditError)
  })
})

describe('a disk that fails', () => {
  const noSpace = () => Object.assign(new Error('no space left'), { code: 'ENOSPC' })

  test('a full disk is an AuditError that says so, and recording goes on when there is space again', () => {
    let full = false
    const write: Disk['write'] = (descriptor, bytes) => {
      if (full) throw noSpace()
      return writeSync(descriptor, bytes)
    }
    const audit = open({ disk: { write, flush: fdatasyncSync } })
    audit.lookup(lookup)
    full = true
    expect(() => audit.attempt(attempt('c1'))).toThrow('The audit file cannot be written: the disk is full.')
    full = false
    audit.attempt(attempt('c2'))
    audit.outcome(outcome('c2'))
    expect(records().map(({ event }) => event)).toEqual(['start', 'lookup', 'attempt', 'outcome'])
    expect(verify()).toMatchObject({ problems: [], openAttempts: [] })
  })

  test.each([1, 10, 100])('a write that loses its last %d bytes leaves an audit that verifies', (lost) => {
    let losing = 0
    const write: Disk['write'] = (descriptor, bytes) => writeSync(descriptor, bytes.subarray(0, bytes.length - losing))
    const audit = open({ disk: { write, flush: fdatasyncSync } })
    audit.attempt(attempt('c1'))
    losing = lost
    const recorded = (() => {
      try {
        audit.outcome(outcome('c1'))
        return true
      } catch (error) {
        expect(error).toBeInstanceOf(AuditError)
        return false
      }
    })()
    losing = 0
    audit.lookup(lookup)
    expect(recorded).toBe(lost === 1)
    expect(verify()).toMatchObject({ problems: [], tornLines: recorded ? [] : [3], lookups: 1 })
  })

  test('a line that cannot be flushed is an AuditError, and stays in the chain', () => {
    let broken = true
    const flush = () => {
      if (broken) throw noSpace()
    }
    const audit = open({ disk: { write: writeSync, flush } })
    expect(() => audit.attempt(attempt('c1'))).toThrow(AuditError)
    broken = false
    audit.attempt(attempt('c2'))
    expect(verify()).toMatchObject({ problems: [], attempts: 2 })
  })

  test('a torn last line of an earlier run is left alone and reported as torn', () => {
    const [first = '', second = ''] = writeRun(1, { runId: 'a' })
    writeFileSync(path, `${first}\n${second.slice(0, 40)}`)
    writeRun(1, { runId: 'b' })
    const report = verify()
    expect(report).toMatchObject({ problems: [], tornLines: [2], runs: 2 })
    expect(formatAuditReport(report)).toContain('Line 2 was cut off while it was written')
  })
})

describe('log rotation', () => {
  test.each([
    ['renamed', () => renameSync(path, `${path}.1`)],
    ['removed', () => rmSync(path)],
    ['emptied', () => truncateSync(path)],
  ])('when the file is %s, the chain goes on in the one that takes its place', (_, rotate) => {
    const audit = open({ runId: 'run' })
    audit.attempt(attempt('c1'))
    rotate()
    audit.outcome(outcome('c1'))
    audit.lookup(lookup)
    audit.close()

    expect(records().map(({ event, seq }) => [event, seq])).toEqual([
      ['start', 2],
      ['outcome', 3],
      ['lookup', 4],
    ])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const report = verify()
    expect(report).toMatchObject({ problems: [], continuedRuns: [{ line: 1, run: 'run', seq: 2 }] })
    expect(formatAuditReport(report)).toContain('at number 2: what came before is in a rotated file, or was removed')
    if (existsSync(`${path}.1`)) expect(verifyAudit(readFileSync(`${path}.1`, 'utf8') + content()).problems).toEqual([])
  })

  test('when its folder has gone, that is an AuditError until it is back', () => {
    const audit = open()
    audit.lookup(lookup)
    renameSync(folder, `${folder}-moved`)
    expect(() => audit.lookup(lookup)).toThrow(AuditError)
    renameSync(`${folder}-moved`, folder)
    audit.lookup(lookup)
    expect(verify()).toMatchObject({ problems: [], lookups: 2 })
  })
})

describe('several processes on one file', () => {
  test('interleaved runs verify, and damage to one is found in that one', () => {
    const a = open({ runId: 'a' })
    const b = open({ runId: 'b' })
    for (const id of ['1', '2', '3']) {
      a.attempt(attempt(`a${id}`))
      b.attempt(attempt(`b${id}`))
      a.outcome(outcome(`a${id}`))
    }
    expect(verify()).toMatchObject({ problems: [], runs: 2, attempts: 6 })
    expect(verify().openAttempts.map(({ changeId }) => changeId)).toEqual(['b1', 'b2', 'b3'])
    const withoutLine6 = lines().toSpliced(5, 1).join('\n')
    expect(verifyAudit(withoutLine6).problems).toMatchObject([{ line: 7, run: 'a' }])
  })

  test('two real processes write at the same time and no line is torn', async () => {
    const script = join(folder, 'writer.mjs')
    const writer = `import { openAudit } from './src/audit/audit.ts'
      const audit = openAudit(${JSON.stringify(path)}, { clock: { now: Date.now }, logger: console })
      for (let n = 0; n < 150; n++) audit.write({ event: 'lookup', filter: 'email', found: n, status: 'x'.repeat(n * 20) })`
    buildSync({
      stdin: { contents: writer, resolveDir: join(import.meta.dirname, '..', '..') },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
    })
    const ends = [1, 2].map(() => once(spawn(process.execPath, [script], { stdio: 'inherit' }), 'exit'))
    expect(await Promise.all(ends)).toEqual([
      [0, null],
      [0, null],
    ])
    expect(verify()).toMatchObject({ problems: [], tornLines: [], runs: 2, lookups: 300 })
  })
})

describe('verifying', () => {
  test('a removed, changed, copied or moved line is found, with its number', () => {
    const all = writeRun(3, { runId: 'run' })
    expect(all).toHaveLength(7)
    const changed = all.map((line, index) => (index === 3 ? line.replace('"role"', '"email"') : line))
    expect(problemLines(changed.join('\n'))).toEqual([4])
    expect(problemLines(all.toSpliced(3, 1).join('\n'))).toEqual([4])
    expect(problemLines(all.toSpliced(0, 1).join('\n'))).toEqual([1])
    const start = JSON.parse(all[0] ?? '')
    for (const other of [{ seq: 5 }, { prev: '0'.repeat(64) }])
      expect(problemLines(JSON.stringify({ ...start, ...other }))).toEqual([1])
    expect(problemLines(all.toSpliced(5, 0, all[2] ?? '').join('\n'))).toEqual([6])
    expect(problemLines(all.toSpliced(2, 2, all[3] ?? '', all[2] ?? '').join('\n'))).toEqual([4])
  })

  test.each([
    ['its number', (line: string) => line.replace('"seq":3', '"seq":5')],
    ['its run', (line: string) => line.replace('"run":"run"', '"run":"other"')],
    ['its hash', (line: string) => line.replace('"prev":"', '"prev":"0')],
    ['its end', (line: string) => line.slice(0, 60)],
    ['everything', () => 'nothing to see here'],
    ['a space', (line: string) => `${line} `],
    ['its version', (line: string) => line.replace('"v":1', '"v":2')],
  ])('a line changed in %s is named', (_, change) => {
    const all = writeRun(3, { runId: 'run' })
    const report = verifyAudit(all.with(3, change(all[3] ?? '')).join('\n'))
    expect(report.problems.map(({ line }) => line)).toContain(4)
    expect(formatAuditReport(report)).toMatch(/NOT INTACT.*^Line 4 /ms)
  })

  test('a foreign line is named even where the chain does not show it', () => {
    const all = writeRun(1, { runId: 'run' })
    expect(problemLines([...all, '{"v":1}', 'hello'].join('\n'))).toEqual([4, 5])
  })

  test('an attempt without an outcome is listed', () => {
    const audit = open()
    audit.attempt(attempt('c1'))
    audit.attempt(attempt('c2'))
    audit.outcome(outcome('c1'))
    const report = verify()
    expect(report.openAttempts).toMatchObject([{ line: 3, changeId: 'c2', customerId: 4211 }])
    expect(formatAuditReport(report)).toContain('Line 3: change c2 of customer 4211')
  })

  test('the report says what cannot be detected, and shows nothing hostile from the file', () => {
    const hostile = JSON.stringify({
      v: 1,
      time: '\u001b[2J',
      run: '\u202e\u001b]0;x\u0007',
      seq: 4,
      prev: 'x',
      event: 'attempt',
    })
    const text = formatAuditReport(verifyAudit(hostile))
    expect(text).toContain('Not detectable')
    expect(text).toMatch(/^[ -~\n]+$/)
  })

  test('any bytes at all are reported on, never a throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json()), (any) => {
        expect(formatAuditReport(verifyAudit(any))).toContain('Not detectable')
      }),
    )
  })

  test('one random line removed, changed, copied or moved is always found, and named', () => {
    for (const runId of ['a', 'b', 'c']) writeRun(4, { runId })
    const all = lines()
    const seq = (index: number): number => JSON.parse(all[index] ?? '').seq
    const run = (index: number): string => JSON.parse(all[index] ?? '').run
    // The last line of a run (8) may be changed or removed without a trace; a changed first line can look like a run
    // of its own, and then only the gap after it shows.
    const index = fc.integer({ min: 0, max: all.length - 1 }).filter((at) => seq(at) > 0 && seq(at) < 8)
    const other = fc.nat(all.length - 1)
    const kind = fc.constantFrom('remove', 'change', 'copy', 'move')
    fc.assert(
      fc.property(index, other, fc.nat(), kind, (at, to, where, what) => {
        fc.pre(what !== 'move' || (run(at) === run(to) && at !== to))
        const line = all[at] ?? ''
        const position = where % line.length
        const changed = line.slice(0, position) + (line[position] === '7' ? '8' : '7') + line.slice(position + 1)
        const tampered = {
          remove: all.toSpliced(at, 1),
          change: all.with(at, changed),
          copy: all.toSpliced(to, 0, line),
          move: all.toSpliced(at, 1).toSpliced(to, 0, line),
        }[what]
        const { problems } = verifyAudit(tampered.join('\n'))
        const named = problems.flatMap(({ line, text }) => [line, ...(text.match(/(?<=line )\d+/g) ?? []).map(Number)])
        expect(named).toContain((what === 'copy' || what === 'move' ? to : at) + 1)
      }),
      { numRuns: 400 },
    )
  })

  test('a large file is verified in reasonable time and depth', () => {
    const [first = ''] = writeRun(1)
    appendFileSync(path, `${first.replace('"seq":0', '"seq":9')}\r\n`.repeat(10).concat('{"v":1}\n'.repeat(150_000)))
    const report = verify()
    expect(report.problems.length).toBeGreaterThan(150_000)
    expect(formatAuditReport(report).split('\n').length).toBeLessThan(70)
  })
})
