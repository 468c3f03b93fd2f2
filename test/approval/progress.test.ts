import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createServer } from '../../src/mcp/server.ts'
import { start } from '../helpers/harness.ts'
import { block } from '../helpers/situations.ts'

/** The client's own limit, milliseconds, and the time between two of the server's progress notes. */
const LIMIT_MS = 60_000
const PROGRESS_MS = 5_000

test('a client of SDK v1 that resets its limit on progress keeps its call while its form is open', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const harness = await start()
  harness.clock.hold()
  const seen: string[] = []
  const client = new Client({ name: 'sdk-v1', version: '1.0.0' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler(ElicitRequestSchema, async () => {
    // Longer than the client waits without progress.
    for (let passed = 0; passed < 1.5 * LIMIT_MS; passed += PROGRESS_MS) {
      const told = seen.length
      harness.clock.advance(PROGRESS_MS)
      while (seen.length === told) await new Promise(setImmediate)
      await vi.advanceTimersByTimeAsync(PROGRESS_MS)
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
  const call = { name: 'update_customer', arguments: block }
  const result = await client.callTool(call, undefined, {
    timeout: LIMIT_MS,
    resetTimeoutOnProgress: true,
    onprogress: ({ message }) => void seen.push(message ?? ''),
  })
  expect(result.structuredContent).toMatchObject({ status: 'updated', approval: { channel: 'form' } })
  expect(seen.filter((message) => message.includes('form')).length).toBeGreaterThan(3)
})
