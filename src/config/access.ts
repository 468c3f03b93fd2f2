import type { Credentials } from '../aifi/port.ts'
import { Secret } from '../lib/secret.ts'
import type { Config } from './config.ts'
import { setting } from './settings.ts'
import type { SettingsReader } from './settings-reader.ts'

/** Where AiFi is and the way in. */
export type Access = Pick<Config['aifi'], 'baseUrl' | 'credentials'>

/** The stand-in's; a placeholder while it has not been started. */
export function sandboxAccess(sandbox: { baseUrl: string; token: string } | true): Access {
  const { baseUrl, token } = sandbox === true ? { baseUrl: 'http://127.0.0.1', token: 'sandbox' } : sandbox
  return { baseUrl, credentials: { kind: 'token', token: new Secret(token) } }
}

/** From the environment; `undefined` when it is incomplete or wrong, and the problems are with the reader. */
export function readAccess(reader: SettingsReader): Access | undefined {
  const baseUrl = reader.optional(setting.baseUrl)
  if (!reader.isSet(setting.baseUrl)) {
    reader.problems.push(
      'AIFI_BASE_URL is not set; set it to the address of your AiFi deployment, or start with --sandbox to try the server without AiFi.',
    )
  }
  const credentials = readCredentials(reader)
  return baseUrl !== undefined && credentials !== undefined ? { baseUrl, credentials } : undefined
}

function readCredentials(reader: SettingsReader): Credentials | undefined {
  const client = readClient(reader)
  const token = reader.secret(setting.token, setting.tokenFile)
  const tokenIsSet = reader.isSet(setting.token) || reader.isSet(setting.tokenFile)
  const clientIsSet = [setting.clientId, setting.clientSecret, setting.clientSecretFile].some((one) =>
    reader.isSet(one),
  )
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
  const secretIsSet = reader.isSet(setting.clientSecret) || reader.isSet(setting.clientSecretFile)
  if (reader.isSet(setting.clientId) && !secretIsSet) {
    reader.problems.push('AIFI_CLIENT_ID is set without AIFI_CLIENT_SECRET (or AIFI_CLIENT_SECRET_FILE); set both.')
  }
  if (secretIsSet && !reader.isSet(setting.clientId)) {
    reader.problems.push('A client secret is set without AIFI_CLIENT_ID; set both.')
  }
  if (clientId === undefined || clientSecret === undefined) return undefined
  return { kind: 'client', clientId, clientSecret, tokenUrl, tokenParams }
}
