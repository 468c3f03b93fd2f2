import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import * as z from 'zod'
import { keysOf } from '../lib/keys.ts'
import { version } from '../lib/version.ts'
import { type DoctorHost, hasColours } from './doctor.ts'
import { type HostConfig, HostConfigError, type HostEntry, readHostConfig } from './host-config.ts'
import { entryStart, startsThisServer } from './host-entry.ts'
import { type EntryEnvironment, entryEnvironment, type Surroundings } from './host-environment.ts'
import { codeOf } from './local-checks.ts'
import { type DoctorJson, type Finding, ok, problem, Report, skipped, titles, warning } from './report.ts'

/** The process, as far as it is examined, and how to start another one of the same program. */
export interface HostConfigIo extends DoctorHost {
  readonly program: { readonly command: string; readonly file: string }
}

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
/** More than a diagnosis has to say, characters. */
const OUTPUT_LIMIT = 1024 * 1024

/**
 * `doctor --config FILE`: the same for every entry of a host's configuration that starts this server, with its
 * environment. Each is checked by a process of its own, since Node reads its options and authorities only at its start.
 * The entry's own command is not started. Exit code 1 on a problem.
 */
export async function hostConfigCommand(io: HostConfigIo, options: HostConfigOptions): Promise<number> {
  const path = resolve(options.file)
  const report = new Report({ colour: hasColours(io) })
  const print = (text: string) => void (options.json || io.stdout.write(text))
  const config = load(path)
  const entries = 'host' in config ? config.entries.filter((each) => startsThisServer(each, io.program.file)) : []
  const refusal = 'host' in config ? noEntry(config, entries, path) : config
  if (refusal) print(report.finding('Configuration', refusal))
  else if ('host' in config) print(`${path} (${config.host.title})\n`)
  const results: EntryResult[] = []
  for (const entry of entries) {
    if (!('host' in config)) break
    const around = { host: config.host, inputs: config.inputs, file: path, shell: io.env }
    const result = await examineEntry(entry, around, io, options.customerId)
    if (io.stop.aborted) return 1
    results.push(result)
    print(report.heading(`${entry.name} (${entry.place})`) + forPeople(result, report))
  }
  const isFine = !refusal && results.every(isWithoutProblem)
  const all = { ok: isFine, version, file: path, ...(refusal && { configuration: refusal }), entries: results }
  if (options.json) io.stdout.write(`${JSON.stringify(all, null, 2)}\n`)
  return isFine ? 0 : 1
}

function load(path: string): HostConfig | Finding {
  try {
    return readHostConfig(path, readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof HostConfigError)
      return problem(`${path}: ${error.message}`, 'Correct it, and restart the host.')
    return problem(`${path} cannot be read (${codeOf(error)})`, 'Name the file that the host reads.')
  }
}

function noEntry({ host }: HostConfig, entries: readonly HostEntry[], path: string): Finding | undefined {
  if (entries.length > 0) return undefined
  return problem(
    `${path}: no entry under “${host.key}” starts this server`,
    'One that does names aifi-customer-mcp, or the path of dist/index.js, in “command” or “args”.',
  )
}

async function examineEntry(
  entry: HostEntry,
  around: Surroundings,
  io: HostConfigIo,
  customerId: number | undefined,
): Promise<EntryResult> {
  const { name, place, members } = entry
  const environment = entryEnvironment(members, around)
  const { finding: start, check } = entryStart(entry, around, environment.variables.PATH)
  if (!check) return { name, place, start }
  const finding = environmentFinding(environment, around)
  if (environment.wrong.length + environment.unknown.length > 0) return { name, place, start, environment: finding }
  const customer = customerId === undefined ? [] : ['--customer', String(customerId)]
  const args = [...check.options, io.program.file, 'doctor', '--json', ...customer, ...check.args]
  const found = await runDoctor(io, { args, env: environment.variables, cwd: check.cwd })
  return 'status' in found
    ? { name, place, start, environment: found }
    : { name, place, start, environment: finding, doctor: found }
}

function environmentFinding({ wrong, unknown, fromShell, leftOut }: EntryEnvironment, around: Surroundings): Finding {
  const { title, passesEnvironment } = around.host
  if (wrong.length > 0) return problem(wrong.join('\n'), 'Correct that; everything else is checked then.')
  if (unknown.length > 0) {
    return skipped(
      [...unknown, 'Set those variables in this shell and run this again, to have the entry checked.'].join('\n'),
    )
  }
  const passed = passesEnvironment
    ? `“env” of the entry, over the environment of this shell, as ${title} passes on its own`
    : `“env” of the entry, and of the rest only what ${title} passes on (PATH, HOME and the like)`
  if (leftOut.length > 0) {
    return warning(
      `${passed}\n${leftOut.join(', ')}: not tried out from a configuration`,
      'Remove what the server does not need; what it reads is in --help.',
    )
  }
  if (fromShell.length === 0) return ok(passed)
  return warning(
    `${passed}\n${fromShell.join(', ')}: from this shell`,
    `Write them into the entry, unless ${title} is always started from a shell that has them.`,
  )
}

const row = z.object({ name: z.string(), value: z.string() })
const check = z.object({ name: z.enum(keysOf(titles)), found: z.string() })
const doctorJson = z.object({
  ok: z.boolean(),
  version: z.string(),
  checks: z.array(
    z.union([
      check.extend({ status: z.enum(['ok', 'skipped']) }),
      check.extend({ status: z.enum(['warning', 'problem']), remedy: z.string() }),
    ]),
  ),
  settings: z.array(row.extend({ from: z.enum(['environment', 'file', 'default', 'sandbox']) })),
})

interface Child {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string | undefined
}

/** `doctor --json` in a process of its own. Nothing of what it says outside of its JSON is shown. */
async function runDoctor({ program, stop }: HostConfigIo, { args, env, cwd }: Child): Promise<DoctorJson | Finding> {
  const child = spawn(program.command, args, {
    // Code that others compiled is not run.
    env: { ...env, NODE_DISABLE_COMPILE_CACHE: '1' },
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
    signal: AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS)]),
    killSignal: 'SIGKILL',
    windowsHide: true,
  })
  const ended = new Promise<string>((done) => {
    child.once('error', (error) => done(codeOf(error)))
    child.once('close', (code, signal) => done(String(code ?? signal)))
  })
  let output = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) if (output.length < OUTPUT_LIMIT) output += chunk
  const end = await ended
  try {
    return doctorJson.parse(JSON.parse(output))
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
  return start.status !== 'problem' && environment?.status !== 'problem' && doctor?.ok !== false
}
