import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { expect, onTestFinished, test } from 'vitest'
import { createServer } from '../../src/mcp/server.ts'
import { start } from '../helpers/harness.ts'
import { block } from '../helpers/situations.ts'

/** The client's own limit, milliseconds, and how often within it the server's clock is pushed to its next progress. */
const LIMIT_MS = 6_000
const PUSH_MS = 250

test('a client of SDK v1 that resets its limit on progress keeps its call while its form is open', async () => {
  const harness = await start()
  const client = new Client({ name: 'sdk-v1', version: '1.0.0' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, async () => {
    // Longer than the client waits without progress.
    for (let passed = 0; passed < 1.5 * LIMIT_MS; passed += PUSH_MS) {
      await new Promise((resolve) => setTimeout(resolve, PUSH_MS))
      harness.clock.advance(5_000)
    }
    return { action: 'accept', content: { approve: true } }
  })
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair()
  const handle = serveStdio(() => createServer(harness.app.deps), { transport: serverSide })
  await client.connect(clientSide)
  onTestFinished(async () => {
    await client.close()
    await handle.close()
  })
  const seen: string[] = []
  const call = { name: 'update_customer', arguments: block }
  const result = await client.callTool(call, undefined, {
    timeout: LIMIT_MS,
    resetTimeoutOnProgress: true,
    onprogress: ({ message }) => void seen.push(message ?? ''),
  })
  expect(result.structuredContent).toMatchObject({ status: 'updated', approval: { channel: 'form' } })
  expect(seen.filter((message) => message.includes('form')).length).toBeGreaterThan(3)
})
