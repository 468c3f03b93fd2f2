// The same as minimal-v2.mjs on the v1 SDK.
import process from 'node:process'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import * as z from 'zod'
import { patchCustomer } from './patch-customer.mjs'

const inputSchema = { customerId: z.int().min(0), firstName: z.string().optional() }

const server = new McpServer({ name: 'minimal-v1', version: '1.0.0' })
server.registerTool('update_customer', { description: 'Changes a customer.', inputSchema }, patchCustomer)
await server.connect(new StdioServerTransport())
process.stdin.on('end', () => process.exit())
