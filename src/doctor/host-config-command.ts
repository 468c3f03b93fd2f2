import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ProcessIo } from '../lib/process-io.ts'
import { version } from '../lib/version.ts'
import { hasColours } from './doctor.ts'
import { type HostConfig, HostConfigError, type HostEntry, readHostConfig } from './host-config.ts'
import { entryStart, startsThisServer } from './host-entry.ts'
import { entryEnvironment, type Surroundings } from './host-environment.ts'
import { codeOf } from './local-checks.ts'
import { type DoctorJson, type Finding, hasProblem, problem, Report } from './report.ts'

export interface HostConfigOptions {
  readonly file: string
  readonly json: boolean
  readonly customerId: number | undefined
}

/** What was found about one entry. */
interface EntryResult {
  readonly name: string
  readonly place: string
  readonly start: Finding
  /** Whether its variables are what the host will give it. */
  readonly environment?: Finding
  /** What `doctor` finds with them. */
  readonly doctor?: DoctorJson
}

/** A diagnosis that takes longer is given up, milliseconds. */
const PATIENCE_MS = 60_000

/**
 * `doctor --config FILE`: the same for every entry of a host's configuration that starts this server, with its
 * environment. Each is checked by a process of its own, since Node reads its options and authorities only at its start.
 * The entry's own command is not started. Exit code 1 on a problem.
 */
export async function hostConfigCommand(io: ProcessIo, { file, json, customerId }: HostConfigOptions): Promise<number> {
  const path = resolve(file)
  const report = new Report({ colour: hasColours(io) })
  const print = (lines: string) => void (json || io.stdout.write(lines))
  const config = load(path, io.program.file)
  const entries: EntryResult[] = []
  if ('status' in config) print(report.finding('Configuration', config))
  else {
    print(`${path} (${config.host.title})\n`)
    for (const entry of config.entries) {
      const result = await examineEntry(entry, { ...config, file: path, shell: io.env }, io, customerId)
      if (io.stop.aborted) return 1
      entries.push(result)
      print(report.heading(`${result.name} (${result.place})`) + forPeople(result, report))
    }
  }
  const isFine = !('status' in config) && entries.every(isWithoutProblem)
  const all = { ok: isFine, version, file: path, ...('status' in config && { configuration: config }), entries }
  if (json) io.stdout.write(`${JSON.stringify(all, null, 2)}\n`)
  return isFine ? 0 : 1
}

/** The configuration with the entries that start this server, or why there are none. */
function load(path: string, ownFile: string): HostConfig | Finding {
  try {
    const config = readHostConfig(path, readFileSync(path, 'utf8'))
    const entries = config.entries.filter((each) => startsThisServer(each, ownFile))
    if (entries.length > 0) return { ...config, entries }
    return problem(
      `${path}: no entry under “${config.host.key}” starts this server`,
      'One that does names aifi-customer-mcp, or the path of dist/index.js, in “command” or “args”.',
    )
  } catch (error) {
    if (error instanceof HostConfigError)
      return problem(`${path}: ${error.message}`, 'Correct it, and restart the host.')
    return problem(`${path} cannot be read (${codeOf(error)})`, 'Name the file that the host reads.')
  }
}

async function examineEntry(
  entry: HostEntry,
  around: Surroundings,
  io: ProcessIo,
  customerId: number | undefined,
): Promise<EntryResult> {
  const { name, place, members } = entry
  const { variables, finding: environment, isComplete } = entryEnvironment(members, around)
  const { finding: start, check } = entryStart(entry, around, variables.PATH)
  if (!check) return { name, place, start }
  if (!isComplete) return { name, place, start, environment }
  const customer = customerId === undefined ? [] : ['--customer', String(customerId)]
  const args = [...check.options, io.program.file, 'doctor', '--json', ...customer, ...check.args]
  const doctor = await runDoctor(io, { args, env: variables, cwd: check.cwd })
  return 'status' in doctor ? { name, place, start, environment: doctor } : { name, place, start, environment, doctor }
}

interface Child {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string | undefined
}

/** `doctor --json` in a process of its own. Nothing of what it says outside of its JSON is shown. */
async function runDoctor({ program, stop }: ProcessIo, { args, env, cwd }: Child): Promise<DoctorJson | Finding> {
  const child = spawn(program.command, args, {
    // Code that others compiled is not run.
    env: { ...env, NODE_DISABLE_COMPILE_CACHE: '1' },
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
    signal: AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS)]),
    killSignal: 'SIGKILL',
    windowsHide: true,
  })
  const ended = once(child, 'close').then(([code, signal]) => String(code ?? signal), codeOf)
  const output = await text(child.stdout).catch(() => '')
  const end = await ended
  try {
    // This very program has written it.
    const found: DoctorJson = JSON.parse(output)
    return found
  } catch {
    return problem(
      `Node does not start with these variables (it ended with ${end})`,
      'Check NODE_OPTIONS and the options in “args”: this Node may not know them.',
    )
  }
}

function forPeople({ start, environment, doctor }: EntryResult, report: Report): string {
  const own = report.finding('Start', start) + (environment ? report.finding('Environment', environment) : '')
  if (!doctor) return own
  const { checks, settings } = doctor
  const lines = checks.map((each) => report.check(each) + (each.name === 'settings' ? report.settings(settings) : ''))
  return [own, ...lines, report.summary(checks, environment ? [start, environment] : [start])].join('')
}

function isWithoutProblem({ start, environment, doctor }: EntryResult): boolean {
  return !hasProblem(environment ? [start, environment] : [start]) && doctor?.ok !== false
}
