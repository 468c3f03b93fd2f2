import { WriteStream } from 'node:tty'
import type { ProcessIo } from '../cli/process-io.ts'
import type { Environment } from '../config/settings-reader.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { version } from '../lib/version.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Check } from './check.ts'
import { Report, type Style } from './report.ts'
import { runSteps } from './run-steps.ts'
import { readSecretFile } from './secret-file.ts'
import { settingRows } from './settings-table.ts'
import { readSituation, secretFiles } from './situation.ts'
import { createSteps } from './steps.ts'

export interface DoctorOptions {
  /** For scripts: one JSON object instead of lines for people. */
  readonly json: boolean
  /** Against the embedded stand-in instead of AiFi. */
  readonly sandbox: boolean
  /** Whether the stand-in answers `GET /customers/{id}`. */
  readonly getById: boolean
  /** A customer that exists, to be read. */
  readonly customerId?: number | undefined
}

/** A secret file that takes longer than this cannot be read, milliseconds. */
const FILE_MS = 2_000
/** Whom the stand-in certainly has. */
const SANDBOX_CUSTOMER = 4211

/** `doctor`: looks at everything that the server needs, and says what is wrong. Reads only. Exit code 1 on a problem. */
export async function doctorCommand(
  host: ProcessIo,
  options: DoctorOptions,
  clock: Clock = systemClock,
): Promise<number> {
  const { env, stdout, platform, nodeVersion, stop } = host
  const sandbox = options.sandbox ? await startEmbedded(options) : undefined
  const situation = readSituation(env, sandbox, await readSecretFiles(env, clock))
  const customerId = options.customerId ?? (sandbox && SANDBOX_CUSTOMER)
  const { steps, close } = createSteps({ situation, clock, platform, nodeVersion, customerId })
  const report = new Report(styleFor(host))
  const print = (text: string) => void (options.json || stdout.write(text))
  const rows = settingRows(situation, options.sandbox)
  const checks: Check[] = []
  for await (const check of runSteps(steps, { clock, stop, onStart: (name) => print(report.underWay(name)) })) {
    checks.push(check)
    print(report.wipe() + report.check(check))
    if (check.name === 'settings') print(report.settings(rows))
  }
  const isOk = !stop.aborted && checks.every(({ status }) => status !== 'problem')
  if (!stop.aborted) print(report.summary(checks))
  if (!stop.aborted && options.json)
    stdout.write(asJson({ ok: isOk, version, checks: checks.map(forScripts), settings: rows }))
  await Promise.all([close(), sandbox?.close()])
  return isOk ? 0 : 1
}

async function startEmbedded({ getById }: DoctorOptions): Promise<Sandbox> {
  const { startSandbox } = await import('../sandbox/sandbox.ts')
  return startSandbox({ getById })
}

function asJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** The stable part of a check. */
function forScripts(check: Check) {
  const { name, status, found } = check
  return { name, status, found, ...('remedy' in check && { remedy: check.remedy }) }
}

function styleFor({ stdout, env }: ProcessIo): Style {
  if (!(stdout instanceof WriteStream)) return { colour: false, columns: undefined }
  return { colour: !env.NO_COLOR && stdout.hasColors({ ...env }), columns: stdout.columns }
}

/** Reads each secret file once, here, where it can be given up; what is returned only looks up what came of it. */
async function readSecretFiles(env: Environment, clock: Clock): Promise<(path: string) => Uint8Array> {
  const late = new AbortController()
  const cancel = clock.after(FILE_MS, () => late.abort())
  const files = new Map<string, { content: Uint8Array } | { error: unknown }>()
  for (const path of secretFiles(env)) {
    const result = await readSecretFile(path, clock, late.signal).then(
      (content) => ({ content }),
      (error: unknown) => ({ error }),
    )
    files.set(path, result)
  }
  cancel()
  return (path) => {
    const file = files.get(path)
    if (file && 'content' in file) return file.content
    throw file?.error ?? new Error('Nobody read it')
  }
}
