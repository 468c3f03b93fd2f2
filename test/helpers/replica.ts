import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import process from 'node:process'
import { plainEnv } from './plain-env.ts'

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
  readonly #child: ChildProcess
  /** Resolves when it has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  #log = ''
  #operations: string | undefined

  private constructor({ name, program, env, port }: ReplicaOptions) {
    this.name = name
    this.address = `http://127.0.0.1:${port}`
    const own = { AIFI_LISTEN: `127.0.0.1:${port}`, AIFI_OPS_LISTEN: '127.0.0.1:0' }
    this.#child = spawn(process.execPath, [program, 'http'], {
      env: { ...plainEnv, ...env, ...own },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.ended = once(this.#child, 'close').then(([code, signal]) => code ?? signal)
  }

  /** Resolves when it serves; whether it can take calls is for {@link isReady} to say. */
  static async start(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options)
    const serves = new Promise<void>((resolve) => {
      replica.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        replica.#log += text
        replica.#operations ??= /"operations":"([^"]+)"/.exec(replica.#log)?.[1]
        if (replica.#operations) resolve()
      })
    })
    await Promise.race([serves, replica.ended])
    if (!replica.#operations) throw new Error(`Replica ${options.name} did not start. ${replica.#log}`)
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

  /** `http://127.0.0.1:PORT` of health and metrics. */
  get operations(): string {
    return `http://${this.#operations}`
  }

  async isReady(): Promise<boolean> {
    if (!this.runs) return false
    return new Promise((resolve) => {
      const asked = request(`${this.operations}/readyz`, { agent: false, timeout: 2_000 }, (answer) => {
        answer.resume()
        resolve(answer.statusCode === 200)
      })
      asked.on('timeout', () => asked.destroy())
      asked.on('error', () => resolve(false))
      asked.end()
    })
  }

  /** Resolves when it has ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | NodeJS.Signals | null> {
    this.#child.kill(signal)
    return this.ended
  }
}
