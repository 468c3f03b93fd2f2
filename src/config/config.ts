import { isAbsolute } from 'node:path'
import type { Credentials } from '../aifi/port.ts'
import type { Environment, ProcessIo } from '../lib/process-io.ts'
import { Secret } from '../lib/secret.ts'
import { readHttp } from './http.ts'
import { readProxy } from './proxy.ts'
import { httpOnly, setting, stdioOnly } from './settings.ts'
import { othersCanRead, SettingsReader } from './settings-reader.ts'

/** Everything the program was told, checked: a plain value, made once at the start. */
export type Config = ReturnType<typeof readSettings>

/** Where AiFi is and the way in. */
interface Access {
  /** `https://host[:port][/prefix]`, without a trailing slash; http only for loopback. */
  readonly baseUrl: string
  readonly credentials: Credentials
}

export interface ConfigOptions {
  /** The stand-in instead of AiFi: address and credentials in the environment are ignored. `true`: not started yet. */
  sandbox?: { baseUrl: string; token: string } | boolean
  /** For the command `http`, whose own settings nothing else reads. */
  http?: boolean
  /** Content of a secret file; may throw. Default: of the file that is there. */
  readFile?: (path: string) => Uint8Array
  /** Whether other users of this machine can read that file; without it, nobody looks. */
  othersCanRead?: (path: string) => boolean
}

export type ConfigResult =
  | { ok: true; config: Config; warnings: string[] }
  /** Each problem is a sentence that names the variable and what is allowed, never a secret's value. */
  | { ok: false; problems: string[] }

/** {@link readConfig} of this process, with the files of this machine. */
export function readConfigOf(
  { env, platform }: Pick<ProcessIo, 'env' | 'platform'>,
  options: Pick<ConfigOptions, 'sandbox' | 'http'>,
): ConfigResult {
  return readConfig(env, { ...options, othersCanRead: (path) => othersCanRead(path, platform) })
}

/** The environment as a {@link Config}, or everything that is wrong with it. Never throws. */
export function readConfig(environment: Environment, options: ConfigOptions): ConfigResult {
  const { sandbox = false, http = false, readFile, othersCanRead } = options
  const reader = new SettingsReader(environment, readFile, othersCanRead)
  reader.checkNames()
  if (reader.text('NODE_TLS_REJECT_UNAUTHORIZED') === '0') {
    reader.problems.push(
      'NODE_TLS_REJECT_UNAUTHORIZED is 0, so that anybody on the way could read the token; remove it, and name a company CA in NODE_EXTRA_CA_CERTS instead.',
    )
  }
  // What is missing is a problem; until that is said, the placeholder holds its place.
  const access = sandbox ? sandboxAccess(sandbox) : { ...sandboxAccess(true), ...readAccess(reader) }
  const config = readSettings(reader, access, { sandbox: Boolean(sandbox), http })
  // BROWSER is there for other programs.
  const idle = (http ? stdioOnly : httpOnly).filter((each) => each !== setting.browser && reader.isSet(each))
  for (const { name } of idle) reader.warnings.push(`${name} has no effect ${http ? 'with' : 'without'} http.`)
  if (reader.problems.length > 0) return { ok: false, problems: reader.problems }
  return { ok: true, config, warnings: reader.warnings }
}

function readSettings(
  reader: SettingsReader,
  { baseUrl, credentials }: Access,
  command: { sandbox: boolean; http: boolean },
) {
  const { sandbox } = command
  const http = command.http ? readHttp(reader, sandbox) : undefined
  const tokenUrls = credentials.kind === 'client' ? [credentials.tokenUrl] : []
  const targets = [baseUrl, ...tokenUrls, ...(http?.oidc ? [http.oidc.issuer] : [])]
  return {
    aifi: {
      /** `https://host[:port][/prefix]`, without a trailing slash; http only for loopback. */
      baseUrl,
      credentials,
      timeoutMs: reader.value(setting.timeoutMs),
      readBack: reader.value(setting.readBack) === 'auto',
      proxy: readProxy(
        reader,
        targets.map((address) => new URL(address)),
      ),
      /** AiFi is the embedded stand-in. */
      sandbox,
    },
    approval: {
      /** On stdio; `http` has its own. */
      mode: http ? ('auto' as const) : reader.value(setting.approval),
      /** Fields that need approval besides those that always do. */
      fields: reader.optional(setting.approvalFields) ?? [],
      waitSeconds: reader.value(setting.approvalWaitSeconds),
      port: reader.optional(setting.approvalPort),
      browser: reader.optional(setting.browser),
    },
    /** The fields that may be changed at all. */
    fields: readFields(reader),
    /** The fields whose values a result may show. */
    showFields: reader.value(setting.showFields),
    /** Over HTTP a secret would pass through whatever relays the call. */
    secretArguments: http ? ('refuse' as const) : reader.value(setting.secretArguments),
    readOnly: reader.value(setting.readOnly),
    maxChangesPerMinute: reader.value(setting.maxChangesPerMinute),
    ...readAudit(reader, http?.storeUrl !== undefined),
    logLevel: reader.value(setting.logLevel),
    /** A team's server; absent on stdio. */
    http,
  }
}

function readFields(reader: SettingsReader) {
  const fields = reader.value(setting.fields)
  if (fields !== 'all' && fields.length === 0)
    reader.problems.push('AIFI_FIELDS names no field; to allow no change, set AIFI_READ_ONLY=true.')
  return fields
}

function readAudit(reader: SettingsReader, isInStore: boolean) {
  const auditLog = reader.optional(setting.auditLog)
  if (auditLog !== undefined && isInStore) {
    reader.problems.push(
      'AIFI_AUDIT_LOG and AIFI_STORE_URL are both set, and the audit is in the database then; leave AIFI_AUDIT_LOG out.',
    )
  }
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
    auditLog,
    /** The audit also holds values that are not secret. */
    auditValues,
  }
}

/** The stand-in's; a placeholder while it has not been started. */
function sandboxAccess(sandbox: { baseUrl: string; token: string } | true): Access {
  const { baseUrl, token } = sandbox === true ? { baseUrl: 'http://127.0.0.1', token: 'sandbox' } : sandbox
  return { baseUrl, credentials: { kind: 'token', token: new Secret(token) } }
}

/** From the environment, as far as it is there and right; what is not is a problem with the reader. */
function readAccess(reader: SettingsReader): Partial<Access> {
  const baseUrl = reader.optional(setting.baseUrl)
  if (!reader.isSet(setting.baseUrl)) {
    reader.problems.push(
      'AIFI_BASE_URL is not set; set it to the address of your AiFi deployment, or start with --sandbox to try the server without AiFi.',
    )
  }
  const credentials = readCredentials(reader)
  return { ...(baseUrl !== undefined && { baseUrl }), ...(credentials && { credentials }) }
}

function readCredentials(reader: SettingsReader): Credentials | undefined {
  const client = readClient(reader)
  const token = reader.secret(setting.token, setting.tokenFile)
  const tokenIsSet = reader.isSet(setting.token, setting.tokenFile)
  const clientIsSet = reader.isSet(setting.clientId, setting.clientSecret, setting.clientSecretFile)
  if (tokenIsSet && clientIsSet) {
    reader.problems.push(
      'A token (AIFI_TOKEN or AIFI_TOKEN_FILE) and client credentials (AIFI_CLIENT_ID, AIFI_CLIENT_SECRET) are both set; keep one of the two.',
    )
  }
  if (!tokenIsSet && !clientIsSet) {
    reader.problems.push(
      'Neither AIFI_TOKEN (or AIFI_TOKEN_FILE) nor AIFI_CLIENT_ID with AIFI_CLIENT_SECRET (or AIFI_CLIENT_SECRET_FILE) is set; set one of the two, or start with --sandbox to try the server without AiFi.',
    )
  }
  for (const unused of tokenIsSet ? [setting.tokenUrl, setting.tokenParams] : []) {
    if (reader.isSet(unused)) reader.warnings.push(`${unused.name} has no effect together with a token.`)
  }
  return token ? { kind: 'token', token } : client
}

function readClient(reader: SettingsReader): Credentials | undefined {
  const clientId = reader.optional(setting.clientId)
  const clientSecret = reader.secret(setting.clientSecret, setting.clientSecretFile)
  const tokenUrl = reader.value(setting.tokenUrl)
  const tokenParams = reader.optional(setting.tokenParams) ?? []
  const secretIsSet = reader.isSet(setting.clientSecret, setting.clientSecretFile)
  if (reader.isSet(setting.clientId) && !secretIsSet) {
    reader.problems.push('AIFI_CLIENT_ID is set without AIFI_CLIENT_SECRET (or AIFI_CLIENT_SECRET_FILE); set both.')
  }
  if (secretIsSet && !reader.isSet(setting.clientId)) {
    reader.problems.push('A client secret is set without AIFI_CLIENT_ID; set both.')
  }
  if (clientId === undefined || clientSecret === undefined) return undefined
  return { kind: 'client', clientId, clientSecret, tokenUrl, tokenParams }
}
