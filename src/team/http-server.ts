import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { ListenAddress } from '../config/setting-kinds.ts'
import { errorCode } from '../lib/error-facts.ts'

/** A connection that is not used stays so long, milliseconds: longer than whatever is in front of this keeps its end. */
const KEEP_ALIVE_MS = 90_000
/** At the end: between two looks at which connections have had their answers, milliseconds. */
const IDLE_LOOK_MS = 100
/** Bounds for slow senders, milliseconds. How long an answer takes is the call's own affair. */
const HEADERS_MS = 10_000
const REQUEST_MS = 30_000

export type Fetch = (request: Request) => Response | Promise<Response>

export interface HttpServer {
  /** `127.0.0.1:8080` */
  readonly address: string
  /** Takes no further connection, and resolves when those there are have had their answers. */
  drain(): Promise<void>
  /** Cuts every connection. */
  close(): Promise<void>
}

/** Starts listening. Rejects with a sentence when the address, that of `setting`, cannot be had. */
export async function listen({ host, port }: ListenAddress, fetch: Fetch, setting: string): Promise<HttpServer> {
  const listener = getRequestListener((request) => fetch(request), { overrideGlobalObjects: false })
  const bounds = { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS }
  const server = createServer(bounds, listener)
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new Error(
      `It cannot listen on ${host}:${port} (${errorCode(cause) ?? 'unknown'}). ${setting} can name another address.`,
      { cause },
    )
  }
  // A connection that cannot be accepted concerns that visitor only.
  server.on('error', () => undefined)
  const ended = once(server, 'close')
  return {
    address: addressOf(server, host),
    async drain() {
      server.close()
      server.closeIdleConnections()
      const answered = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS)
      await ended
      clearInterval(answered)
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await ended
    },
  }
}

function addressOf(server: Server, host: string): string {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
