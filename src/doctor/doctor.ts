import { readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { WriteStream } from 'node:tty'
import { type ConfigResult, readConfig } from '../config/config.ts'
import { settings } from '../config/settings.ts'
import type { Environment } from '../config/settings-reader.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { aifiChecks } from './aifi-checks.ts'
import { certificatesFinding } from './certificate.ts'
import { auditFinding, browserFinding, pageFinding, settingRows, settingsFinding } from './local-checks.ts'
import { asJson, type Check, type CheckName, hasProblem, ok, Report, type SettingRow, stdioChecks } from './report.ts'

/** The process, as far as it is examined. */
export interface DoctorHost {
  readonly env: Environment
  readonly stdout: Writable
  readonly platform: NodeJS.Platform
  readonly nodeVersion: string
  /** Aborted when the process is asked to end. */
  readonly stop: AbortSignal
}

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
export async function doctorCommand(
  host: DoctorHost,
  { json, sandbox: isSandbox, getById, customerId }: DoctorOptions,
  clock: Clock = systemClock,
): Promise<number> {
  const sandbox = isSandbox ? await startEmbedded(getById) : undefined
  const result = readConfig(host.env, { readFile: (path) => readFileSync(path), ...(sandbox && { sandbox }) })
  const rows = settingRows(host.env, result, { settings, isSandbox })
  const checks = examine(host, result, { clock, customerId: customerId ?? (sandbox && SANDBOX_CUSTOMER) })
  try {
    return await present(host, checks, { json, rows, expected: stdioChecks })
  } finally {
    await sandbox?.close()
  }
}

/** Prints each check as it comes, or all of them for scripts; resolves with the exit code. */
export async function present(
  host: Pick<DoctorHost, 'env' | 'stdout' | 'stop'>,
  found: AsyncIterable<Check>,
  options: { readonly json: boolean; readonly rows: readonly SettingRow[]; readonly expected: readonly CheckName[] },
): Promise<number> {
  const { stdout, stop } = host
  const { json, rows, expected } = options
  const report = new Report({ colour: hasColours(host), expected })
  const print = (text: string) => void (json || stdout.write(text))
  const checks: Check[] = []
  for await (const check of found) {
    if (stop.aborted) break
    checks.push(check)
    print(report.check(check))
    if (check.name === 'settings') print(report.settings(rows))
  }
  if (stop.aborted) return 1
  stdout.write(json ? asJson(checks, rows, expected) : report.summary(checks))
  return hasProblem(checks) ? 1 : 0
}

/** In the order of dependence. Without settings that the server would start with, there is nothing else to check. */
async function* examine(
  { env, platform, nodeVersion, stop }: DoctorHost,
  result: ConfigResult,
  { clock, customerId }: { readonly clock: Clock; readonly customerId: number | undefined },
): AsyncGenerator<Check> {
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

async function startEmbedded(getById: boolean) {
  const { startSandbox } = await import('../sandbox/sandbox.ts')
  return startSandbox({ getById })
}

/** Whether to print for a terminal that shows colours. */
export function hasColours({ stdout, env }: Pick<DoctorHost, 'stdout' | 'env'>): boolean {
  return stdout instanceof WriteStream && !env.NO_COLOR && stdout.hasColors({ ...env })
}
