import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createPageApp, HEADERS, type PageAppDeps } from './page-app.ts'

/** Bounds for slow and greedy visitors, milliseconds and counts. */
const HEADERS_MS = 5_000
const REQUEST_MS = 10_000
const KEEP_ALIVE_MS = 5_000
const CONNECTIONS = 32

/** Node's HTTP server with the approval page on it. Loaded when the first page is shown. */
export function createHttpServer(deps: PageAppDeps): Server {
  const listener = getRequestListener(createPageApp(deps).fetch, { overrideGlobalObjects: false })
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      // The app refuses a request without `Host`, like one with a wrong one.
      requireHostHeader: false,
    },
    (request, response) => {
      // Before anything can go wrong: the adapter's own answers carry them too.
      response.setHeaders(HEADERS)
      return listener(request, response)
    },
  )
  server.maxConnections = CONNECTIONS
  return server
}
