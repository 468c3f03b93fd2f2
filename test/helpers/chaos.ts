import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Caller, Change, TypedSecrets } from '../../src/change/change.ts'
import type { GivenAnswer, Verdict } from '../../src/change/changes.ts'
import type { ChangeRequest } from '../../src/customer/fields.ts'
import { startChaosAifi } from './chaos-aifi.ts'
import { freePort } from './free-port.ts'
import type { Postgres } from './postgres.ts'

/** What the door of a replica takes. */
export interface Asking {
  readonly what: 'propose' | 'look' | 'follow' | 'decide'
  readonly id?: string
  readonly request?: ChangeRequest
  readonly caller?: Caller
  readonly version?: number
  readonly given?: GivenAnswer
  readonly typed?: TypedSecrets
}

export interface ChaosOptions {
  readonly changes: number
  /** Between two faults of replicas, and between two of the database, milliseconds at the most. */
  readonly replicaFaultMs: number
  readonly databaseFaultMs: number
}

/** What happened, and what must not have. */
export interface ChaosReport {
  readonly seconds: number
  readonly statuses: Record<string, number>
  readonly killed: number
  readonly stopped: number
  readonly crashes: number
  readonly cuts: number
  readonly overlaps: number
  readonly violations: readonly string[]
}

/** In every password that is typed, and nowhere else. */
export const CANARY = 'S3cret-Canary'
const REPLICAS = 3
const CALLERS = 16
const CUSTOMERS = 40

interface Asked {
  readonly email: string
  id?: string
  yes: number
  end?: Change | undefined
  readonly wrong: string[]
}

/** Sixteen callers and two approvers over three replicas that are killed and stopped, and a database that crashes. */
export async function runChaos(postgres: Postgres, options: ChaosOptions): Promise<ChaosReport> {
  const began = performance.now()
  const aifi = await startChaosAifi(Math.random)
  const replicas = await Replicas.start(postgres.url, aifi.url)
  const faults = new Faults(replicas, postgres, options)
  const rows: Asked[] = []
  const caller = async (at: number) => {
    while (rows.length < options.changes) {
      const row: Asked = { email: `change-${rows.length}@example.com`, yes: 0, wrong: [] }
      rows.push(row)
      await oneChange(row, at, replicas)
    }
  }
  try {
    await Promise.all(Array.from({ length: CALLERS }, (_, at) => caller(at)))
    await faults.end()
    // Whoever was stopped with a change in hand may still know better.
    await sleep(4_000)
    for (const row of rows) row.end = (row.id ? await replicas.look(row.id) : undefined) ?? row.end
  } finally {
    await faults.end()
    await replicas.end()
    aifi.close()
  }
  const statuses: Record<string, number> = {}
  for (const { end } of rows) {
    const status = end?.state === 'ended' ? end.outcome.status : 'no end'
    statuses[status] = (statuses[status] ?? 0) + 1
  }
  const violations = rows.flatMap((row) => wrongsOf(row, aifi.patches.get(row.email) ?? 0))
  const { killed, stopped, crashes, cuts } = faults
  const seconds = (performance.now() - began) / 1000
  return { seconds, statuses, killed, stopped, crashes, cuts, overlaps: aifi.overlaps(), violations }
}

function wrongsOf({ email, yes, end, wrong }: Asked, patches: number): string[] {
  const status = end?.state === 'ended' ? end.outcome.status : undefined
  const decision = end?.state === 'ended' ? end.decision : undefined
  const isApproved = decision?.kind === 'answered' && decision.answer === 'approved'
  const wrongs = [...wrong]
  if (!status) wrongs.push('it has no end')
  if (patches > 1) wrongs.push('a second PATCH')
  if (patches > 0 && (yes === 0 || !isApproved)) wrongs.push('a PATCH without an approval')
  if (status === 'updated' && patches !== 1) wrongs.push('"updated" without a PATCH')
  if (status && !['updated', 'unknown'].includes(status) && patches > 0) wrongs.push(`"${status}" with a PATCH`)
  return wrongs.map((each) => `${email}: ${each}`)
}

/** From the call to the end, with whoever clicks meanwhile. */
async function oneChange(row: Asked, at: number, replicas: Replicas): Promise<void> {
  const request: ChangeRequest = {
    customerId: 1 + Math.floor(Math.random() * CUSTOMERS),
    changes: { email: row.email },
    enterPrivately: ['password'],
    dryRun: false,
  }
  const person = { issuer: 'https://issuer.example', subject: `caller-${at}` }
  const proposed = await replicas.ask<Change>({ what: 'propose', request, caller: { client: 'chaos', person } })
  row.id = proposed.id
  if (proposed.state === 'ended') {
    row.end = proposed
    return
  }
  const mode = Math.random()
  const answers: [string, boolean][] =
    mode < 0.1
      ? [
          ['alex', false],
          ['blair', false],
        ]
      : mode < 0.25
        ? [
            ['alex', true],
            ['blair', false],
          ]
        : [
            ['alex', true],
            ['alex', true],
            ['blair', true],
          ]
  const clicks = answers.map(([subject, yes]) => click(row, proposed.id, { subject, yes }, replicas))
  if (mode > 0.9) clicks.push(stranger(row, proposed.id, replicas))
  const [end] = await Promise.all([followed(proposed, replicas), ...clicks])
  if (end) row.end = end
}

async function followed(first: Change, replicas: Replicas): Promise<Change | undefined> {
  let change = first
  const until = performance.now() + 90_000
  while (change.state !== 'ended' && performance.now() < until) {
    const next = await replicas.ask<Change | null>({ what: 'follow', id: first.id, version: change.version })
    if (next) change = next
  }
  return change.state === 'ended' ? change : undefined
}

/** An approver presses until the change has an end, on whichever replica answers. */
async function click(
  row: Asked,
  id: string,
  { subject, yes }: { subject: string; yes: boolean },
  replicas: Replicas,
): Promise<void> {
  const until = performance.now() + 90_000
  while (performance.now() < until) {
    const change = await replicas.look(id)
    if (!change || change.state === 'ended') return
    if (change.state === 'asked' && change.asking.rung) {
      if (yes) row.yes += 1
      const { round, rung } = change.asking
      const by = { issuer: 'https://issuer.example', subject }
      const answer = yes ? ('approved' as const) : ('declined' as const)
      const given: GivenAnswer = { round, handle: rung.handle, answer, channel: 'inbox', by }
      const typed = yes ? { password: `${CANARY}-${row.email}` } : {}
      // A click whose answer is lost is not repeated as it was: whoever clicked looks again.
      await replicas.once({ what: 'decide', id, given, typed }).catch(() => undefined)
    }
    await sleep(200 + 600 * Math.random())
  }
}

/** Somebody who was shown nothing: their yes never counts. */
async function stranger(row: Asked, id: string, replicas: Replicas): Promise<void> {
  const given: GivenAnswer = { round: 1, handle: 'guessed', answer: 'approved', channel: 'inbox' }
  const verdict = await replicas.ask<Verdict>({ what: 'decide', id, given, typed: { password: `${CANARY}-stranger` } })
  if (verdict.kind === 'counted') row.wrong.push('the yes of a stranger counted')
}

/** Three processes, one of which takes each question. */
class Replicas {
  readonly #children: ChildProcess[] = []
  #ports: readonly number[] = []
  #isEnding = false
  readonly #folder: string
  readonly #env: Record<string, string>

  private constructor(folder: string, env: Record<string, string>) {
    this.#folder = folder
    this.#env = env
  }

  static async start(store: string, aifi: string): Promise<Replicas> {
    const folder = await mkdtemp(join(tmpdir(), 'chaos-'))
    const replicas = new Replicas(folder, { STORE: store, AIFI: aifi })
    await build({
      entryPoints: [fileURLToPath(new URL('chaos-replica.ts', import.meta.url))],
      outfile: replicas.#program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['pg-native'],
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    })
    replicas.#ports = await Promise.all(Array.from({ length: REPLICAS }, () => freePort()))
    for (const at of replicas.#ports.keys()) replicas.#spawn(at)
    return replicas
  }

  /** Asks replicas at random until one answers. */
  async ask<Answer>(asking: Asking): Promise<Answer> {
    const until = performance.now() + 60_000
    for (;;) {
      try {
        return await this.once<Answer>(asking)
      } catch (err) {
        if (performance.now() > until) throw err
        await sleep(50 + 100 * Math.random())
      }
    }
  }

  async once<Answer>(asking: Asking): Promise<Answer> {
    const port = this.#ports[Math.floor(Math.random() * REPLICAS)]
    const signal = AbortSignal.timeout(6_000)
    const body = JSON.stringify(asking)
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body, signal })
    if (!response.ok) throw new Error(await response.text())
    return JSON.parse(await response.text())
  }

  async look(id: string): Promise<Change | undefined> {
    return (await this.ask<Change | null>({ what: 'look', id })) ?? undefined
  }

  /** One of them, at random. */
  any(): ChildProcess | undefined {
    return this.#children[Math.floor(Math.random() * REPLICAS)]
  }

  async end(): Promise<void> {
    this.#isEnding = true
    for (const child of this.#children) child.kill('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #program(): string {
    return join(this.#folder, 'replica.mjs')
  }

  #spawn(at: number): void {
    const env = { ...process.env, ...this.#env, PORT: String(this.#ports[at]) }
    const child = spawn(process.execPath, [this.#program], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    this.#children[at] = child
    child.on('exit', () => {
      if (!this.#isEnding) this.#spawn(at)
    })
  }
}

/** What goes wrong meanwhile. */
class Faults {
  killed = 0
  stopped = 0
  crashes = 0
  cuts = 0
  readonly #ending = new AbortController()
  readonly #running: Promise<unknown>

  constructor(replicas: Replicas, postgres: Postgres, { replicaFaultMs, databaseFaultMs }: ChaosOptions) {
    this.#running = Promise.all([
      this.#every(replicaFaultMs, () => this.#harm(replicas.any())),
      this.#every(databaseFaultMs, () => this.#harmDatabase(postgres)),
    ])
  }

  async end(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #every(ms: number, harm: () => Promise<void>): Promise<void> {
    const { signal } = this.#ending
    for (;;) {
      await sleep(ms * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await harm()
    }
  }

  async #harm(child: ChildProcess | undefined): Promise<void> {
    if (Math.random() < 0.6) {
      child?.kill('SIGKILL')
      this.killed += 1
      return
    }
    this.stopped += 1
    child?.kill('SIGSTOP')
    await sleep(4_000 * Math.random())
    child?.kill('SIGCONT')
  }

  async #harmDatabase(postgres: Postgres): Promise<void> {
    if (Math.random() < 0.5) {
      this.crashes += 1
      return postgres.crash()
    }
    this.cuts += 1
    await postgres.cut().catch(() => undefined)
  }
}
