import { type Context, Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { securityHeaders } from '../approval/page/security.ts'
import { StoreUnavailable } from '../change/store.ts'
import { scopes } from '../mcp/define-tool.ts'
import { inboxStyleHash, scriptHash } from './inbox/assets.ts'
import { showNotice } from './inbox/notices.ts'
import type { SignIn } from './inbox/sign-in.ts'
import type { McpEndpoint } from './mcp-endpoint.ts'

/** Where the document is that tells clients where their tokens come from (RFC 9728, section 3.1). */
export const METADATA_PATH = '/.well-known/oauth-protected-resource/mcp'

export interface EdgeDeps {
  /** `https://host[:port]`: what Host and Origin have to agree with. No `X-Forwarded-*` header is read. */
  readonly publicUrl: string
  readonly issuer: string
  readonly mcp: McpEndpoint
  readonly inbox: Hono
  readonly signIn: SignIn
  /** Told of every answer of `/mcp`. */
  readonly onMcp: (status: number) => void
}

/** Everything that the outside can reach. */
export function createEdge(deps: EdgeDeps): Hono {
  const { publicUrl, mcp, inbox, signIn, onMcp } = deps
  const app = new Hono()
  const { host } = new URL(publicUrl)
  app.use(
    createMiddleware(async (c, next) => {
      return c.req.header('Host') === host ? next() : plain(c, 421, 'This is not the address of this server.')
    }),
  )
  app.get(METADATA_PATH, (c) => c.json(metadata(deps), 200, { 'Access-Control-Allow-Origin': '*' }))
  app.all('/mcp', async (c) => {
    const origin = c.req.header('Origin')
    const response =
      origin === undefined || origin === publicUrl
        ? await mcp.fetch(c.req.raw)
        : plain(c, 403, 'Requests from pages of other origins are not taken.')
    onMcp(response.status)
    return response
  })
  app.use(
    '/approvals/*',
    createMiddleware(async (c, next) => {
      const formTargets = await signIn.origins()
      await next()
      for (const [name, value] of securityHeaders({ scriptHash, styleHash: inboxStyleHash, formTargets }))
        c.header(name, value)
    }),
  )
  app.get('/', (c) => c.redirect('/approvals', 303))
  app.route('/approvals', inbox)
  app.notFound((c) => plain(c, 404, 'There is nothing here. MCP is at /mcp, approvals are at /approvals.'))
  app.onError((error, c) =>
    error instanceof StoreUnavailable
      ? showNotice(c, 'store_away')
      : plain(c, 500, 'This server failed. Whatever waits still waits.'),
  )
  return app
}

function metadata({ publicUrl, issuer }: EdgeDeps) {
  return {
    resource: `${publicUrl}/mcp`,
    authorization_servers: [issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    resource_name: 'AiFi customers',
  }
}

function plain(c: Context, status: 403 | 404 | 421 | 500, text: string): Response {
  return c.text(`${text}\n`, status)
}
