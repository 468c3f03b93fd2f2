import { isUtf8 } from 'node:buffer'
import type { Readable, Writable } from 'node:stream'
import {
  type JSONRPCMessage,
  type JSONRPCNotification,
  parseJSONRPCMessage,
  type RequestId,
  serializeMessage,
  type Transport,
} from '@modelcontextprotocol/server'
import { isJsonObject, nestsWithin } from '../lib/json.ts'
import { type Edges, Lines } from './lines.ts'
import { withoutNullMembers } from './null-members.ts'

/** The longest message that is read, bytes: what the SDK allows too. */
const LINE_LIMIT = 10 * 1024 * 1024
/** No message that means something nests deeper; much deeper ones would exhaust the stack of whoever walks through them. */
const NESTING_LIMIT = 500
/** With this many requests unanswered, further ones are turned away. */
const REQUESTS_LIMIT = 1_000
/** Nothing more is read while the client has not taken this much of what was written, bytes. */
const UNREAD_LIMIT = 1024 * 1024

const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600
const BUSY = -32000

/**
 * MCP over two streams, one message a line. In place of the SDK's transport, which ends the connection at the first
 * line over 10 MB and holds everything that the client does not read.
 *
 * Whatever comes in, it goes on: what is no message is left out with a warning, and answered with an error if it is a
 * request that a client would wait for. Its owner watches the streams for their end and closes it.
 */
export class StdioTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: Transport['onmessage']
  readonly #input: Readable
  readonly #output: Writable
  readonly #warn: (reason: string) => void
  readonly #lines = new Lines(LINE_LIMIT, {
    line: (bytes) => this.#receive(bytes),
    tooLong: (edges) => this.#refuse('a line over 10 MB', requestIdAtEdges(edges)),
  })
  /** Requests of the client that have no answer yet, and their methods. */
  readonly #open = new Map<RequestId, string>()
  readonly #answered: (method: string) => void
  #closed = false

  /**
   * @param warn told of everything that came in and was left out; never with a word of it.
   * @param answered told the method of each request whose answer has been written.
   */
  constructor(
    input: Readable,
    output: Writable,
    warn: (reason: string) => void,
    answered: (method: string) => void = () => undefined,
  ) {
    this.#input = input
    this.#output = output
    this.#warn = warn
    this.#answered = answered
  }

  async start(): Promise<void> {
    this.#input.on('data', this.#onData)
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) throw new Error('The connection is closed.')
    const answered = 'method' in message ? undefined : message.id
    const method = answered === undefined ? undefined : this.#open.get(answered)
    if (answered !== undefined) this.#open.delete(answered)
    this.#output.write(serializeMessage(message))
    if (method !== undefined) this.#answered(method)
    if (this.#output.writableLength <= UNREAD_LIMIT || this.#input.isPaused()) return
    this.#input.pause()
    this.#output.once('drain', () => {
      if (!this.#closed) this.#input.resume()
    })
  }

  /** Reads nothing more; what was read can still be answered. */
  stopReading(): void {
    this.#input.off('data', this.#onData)
    this.#input.pause()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.stopReading()
    this.onclose?.()
  }

  readonly #onData = (chunk: Buffer) => this.#lines.push(chunk)

  #receive(bytes: Buffer): void {
    const text = bytes.toString()
    if (text.trim() === '') return
    const value = parsed(text)
    const id = isJsonObject(value) && 'method' in value ? requestId(value.id) : undefined
    if (value === undefined) this.#refuse('a line that is not JSON')
    // What stands in for the wrong bytes would be sent to AiFi as if it had been asked for.
    else if (!isUtf8(bytes)) this.#refuse('a line that is not UTF-8', id)
    else if (!nestsWithin(value, NESTING_LIMIT)) this.#refuse('a message nested too deep', id)
    else this.#deliver(messageOf(value), id)
  }

  #deliver(message: JSONRPCMessage | undefined, id: RequestId | undefined): void {
    if (!message) {
      this.#refuse('a line that is no JSON-RPC message', id, INVALID_REQUEST)
    } else if (!('method' in message && 'id' in message)) {
      if ('method' in message) this.#noteCancelled(message)
      this.onmessage?.(message)
    } else if (this.#open.has(message.id)) {
      this.#refuse('a request with the id of one that is still open', message.id, INVALID_REQUEST)
    } else if (this.#open.size >= REQUESTS_LIMIT) {
      this.#refuse('a request while 1000 are open', message.id, BUSY)
    } else {
      this.#open.set(message.id, message.method)
      this.onmessage?.(message)
    }
  }

  /** A request that the client has given up gets no answer. */
  #noteCancelled({ method, params }: JSONRPCNotification): void {
    const id = method === 'notifications/cancelled' ? requestId(params?.requestId) : undefined
    if (id !== undefined) this.#open.delete(id)
  }

  #refuse(reason: string, id?: RequestId, code = PARSE_ERROR): void {
    this.#warn(reason)
    // Under the id of an open request, an answer would be taken for that to it.
    if (id === undefined || this.#open.has(id)) return
    const message = `This server left out ${reason}. Nothing was done.`
    this.send({ jsonrpc: '2.0', id, error: { code, message } }).catch(() => undefined)
  }
}

function parsed(text: string): unknown {
  try {
    // Windows shells begin a stream with a byte order mark.
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text)
  } catch {
    return undefined
  }
}

function messageOf(value: unknown): JSONRPCMessage | undefined {
  // The schema's report on what is wrong costs far more than this look, and a flood of wrong lines would add it up.
  if (!isJsonObject(value) || value.jsonrpc !== '2.0') return undefined
  try {
    return parseJSONRPCMessage(withoutNullMembers(value))
  } catch {
    return undefined
  }
}

function requestId(value: unknown): RequestId | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

const ID = String.raw`"id"\s*:\s*(\d{1,15}|"[\w-]{1,100}")\s*`
const BEGINS_WITH_ID = new RegExp(String.raw`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?${ID},\s*"method"\s*:`)
const BEGINS_WITH_METHOD = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"method"\s*:/
const ENDS_WITH_ID = new RegExp(String.raw`,\s*${ID}\}\s*$`)

/**
 * The id of a request of which only the two ends are known. Only where its place leaves no doubt: as a first or the last
 * member of the message, in the orders in which clients write them, and next to a `method`, for an answer has none.
 */
function requestIdAtEdges(edges: Edges): RequestId | undefined {
  const head = edges.head.toString('latin1')
  const tail = edges.tail.toString('latin1')
  const found = BEGINS_WITH_ID.exec(head) ?? (BEGINS_WITH_METHOD.test(head) ? ENDS_WITH_ID.exec(tail) : undefined)
  return found?.[1] === undefined ? undefined : requestId(JSON.parse(found[1]))
}
