import type { ProxySettings } from '../aifi/port.ts'
import type { Access } from './access.ts'
import { isLoopback } from './setting-kinds.ts'
import type { SettingsReader } from './settings-reader.ts'

/**
 * The company's proxy from the variables that curl and others read: lower case before upper case, the scheme optional.
 * What is on this machine is never reached through it: plain http is allowed there because nothing leaves the machine.
 */
export function readProxy(reader: SettingsReader, access: Access | undefined): ProxySettings {
  const httpProxy = readProxyAddress(reader, 'http_proxy')
  const httpsProxy = readProxyAddress(reader, 'https_proxy')
  const wanted = either(reader, 'no_proxy')
  const noProxy = wanted?.trim() === '*' ? '*' : [wanted, ...loopbackHosts(access)].filter(Boolean).join(',')
  return { ...(httpProxy && { httpProxy }), ...(httpsProxy && { httpsProxy }), ...(noProxy && { noProxy }) }
}

function readProxyAddress(reader: SettingsReader, name: string): string | undefined {
  const text = either(reader, name)?.trim()
  if (text === undefined) return undefined
  const address = text.includes('://') ? text : `http://${text}`
  if (URL.canParse(address) && /^(https?|socks5?):$/.test(new URL(address).protocol)) return address
  reader.problems.push(`${name.toUpperCase()} is not the address of a proxy; allowed: http://host:port.`)
  return undefined
}

function either(reader: SettingsReader, name: string): string | undefined {
  return reader.text(name) ?? reader.text(name.toUpperCase())
}

function loopbackHosts(access: Access | undefined): string[] {
  if (access === undefined) return []
  const tokenUrl = access.credentials.kind === 'client' ? [access.credentials.tokenUrl] : []
  const urls = [access.baseUrl, ...tokenUrl].map((address) => new URL(address))
  return urls.filter(isLoopback).map((url) => url.hostname)
}
