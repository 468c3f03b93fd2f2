import type { RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createPageApp, HEADERS, type PageAppDeps } from './page-app.ts'

/** The approval page for Node's HTTP server. Loaded when the first page is shown: it brings hono. */
export function createPageListener(deps: PageAppDeps): RequestListener {
  const listener = getRequestListener(createPageApp(deps).fetch, { overrideGlobalObjects: false })
  return (request, response) => {
    // Before anything can go wrong: the adapter's own answers carry them too.
    response.setHeaders(HEADERS)
    return listener(request, response)
  }
}
