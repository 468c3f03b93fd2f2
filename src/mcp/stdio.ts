import { isUtf8 } from 'node:buffer'
import type { Readable, Writable } from 'node:stream'
import {
  INVALID_REQUEST,
  type JSONRPCMessage,
  type JSONRPCNotification,
  PARSE_ERROR,
  parseJSONRPCMessage,
  type RequestId,
  serializeMessage,
  type Transport,
} from '@modelcontextprotocol/server'
import { isJsonObject, nestsWithin, readJson } from '../lib/json.ts'
import { Batch, memberTexts } from './batch.ts'
import { Lines } from './lines.ts'
import { MESSAGE_LEVELS, SERVER_ERROR, withoutNullMembers } from './message.ts'
import { ARGUMENTS_LIMIT, withoutArguments } from './raw-arguments.ts'

const MB = 1024 * 1024
/** The longest message that is read, bytes: what the SDK allows too. */
const LINE_LIMIT = 10 * MB
/** With this many requests unanswered, or this many characters in them, further ones are turned away. */
const REQUESTS_LIMIT = 1_000
const OPEN_LIMIT = 32 * MB
/** The most messages in one line. */
const BATCH_LIMIT = 100
/** Nothing more is read while the client has not taken this much of what was written, bytes. */
const UNREAD_LIMIT = MB

/** A request without an answer. */
interface OpenRequest {
  /** Its JSON text, as it came. */
  readonly text: string
  /** Whose answers go out together. */
  readonly batch: Batch | undefined
}

/**
 * MCP over two streams, one message a line, or several in an array (which only 2025-03-26 describes, and all may send).
 * In place of the SDK's transport, which ends the connection at the first line over 10 MB, holds everything that the
 * client does not read, and keeps nothing of what a message was parsed from.
 *
 * Whatever comes in, it goes on: what is no message is left out with a warning, and answered with an error if it is a
 * request that could be read whole. Its owner watches the streams for their end and closes it.
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
    tooLong: () => this.#refuse('a line over 10 MB'),
  })
  readonly #open = new Map<RequestId, OpenRequest>()
  #openLength = 0
  #closed = false

  /** @param warn told of everything that came in and was left out; never with a word of it. */
  constructor(input: Readable, output: Writable, warn: (reason: string) => void) {
    this.#input = input
    this.#output = output
    this.#warn = warn
  }

  async start(): Promise<void> {
    this.#input.on('data', this.#onData)
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) throw new Error('The connection is closed.')
    const batch = 'method' in message || message.id === undefined ? undefined : this.#open.get(message.id)?.batch
    if (batch) batch.answer(message)
    else this.#write(serializeMessage(message))
    if (!('method' in message)) this.#forget(message.id)
  }

  #write(line: string): void {
    // What is answered in one turn of the event loop leaves in one write.
    if (this.#output.writableCorked === 0) {
      this.#output.cork()
      setImmediate(() => this.#output.uncork())
    }
    this.#output.write(line)
    if (this.#output.writableLength <= UNREAD_LIMIT || this.#input.isPaused()) return
    this.#input.pause()
    this.#output.once('drain', () => {
      if (!this.#closed) this.#input.resume()
    })
  }

  /**
   * The JSON text of a request, while it has no answer and is not cancelled, in which digits and members are what they
   * were. A parsed message has rounded numbers and, as the SDK copies it, no `__proto__`.
   */
  rawRequest(id: RequestId): string | undefined {
    return this.#open.get(id)?.text
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
    // Windows shells begin a stream with a byte order mark.
    const text = bytes.toString().replace(/^\uFEFF/, '')
    if (text.trim() === '') return
    // Nobody looks into so large arguments, and parsed they would be many times as large.
    const looked = text.length > ARGUMENTS_LIMIT ? withoutArguments(text) : text
    const isTooLarge = looked.length > ARGUMENTS_LIMIT
    const value = isTooLarge ? undefined : readJson(looked)
    const id = idOf(value)
    if (isTooLarge) this.#refuse('a line over 256 kB')
    else if (value === undefined) this.#refuse('a line that is not JSON')
    // What stands in for the wrong bytes would be sent to AiFi as if it had been asked for.
    else if (!isUtf8(bytes)) this.#refuse('a line that is not UTF-8', id)
    else if (!nestsWithin(value, MESSAGE_LEVELS)) this.#refuse('a message nested too deep', id)
    else if (!Array.isArray(value)) this.#deliver(value, text)
    else if (value.length > BATCH_LIMIT) this.#refuse(`a batch of more than ${BATCH_LIMIT} messages`)
    else this.#deliverAll(value, memberTexts(text))
  }

  #deliverAll(values: readonly unknown[], texts: readonly string[]): void {
    const batch = new Batch((line) => this.#write(line))
    if (values.length === 0) this.#refuse('an empty batch')
    for (const [index, value] of values.entries()) this.#deliver(value, texts[index] ?? '', batch)
    batch.complete()
  }

  #deliver(value: unknown, text: string, batch?: Batch): void {
    const message = messageOf(value)
    if (!message) {
      this.#refuse('a line that is no JSON-RPC message', idOf(value), INVALID_REQUEST, batch)
    } else if (!('method' in message && 'id' in message)) {
      if ('method' in message) this.#noteCancelled(message)
      this.onmessage?.(message)
    } else if (this.#open.has(message.id)) {
      this.#refuse('a request with the id of one that is still open', message.id, INVALID_REQUEST)
    } else if (this.#open.size >= REQUESTS_LIMIT || this.#openLength + text.length > OPEN_LIMIT) {
      this.#refuse('a request while 1000, or 32 MB of them, are open', message.id, SERVER_ERROR, batch)
    } else {
      batch?.expect(message.id)
      this.#open.set(message.id, { text, batch })
      this.#openLength += text.length
      this.onmessage?.(message)
    }
  }

  /** A request that the client has given up gets no answer. With another reason, the SDK takes the message for none. */
  #noteCancelled({ method, params: { requestId: id, reason } = {} }: JSONRPCNotification): void {
    const isReason = reason === undefined || typeof reason === 'string'
    if (method === 'notifications/cancelled' && isReason) this.#forget(requestId(id))
  }

  #forget(id: RequestId | undefined): void {
    if (id === undefined) return
    const request = this.#open.get(id)
    this.#openLength -= request?.text.length ?? 0
    this.#open.delete(id)
    request?.batch?.drop(id)
  }

  #refuse(reason: string, id?: RequestId, code: number = PARSE_ERROR, batch?: Batch): void {
    this.#warn(reason)
    // Under the id of an open request, an answer would be taken for that to it.
    if (id === undefined || this.#open.has(id)) return
    const message = `This server left out ${reason}. Nothing was done.`
    const answer: JSONRPCMessage = { jsonrpc: '2.0', id, error: { code, message } }
    if (batch) batch.answer(answer)
    else this.#write(serializeMessage(answer))
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

/** Of something that may be a request. */
function idOf(value: unknown): RequestId | undefined {
  return isJsonObject(value) && 'method' in value ? requestId(value.id) : undefined
}

function requestId(value: unknown): RequestId | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}
