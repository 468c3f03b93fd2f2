import { basename, dirname, sep } from 'node:path'
import { OWN_NAME } from '../config/setting-name.ts'
import type { Environment } from '../config/settings-reader.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { harmless } from '../lib/text.ts'
import type { Host } from './host-config.ts'

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
  /** Settings that come from the shell, by way of the host. */
  readonly fromShell: readonly string[]
  /** Names in the entry that are not passed on here. */
  readonly leftOut: readonly string[]
  /** What only the host can fill in, as sentences. */
  readonly unknown: readonly string[]
  /** What nobody can fill in, or is no text, as sentences. */
  readonly wrong: readonly string[]
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
  const unknown: string[] = []
  const wrong: string[] = []
  const own: Record<string, string> = {}
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
  const all = Object.entries({ ...inherited, ...own })
  return {
    variables: Object.fromEntries(all.filter(([name, value]) => isUsed(name, value))),
    fromShell: Object.keys(inherited).filter((name) => OWN_NAME.test(name) && !Object.hasOwn(own, name)),
    leftOut: Object.entries(own).flatMap(([name, value]) => (isUsed(name, value) ? [] : [shownName(name)])),
    unknown,
    wrong,
  }
}

/** Codex: names of variables that a server gets from Codex's own environment. */
function forwardedNames(names: unknown): string[] {
  const listed: readonly unknown[] = Array.isArray(names) ? names : []
  return listed.map((each) => (isJsonObject(each) ? each.name : each)).filter((each) => typeof each === 'string')
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

const VARIABLE = /\$\{([^}]*)\}/

/** The text with its variables filled in as the host does it. @param setting the variable of which it is the value */
export function fill(text: string, around: Surroundings, setting = ''): Filled {
  const { variables } = around.host
  if (variables === 'none') return { text }
  let rest = text
  let done = ''
  for (let match = VARIABLE.exec(rest); match; match = VARIABLE.exec(rest)) {
    const filled = variables === 'shell' ? shellVariable(match[1], around) : editorVariable(match[1], around, setting)
    if (!('text' in filled)) return filled
    done += rest.slice(0, match.index) + filled.text
    rest = rest.slice(match.index + match[0].length)
  }
  return { text: done + rest }
}

/** `${NAME}` and `${NAME:-otherwise}`, of Claude Code. */
function shellVariable(inner = '', { shell, host }: Surroundings): Filled {
  const [name = '', fallback] = inner.split(/:-(.*)/s)
  const text = shell[name] ?? fallback
  if (text !== undefined) return { text }
  return {
    wrong: `uses \${${shownName(name)}}, which is not set in this shell; ${host.title} needs it where it starts`,
  }
}

/** `${input:…}`, `${env:…}` and the like, of VS Code and Cursor. */
function editorVariable(inner = '', around: Surroundings, setting: string): Filled {
  const { shell, file, host, inputs } = around
  const [kind, name = ''] = inner.split(/:(.*)/s)
  const folder = dirname(file)
  const isWorkspace = ['.vscode', '.cursor'].includes(basename(folder))
  if (kind === 'env') return { text: shell[name] ?? '' }
  if (kind === 'userHome') return { text: shell.HOME ?? shell.USERPROFILE ?? '' }
  if (kind === 'pathSeparator' || kind === '/') return { text: sep }
  if (kind === 'workspaceFolder' && isWorkspace) return { text: dirname(folder) }
  if (kind === 'workspaceFolderBasename' && isWorkspace) return { text: basename(dirname(folder)) }
  if (kind === 'input' && !inputs.includes(name)) {
    return { wrong: 'uses an input that “inputs” in this file does not declare' }
  }
  const known = shell[setting]
  if (kind === 'input' && known !== undefined) return { text: known }
  if (kind === 'input') return { unknown: `is asked for by ${host.title} (input “${harmless(name, 40)}”)` }
  return { unknown: `is filled in by ${host.title}` }
}

/** A name of a variable as it stands in the file, unless it may be a secret in the wrong place. */
function shownName(name: string): string {
  return /^[A-Z][A-Z0-9_]{1,39}$/.test(name) ? name : '(a name that is not shown)'
}
