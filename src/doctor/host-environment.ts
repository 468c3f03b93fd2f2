import { basename, dirname } from 'node:path'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { type Environment, OWN_NAME } from '../lib/process-io.ts'
import { harmless } from '../lib/text.ts'
import type { Host } from './host-config.ts'
import { type Finding, ok, problem, skipped, warning } from './report.ts'

/** What fills in the variables of a configuration. */
export interface Surroundings {
  readonly host: Host
  /** The configuration itself, as an absolute path. */
  readonly file: string
  /** Inputs that the file declares. */
  readonly inputs: readonly string[]
  /** The environment of this process. */
  readonly shell: Environment
}

/** The environment that an entry is started with, as far as this program and Node read it. */
export interface EntryEnvironment {
  readonly variables: Readonly<Record<string, string>>
  /** Whether they are what the host will give it. */
  readonly finding: Finding
  /** False when some have to be filled in, and cannot be here. */
  readonly isComplete: boolean
}

/** Passed to a server by every host (the list of the MCP SDKs, and Codex's). */
const PASSED_BY_ALL =
  /^(HOME|LOGNAME|PATH|SHELL|TERM|USER|LANG|LC_ALL|TMPDIR|TZ|APPDATA|HOMEDRIVE|HOMEPATH|LOCALAPPDATA|PROCESSOR_ARCHITECTURE|SYSTEMDRIVE|SYSTEMROOT|TEMP|USERNAME|USERPROFILE|PROGRAMFILES)$/i
/**
 * Read by this program or by Node, and harmless: a configuration may be somebody else's, and what can load code
 * (`LD_PRELOAD`, `NODE_OPTIONS=--require …`) is not tried out.
 */
const READ_HERE =
  /^((HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA|NODE_TLS_REJECT_UNAUTHORIZED|SSL_CERT_(FILE|DIR)|LOG_LEVEL|BROWSER|PATHEXT|DISPLAY|WAYLAND_DISPLAY|SSH_CONNECTION|REMOTE_CONTAINERS|CODESPACES)$/i
/** Options of Node that load nothing and write nothing. */
const HARMLESS_OPTION =
  /^--(use-(system|openssl|bundled)-ca|no-warnings|(max-old-space-size|dns-result-order|network-family-autoselection-attempt-timeout)=[\w.-]+)$/

export function isHarmlessOption(option: string): boolean {
  return HARMLESS_OPTION.test(option)
}

export function entryEnvironment(members: JsonObject, around: Surroundings): EntryEnvironment {
  const { host, shell } = around
  const own: Record<string, string> = {}
  const wrong: string[] = []
  const unknown: string[] = []
  for (const [name, value] of Object.entries(isJsonObject(members.env) ? members.env : {})) {
    const filled = typeof value === 'string' ? fill(value, around, name) : { wrong: 'is not a text (put it in quotes)' }
    if ('text' in filled) own[name] = filled.text
    else if ('unknown' in filled) unknown.push(`${shownName(name)} ${filled.unknown}`)
    else wrong.push(`${shownName(name)} ${filled.wrong}`)
  }
  const forwarded = forwardedNames(members.env_vars)
  const isPassed = (name: string) => host.passesEnvironment || PASSED_BY_ALL.test(name) || forwarded.includes(name)
  const inherited = Object.fromEntries(
    Object.entries(shell).flatMap(([name, value]) => (value !== undefined && isPassed(name) ? [[name, value]] : [])),
  )
  const used = Object.entries({ ...inherited, ...own }).filter(([name, value]) => isUsed(name, value))
  const leftOut = Object.entries(own).filter(([name, value]) => !isUsed(name, value))
  const fromShell = Object.keys(inherited).filter((name) => OWN_NAME.test(name) && !Object.hasOwn(own, name))
  return {
    variables: Object.fromEntries(used),
    finding:
      missingFinding(wrong, unknown) ?? passedFinding(host, { leftOut: leftOut.map(([name]) => name), fromShell }),
    isComplete: wrong.length + unknown.length === 0,
  }
}

/**
 * @param wrong what nobody can fill in, or is no text, as sentences
 * @param unknown what only the host can fill in, as sentences
 */
function missingFinding(wrong: readonly string[], unknown: readonly string[]): Finding | undefined {
  if (wrong.length > 0) return problem(wrong.join('\n'), 'Correct that; everything else is checked then.')
  const remedy = 'Set those variables in this shell and run this again, to have the entry checked.'
  return unknown.length > 0 ? skipped([...unknown, remedy].join('\n')) : undefined
}

/** @param names those in the entry that are not passed on here, and settings that come from the shell */
function passedFinding(
  { title, passesEnvironment }: Host,
  { leftOut, fromShell }: { readonly leftOut: readonly string[]; readonly fromShell: readonly string[] },
): Finding {
  const passed = passesEnvironment
    ? `“env” of the entry, over the environment of this shell, as ${title} passes on its own`
    : `“env” of the entry, and of the rest only what ${title} passes on (PATH, HOME and the like)`
  if (leftOut.length > 0) {
    return warning(
      `${passed}\n${leftOut.map(shownName).join(', ')}: not tried out from a configuration`,
      'Remove what the server does not need; what it reads is in --help.',
    )
  }
  if (fromShell.length === 0) return ok(passed)
  return warning(
    `${passed}\n${fromShell.join(', ')}: from this shell`,
    `Write them into the entry, unless ${title} is always started from a shell that has them.`,
  )
}

/** Codex: names of variables that a server gets from Codex's own environment. */
function forwardedNames(names: unknown): unknown[] {
  return Array.isArray(names) ? names.map((each: unknown) => (isJsonObject(each) ? each.name : each)) : []
}

function isUsed(name: string, value: string): boolean {
  if (name === 'NODE_OPTIONS') return value.split(/\s+/).filter(Boolean).every(isHarmlessOption)
  return OWN_NAME.test(name) || PASSED_BY_ALL.test(name) || READ_HERE.test(name)
}

type Filled =
  | { readonly text: string }
  /** Only the host knows. */
  | { readonly unknown: string }
  | { readonly wrong: string }

/** The text with its variables filled in as the host does it. @param setting the variable of which it is the value */
export function fill(text: string, around: Surroundings, setting = ''): Filled {
  const { variables } = around.host
  if (variables === 'none') return { text }
  const failed: Filled[] = []
  const filled = text.replace(/\$\{([^}]*)\}/g, (_, inner: string) => {
    const each = variables === 'shell' ? shellVariable(inner, around) : editorVariable(inner, around, setting)
    if ('text' in each) return each.text
    failed.push(each)
    return ''
  })
  return failed[0] ?? { text: filled }
}

/** `${NAME}` and `${NAME:-otherwise}`, of Claude Code. */
function shellVariable(inner: string, { shell, host }: Surroundings): Filled {
  const [name = '', fallback] = inner.split(/:-(.*)/s)
  const text = shell[name] ?? fallback
  if (text !== undefined) return { text }
  return {
    wrong: `uses \${${shownName(name)}}, which is not set in this shell; ${host.title} needs it where it starts`,
  }
}

/** `${input:…}`, `${env:…}` and the like, of VS Code and Cursor. */
function editorVariable(inner: string, { shell, file, host, inputs }: Surroundings, setting: string): Filled {
  const [kind, name = ''] = inner.split(/:(.*)/s)
  const folder = dirname(file)
  if (kind === 'env') return { text: shell[name] ?? '' }
  if (kind === 'userHome') return { text: shell.HOME ?? shell.USERPROFILE ?? '' }
  if (kind === 'workspaceFolder' && ['.vscode', '.cursor'].includes(basename(folder))) return { text: dirname(folder) }
  if (kind !== 'input') return { unknown: `is filled in by ${host.title}` }
  if (!inputs.includes(name)) return { wrong: 'uses an input that “inputs” in this file does not declare' }
  const text = shell[setting]
  if (text !== undefined) return { text }
  return { unknown: `is asked for by ${host.title} (input “${harmless(name, 40)}”)` }
}

/** A name of a variable as it stands in the file, unless it may be a secret in the wrong place. */
function shownName(name: string): string {
  return /^[A-Z][A-Z0-9_]{1,39}$/.test(name) ? name : '(a name that is not shown)'
}
