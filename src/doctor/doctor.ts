import { readFileSync } from 'node:fs'
import { WriteStream } from 'node:tty'
import type { Host } from '../cli/process-io.ts'
import { type ConfigResult, readConfig } from '../config/config.ts'
import { customerFields } from '../customer/fields.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { aifiChecks } from './aifi-checks.ts'
import { certificatesFinding } from './certificate.ts'
import { auditFinding, browserFinding, pageFinding, settingRows, settingsFinding } from './local-checks.ts'
import { asJson, type Check, hasProblem, ok, Report } from './report.ts'

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

/** Whom the stand-in certainly has. */
const SANDBOX_CUSTOMER = 4211

/** `doctor`: checks everything that the server needs, and says what is wrong. Only reads. Exit code 1 on a problem. */
export async function doctorCommand(host: Host, options: DoctorOptions, clock: Clock = systemClock): Promise<number> {
  const sandbox = options.sandbox ? await startEmbedded(options) : undefined
  try {
    return await diagnose(host, { ...options, sandbox, clock })
  } finally {
    await sandbox?.close()
  }
}

async function startEmbedded({ getById }: DoctorOptions): Promise<Sandbox> {
  const { startSandbox } = await import('../sandbox/sandbox.ts')
  return startSandbox({ getById })
}

type Diagnosis = Omit<DoctorOptions, 'sandbox'> & { readonly sandbox: Sandbox | undefined; readonly clock: Clock }

async function diagnose(host: Host, { json, customerId, sandbox, clock }: Diagnosis): Promise<number> {
  const { env, stdout, stop } = host
  const readFile = (path: string) => readFileSync(path)
  const result = readConfig(env, { fieldNames: customerFields, readFile, ...(sandbox && { sandbox }) })
  const rows = settingRows(env, result, sandbox !== undefined)
  const report = new Report({ colour: hasColours(host) })
  const print = (text: string) => void (json || stdout.write(text))
  const checks: Check[] = []
  const named = customerId ?? (sandbox && SANDBOX_CUSTOMER)
  for await (const check of allChecks(host, { result, clock, customerId: named })) {
    if (stop.aborted) return 1
    checks.push(check)
    print(report.check(check))
    if (check.name === 'settings') print(report.settings(rows))
  }
  print(report.summary(checks))
  if (json) stdout.write(asJson(checks, rows))
  return hasProblem(checks) ? 1 : 0
}

interface Subject {
  readonly result: ConfigResult
  readonly clock: Clock
  readonly customerId: number | undefined
}

/** The order of dependence: without settings that the server would start with, there is nothing else to check. */
async function* allChecks(host: Host, { result, clock, customerId }: Subject): AsyncGenerator<Check> {
  const { env, platform, nodeVersion, stop } = host
  yield { name: 'node', ...ok(`${nodeVersion} (20.18.1 or newer is needed)`) }
  yield { name: 'settings', ...settingsFinding(result) }
  yield { name: 'certificates', ...certificatesFinding(env) }
  if (!result.ok) return
  const { config } = result
  yield* aifiChecks(config.aifi, { clock, stop, customerId })
  yield { name: 'browser', ...browserFinding(config, { env, platform, clock }) }
  yield { name: 'approval_page', ...(await pageFinding(config, env)) }
  yield { name: 'audit', ...(await auditFinding(config, platform)) }
}

function hasColours({ stdout, env }: Host): boolean {
  return stdout instanceof WriteStream && !env.NO_COLOR && stdout.hasColors({ ...env })
}
