import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  InMemoryTransport,
  type JSONRPCMessage,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { expect, onTestFinished } from 'vitest'
import type { UpdateEnvelope } from '../../src/change/envelope.ts'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { createServer } from '../../src/mcp/server.ts'
import { type Era, envelopeOf, type Harness } from './harness.ts'

export interface RawOptions {
  readonly era: Era
  /** What the client declares. */
  readonly elicitation?: JsonObject
  /** Says hello itself; default: this helper does. */
  readonly unopened?: boolean
}

/** What a 2026-07-28 server wants to know before it answers. */
export interface Question {
  readonly state: string
  readonly requests: JsonObject
}

/** A client that writes whatever JSON-RPC a test wants written, in place of a client library that would not. */
export class RawClient {
  /** Every message of the server, in order. */
  readonly received: JsonObject[] = []
  readonly #era: Era
  readonly #capabilities: JsonObject
  readonly #transport: InMemoryTransport
  readonly #clock: Harness['clock']
  #lastId = 0

  private constructor(transport: InMemoryTransport, clock: Harness['clock'], { era, elicitation }: RawOptions) {
    this.#transport = transport
    this.#clock = clock
    this.#era = era
    this.#capabilities = elicitation ? { elicitation } : {}
    transport.onmessage = (message) => void this.received.push({ ...message })
  }

  static async connect({ app, clock }: Harness, options: RawOptions): Promise<RawClient> {
    const [clientSide, serverSide] = InMemoryTransport.createLinkedPair()
    const handle = serveStdio(() => createServer(app.deps), { transport: serverSide })
    const client = new RawClient(clientSide, clock, options)
    await clientSide.start()
    onTestFinished(() => handle.close())
    if (options.era === '2025-11-25' && !options.unopened) await client.initialize(options.era)
    return client
  }

  async initialize(protocolVersion: string): Promise<JsonObject> {
    const clientInfo = { name: 'raw-client', version: '1.0.0' }
    const params = { protocolVersion, capabilities: this.#capabilities, clientInfo }
    const answer = await this.answerTo(this.send('initialize', params))
    this.notify('notifications/initialized')
    return answer
  }

  /** Sends a request and returns its id. */
  send(method: string, params: JsonObject = {}, id = this.#nextId()): number {
    this.write({ jsonrpc: '2.0', id, method, params })
    return id
  }

  notify(method: string, params: JsonObject = {}): void {
    this.write({ jsonrpc: '2.0', method, params })
  }

  write(message: JSONRPCMessage): void {
    void this.#transport.send(message)
  }

  /** `_meta` of every request of 2026-07-28. */
  meta(): JsonObject {
    return {
      [PROTOCOL_VERSION_META_KEY]: '2026-07-28',
      [CLIENT_INFO_META_KEY]: { name: 'raw-client', version: '1.0.0' },
      [CLIENT_CAPABILITIES_META_KEY]: this.#capabilities,
    }
  }

  /** Sends a call of `update_customer` and returns its id; `extra` stands beside the arguments: an answer, that a person took a second for. */
  call(args: JsonObject, extra: JsonObject = {}, meta: JsonObject = {}, readingMs = 1_000): number {
    if ('inputResponses' in extra) this.#clock.advance(readingMs)
    const ownMeta = this.#era === '2026-07-28' ? { _meta: { ...this.meta(), ...meta } } : { _meta: meta }
    return this.send('tools/call', { name: 'update_customer', arguments: args, ...ownMeta, ...extra })
  }

  /** The result or error of the request with this id. */
  async answerTo(id: number): Promise<JsonObject> {
    const find = () => this.received.find((message) => message.id === id && !('method' in message))
    await expect.poll(find, { interval: 5 }).toBeDefined()
    return find() ?? {}
  }

  /** The envelope that the call with this id was answered with. */
  async envelope(id: number): Promise<UpdateEnvelope> {
    const { result } = await this.answerTo(id)
    if (!isJsonObject(result)) throw new Error('no result')
    return envelopeOf(result)
  }

  /** What a 2026-07-28 server asks in answer to the call with this id. */
  async question(id: number): Promise<Question> {
    const { result } = await this.answerTo(id)
    if (!isJsonObject(result) || !isJsonObject(result.inputRequests)) throw new Error(JSON.stringify(result))
    return { state: String(result.requestState), requests: result.inputRequests }
  }

  /** The requests that the server has sent: what a 2025-era client is asked. */
  get asked(): JsonObject[] {
    return this.received.filter((message) => message.method === 'elicitation/create')
  }

  /** The `count`th request of the server. */
  async nextAsked(count = 1): Promise<JsonObject> {
    await expect.poll(() => this.asked.length, { interval: 5 }).toBeGreaterThanOrEqual(count)
    return this.asked[count - 1] ?? {}
  }

  /** Answers a request of the server, once a person can have read it. */
  reply({ id }: JsonObject, result: JsonObject, readingMs = 1_000): void {
    this.#clock.advance(readingMs)
    this.write({ jsonrpc: '2.0', id: Number(id), result })
  }

  replyError({ id }: JsonObject, code: number, message: string): void {
    this.write({ jsonrpc: '2.0', id: Number(id), error: { code, message } })
  }

  cancel(id: number): void {
    this.notify('notifications/cancelled', { requestId: id, reason: 'the user pressed stop' })
  }

  async close(): Promise<void> {
    await this.#transport.close()
  }

  #nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }
}
