import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { plainEnv } from './plain-env.ts'

/** Between two looks at whether it has started; how long an answer about its health may take; milliseconds. */
const LOOK_MS = 50
const PATIENCE_MS = 2_000

export interface ReplicaOptions {
  /** How it is called by whoever watches. */
  readonly name: string
  /** The built server. */
  readonly program: string
  readonly env: Readonly<Record<string, string>>
  readonly port: number
}

/** The built server as one of several processes behind a balancer. */
export class Replica {
  readonly name: string
  readonly address: string
  /** `http://127.0.0.1:PORT` of health and metrics. */
  readonly operations: string
  readonly #child: ChildProcess
  /** Resolves when it has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  #log = ''

  private constructor({ name, program, env, port }: ReplicaOptions, operations: number) {
    this.name = name
    this.address = `http://127.0.0.1:${port}`
    this.operations = `http://127.0.0.1:${operations}`
    const own = { AIFI_LISTEN: `127.0.0.1:${port}`, AIFI_OPS_LISTEN: `127.0.0.1:${operations}` }
    this.#child = spawn(process.execPath, [program, 'http'], {
      env: { ...plainEnv, ...env, ...own },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.ended = once(this.#child, 'close').then(([code, signal]) => code ?? signal)
  }

  /** Resolves when it serves; whether it can take calls is for {@link isReady} to say. */
  static async start(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options, await freePort())
    replica.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      replica.#log += text
    })
    while ((await replica.#status('/healthz')) !== 200) {
      if (!replica.runs) throw new Error(`Replica ${options.name} did not start. ${replica.#log}`)
      await sleep(LOOK_MS)
    }
    return replica
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it wrote to stderr. */
  get log(): string {
    return this.#log
  }

  async isReady(): Promise<boolean> {
    return this.runs && (await this.#status('/readyz')) === 200
  }

  /** Resolves when it has ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | NodeJS.Signals | null> {
    this.#child.kill(signal)
    return this.ended
  }
  #status(path: string): Promise<number | undefined> {
    return new Promise((resolve) => {
      const asked = request(`${this.operations}${path}`, { agent: false, timeout: PATIENCE_MS }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      asked.on('timeout', () => asked.destroy())
      asked.on('error', () => resolve(undefined))
      asked.end()
    })
  }
}
