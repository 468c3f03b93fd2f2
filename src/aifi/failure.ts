import { errorCode } from '../lib/error-facts.ts'
import type { Delivery } from './port.ts'

type NotSent = Extract<Delivery, { kind: 'not_sent' }>
type NoAnswer = Extract<Delivery, { kind: 'no_answer' }>
/** An exchange without an answer. `detail` is made of our own words and fixed error codes only: one or two sentences. */
export type Failure = NotSent | NoAnswer

/** The proxy has no address, could not be reached, or failed before it had opened a way to AiFi. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
}

export const cancelledBeforeSending: NotSent = {
  kind: 'not_sent',
  cause: 'cancelled',
  detail: 'It was cancelled before it was sent.',
}

/** Why no request could be written. `error` was raised before there was an open connection to write it to. */
export function neverSent(error: Error | 'timeout', origin: string): NotSent {
  const notSent = (cause: NotSent['cause'], detail: string): NotSent => ({ kind: 'not_sent', cause, detail })
  if (error === 'timeout') return notSent('connect_timeout', 'No connection was established in time.')
  const code = codeOf(error)
  const why = code && ` (${code})`
  if (error instanceof ProxyError) return notSent('proxy', `The proxy could not be used${causeOf(error)}.`)
  // Before the request starts, only the proxy has been spoken to in HTTP.
  if (code === 'UND_ERR_ABORTED') return notSent('proxy', `The proxy refused the connection${proxyStatus(error)}.`)
  if (code.startsWith('UND_ERR_SOCKS5')) return notSent('proxy', `The proxy could not be used${why}.`)
  if (/^(ENOTFOUND|EAI_\w+)$/.test(code)) return notSent('dns', `The host name could not be resolved${why}.`)
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return notSent('connect_timeout', `No connection was established in time${why}.`)
  }
  if (origin.startsWith('https:') && isTls(code)) return notSent('tls', tlsDetail(code))
  return notSent('refused', `No connection could be made${why}.`)
}

/** Why a request that was at least partly on its way was not answered. */
export function noAnswer(error: Error | 'timeout' | 'closing' | 'too_large'): NoAnswer {
  const result = (cause: NoAnswer['cause'], detail: string): NoAnswer => ({ kind: 'no_answer', cause, detail })
  if (error === 'timeout') return result('timeout', 'No answer came in time.')
  if (error === 'closing') return result('closing', 'This program was ended before the answer came.')
  const isMalformed = error instanceof Error && ['HTTPParserError', 'HeadersOverflowError'].includes(error.name)
  if (isMalformed) return result('malformed', 'What came back was no HTTP answer.')
  return result('reset', 'The connection ended before the answer came.')
}

/** After connecting and before sending there is only TLS; errors of the network itself are `E` and letters. */
function isTls(code: string): boolean {
  return ['EPROTO', 'ECONNRESET', 'EPIPE'].includes(code) || (code !== '' && !/^(UND_\w+|E[A-Z]+)$/.test(code))
}

function tlsDetail(code: string): string {
  if (/^(DEPTH_ZERO_SELF|SELF_SIGNED|UNABLE_TO)_/.test(code)) {
    return `The certificate is not signed by an authority that this computer trusts (${code}). The authority of a company can be added with NODE_EXTRA_CA_CERTS.`
  }
  return `No secure connection could be made${code && ` (${code})`}.`
}

function codeOf(error: unknown): string {
  const code = errorCode(error) ?? ''
  return /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : ''
}

function causeOf(error: Error): string {
  const code = codeOf(error.cause)
  return code && ` (${code})`
}

/** undici names the status in its message only: `Proxy response (407) !== 200 when HTTP Tunneling`. */
function proxyStatus({ message }: Error): string {
  const status = /^Proxy response \((\d{3})\)/.exec(message)?.[1]
  return status ? ` with HTTP ${status}` : ''
}
