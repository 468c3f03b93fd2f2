import { Client, type ClientCapabilities, type ElicitRequest, type ElicitResult } from '@modelcontextprotocol/client'
import { InMemoryTransport } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { expect, onTestFinished } from 'vitest'
import { createAifi } from '../../src/aifi/client.ts'
import type { Aifi } from '../../src/aifi/port.ts'
import { type App, createApp, type Outside } from '../../src/app.ts'
import type { Browser } from '../../src/approval/page/browser.ts'
import { type ImmediateAudit, noAudit } from '../../src/audit/audit.ts'
import { type UpdateEnvelope, updateEnvelope } from '../../src/change/envelope.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createServer } from '../../src/mcp/server.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { clockOf } from './reading.ts'
import { TestClock } from './test-clock.ts'

/** The two protocol eras that every client behaviour is tried in. */
export const eras = ['2025-11-25', '2026-07-28'] as const
export type Era = (typeof eras)[number]

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

export interface HarnessOptions {
  /** Settings, as a host would give them. */
  readonly env?: Record<string, string>
  readonly browser?: Partial<FakeBrowser>
  readonly audit?: ImmediateAudit
  /** Puts something in front of the real client of AiFi: for faults inside this program. */
  readonly aifi?: (aifi: Aifi) => Aifi
  readonly getById?: boolean
  /** Other ways to ask than those of `AIFI_APPROVAL`. */
  readonly ladder?: Outside['ladder']
  /** Another AiFi than the sandbox. */
  readonly baseUrl?: string
}

/** A browser that only notes what it is asked to open. */
export interface FakeBrowser extends Browser {
  readonly opened: string[]
}

export interface Harness {
  readonly sandbox: Sandbox
  readonly clock: TestClock
  readonly browser: FakeBrowser
  readonly app: App
  readonly config: Config
  /** Every request that reached the stand-in. */
  readonly requests: SeenRequest[]
  /** The requests of one method. */
  sent(method: string): SeenRequest[]
  /** How many changes the process holds: under way, waiting for a person, or with an outcome that nobody was told. */
  changesHeld(): number
  /** Everything that was logged. */
  readonly log: string[]
  connect(options?: ConnectOptions): Promise<TestClient>
}

export type Answer = (params: ElicitRequest['params']) => ElicitResult | Promise<ElicitResult>

export interface ConnectOptions {
  readonly era?: Era
  /** What the client declares; without an `answer` it declares no elicitation. */
  readonly elicitation?: ClientCapabilities['elicitation']
  readonly answer?: Answer
  readonly name?: string
  /** How long a person reads before the answer, milliseconds; 1 s unless told. */
  readonly readingMs?: number
}

export interface TestClient {
  readonly client: Client
  /** Everything the client was asked. */
  readonly asked: ElicitRequest['params'][]
  /** Every message that the server wrote, as text. */
  readonly wire: string[]
  /** Calls `update_customer`; checks the envelope against its schema and the text against the structured content. */
  update(args: JsonObject, options?: Parameters<Client['callTool']>[1]): Promise<UpdateEnvelope>
}

/** The whole server in this process, in front of a real stand-in for AiFi. Ends with the test. */
export async function start(options: HarnessOptions = {}): Promise<Harness> {
  const requests: SeenRequest[] = []
  const log: string[] = []
  const clock = new TestClock()
  const sandbox = await startSandbox({
    ...(options.getById !== undefined && { getById: options.getById }),
    onRequest: (request) => requests.push(request),
  })
  const config = configFor(sandbox, options)
  const logger = createLogger({ level: config.logLevel, write: (line) => log.push(line) })
  const browser = fakeBrowser(clock, options.browser)
  const client = createAifi({ ...config.aifi, readOnly: config.readOnly, clock })
  const aifi = options.aifi?.(client) ?? client
  const { audit = noAudit, ladder } = options
  const app = createApp(config, { aifi, audit, browser, clock, logger, ...(ladder && { ladder }) })
  onTestFinished(async () => {
    await app.close(100)
    await sandbox.close()
  })
  const sent = (method: string) => requests.filter((request) => request.method === method)
  const connect = (connectOptions: ConnectOptions = {}) => connectClient(app, clock, connectOptions)
  const changesHeld = () => app.kept()
  return { sandbox, clock, browser, app, config, requests, sent, changesHeld, log, connect }
}

function fakeBrowser(clock: TestClock, special: Partial<FakeBrowser> = {}): FakeBrowser {
  const opened: string[] = []
  const open = async (address: string) => opened.push(address) > 0
  const browser: FakeBrowser = { opened, unavailable: () => undefined, open, ...special }
  return {
    ...browser,
    open(address) {
      clockOf(address, clock)
      return browser.open(address)
    },
  }
}

function configFor(sandbox: Sandbox, { env, baseUrl }: HarnessOptions): Config {
  const access = { AIFI_BASE_URL: baseUrl ?? sandbox.baseUrl, AIFI_TOKEN: sandbox.token }
  const result = readConfig({ ...access, ...env }, { readFile: () => Buffer.from('') })
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

async function connectClient(app: App, clock: TestClock, options: ConnectOptions): Promise<TestClient> {
  const { era = '2025-11-25', answer, name = 'test-client', readingMs = 1_000 } = options
  const elicitation = options.elicitation ?? (answer ? { form: {} } : undefined)
  const asked: ElicitRequest['params'][] = []
  const wire: string[] = []
  const client = new Client(
    { name, version: '1.0.0' },
    {
      capabilities: elicitation ? { elicitation } : {},
      versionNegotiation: { mode: era === '2026-07-28' ? { pin: era } : 'legacy' },
    },
  )
  if (answer) {
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      asked.push(params)
      if (params.mode === 'url') clockOf(params.url, clock)
      clock.advance(readingMs)
      return answer(params)
    })
  }
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair()
  const send = serverSide.send.bind(serverSide)
  serverSide.send = (message, sendOptions) => {
    wire.push(JSON.stringify(message))
    return send(message, sendOptions)
  }
  const handle = serveStdio(() => createServer(app.deps), { transport: serverSide })
  await client.connect(clientSide)
  onTestFinished(async () => {
    await client.close()
    await handle.close()
  })
  const update: TestClient['update'] = async (args, callOptions) => {
    const result = await client.callTool({ name: 'update_customer', arguments: args }, callOptions)
    return envelopeOf(result)
  }
  return { client, asked, wire, update }
}

/** The envelope of a result, checked: strict, and complete in the text too. */
export function envelopeOf(result: {
  structuredContent?: unknown
  content?: unknown
  isError?: unknown
}): UpdateEnvelope {
  const [block] = Array.isArray(result.content) ? result.content : []
  const text = isJsonObject(block) ? block.text : undefined
  expect(isJsonObject(result.structuredContent), `no structured content: ${String(text)}`).toBe(true)
  const envelope = updateEnvelope.parse(result.structuredContent)
  expect(JSON.parse(String(text))).toEqual(result.structuredContent)
  expect(Object.keys(JSON.parse(String(text))).slice(0, 2)).toEqual(['status', 'message'])
  const isError = ['approval_unavailable', 'invalid', 'failed', 'unknown'].includes(envelope.status)
  expect(result.isError ?? false).toBe(isError)
  return envelope
}

export const accept = (
  content: Record<string, string | number | boolean | string[]> = { approve: true },
): ElicitResult => ({
  action: 'accept',
  content,
})
export const decline = (): ElicitResult => ({ action: 'decline' })

/** A person takes a moment to read; `clock` makes it pass. */
export function afterReading(clock: () => TestClock, result: ElicitResult): Answer {
  return () => {
    clock().advance(2_000)
    return result
  }
}
