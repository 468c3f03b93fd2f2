import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Finding, problem } from './check.ts'
import { trustRemedy } from './local-steps.ts'
import { portOf, type Route } from './route.ts'

/** A connection as far as it can be had without TLS to the far end, or what stands in the way. */
export type Connected = { readonly socket: Duplex; readonly found: string } | { readonly failure: Finding }

export interface ConnectOptions {
  readonly url: URL
  readonly route: Route
  /** The setting that the address is from. */
  readonly from: string
  /** Aborted when it takes too long. */
  readonly signal: AbortSignal
}

/** Resolves the name and connects, through the proxy if there is one. The socket is the caller's. Never throws. */
export async function connectTo(options: ConnectOptions): Promise<Connected> {
  const { url, route } = options
  if (route.kind === 'direct') return connectDirectly(url, options)
  if (/^socks/.test(route.proxy.protocol)) return connectDirectly(route.proxy, { ...options, from: 'HTTPS_PROXY' })
  return connectThrough(route.proxy, options)
}

async function connectDirectly(url: URL, { from, signal }: Omit<ConnectOptions, 'url'>): Promise<Connected> {
  const { hostname } = url
  const port = portOf(url)
  const ips: string[] = []
  const socket = connectTcp({ host: unbracketed(hostname), port, signal })
  socket.on('lookup', (_error, ip) => void (ip && ips.push(ip)))
  const outcome = await settled(socket, 'connect')
  if (outcome === 'done') {
    const where = socket.remoteAddress === unbracketed(hostname) ? '' : ` (${socket.remoteAddress})`
    return { socket, found: `${hostname}${where} answers on port ${port}` }
  }
  socket.destroy()
  const known = ips.length > 0 || unbracketed(hostname) !== hostname || /^[\d.]+$/.test(hostname)
  if (!known) return { failure: unknownName(hostname, from, signal.aborted ? 'no answer in time' : codeOf(outcome)) }
  const where = `${hostname}${ips.length > 0 ? ` (${ips.slice(0, 3).join(', ')})` : ''}`
  const why = signal.aborted ? 'no answer in time' : codeOf(outcome)
  return {
    failure: problem(
      `${where} cannot be reached on port ${port}: ${why}`,
      `Check ${from}. Inside a company network, connect its VPN, or name its proxy in HTTPS_PROXY.`,
    ),
  }
}

function unknownName(hostname: string, from: string, why: string): Finding {
  return problem(
    `the name ${hostname} cannot be resolved: ${why}`,
    `Check ${from} for a typing error. Inside a company network, connect its VPN, or name its proxy in HTTPS_PROXY.`,
  )
}

/** Asks the proxy for a tunnel, with the user name and password of its address if it has them. */
async function connectThrough(proxy: URL, { url, signal }: ConnectOptions): Promise<Connected> {
  const target = `${url.hostname}:${portOf(url)}`
  const login = [proxy.username, proxy.password].map(decoded).join(':')
  const hasLogin = proxy.username !== '' || proxy.password !== ''
  const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
    host: unbracketed(proxy.hostname),
    port: portOf(proxy),
    method: 'CONNECT',
    path: target,
    headers: {
      host: target,
      ...(hasLogin && { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
    },
    agent: false,
    signal,
  })
  const answered = new Promise<Connected>((resolve) => {
    request.on('connect', ({ statusCode = 0 }, socket) => {
      if (statusCode === 200) return resolve({ socket, found: `the proxy ${proxy.host} leads to ${target}` })
      socket.destroy()
      return resolve({ failure: refusal(statusCode, proxy, target, hasLogin) })
    })
    request.on('error', (error) => {
      resolve({ failure: unusable(proxy, signal.aborted ? 'no answer in time' : codeOf(error)) })
    })
  })
  request.end()
  return answered
}

function unusable(proxy: URL, why: string): Finding {
  const isTrust = /^(DEPTH_ZERO_SELF|SELF_SIGNED|UNABLE_TO)_/.test(why)
  return problem(
    `the proxy ${proxy.host} cannot be used: ${why}`,
    isTrust
      ? `Its own certificate is not trusted. ${trustRemedy()}`
      : 'Check the address of the proxy (HTTPS_PROXY, HTTP_PROXY), or name what it is not for in NO_PROXY.',
  )
}

function refusal(status: number, proxy: URL, target: string, hasLogin: boolean): Finding {
  const said = `the proxy ${proxy.host} refuses to lead to ${target}: HTTP ${status}`
  if (status === 407) {
    const found = hasLogin
      ? `${said}, it does not accept the user name and password`
      : `${said}, it wants to know who asks`
    const form = 'HTTPS_PROXY=http://user:password@host:port, special characters percent-encoded'
    return problem(
      found,
      `Put the right ones into its address: ${form}. Other ways of signing in (NTLM, Kerberos) are not supported.`,
    )
  }
  if (status >= 500)
    return problem(said, 'The proxy could not get there itself: check the address, and ask whoever runs it.')
  return problem(
    said,
    `Have whoever runs the proxy allow CONNECT to ${target}, or name the host in NO_PROXY if it can be reached directly.`,
  )
}

/** `done`, or the error that came first. */
export function settled(socket: Duplex, event: 'connect' | 'secureConnect'): Promise<'done' | Error> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve('done'))
    // Stays: an error that comes later concerns nobody, and must not be uncaught.
    socket.on('error', resolve)
    socket.once('close', () => resolve(Object.assign(new Error('closed'), { code: 'closed without an answer' })))
  })
}

export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^[\w .-]{1,60}$/.test(code) ? code : 'no reason given'
}

/** An IPv6 address as everything but a URL takes it. */
export function unbracketed(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
