import type { Credentials, ProxySettings } from '../aifi/access.ts'
import { readAccess, readConfig, sandboxAccess } from '../config/config.ts'
import { readProxy } from '../config/proxy.ts'
import { setting, settings } from '../config/settings.ts'
import { type Environment, SettingsReader } from '../config/settings-reader.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'

/** What doctor has to go by. Where a setting is wrong, its part is undefined and the others are there all the same. */
export interface Situation {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
  readonly baseUrl: URL | undefined
  readonly credentials: Credentials | undefined
  readonly proxy: ProxySettings | undefined
  readonly timeoutMs: number
  readonly approval: string
  readonly port: number | undefined
  readonly browser: string | undefined
  readonly auditLog: string | undefined
  readonly readOnly: boolean
  readonly env: Environment
  /** The content of a secret file; throws when it cannot be read. */
  readonly readFile: (path: string) => Uint8Array
}

export function readSituation(
  env: Environment,
  sandbox: Sandbox | undefined,
  readFile: Situation['readFile'],
): Situation {
  const checked = readConfig(env, { readFile, ...(sandbox && { sandbox }) })
  const { approval, approvalPort, browser, auditLog, readOnly, timeoutMs } = setting
  const reader = new SettingsReader(env, readFile)
  const baseUrl = sandbox?.baseUrl ?? reader.optional(setting.baseUrl)
  const access = sandbox ? sandboxAccess(sandbox) : readAccess(new SettingsReader(env, readFile))
  return {
    problems: checked.ok ? [] : checked.problems,
    // What only makes no difference is not worth a word as long as something is wrong.
    warnings: checked.ok ? checked.warnings : [],
    baseUrl: baseUrl === undefined ? undefined : new URL(baseUrl),
    credentials: access.credentials,
    proxy: proxyFrom(env, baseUrl, access.credentials),
    timeoutMs: reader.value(timeoutMs),
    approval: reader.value(approval),
    port: reader.optional(approvalPort),
    browser: reader.optional(browser),
    auditLog: reader.optional(auditLog),
    readOnly: reader.value(readOnly),
    env,
    readFile,
  }
}

/** The files that hold secrets, by the settings that name them. */
export function secretFiles(env: Environment): string[] {
  const reader = new SettingsReader(env, () => new Uint8Array())
  const named = [setting.tokenFile, setting.clientSecretFile].map((each) => reader.optional(each))
  return named.filter((path) => path !== undefined)
}

/** True when the variable holds something, as the program sees it. */
export function isSet(env: Environment, name: string): boolean {
  const known = settings.find((each) => each.name === name)
  return known !== undefined && new SettingsReader(env, () => new Uint8Array()).isSet(known)
}

function proxyFrom(env: Environment, baseUrl: string | undefined, credentials: Credentials | undefined) {
  const reader = new SettingsReader(env, () => new Uint8Array())
  const targets = [baseUrl, credentials?.kind === 'client' ? credentials.tokenUrl : undefined]
  const proxy = readProxy(
    reader,
    targets.flatMap((address) => (address === undefined ? [] : [new URL(address)])),
  )
  return reader.problems.length > 0 ? undefined : proxy
}
