import { spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { watchParent } from '../../src/cli/parent.ts'
import { plainEnv } from '../helpers/plain-env.ts'
import { program } from '../helpers/process.ts'
import { TestClock } from '../helpers/test-clock.ts'

const MINUTE_MS = 60_000

/** A process with a parent and an input that a test can change. */
function watched({ parent = 4711 } = {}) {
  const clock = new TestClock()
  clock.hold()
  const process = { parent, bytes: 0, abandoned: 0 }
  const parts = { parentId: () => process.parent, bytesRead: () => process.bytes, clock }
  watchParent(parts, () => {
    process.abandoned += 1
  })
  /** Time passes in the steps in which the process looks. */
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 2_000) clock.advance(2_000)
  }
  return { process, pass, clock }
}

test('a process whose parent lives is not abandoned, however silent its input', () => {
  const { process, pass } = watched()
  pass(10 * MINUTE_MS)
  expect(process.abandoned).toBe(0)
})

test('a process whose parent has gone is abandoned after a minute of silence, once, and not before', () => {
  const { process, pass, clock } = watched()
  pass(MINUTE_MS)
  process.parent = 1
  pass(MINUTE_MS - 2_000)
  expect(process.abandoned).toBe(0)
  pass(4_000)
  expect(process.abandoned).toBe(1)
  expect(clock.pending).toBe(0)
})

test('a process of which something else than init takes care is abandoned, too', () => {
  const { process, pass } = watched()
  process.parent = 815
  pass(MINUTE_MS + 4_000)
  expect(process.abandoned).toBe(1)
})

test('a launcher that has gone leaves a host that still sends, so the process stays for as long as that wants', () => {
  const { process, pass, clock } = watched()
  process.parent = 1
  pass(30_000)
  process.bytes += 1
  pass(10 * MINUTE_MS)
  expect(process.abandoned).toBe(0)
  expect(clock.pending).toBe(0)
})

test('a process that had no other parent than init is left alone', () => {
  const { process, pass, clock } = watched({ parent: 1 })
  process.parent = 2
  pass(10 * MINUTE_MS)
  expect(process.abandoned).toBe(0)
  expect(clock.pending).toBe(0)
})

/** The clock by which a minute is counted goes at this multiple of its pace. */
const HASTE = 60
const haste = `const real = performance.now.bind(performance); performance.now = () => real() * ${HASTE}`

const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })

/**
 * A process that holds the input of the program, and a shell that started the program: the shell says what its number
 * is, and gives the program its own input (a shell gives what it runs in the background an empty one otherwise).
 */
const family = [
  `{ echo '${ping}'; exec sleep 3600; } |`,
  `sh -c 'echo "parent $$" >&2; exec 3<&0; "$@" <&3 & wait' sh "$@"`,
].join(' ')

test.skipIf(process.platform === 'win32')(
  'the process ends when its parent was killed while another process holds its input',
  async () => {
    const group = spawn('sh', ['-c', family, 'sh', program.command, ...program.args, '--sandbox'], {
      env: { ...plainEnv, NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(haste)}` },
      detached: true,
    })
    onTestFinished(() => void process.kill(-Number(group.pid), 'SIGKILL'))
    let output = ''
    for (const stream of [group.stdout, group.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    await expect.poll(() => output).toContain('"id":1')
    process.kill(Number(/^parent (\d+)$/m.exec(output)?.[1]), 'SIGKILL')
    await expect.poll(() => output).toMatch(/"reason":"the host has gone","msg":"ending"}\n$/)
  },
)
