// The least that a team's server on the v2 SDK can be: a bearer token that is checked, one tool, which does a bare PATCH.
import { createServer } from 'node:http'
import process from 'node:process'
import { getRequestListener } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as z from 'zod'
import { patchCustomer } from './patch-customer.mjs'

const { ISSUER = '', AUDIENCE = '', PORT = '' } = process.env
const keys = createRemoteJWKSet(new URL(`${ISSUER}/jwks`))
const inputSchema = z.object({ customerId: z.int().min(0), firstName: z.string().optional() })

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'minimal-http', version: '1.0.0' })
  server.registerTool('update_customer', { description: 'Changes a customer.', inputSchema }, patchCustomer)
  return server
})

/** @param {Request} request */
async function answer(request) {
  const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.get('Authorization') ?? '') ?? []
  try {
    const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE })
    const clientId = String(payload.client_id)
    return await handler.fetch(request, { authInfo: { token: '', clientId, scopes: String(payload.scope).split(' ') } })
  } catch {
    return new Response(null, { status: 401 })
  }
}

const server = createServer(getRequestListener(answer, { overrideGlobalObjects: false }))
server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('serving\n'))
process.stdin.resume()
process.stdin.on('end', () => process.exit())
