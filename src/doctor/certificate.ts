import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import * as tls from 'node:tls'
import { EnvHttpProxyAgent } from 'undici'
import type { ProxySettings } from '../aifi/port.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import type { Environment } from '../lib/process-io.ts'
import { harmless } from '../lib/text.ts'
import { codeOf } from './local-checks.ts'
import { type Finding, ok, problem, warning } from './report.ts'

/** A certificate as somebody's server showed it. */
export interface ShownCertificate {
  /** Why it is refused, and what to do; undefined when it is accepted. */
  readonly refused: Finding | undefined
  /** Who issued it, and under which root, as far as it is shown: `“Inspection CA 2” (Example Corp), under “Example Root”`. */
  readonly issuer: string
  readonly validTo: string
}

/** How the client gets there. */
export interface Way {
  readonly proxy: ProxySettings
  readonly clock: Clock
}

/** Where undici publishes what becomes of a connection; a new one with its socket. */
const CONNECTED = 'undici:client:connected'
const NOT_CONNECTED = 'undici:client:connectError'
/** Whoever takes longer to show one is not waited for, milliseconds. */
const LOOK_MS = 4_000
/** A chain longer than this is not followed. */
const CHAIN_LIMIT = 10

/**
 * The certificate that the far end shows, accepted or not, on the way that the client takes (proxies included).
 * Nothing is sent: the connection ends when TLS is established. Undefined when there is none to see; never throws.
 */
export async function lookAtCertificate(url: URL, { proxy, clock }: Way): Promise<ShownCertificate | undefined> {
  if (url.protocol !== 'https:') return undefined
  // Not to let anything pass: to see a certificate that is refused.
  const connect = { rejectUnauthorized: false }
  const { httpProxy = '', httpsProxy = '', noProxy = '' } = proxy
  const agent = new EnvHttpProxyAgent({ connect, requestTls: connect, httpProxy, httpsProxy, noProxy })
  let settle: (shown: ShownCertificate | undefined) => void = () => undefined
  const shown = new Promise<ShownCertificate | undefined>((resolve) => {
    settle = resolve
  })
  const onConnected = (message: unknown) => {
    if (!isAbout(url, message) || !(message.socket instanceof tls.TLSSocket)) return
    settle(shownBy(message.socket, url.hostname, clock.now()))
  }
  // The first failure ends it: through a proxy, undici would try again without pause or end.
  const onNotConnected = (message: unknown) => void (isAbout(url, message) && settle(undefined))
  subscribe(CONNECTED, onConnected)
  subscribe(NOT_CONNECTED, onNotConnected)
  const forgetDeadline = clock.after(LOOK_MS, () => settle(undefined))
  agent.dispatch(
    { origin: url.origin, path: '/', method: 'HEAD' },
    {
      onRequestStart: (controller) => controller.abort(new Error('not wanted')),
      onResponseError: () => settle(undefined),
    },
  )
  const result = await shown
  forgetDeadline()
  unsubscribe(CONNECTED, onConnected)
  unsubscribe(NOT_CONNECTED, onNotConnected)
  await agent.destroy()
  return result
}

/** A message of those channels, about a connection to the host of `url`. */
function isAbout(url: URL, message: unknown): message is { readonly socket?: unknown } {
  return isJsonObject(message) && isJsonObject(message.connectParams) && message.connectParams.host === url.host
}

function shownBy(socket: tls.TLSSocket, hostname: string, now: number): ShownCertificate {
  const certificate = socket.getPeerCertificate(true)
  const refusal = String(socket.authorizationError)
  const refused = socket.authorized ? undefined : certificateProblem(certificate, refusal, { hostname, now })
  return { refused, issuer: issuerOf(certificate), validTo: harmless(certificate.valid_to, 40) }
}

/** @param refusal why Node does not accept it, as a code */
function certificateProblem(
  certificate: tls.DetailedPeerCertificate,
  refusal: string,
  { hostname, now }: { readonly hostname: string; readonly now: number },
): Finding {
  const issuer = issuerOf(certificate)
  if (refusal === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = harmless(certificate.subjectaltname?.replaceAll('DNS:', '') ?? nameOf(certificate.subject), 120)
    return problem(
      `the certificate is not for ${hostname} but for ${names}; issued by ${issuer}`,
      'Check the host name in the address. If it is right, something on the way answers in its place.',
    )
  }
  if (refusal === 'CERT_HAS_EXPIRED' || refusal === 'CERT_NOT_YET_VALID') {
    const span = `${harmless(certificate.valid_from, 40)} to ${harmless(certificate.valid_to, 40)}`
    return problem(
      `the certificate issued by ${issuer} is valid from ${span}, and by this computer's clock it is ${moment(now)}`,
      'Check the clock of this computer. If it is right, whoever runs the server has to renew the certificate.',
    )
  }
  return problem(`the certificate is issued by ${issuer}, which this computer does not trust (${refusal})`, trustRemedy)
}

function issuerOf(certificate: tls.DetailedPeerCertificate): string {
  const issuer = nameOf(certificate.issuer)
  let top = certificate
  for (let depth = 0; depth < CHAIN_LIMIT && top.issuerCertificate && top.issuerCertificate !== top; depth++) {
    top = top.issuerCertificate
  }
  const root = nameOf(top.issuer)
  return root === issuer ? issuer : `${issuer}, under ${root}`
}

function nameOf(name: tls.PeerCertificate['issuer'] | undefined): string {
  const [common, organisation] = [name?.CN, name?.O].map((text) => harmless([text ?? ''].flat().join(' '), 60))
  if (common && organisation) return `“${common}” (${organisation})`
  return common || organisation ? `“${common || organisation}”` : 'nobody that it names'
}

/** `--use-system-ca` came with this function, in Node 22.15. */
const hasSystemStore = 'getCACertificates' in tls

/** What to do about a certificate of a company's own authority, as it holds for the running Node. */
const trustRemedy = `If that is your company's authority, save its root certificate as a PEM file and name that file in NODE_EXTRA_CA_CERTS, ${
  hasSystemStore
    ? 'or, if this computer trusts it already, set NODE_OPTIONS=--use-system-ca'
    : "(Node 22.15 and newer can also use the system's store: NODE_OPTIONS=--use-system-ca)"
}. Otherwise somebody is in between: ask your network people.`

/** What Node trusts besides its own list, by the environment that it was started with. */
export function certificatesFinding(env: Environment): Finding {
  const usesStore = hasSystemStore && env.NODE_OPTIONS?.includes('--use-system-ca')
  const trusted = `Node's own list of authorities${usesStore ? " and the system's store" : ''}`
  const path = env.NODE_EXTRA_CA_CERTS
  if (!path) return ok(trusted)
  try {
    const count = readFileSync(path, 'utf8').split('-----BEGIN CERTIFICATE-----').length - 1
    if (count > 0) return ok(`${trusted}, and ${count} from NODE_EXTRA_CA_CERTS`)
    return warning(
      'the file that NODE_EXTRA_CA_CERTS names has no certificate in it',
      'It has to be in PEM form, with the line “-----BEGIN CERTIFICATE-----”.',
    )
  } catch (error) {
    return warning(
      `the file that NODE_EXTRA_CA_CERTS names cannot be read (${codeOf(error)}), and Node ignores it`,
      'Correct the path (a full one: a relative one depends on where the host starts the server), or remove it.',
    )
  }
}

/** `2026-11-24 10:02 UTC`, from milliseconds since 1970. */
export function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
