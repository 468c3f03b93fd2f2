#!/usr/bin/env node
import { statSync } from 'node:fs'
import module from 'node:module'
import { isAbsolute, join } from 'node:path'
import process from 'node:process'
import { watchParent } from './cli/parent.ts'
import { systemClock as clock } from './lib/clock.ts'
import { errorFacts } from './lib/error-facts.ts'
import { OWN_NAME, type ProcessIo } from './lib/process-io.ts'

/** The oldest Node that the bundled undici runs on. */
const OLDEST = [20, 18, 1] as const
/** The process is gone this long after its end began, whatever still hangs, milliseconds. */
const END_MS = 950

// The only file that touches the process. It is built for Node 12, and the rest is not read before the version is known
// to do: what older versions say of what they cannot read is of no use.
const [major = 0, minor = 0, patch = 0] = process.versions.node.split('.').map(Number)
const isTooOld =
  major < OLDEST[0] || (major === OLDEST[0] && (minor < OLDEST[1] || (minor === OLDEST[1] && patch < OLDEST[2])))
if (isTooOld) {
  process.stderr.write(
    `aifi-customer-mcp needs Node.js ${OLDEST.join('.')} or newer; this is ${process.versions.node}.\n`,
  )
  process.exitCode = 1
} else {
  void start()
}

/** Never rejects. */
async function start(): Promise<void> {
  const { stdin, stdout, stderr } = process
  const stop = new AbortController()
  let endMs = END_MS
  const endWithin = (ms: number) => {
    endMs = ms
  }
  const end = (reason: string) => {
    if (stop.signal.aborted) return
    stop.abort(reason)
    setTimeout(() => process.exit(), endMs)
  }
  // Further signals change nothing: the end is less than a second away, and in that time outcomes are written down.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(signal))
  let isInputServed = true
  const outliveInput = () => {
    isInputServed = false
  }
  for (const event of ['end', 'close']) stdin.on(event, () => void (isInputServed && end('end of input')))
  stdin.on('error', () => end('input error'))
  stdout.on('error', () => end('output closed'))
  if (process.platform !== 'win32') {
    watchParent({ parentId: () => process.ppid, bytesRead: () => stdin.bytesRead, clock }, () => {
      // A command that reads no input may be left to run by whoever started it.
      if (isInputServed && stdin.listenerCount('data') > 0) end('the host has gone')
    })
  }
  // The log is not what the program is for.
  stderr.on('error', () => undefined)
  // What is thrown outside of everything may have left anything half done; a promise that nobody awaited has not.
  process.on('uncaughtException', (error) => {
    stderr.write(crashLine('ends because of an error that nobody caught', error))
    process.exitCode = 1
    end('error')
  })
  process.on('unhandledRejection', (error) => {
    stderr.write(crashLine('goes on after a rejection that nobody handled', error))
  })

  const env = { ...process.env }
  // From here on no child process and no dump of the environment can hold a secret of ours.
  for (const name of Object.keys(process.env)) if (OWN_NAME.test(name)) delete process.env[name]
  enableCompileCache(env)
  // The program is over when it says so, not when there happens to be nothing to wait for.
  const alive = setInterval(() => undefined, 2 ** 30)
  const code = await runProgram(env, stop.signal, { endWithin, outliveInput }).catch((error: unknown) => {
    stderr.write(crashLine('failed', error))
    return 1
  })
  clearInterval(alive)
  process.exitCode ||= code
  // What was written to a pipe may still be on its way, and a stdin that nobody closed keeps the process alive.
  stdout.write('', () => process.exit())
}

type Ending = Pick<ProcessIo, 'endWithin' | 'outliveInput'>

async function runProgram(env: NodeJS.ProcessEnv, stop: AbortSignal, ending: Ending): Promise<number> {
  const { argv, execPath, stdin, stdout, stderr, platform, versions } = process
  const [, file = '', ...args] = argv
  // The build makes it a file of its own, next to this one.
  const { run } = await import('./cli/command-line.ts')
  const program = { command: execPath, file }
  return run({ args, program, env, stdin, stdout, stderr, platform, nodeVersion: versions.node, stop, ...ending })
}

/**
 * Has Node keep what it compiles (22.1 and newer), in a folder of this user's. Node's own choice is a folder that all
 * users of the machine share; and it makes what is missing, at some paths (in /proc) for ever, so it gets no other.
 */
function enableCompileCache({ XDG_CACHE_HOME, HOME, LOCALAPPDATA }: NodeJS.ProcessEnv): void {
  if (!('enableCompileCache' in module) || typeof module.enableCompileCache !== 'function') return
  const folder =
    process.platform === 'win32' ? ownFolder(LOCALAPPDATA) : (ownFolder(XDG_CACHE_HOME) ?? ownFolder(HOME, '.cache'))
  if (folder !== undefined) module.enableCompileCache(join(folder, 'aifi-customer-mcp'))
}

/**
 * The folder `below` one that exists, belongs to this user and that nobody else may write into (Windows sees to that by
 * itself); undefined where it is not so.
 */
function ownFolder(base: string | undefined, below = ''): string | undefined {
  if (base === undefined || !isAbsolute(base)) return undefined
  try {
    const stat = statSync(base)
    const isOwn = process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o022) === 0)
    return stat.isDirectory() && isOwn ? join(base, below) : undefined
  } catch {
    return undefined
  }
}

/** A line for stderr about an error that nobody caught. */
function crashLine(what: string, error: unknown): string {
  if (!(error instanceof Error)) return `aifi-customer-mcp: ${what}: a thrown ${typeof error}\n`
  const { name, code, at } = errorFacts(error)
  return `aifi-customer-mcp: ${what}: ${[name, ...(code === undefined ? [] : [String(code)]), ...at].join(' ')}\n`
}
