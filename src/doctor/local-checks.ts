import { once } from 'node:events'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { access, lstat, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, dirname, isAbsolute, join, parse } from 'node:path'
import { browserCommands, systemBrowser } from '../approval/page/browser.ts'
import type { Config, ConfigResult } from '../config/config.ts'
import { httpSetting, httpSettings, type Setting, setting, settings } from '../config/settings.ts'
import { SettingsReader } from '../config/settings-reader.ts'
import type { Clock } from '../lib/clock.ts'
import { errorCode } from '../lib/error-facts.ts'
import type { Environment } from '../lib/process-io.ts'
import { harmless } from '../lib/text.ts'
import { type Finding, ok, problem, type SettingRow, skipped, warning } from './report.ts'

/** Never shown, not even in part. A client id is no secret, but easily swapped with one. */
const isSecret = (each: Setting) => each.secret === true || each === setting.clientId || each === httpSetting.clientId
const isFile = (each: Setting) => each.format === 'filepath'
const REPLACED_BY_SANDBOX: readonly Setting[] = [
  ...[setting.token, setting.clientSecret, setting.tokenParams, setting.clientId],
  ...[setting.baseUrl, setting.tokenFile, setting.clientSecretFile, setting.tokenUrl],
]
const FILES = new Map([...settings, ...httpSettings].filter(isFile).map((each) => [each.name, each]))
const HIDDEN = 'set, not shown'

const IN_HOST =
  'Correct that where the host sets the environment of this server (“env” in its configuration). Everything else is checked then.'

/** @param remedy what to do about settings with which the server would not start */
export function settingsFinding(result: ConfigResult, remedy = IN_HOST): Finding {
  if (!result.ok) return problem(result.problems.join('\n'), remedy)
  if (result.config.approval.mode === 'dangerously-skip') {
    const found = 'AIFI_APPROVAL=dangerously-skip: sensitive changes are made without asking anybody.'
    const instead = 'Remove AIFI_APPROVAL, unless nobody but you can reach what this server changes.'
    return warning([found, ...result.warnings].join('\n'), instead)
  }
  if (result.warnings.length > 0) return warning(result.warnings.join('\n'), 'Correct or remove them.')
  return ok('nothing wrong with them')
}

/** What holds of these settings, and where it comes from. */
export function settingRows(
  env: Environment,
  { ok: valid }: ConfigResult,
  { listed, isSandbox }: { readonly listed: readonly Setting[]; readonly isSandbox: boolean },
): SettingRow[] {
  const reader = new SettingsReader(env)
  return listed.map((each): SettingRow => {
    const { name } = each
    const text = reader.given(each)
    const file = FILES.get(`${name}_FILE`)
    if (isSandbox && REPLACED_BY_SANDBOX.includes(each)) return { name, from: 'sandbox', value: 'that of the sandbox' }
    if (text !== undefined) return { name, from: 'environment', value: shown(each, text, { env, valid }) }
    if (file && reader.isSet(file)) return { name, from: 'file', value: inFile(reader.given(file)) }
    return { name, from: 'default', value: each.default }
  })
}

function inFile(path = ''): string {
  try {
    accessSync(path, constants.R_OK)
    return 'not shown'
  } catch (error) {
    return `none: the file cannot be read (${codeOf(error)})`
  }
}

/** A value that is what it should be; anything else may be a secret that ended up in the wrong place. */
function shown(each: Setting, text: string, { env, valid }: { env: Environment; valid: boolean }): string {
  if (isSecret(each)) return HIDDEN
  if (!each.schema.safeParse(text).success) return 'set, but wrong'
  if (isFile(each)) return shownPath(text)
  if (each === setting.browser && !isProgram(text, env)) return HIDDEN
  // Free text, whose words are checked with everything else.
  if (each === setting.approvalFields && !valid) return HIDDEN
  const isAddress = each === setting.tokenUrl
  return harmless(isAddress ? new URL(text).origin + new URL(text).pathname : text, 200)
}

/** What is certainly a path, as far as its folders are there: the rest may be a secret, which may begin with a slash. */
function shownPath(text: string): string {
  if (existsSync(text)) return harmless(text, 200)
  let folder = dirname(text)
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  if (!isAbsolute(text) || folder === parse(text).root) return HIDDEN
  return folder === dirname(text) ? harmless(text, 200) : `${harmless(folder, 200)}: what follows is not there`
}

/** Whether a browser could be opened for the approval page. None is. */
export function browserFinding(
  { approval, readOnly }: Config,
  { env, platform, clock }: { env: Environment; platform: NodeJS.Platform; clock: Clock },
): Finding {
  const unused = whyNoPage(approval, readOnly)
  if (unused) return skipped(unused)
  const { browser: command } = approval
  const missing = approval.mode === 'page' ? problem : warning
  if (command !== undefined) {
    const isThere = browserCommands(command, platform).some(({ program }) => isProgram(program, env))
    if (isThere) return ok('BROWSER names a program that can be started')
    return missing('BROWSER names no program that is here', 'Give one by its path, or by its name in PATH.')
  }
  if (systemBrowser({ command, platform, env, clock }).unavailable() === undefined) {
    return ok("the system's browser can be opened")
  }
  const remedy = 'Name a program in BROWSER that shows you the address, set AIFI_APPROVAL_PORT, and forward that port.'
  return missing(
    'this machine has no screen to open one on (no DISPLAY, no WAYLAND_DISPLAY)',
    approval.mode === 'page' ? remedy : `${remedy} Not needed if your host shows forms (MCP elicitation).`,
  )
}

/** Whether the approval page could be served: its port is taken for a moment. */
export async function pageFinding({ approval, readOnly }: Config, env: Environment): Promise<Finding> {
  const unused = whyNoPage(approval, readOnly)
  if (unused) return skipped(unused)
  const { port } = approval
  if (port === undefined && (env.SSH_CONNECTION || env.REMOTE_CONTAINERS || env.CODESPACES)) {
    return warning(
      'on this machine only, on another port each time; and you seem to be on another one (SSH, container)',
      'Set AIFI_APPROVAL_PORT, and forward that port to where your browser is.',
    )
  }
  if (port === undefined) return ok('can be served, on any free port of this machine')
  const code = await whyNotListening(port)
  if (code === undefined) return ok(`can be served on port ${port}`)
  return problem(
    `port ${port} (AIFI_APPROVAL_PORT) ${code === 'EADDRINUSE' ? 'is in use' : `cannot be had (${code})`}`,
    'Choose another port; if another copy of this server has a page open there, close that page first.',
  )
}

function whyNoPage({ mode }: Config['approval'], readOnly: boolean): string | undefined {
  if (readOnly) return 'not used: AIFI_READ_ONLY=true, so nobody is asked'
  return mode === 'auto' || mode === 'page' ? undefined : `not used: AIFI_APPROVAL=${mode}`
}

async function whyNotListening(port: number): Promise<string | undefined> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    await once(server.close(), 'close')
    return undefined
  } catch (error) {
    return codeOf(error)
  }
}

/** Whether the audit file can be written. It is neither opened nor made. */
export async function auditFinding({ auditLog: path }: Config, platform: NodeJS.Platform): Promise<Finding> {
  if (path === undefined) return skipped('none is kept (AIFI_AUDIT_LOG is not set)')
  try {
    const file = await stat(path)
    if (!file.isFile()) return unwritable('it is not a regular file')
    await access(path, constants.R_OK | constants.W_OK)
    if (platform === 'win32' || (file.mode & 0o077) === 0) return ok('can be written')
    const remedy = 'Nothing to do: the server makes it private (0600) when it starts.'
    return warning('can be written, and others on this machine may read it', remedy)
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? missingAudit(path) : unwritable(`it cannot be written (${codeOf(error)})`)
  }
}

async function missingAudit(path: string): Promise<Finding> {
  const isLink = await lstat(path).catch(() => undefined)
  if (isLink) return unwritable('it is a link to a file that is not there')
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK)
    return ok('is not there yet, and can be made (the folder can be written)')
  } catch (error) {
    const code = codeOf(error)
    return unwritable(code === 'ENOENT' ? 'its folder does not exist' : `its folder cannot be written (${code})`)
  }
}

function unwritable(found: string): Finding {
  return problem(found, 'Have AIFI_AUDIT_LOG name a file in a folder that this user may write to.')
}

/** True when `spawn` would find the program. */
export function isProgram(command: string, env: Environment): boolean {
  const hasFolder = command.includes('/') || command.includes('\\')
  const folders = hasFolder ? [''] : (env.PATH ?? env.Path ?? '').split(delimiter)
  const endings = ['', ...(env.PATHEXT ?? '').split(';').filter(Boolean)]
  return folders
    .flatMap((folder) => endings.map((ending) => (folder ? join(folder, command) : command) + ending))
    .some(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The code of an error of the system: `ENOENT`. Its message could quote a secret. */
export function codeOf(error: unknown): string {
  return errorCode(error) ?? 'unknown error'
}
