import { ChildProcess } from 'node:child_process'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as TransportV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { onTestFinished } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { envelopeOf } from './harness.ts'
import { plainEnv } from './plain-env.ts'
import { program, reading } from './process.ts'

export interface SpawnedClient {
  /** Every byte that the server wrote to stdout. */
  stdout(): Buffer
  stderr(): string
  toolNames(): Promise<string[]>
  update(args: JsonObject): Promise<ReturnType<typeof envelopeOf>>
  close(): Promise<void>
}

export interface SpawnOptions {
  /** What is started; the program unless told. */
  readonly command?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What the person answers to a form with this message. */
  readonly answer: (message: string) => Promise<'accept' | 'decline'>
}

const info = { name: 'spawning-client', version: '1.0.0' }
const capabilities = { elicitation: { form: {} } }
type Answer = { action: 'accept'; content: { approve: boolean } } | { action: 'decline' }

/** The clients that hosts are made of, each of which starts the program itself. */
export const stdioClients: readonly [name: string, connect: (options: SpawnOptions) => Promise<SpawnedClient>][] = [
  ['@modelcontextprotocol/sdk v1', connectV1],
  ['@modelcontextprotocol/client v2, 2025-11-25', (options) => connectV2(options, 'legacy')],
  ['@modelcontextprotocol/client v2, 2026-07-28', (options) => connectV2(options, { pin: '2026-07-28' })],
]

async function connectV1(options: SpawnOptions): Promise<SpawnedClient> {
  const client = new ClientV1(info, { capabilities })
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(options, params.message))
  const transport = new TransportV1(parameters(options))
  const output = outputOf(transport)
  await client.connect(transport)
  onTestFinished(() => client.close())
  return {
    ...output,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    update: async (args) => {
      const { structuredContent, content, isError } = await client.callTool({
        name: 'update_customer',
        arguments: args,
      })
      return envelopeOf({ structuredContent, content, isError })
    },
    close: () => client.close(),
  }
}

async function connectV2(options: SpawnOptions, mode: 'legacy' | { pin: '2026-07-28' }): Promise<SpawnedClient> {
  const client = new ClientV2(info, { capabilities, versionNegotiation: { mode } })
  client.setRequestHandler('elicitation/create', ({ params }) => answer(options, params.message))
  const transport = new TransportV2(parameters(options))
  const output = outputOf(transport)
  await client.connect(transport)
  onTestFinished(() => client.close())
  return {
    ...output,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    update: async (args) => envelopeOf(await client.callTool({ name: 'update_customer', arguments: args })),
    close: () => client.close(),
  }
}

function parameters({ command, args = [], env = {} }: SpawnOptions) {
  return {
    command: command ?? program.command,
    args: command === undefined ? [...program.args, ...args] : [...args],
    env: { ...plainEnv, ...env },
    stderr: 'pipe' as const,
  }
}

async function answer({ answer }: SpawnOptions, message: string): Promise<Answer> {
  const action = await answer(message)
  await reading()
  return action === 'accept' ? { action, content: { approve: true } } : { action }
}

/** Taps what the server writes. The transports keep their process to themselves, hence the look inside. */
function outputOf(transport: TransportV1 | TransportV2): Pick<SpawnedClient, 'stdout' | 'stderr'> {
  let stderr = ''
  transport.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const chunks: Buffer[] = []
  const start = transport.start.bind(transport)
  transport.start = async () => {
    await start()
    const child: unknown = Reflect.get(transport, '_process')
    if (!(child instanceof ChildProcess)) throw new Error('The transport has no process where it used to have it.')
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  }
  return { stdout: () => Buffer.concat(chunks), stderr: () => stderr }
}
