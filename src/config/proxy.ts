import { BlockList, isIP } from 'node:net'
import type { ProxySettings } from '../aifi/port.ts'
import { isLoopback } from './setting-kinds.ts'
import type { SettingsReader } from './settings-reader.ts'

const ALLOWED =
  'http://host:port, https://host:port or socks5://host:port, with user:password@ before the host if need be'
/** The schemes that undici knows, by those that people write. `socks5h` says that the proxy resolves the name: it does. */
const SCHEMES: Readonly<Record<string, string>> = {
  'http:': 'http:',
  'https:': 'https:',
  'socks:': 'socks5:',
  'socks5:': 'socks5:',
  'socks5h:': 'socks5:',
}

/**
 * The company's proxy from the variables that curl and others read: lower case before upper case, the scheme optional.
 * One that cannot be used is a problem only if one of the `targets` would be reached through it.
 * What is on this machine never is: plain http is allowed there because nothing leaves the machine.
 */
export function readProxy(reader: SettingsReader, targets: readonly URL[]): ProxySettings {
  const excepted = either(reader, 'no_proxy') ?? ''
  const direct = targets.filter((url) => isLoopback(url) || isExcepted(url, excepted))
  const httpProxy = readProxyAddress(reader, 'http_proxy')
  const httpsProxy = readProxyAddress(reader, 'https_proxy')
  // Only https leaves this machine. As for undici, HTTP_PROXY stands in for the other one.
  const used = httpsProxy ?? httpProxy
  if (used && 'problem' in used && direct.length < targets.length) reader.problems.push(used.problem)
  // undici knows names and ports only, so what is excepted by a network or for being here is named.
  const noProxy = excepted === '*' ? excepted : [excepted, ...direct.map(hostAndPort)].filter(Boolean).join(',')
  return {
    ...(httpProxy && 'address' in httpProxy && { httpProxy: httpProxy.address }),
    ...(httpsProxy && 'address' in httpsProxy && { httpsProxy: httpsProxy.address }),
    ...(noProxy && { noProxy }),
  }
}

/** Whether `NO_PROXY` excepts the address: by `*`, by name (subdomains included), with a port or not, or by network (CIDR). */
export function isExcepted(url: URL, noProxy: string): boolean {
  const host = withoutBrackets(url.hostname)
  return noProxy.split(/[,\s]+/).some((entry) => {
    if (entry === '*') return true
    const [, network, bits] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? []
    if (network !== undefined) return isInNetwork(host, withoutBrackets(network), Number(bits))
    const [, name = entry, port] = (isIP(entry) === 0 && /^(.+):(\d+)$/.exec(entry)) || []
    if (port !== undefined && Number(port) !== portOf(url)) return false
    const wanted = withoutBrackets(name.replace(/^\*?\./, '').toLowerCase())
    return wanted !== '' && (host === wanted || host.endsWith(`.${wanted}`))
  })
}

/** Host names are not resolved for this; no other program does so either. */
function isInNetwork(host: string, network: string, bits: number): boolean {
  const version = isIP(host)
  if (version === 0 || isIP(network) !== version || bits > (version === 6 ? 128 : 32)) return false
  const family = version === 6 ? 'ipv6' : 'ipv4'
  const subnet = new BlockList()
  subnet.addSubnet(network, bits, family)
  return subnet.check(host, family)
}

function readProxyAddress(reader: SettingsReader, name: string): { address: string } | { problem: string } | undefined {
  const text = either(reader, name)
  if (text === undefined) return undefined
  const problem = (what: string) => ({ problem: `${name.toUpperCase()} ${what}; allowed: ${ALLOWED}.` })
  const complete = text.includes('://') ? text : `http://${text}`
  const url = URL.canParse(complete) ? new URL(complete) : undefined
  if (!url?.hostname) return problem('is not the address of a proxy')
  const scheme = SCHEMES[url.protocol]
  if (scheme === undefined) return problem('has a scheme other than http, https and socks5')
  if (!/^\/?$/.test(url.pathname) || url.search || url.hash) return problem('has a path, a query or a fragment')
  const login = [url.username, url.password].map(encoded).join(':')
  return { address: `${scheme}//${login === ':' ? '' : `${login}@`}${url.host}` }
}

/** A part of a login in a form that can be decoded: a `%` that begins no code is one that nobody encoded. */
function encoded(part: string): string {
  const repaired = part.replace(/%(?![\da-f]{2})/gi, '%25')
  try {
    decodeURIComponent(repaired)
    return repaired
  } catch {
    return part.replaceAll('%', '%25')
  }
}

function either(reader: SettingsReader, name: string): string | undefined {
  return (reader.text(name) ?? reader.text(name.toUpperCase()))?.trim()
}

/** `host:port`, whether or not the address names the port. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${portOf(url)}`
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '')
}
