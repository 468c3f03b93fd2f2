import { isAbsolute } from 'node:path'
import type { Credentials, ProxySettings } from '../aifi/port.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'
import { readAccess, sandboxAccess } from './access.ts'
import { readProxy } from './proxy.ts'
import { setting } from './settings.ts'
import { type Environment, SettingsReader } from './settings-reader.ts'

/** Everything the program was told, checked. Made once at the start. */
export interface Config {
  aifi: {
    /** `https://host[:port][/prefix]`, without a trailing slash; http only for loopback. */
    baseUrl: string
    credentials: Credentials
    timeoutMs: number
    readBack: boolean
    proxy: ProxySettings
    /** AiFi is the embedded stand-in. */
    sandbox: boolean
  }
  approval: {
    mode: 'auto' | 'form' | 'page' | 'chat' | 'dangerously-skip'
    /** Fields that need approval besides those that always do. */
    fields: 'all' | readonly string[]
    waitSeconds: number
    port?: number
    browser?: string
  }
  secretArguments: 'allow' | 'refuse'
  readOnly: boolean
  maxChangesPerMinute: number
  auditLog?: string
  /** The audit also holds values that are not secret. */
  auditValues: boolean
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
}

export interface ConfigOptions {
  /** The stand-in instead of AiFi: address and credentials in the environment are ignored. `true`: not started yet. */
  sandbox?: { baseUrl: string; token: string } | boolean
  /** Body fields of the customer contract, which `AIFI_APPROVAL_FIELDS` may name. */
  fieldNames: readonly string[]
  /** Content of a secret file; may throw. */
  readFile: (path: string) => Uint8Array
}

export type ConfigResult =
  | { ok: true; config: Config; warnings: string[] }
  /** Each problem is a sentence that names the variable and what is allowed, never a secret's value. */
  | { ok: false; problems: string[] }

/** The environment as a {@link Config}, or everything that is wrong with it. Never throws. */
export function readConfig(environment: Environment, options: ConfigOptions): ConfigResult {
  const reader = new SettingsReader(environment, options.readFile)
  reader.checkNames()
  if (reader.text('NODE_TLS_REJECT_UNAUTHORIZED') === '0') {
    reader.problems.push(
      'NODE_TLS_REJECT_UNAUTHORIZED is 0, so that anybody on the way could read the token; remove it, and name a company CA in NODE_EXTRA_CA_CERTS instead.',
    )
  }
  const access = options.sandbox ? sandboxAccess(options.sandbox) : readAccess(reader)
  const aifi = {
    timeoutMs: reader.value(setting.timeoutMs),
    readBack: reader.value(setting.readBack) === 'auto',
    proxy: readProxy(reader, access),
    sandbox: Boolean(options.sandbox),
  }
  const rest = readRest(reader, options.fieldNames)
  if (access === undefined || reader.problems.length > 0) return { ok: false, problems: reader.problems }
  return { ok: true, config: { aifi: { ...access, ...aifi }, ...rest }, warnings: reader.warnings }
}

function readRest(reader: SettingsReader, fieldNames: readonly string[]): Omit<Config, 'aifi'> {
  const port = reader.optional(setting.approvalPort)
  const browser = reader.optional(setting.browser)
  const auditLog = reader.optional(setting.auditLog)
  const auditValues = reader.value(setting.auditValues)
  if (auditLog !== undefined && !isAbsolute(auditLog)) {
    reader.warnings.push(
      'AIFI_AUDIT_LOG is a relative path: it depends on the folder in which the host starts the server.',
    )
  }
  if (auditValues && !reader.isSet(setting.auditLog)) {
    reader.warnings.push('AIFI_AUDIT_VALUES has no effect without AIFI_AUDIT_LOG.')
  }
  return {
    approval: {
      mode: reader.value(setting.approval),
      fields: readApprovalFields(reader, fieldNames),
      waitSeconds: reader.value(setting.approvalWaitSeconds),
      ...(port !== undefined && { port }),
      ...(browser !== undefined && { browser }),
    },
    secretArguments: reader.value(setting.secretArguments),
    readOnly: reader.value(setting.readOnly),
    maxChangesPerMinute: reader.value(setting.maxChangesPerMinute),
    ...(auditLog !== undefined && { auditLog }),
    auditValues,
    logLevel: reader.value(setting.logLevel),
  }
}

function readApprovalFields(reader: SettingsReader, fieldNames: readonly string[]): 'all' | readonly string[] {
  const fields = reader.optional(setting.approvalFields) ?? []
  for (const name of fields === 'all' ? [] : fields) {
    if (fieldNames.includes(name)) continue
    const near = nearestName(name, fieldNames)
    // What resembles no field may be anything, a misplaced secret too: it is not repeated.
    reader.problems.push(
      near === undefined
        ? `AIFI_APPROVAL_FIELDS has an entry that is no customer field; allowed: all, ${fieldNames.join(', ')}.`
        : `AIFI_APPROVAL_FIELDS names "${harmless(name, 40)}", which is no customer field; did you mean ${near}?`,
    )
  }
  return fields
}
