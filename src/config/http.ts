import { Secret } from '../lib/secret.ts'
import { isLoopback, type ListenAddress } from './setting-kinds.ts'
import { httpSetting, type Setting } from './settings.ts'
import type { SettingsReader } from './settings-reader.ts'

/** What a team's server was told. */
export type HttpConfig = ReturnType<typeof readHttp>

/** The issuer, and which of its claims mean what. */
export type OidcConfig = ReturnType<typeof readOidc>

/** The settings of `http`. What is missing or wrong is a problem with the reader: nothing of it has a lenient default. */
export function readHttp(reader: SettingsReader, sandbox: boolean) {
  const listen = reader.value(httpSetting.listen)
  const opsListen = reader.value(httpSetting.opsListen)
  if (sandbox) {
    for (const { name } of [httpSetting.listen, httpSetting.opsListen].filter((each) => !isHere(reader.value(each))))
      reader.problems.push(`${name} is not a loopback address, and http --sandbox is for this machine alone.`)
  }
  const publicUrl = sandbox ? undefined : required(reader, httpSetting.publicUrl)
  return {
    listen,
    opsListen,
    /** `https://host[:port]`; absent in the sandbox, where it is the address that it comes to listen on. */
    publicUrl,
    /** Absent in the sandbox, which signs people in by itself. */
    oidc: sandbox ? undefined : readOidc(reader, publicUrl ?? ''),
    fourEyes: reader.value(httpSetting.fourEyes),
    approval: reader.value(httpSetting.approval),
    /** 32 bytes each, the first in use; absent in the sandbox, which makes its own at each start. */
    keys: sandbox ? [] : readKeys(reader),
    storeUrl: sandbox ? undefined : readStoreUrl(reader),
    lifetimeMinutes: reader.value(httpSetting.lifetimeMinutes),
    maxOpenQuestions: reader.value(httpSetting.maxOpenQuestions),
    notifyUrl: checkedSecret(reader, httpSetting.notifyUrl, httpSetting.notifyUrlFile),
  }
}

function isHere({ host }: ListenAddress): boolean {
  return isLoopback(new URL(host.includes(':') ? `http://[${host}]` : `http://${host}`))
}

function readOidc(reader: SettingsReader, publicUrl: string) {
  return {
    issuer: required(reader, httpSetting.issuer) ?? 'https://invalid',
    clientId: required(reader, httpSetting.clientId) ?? '',
    /** Absent for a public client. */
    clientSecret: checkedSecret(reader, httpSetting.clientSecret, httpSetting.clientSecretFile),
    audience: reader.optional(httpSetting.audience) ?? `${publicUrl}/mcp`,
    personClaim: reader.value(httpSetting.personClaim),
    approverClaim: reader.value(httpSetting.approverClaim),
    approverGroup: required(reader, httpSetting.approverGroup) ?? '',
  }
}

function readKeys(reader: SettingsReader): Secret[] {
  const { secretKey, secretKeyFile } = httpSetting
  if (!reader.isSet(secretKey, secretKeyFile)) reader.problems.push(missing(secretKey, ` (or ${secretKeyFile.name})`))
  const keys = checkedSecret(reader, secretKey, secretKeyFile)?.reveal().split(',') ?? []
  return keys.map((key) => new Secret(key.trim()))
}

/** Where PostgreSQL is; undefined where there is none. */
export function readStoreUrl(reader: SettingsReader): Secret | undefined {
  return checkedSecret(reader, httpSetting.storeUrl, httpSetting.storeUrlFile)
}

/** A secret whose blanks around it are nobody's. */
function checkedSecret(reader: SettingsReader, direct: Setting<string>, file: Setting<string>): Secret | undefined {
  const secret = reader.secret(direct, file)
  return secret && new Secret(secret.reveal().trim())
}

function required<Value>(reader: SettingsReader, setting: Setting<Value>): Value | undefined {
  if (!reader.isSet(setting)) reader.problems.push(missing(setting))
  return reader.optional(setting)
}

function missing({ name, meaning, allowed }: Setting, or = ''): string {
  return `${name}${or} is not set, and http does not start without it: the ${meaning}; allowed: ${allowed}.`
}

/** The bytes of the keys, the one in use first. */
export function keysOfConfig({ keys }: HttpConfig): Uint8Array[] {
  const bytes = (key: string) => Buffer.from(key, /^[\da-f]{64}$/i.test(key) ? 'hex' : 'base64')
  return keys.map((key) => bytes(key.reveal()))
}
