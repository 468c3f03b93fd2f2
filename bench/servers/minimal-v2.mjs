// The least that an MCP server on the v2 SDK can be: one tool, which does a bare PATCH. What ours is compared with.
import process from 'node:process'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'
import { patchCustomer } from './patch-customer.mjs'

const inputSchema = z.object({ customerId: z.int().min(0), firstName: z.string().optional() })

serveStdio(() => {
  const server = new McpServer({ name: 'minimal-v2', version: '1.0.0' })
  server.registerTool('update_customer', { description: 'Changes a customer.', inputSchema }, patchCustomer)
  return server
})
process.stdin.on('end', () => process.exit())
