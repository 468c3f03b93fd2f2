import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici'
import type { Clock } from '../lib/clock.ts'
import type { Http } from './exchange.ts'
import { Exchanging } from './exchanging.ts'
import { cancelledBeforeSending, ProxyError } from './failure.ts'
import type { ProxySettings } from './port.ts'

export interface HttpOptions {
  /** How long one exchange may take, connection and whole content included, in milliseconds. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly proxy?: ProxySettings
}

const MAX_BYTES = 1_000_000
/** Per origin: an assistant, or the callers of a team, change a handful of records at a time; AiFi’s limits are unknown. */
const CONNECTIONS = 16
/** The longer a connection idles, the likelier it is closed under a request, whose outcome is then unknown. */
const KEEP_ALIVE_MS = 4_000
const KEEP_ALIVE_MAX_MS = 15_000
/**
 * A host has several addresses, IPv4 and IPv6, and they are tried one after the other: this is how long each gets before
 * it is given up. Node's own 250 ms are less than a far host takes; a lost first packet is repeated after a second.
 */
const ADDRESS_MS = 1_500
/** A host with dead addresses is still reached within the deadline. */
const ADDRESSES = 4

/** One pool of connections and the way to exchange over it. Throws a ProxyError on a proxy address that cannot be used. */
export function createHttp({ timeoutMs, clock, proxy }: HttpOptions): Http {
  const dispatcher = createDispatcher(timeoutMs, proxy)
  const underWay = new Set<Exchanging>()
  let closed = false
  return {
    async exchange(request) {
      if (closed || request.signal?.aborted) return cancelledBeforeSending
      const { method, origin, path, headers, body = null, maxBytes = MAX_BYTES, onSending, onHeaders } = request
      const exchanging = new Exchanging({ origin, maxBytes, onSending, onHeaders, clock })
      const cancel = () => exchanging.end('cancelled')
      request.signal?.addEventListener('abort', cancel)
      underWay.add(exchanging)
      const forgetDeadline = clock.after(timeoutMs, () => exchanging.end('timeout'))
      dispatcher.dispatch({ origin, path, method, headers, body }, exchanging)
      const exchange = await exchanging.ended
      forgetDeadline()
      underWay.delete(exchanging)
      request.signal?.removeEventListener('abort', cancel)
      return exchange
    },
    async close() {
      closed = true
      for (const exchanging of underWay) exchanging.end('closing')
      await dispatcher.destroy()
    },
  }
}

function createDispatcher(timeoutMs: number, proxy: ProxySettings | undefined): Dispatcher {
  const connect = {
    timeout: timeoutMs,
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.min(ADDRESS_MS, Math.floor(timeoutMs / ADDRESSES))),
  }
  const options = {
    connections: CONNECTIONS,
    connect,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
    // The deadline of the exchange covers both.
    headersTimeout: 0,
    bodyTimeout: 0,
  }
  // Only https leaves this machine: what goes through a proxy goes through this one.
  const address = proxy?.httpsProxy ?? proxy?.httpProxy
  if (!proxy || !address) return new Agent(options)
  const connectToProxy = buildConnector(connect)
  try {
    return new EnvHttpProxyAgent({
      ...options,
      ...socksLogin(new URL(address)),
      httpProxy: address,
      httpsProxy: address,
      // Empty, not absent: undici reads the environment for what is absent.
      noProxy: proxy.noProxy ?? '',
      clientFactory: (origin) =>
        proxyPool(origin, {
          headersTimeout: timeoutMs,
          // undici gives the proxy's address as the name for TLS; an IP address is none, and Node 26 refuses it. Without
          // a name given, it takes that of the host if it has one.
          connect: (target, callback) => connectToProxy({ ...target, servername: '' }, callback),
        }),
    })
  } catch {
    // The reason would quote the address, which may carry a password.
    throw new ProxyError('The address of the proxy is no URL that can be used')
  }
}

/** undici would hand the login to a SOCKS proxy as it is written in the address, percent-encoded. */
function socksLogin({ protocol, username, password }: URL): { username?: string; password?: string } {
  if (!protocol.startsWith('socks')) return {}
  return { username: decodeURIComponent(username), password: decodeURIComponent(password) }
}

/**
 * The connections to the proxy itself. Their failures are marked, so that they cannot be taken for those of AiFi's
 * connections; and because undici would reconnect without pause or end on meeting its own socket error at this place.
 */
function proxyPool(origin: URL, options: Pool.Options): Pool {
  const pool = new Pool(origin, options)
  const connect = pool.connect.bind(pool)
  pool.connect = async (target: Omit<Dispatcher.ConnectOptions, 'origin'>) => {
    try {
      return await connect(target)
    } catch (error) {
      throw new ProxyError('The proxy failed', { cause: error })
    }
  }
  return pool
}
