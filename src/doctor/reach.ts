import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../lib/clock.ts'
import { certificateProblem, issuerOf } from './certificate.ts'
import { type Finding, notNeeded, ok, problem } from './check.ts'
import { type ConnectOptions, codeOf, connectTo, settled, unbracketed } from './connect.ts'

/** One connection, or one greeting: whoever needs longer is not there, milliseconds. */
const TRY_MS = 5_000

export type ReachOptions = ConnectOptions & { readonly clock: Clock }

/** Whether the address can be connected to. */
export async function addressFinding(options: ReachOptions): Promise<Finding> {
  return withConnection(options, async (_, found) => ok(found))
}

/** Whether the far end shows a certificate that holds. Nothing is sent but the greeting. */
export async function tlsFinding(options: ReachOptions): Promise<Finding> {
  const { url, route, clock } = options
  if (url.protocol === 'http:') return notNeeded('none: plain http, which does not leave this machine')
  if (route.kind === 'proxy' && /^socks/.test(route.proxy.protocol)) {
    return notNeeded('not looked at through a SOCKS proxy; the next steps show whether it works')
  }
  return withConnection(options, async (socket, _, signal) => {
    const host = unbracketed(url.hostname)
    // Not to let anything pass: to look at a certificate that is refused, and name its issuer.
    const lookedAt = { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }
    const secured = connectTls({ ...lookedAt, socket, host, ...(isIP(host) === 0 && { servername: host }) })
    const end = () => secured.destroy()
    signal.addEventListener('abort', end, { once: true })
    const outcome = await settled(secured, 'secureConnect')
    const certificate = secured.getPeerCertificate(true)
    const { authorized, authorizationError } = secured
    const protocol = secured.getProtocol()
    secured.destroy()
    if (outcome !== 'done') return noTls(signal.aborted ? 'no answer in time' : codeOf(outcome), options)
    if (authorized)
      return ok(`${protocol}, certificate issued by ${issuerOf(certificate)}, valid until ${certificate.valid_to}`)
    return certificateProblem(String(authorizationError), certificate, url.hostname, clock.now())
  })
}

function noTls(why: string, { from, route }: ReachOptions): Finding {
  const through = route.kind === 'proxy' ? ' Through a proxy, it may also be the proxy that breaks it off.' : ''
  return problem(
    `no secure connection can be made: ${why}`,
    `Check the port in ${from}: does https answer there?${through}`,
  )
}

async function withConnection(
  options: ReachOptions,
  use: (socket: Duplex, found: string, signal: AbortSignal) => Promise<Finding>,
): Promise<Finding> {
  const late = new AbortController()
  const cancel = options.clock.after(TRY_MS, () => late.abort())
  const signal = AbortSignal.any([options.signal, late.signal])
  try {
    const connected = await connectTo({ ...options, signal })
    if ('failure' in connected) return connected.failure
    try {
      return await use(connected.socket, connected.found, signal)
    } finally {
      connected.socket.destroy()
    }
  } finally {
    cancel()
  }
}
