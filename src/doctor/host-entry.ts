import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { isJsonObject } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { OWN_NAME } from '../lib/process-io.ts'
import { harmless } from '../lib/text.ts'
import type { HostEntry } from './host-config.ts'
import { fill, isHarmlessOption, type Surroundings } from './host-environment.ts'
import { isProgram } from './local-checks.ts'
import { type Finding, ok, problem, skipped, warning } from './report.ts'

const OWN_PACKAGE = /(^|[\\/])aifi-customer-mcp(@[\w.^~-]+)?([\\/]|\.(exe|cmd|js)$|$)/
const BUILT_FILE = /(^|[\\/])dist[\\/]index\.js$/
/** What starts a program with the environment that it has itself. */
const LAUNCHERS = ['node', 'npx', 'npm', 'pnpm', 'yarn', 'cmd']
/** What an entry may say to this program. */
const SERVING = ['--sandbox', '--no-get']
const KNOWN_MEMBERS = ['command', 'args', 'env', 'type', 'cwd', 'envFile', 'disabled', 'enabled', 'url']

/** How an entry starts this server. */
export interface EntryStart {
  readonly finding: Finding
  /** What to start to check it; absent when that would not say how it is in the host. */
  readonly check?: { readonly options: readonly string[]; readonly args: readonly string[]; readonly cwd?: string }
}

/** True for an entry that starts this server, as far as its words and names say. @param ownFile the file that runs here */
export function startsThisServer({ name, members }: HostEntry, ownFile: string): boolean {
  const words = wordsOf(members)
  if (words.some((word) => OWN_PACKAGE.test(word))) return true
  const built = words.find((word) => BUILT_FILE.test(word))
  const isMeant = /aifi/i.test(name) || settingsMembers(members).length > 0
  return built !== undefined && (isMeant || isOwnFile(built, ownFile))
}

function wordsOf({ command, args }: HostEntry['members']): string[] {
  const rest: readonly unknown[] = Array.isArray(args) ? args : [args]
  return [command, ...rest].filter((word) => typeof word === 'string')
}

/** Many servers are a dist/index.js. */
function isOwnFile(file: string, ownFile: string): boolean {
  try {
    if (realpathSync(file) === realpathSync(ownFile)) return true
    const description: unknown = JSON.parse(readFileSync(join(dirname(dirname(file)), 'package.json'), 'utf8'))
    return isJsonObject(description) && description.name === 'aifi-customer-mcp'
  } catch {
    return false
  }
}

/** The members that hold our settings; it should be `env` alone. */
function settingsMembers(members: HostEntry['members']): string[] {
  return Object.entries(members).flatMap(([key, value]) =>
    isJsonObject(value) && Object.keys(value).some((name) => OWN_NAME.test(name)) ? [key] : [],
  )
}

/** What is wrong with the shape of an entry, as a sentence; undefined when nothing is. */
function shapeFault(members: HostEntry['members']): string | undefined {
  const { command, args, env } = members
  const misplaced = settingsMembers(members).find((key) => key !== 'env')
  if (misplaced !== undefined) return `its settings stand under “${harmless(misplaced, 40)}”; the host reads “env”`
  const unknown = Object.keys(members).filter((key) => !KNOWN_MEMBERS.includes(key))
  for (const key of unknown) {
    const near = nearestName(key, ['command', 'args', 'env'])
    if (near && members[near] === undefined) return `it has “${harmless(key, 40)}”, which must read “${near}”`
  }
  if (typeof command !== 'string') return 'it has no “command”, or one that is no text'
  const isList = args === undefined || (Array.isArray(args) && args.every((word) => typeof word === 'string'))
  if (!isList) return '“args” is not a list of texts'
  return env === undefined || isJsonObject(env) ? undefined : '“env” is not an object of names and values'
}

/** Looks at what an entry starts, without starting it. @param path the PATH that it is started with */
export function entryStart({ members }: HostEntry, around: Surroundings, path: string | undefined): EntryStart {
  const notChecked = (why: string) => ({ finding: skipped(why) })
  const fault = shapeFault(members)
  if (fault) return { finding: problem(fault, 'Correct the entry, and restart the host.') }
  if (members.disabled === true || members.enabled === false) return notChecked('it is switched off')
  const filled = wordsOf(members).map((word) => fill(word, around))
  const words = filled.flatMap((each) => ('text' in each ? [each.text] : []))
  if (words.length < filled.length)
    return notChecked(`its command has variables that only ${around.host.title} can fill in`)
  if (members.envFile !== undefined)
    return notChecked('part of its environment is in an “envFile”, which is not read here')
  const [command = ''] = words
  const at = words.findIndex((word) => OWN_PACKAGE.test(word) || BUILT_FILE.test(word))
  const launcher = basename(command.replaceAll('\\', '/')).replace(/\.(exe|cmd)$/i, '')
  if (at > 0 && !LAUNCHERS.includes(launcher) && !isProgram(command, { PATH: path }))
    return { finding: commandMissing(command) }
  if (at > 0 && !LAUNCHERS.includes(launcher))
    return notChecked(`started through ${harmless(launcher, 40)}: what arrives inside cannot be seen from here`)
  const options = launcher === 'node' ? words.slice(1, at) : []
  if (!options.every(isHarmlessOption))
    return notChecked('started with options of Node that are not tried out from a configuration')
  const args = words.slice(at + 1)
  if (!args.every((word) => SERVING.includes(word))) {
    const remedy = `After the program, “args” may hold ${SERVING.join(' and ')} only.`
    return { finding: problem('its arguments do not start the server', remedy) }
  }
  const cwd = typeof members.cwd === 'string' ? fill(members.cwd, around) : undefined
  const folder = cwd && 'text' in cwd && isFolder(cwd.text) ? cwd.text : undefined
  const finding = isProgram(command, { PATH: path })
    ? programFinding(harmless(command, 200), words[at] ?? '', folder)
    : commandMissing(command)
  return { finding, check: { options, args, ...(folder !== undefined && { cwd: folder }) } }
}

function commandMissing(command: string): Finding {
  const where = /[\\/]/.test(command) ? 'is not there or cannot be started' : 'is in no folder of PATH'
  return problem(`${harmless(command, 200)} ${where}`, 'Name the program by its full path.')
}

/** @param program what the command starts: the built file, or the name of the package; @param folder where it is started */
function programFinding(command: string, program: string, folder: string | undefined): Finding {
  if (!BUILT_FILE.test(program))
    return ok(`${command} starts ${harmless(program, 80)}; what follows is checked with the program that you run now`)
  if (!isAbsolute(program) && folder === undefined) {
    return warning(
      `${harmless(program, 300)} is not a full path: where it leads depends on where the host starts it`,
      'Write the full path.',
    )
  }
  const file = resolve(folder ?? '.', program)
  const tried = harmless(file, 300)
  if (!existsSync(file))
    return problem(`${tried} is not there`, 'Correct the path, or build it: npm ci && npm run build.')
  return ok(`${command} starts ${tried}; checked with the Node that runs this command`)
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
