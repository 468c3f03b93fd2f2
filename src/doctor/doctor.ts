import { WriteStream } from 'node:tty'
import { type ConfigResult, readConfigOf } from '../config/config.ts'
import { settings } from '../config/settings.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import type { ProcessIo } from '../lib/process-io.ts'
import { aifiChecks } from './aifi-checks.ts'
import { certificatesFinding } from './certificate.ts'
import { auditFinding, browserFinding, pageFinding, settingRows, settingsFinding } from './local-checks.ts'
import { asJson, type Check, type CheckName, hasProblem, ok, Report, type SettingRow, stdioChecks } from './report.ts'

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
  io: ProcessIo,
  { json, sandbox: isSandbox, getById, customerId }: DoctorOptions,
  clock: Clock = systemClock,
): Promise<number> {
  const sandbox = isSandbox ? await (await import('../sandbox/sandbox.ts')).startSandbox({ getById }) : undefined
  const result = readConfigOf(io, sandbox ? { sandbox } : {})
  const rows = settingRows(io.env, result, { listed: settings, isSandbox })
  const checks = examine(io, result, { clock, customerId: customerId ?? (sandbox && SANDBOX_CUSTOMER) })
  try {
    return await present(io, checks, { json, rows, expected: stdioChecks })
  } finally {
    await sandbox?.close()
  }
}

/** Prints each check as it comes, or all of them for scripts; resolves with the exit code. */
export async function present(
  io: ProcessIo,
  found: AsyncIterable<Check>,
  options: { readonly json: boolean; readonly rows: readonly SettingRow[]; readonly expected: readonly CheckName[] },
): Promise<number> {
  const { stdout, stop } = io
  const { json, rows, expected } = options
  const report = new Report({ colour: hasColours(io), expected })
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
  io: ProcessIo,
  result: ConfigResult,
  { clock, customerId }: { readonly clock: Clock; readonly customerId: number | undefined },
): AsyncGenerator<Check> {
  yield* processChecks(io, result)
  if (!result.ok) return
  const { config } = result
  const { env, platform, stop } = io
  yield* aifiChecks(config.aifi, { clock, stop, customerId })
  yield { name: 'browser', ...browserFinding(config, { env, platform, clock }) }
  yield { name: 'approval_page', ...(await pageFinding(config, env)) }
  yield { name: 'audit', ...(await auditFinding(config, platform)) }
}

/** What holds of the process itself. @param remedy see {@link settingsFinding} */
export function* processChecks(
  { env, nodeVersion }: ProcessIo,
  result: ConfigResult,
  remedy?: string,
): Generator<Check> {
  yield { name: 'node', ...ok(`${nodeVersion} (20.18.1 or newer is needed)`) }
  yield { name: 'settings', ...settingsFinding(result, remedy) }
  yield { name: 'certificates', ...certificatesFinding(env) }
}

/** Whether to print for a terminal that shows colours. */
export function hasColours({ stdout, env }: ProcessIo): boolean {
  return stdout instanceof WriteStream && !env.NO_COLOR && stdout.hasColors({ ...env })
}
