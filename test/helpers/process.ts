import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { inject, onTestFinished } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { plainEnv } from './plain-env.ts'
import type { Program } from './published.ts'
import { root } from './repository.ts'

/** The file that is published; build.ts has seen to it that it is up to date. */
export const builtFile = join(root, 'dist', 'index.js')

/** What is started: the built file, or the published thing that `vitest.published.config.ts` is about. */
export const program: Program = inject('program') ?? { command: process.execPath, args: [builtFile] }

export interface StartOptions {
  readonly args?: readonly string[]
  /** Added to an environment that holds little more than PATH. */
  readonly env?: Readonly<Record<string, string>>
  /** Source text of a module that runs in the process before the program does. */
  readonly before?: string
  /** It outlives the test; whoever started it ends it. */
  readonly shared?: boolean
}

/** The system says how much memory a process has held at the most. */
export const knowsPeakMemory = process.platform === 'linux'

/** The program as a process of its own. */
export class Server {
  readonly child: ChildProcess
  /** Resolves when it has ended and all its output has been read. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>
  stderr = ''
  readonly #chunks: Buffer[] = []
  readonly #messages: JsonObject[] = []
  #seen = 0
  #unread = Buffer.alloc(0)
  readonly #waiting: { test: () => boolean; wake: () => void }[] = []
  #lastId = 0

  constructor({ args = [], env = {}, before }: StartOptions = {}) {
    const preload = before && { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(before)}` }
    this.child = spawn(program.command, [...program.args, ...args], {
      env: { ...plainEnv, ...env, ...preload },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // Writing to a process that has ended is what some tests do.
    this.child.stdin?.on('error', () => undefined)
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#look()
    })
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#look()
    })
    this.ended = new Promise((resolve) => this.child.on('close', (code, signal) => resolve({ code, signal })))
    void this.ended.then(() => this.#look())
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** The most memory that it ever held, where {@link knowsPeakMemory}. It holds about 90 MB when idle. */
  get peakMemoryMb(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
  }

  /** Everything it wrote to stdout, as bytes. */
  get stdout(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Its lines on stdout, each of which has to be JSON-RPC. Throws on anything else. */
  get messages(): readonly JsonObject[] {
    const unread = Buffer.concat([this.#unread, ...this.#chunks.slice(this.#seen)])
    this.#seen = this.#chunks.length
    const end = unread.lastIndexOf('\n') + 1
    this.#unread = unread.subarray(end)
    for (const line of utf8.decode(unread.subarray(0, end)).split('\n').slice(0, -1)) {
      this.#messages.push(jsonRpc(line))
    }
    return this.#messages
  }

  write(bytes: string | Uint8Array): void {
    this.child.stdin?.write(bytes)
  }

  notify(method: string, params: JsonObject = {}): void {
    this.write(`${JSON.stringify({ jsonrpc: '2.0', method, params })}\n`)
  }

  /** Sends a request and does not wait; returns its id. */
  send(method: string, params: JsonObject = {}): number {
    this.#lastId += 1
    this.write(`${JSON.stringify({ jsonrpc: '2.0', id: this.#lastId, method, params })}\n`)
    return this.#lastId
  }

  call(name: string, args: JsonObject): number {
    return this.send('tools/call', { name, arguments: args })
  }

  /** The form that the client is asked to show, once a person can have read it. */
  async form(): Promise<JsonObject> {
    const form = await this.until(() => this.messages.find(({ method }) => method === 'elicitation/create'), 'a form')
    await reading()
    return form
  }

  answer(id: number | string): Promise<JsonObject> {
    const find = () => this.messages.find((message) => message.id === id && !('method' in message))
    return this.until(find, `an answer to request ${id}`)
  }

  /** The structured content of the answer to a call. */
  async result(id: number): Promise<JsonObject> {
    const { result } = await this.answer(id)
    const content = isJsonObject(result) ? result.structuredContent : undefined
    if (!isJsonObject(content)) throw new Error(`no structured content: ${JSON.stringify(result)}`)
    return content
  }

  /** As a client that opens a connection. */
  async initialize(capabilities: JsonObject = {}): Promise<void> {
    const clientInfo = { name: 'raw-client', version: '1.0.0' }
    await this.answer(this.send('initialize', { protocolVersion: '2025-11-25', capabilities, clientInfo }))
    this.notify('notifications/initialized')
  }

  /** Waits for output that makes `find` find something. */
  async until<Found>(find: () => Found | undefined | false, what: string): Promise<Found> {
    for (;;) {
      const found = find()
      if (found) return found
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.ended
        const late = find()
        if (late) return late
        throw new Error(`The process ended without ${what}. stderr: ${this.stderr}`)
      }
      await this.#next(() => Boolean(find()), what)
    }
  }

  #next(test: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`No sign of ${what} within two minutes. stderr: ${this.stderr}`))
      const timer = setTimeout(fail, 120_000)
      const wake = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#waiting.push({ test, wake })
    })
  }

  #look(): void {
    const gone = this.child.exitCode !== null || this.child.signalCode !== null
    for (const waiting of [...this.#waiting]) {
      if (!gone && !waiting.test()) continue
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      waiting.wake()
    }
  }
}

/** A person takes a moment to read; a faster yes is nobody's. The clock of a process of its own cannot be pushed. */
export async function reading(): Promise<void> {
  await sleep(1_000)
}

/** Starts the program; killed at the end of the test, if it still runs then. */
export function startServer(options: StartOptions = {}): Server {
  const server = new Server(options)
  if (!options.shared) {
    onTestFinished(async () => {
      server.child.kill('SIGKILL')
      await server.ended
    })
  }
  return server
}

/** Runs the program to its end, with nothing on stdin. */
export async function runToEnd(options: StartOptions = {}) {
  const server = startServer(options)
  server.child.stdin?.end()
  const { code } = await server.ended
  return { code, stdout: server.stdout.toString(), stderr: server.stderr }
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aifi-customer-mcp-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** An executable script for `BROWSER`. */
export function script(folder: string, lines: readonly string[]): string {
  const file = join(folder, 'browser.sh')
  writeFileSync(file, `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 })
  return file
}

/** The records of an audit file. */
export function auditRecords(file: string): JsonObject[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map((line) => object(JSON.parse(line)))
}

/** The settings that `sandbox` prints, from its stdout. */
export async function sandboxSettings(sandbox: Server): Promise<Record<string, string>> {
  await sandbox.until(() => sandbox.stdout.includes('AIFI_TOKEN_URL='), 'the settings')
  const pairs = sandbox.stdout
    .toString()
    .trimEnd()
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => line.replace(/^# /, '').split(/=(.*)/s).slice(0, 2))
  return Object.fromEntries(pairs)
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function jsonRpc(line: string): JsonObject {
  const message: unknown = JSON.parse(line)
  if (!isJsonObject(message) || message.jsonrpc !== '2.0') throw new Error(`Not JSON-RPC: ${line}`)
  return message
}

function object(value: unknown): JsonObject {
  if (!isJsonObject(value)) throw new Error('not an object')
  return value
}
