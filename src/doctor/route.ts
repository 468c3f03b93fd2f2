import type { ProxySettings } from '../aifi/port.ts'

/** How a request to some address leaves this machine. */
export type Route =
  | { readonly kind: 'proxy'; readonly proxy: URL }
  /** `excepted`: there is a proxy, which is not for this address. */
  | { readonly kind: 'direct'; readonly excepted: boolean }

/** RFC 1928, section 3. */
const SOCKS_PORT = 1080

/** The same decision as that of the client (undici's `EnvHttpProxyAgent`), which keeps it to itself. */
export function routeTo(url: URL, { httpProxy, httpsProxy, noProxy = '' }: ProxySettings): Route {
  const proxy = url.protocol === 'https:' ? (httpsProxy ?? httpProxy) : httpProxy
  if (proxy === undefined) return { kind: 'direct', excepted: false }
  return isExcepted(url, noProxy) ? { kind: 'direct', excepted: true } : { kind: 'proxy', proxy: new URL(proxy) }
}

function isExcepted(url: URL, noProxy: string): boolean {
  if (noProxy === '*') return true
  return noProxy.split(/[,\s]+/).some((entry) => {
    const [, host = entry, port] = /^(.+):(\d+)$/.exec(entry) ?? []
    const name = host.replace(/^\*?\./, '').toLowerCase()
    if (name === '' || (port !== undefined && Number(port) !== portOf(url))) return false
    return url.hostname === name || url.hostname.endsWith(`.${name}`)
  })
}

export function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : protocol === 'http:' ? 80 : SOCKS_PORT
}
