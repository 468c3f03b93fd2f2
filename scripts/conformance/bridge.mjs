// Streamable HTTP in front of the server over stdio, as little of it as the conformance suite needs. Messages pass
// through unchanged but for their ids, which are made unique within a server's process and restored in its answers.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import process from 'node:process'
import { createInterface } from 'node:readline'

const MODERN = '2026-07-28'
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
const METHOD_NOT_FOUND = -32601
const HEADER_MISMATCH = -32020

/** @typedef {Record<string, any>} Message */
/** @typedef {{ name: string, arguments: Record<string, unknown> }} Call */

/**
 * @param {string} program the built server
 * @param {object} options
 * @param {Readonly<Record<string, Call>>} [options.stands] calls of ours that take the place of the suite's own tools
 * @param {Readonly<Record<string, string>>} [options.settings] of the server
 */
export async function startBridge(program, { stands = {}, settings = {} }) {
  /** @type {Map<string, Session>} */
  const sessions = new Map()
  /** @type {Promise<Session> | undefined} that of all requests of 2026-07-28, which knows no sessions */
  let modern
  /** Those of requests that are the first and last of their connection. @type {Session[]} */
  const single = []
  const open = () => new Session(program, settings)
  const alone = (/** @type {Session} */ session) => {
    single.push(session)
    return session
  }

  const server = createServer(async (request, response) => {
    const id = request.headers['mcp-session-id']
    const session = typeof id === 'string' ? sessions.get(id) : undefined
    if (id !== undefined && !session) return end(response, 404)
    if (request.method === 'DELETE' && typeof id === 'string') {
      await session?.close()
      sessions.delete(id)
      return end(response, 200)
    }
    // There is no stream outside a request: what a server sends of its own accord goes out with the oldest one open.
    if (request.method !== 'POST') return end(response, 405)
    const message = standingFor(JSON.parse(await bodyOf(request)))
    if (session) return pass(session, message, response)
    const header = request.headers['mcp-protocol-version']
    const named = message.params?._meta?.[VERSION_KEY]
    if (message.method === 'initialize' && named === undefined && header !== MODERN) {
      const started = open()
      const newId = randomUUID()
      sessions.set(newId, started)
      return pass(started, message, response, { 'Mcp-Session-Id': newId })
    }
    if (named !== undefined && named !== header) {
      const error = { code: HEADER_MISMATCH, message: 'MCP-Protocol-Version is not the version in _meta.' }
      return json(response, 400, { jsonrpc: '2.0', id: message.id, error })
    }
    if (named !== undefined && named !== MODERN) return pass(alone(open()), message, response)
    modern ??= opened(open())
    return pass(await modern, message, response, {}, true)
  })

  /** @param {Message} message @returns {Message} */
  function standingFor(message) {
    const call = message.method === 'tools/call' ? stands[message.params?.name] : undefined
    return call ? { ...message, params: { ...message.params, ...call } } : message
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      server.closeAllConnections()
      server.close()
      const last = modern ? [await modern] : []
      await Promise.all([...sessions.values(), ...single, ...last].map((each) => each.close()))
    },
  }
}

/** A server's process. */
class Session {
  #child
  #lastId = 0
  /** What waits for an answer, the oldest first. @type {Map<number, { id: unknown, receive: (message: Message) => void }>} */
  #open = new Map()

  /** @param {string} program @param {Readonly<Record<string, string>>} settings */
  constructor(program, settings) {
    const env = { PATH: process.env.PATH ?? '', LOG_LEVEL: 'silent', ...settings }
    this.#child = spawn(process.execPath, [program, '--sandbox'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#receive(JSON.parse(line)))
  }

  /** @param {Message} message */
  write(message) {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`)
  }

  /**
   * Sends a request; `receive` gets what comes with it, and last its answer.
   * @param {Message} message
   * @param {(message: Message) => void} receive
   * @returns what to call when nobody waits any more
   */
  ask(message, receive) {
    this.#lastId += 1
    const id = this.#lastId
    this.#open.set(id, { id: message.id, receive })
    this.write({ ...message, id })
    return () => {
      if (!this.#open.delete(id)) return
      this.write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } })
    }
  }

  /** @param {Message} message */
  #receive(message) {
    const asked = 'method' in message ? undefined : this.#open.get(message.id)
    if (!asked) return this.#open.values().next().value?.receive(message)
    this.#open.delete(message.id)
    asked.receive({ ...message, id: asked.id })
  }

  async close() {
    const ended = once(this.#child, 'close')
    this.#child.stdin.end()
    if (this.#child.exitCode === null) await ended
  }
}

/**
 * Opens the connection as a client of 2026-07-28 does: on stdio, the first request other than a probe decides for the
 * whole connection of which era it is.
 * @param {Session} session
 */
async function opened(session) {
  const _meta = { [VERSION_KEY]: MODERN, 'io.modelcontextprotocol/clientCapabilities': {} }
  const request = { jsonrpc: '2.0', id: 'opening', method: 'tools/list', params: { _meta } }
  await new Promise((resolve) => session.ask(request, resolve))
  return session
}

/**
 * @param {Session} session
 * @param {Message} message
 * @param {import('node:http').ServerResponse} response
 * @param {Record<string, string>} [headers]
 * @param {boolean} [cancels] whether a client that leaves has cancelled
 */
function pass(session, message, response, headers = {}, cancels = false) {
  if (message.id === undefined || message.method === undefined) {
    session.write(message)
    return end(response, 202)
  }
  const leave = session.ask(message, (received) => {
    const isAnswer = !('method' in received)
    if (isAnswer && !response.headersSent) return json(response, statusOf(message, received), received, headers)
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/event-stream', ...headers })
    response.write(`event: message\ndata: ${JSON.stringify(received)}\n\n`)
    if (isAnswer) response.end()
  })
  if (cancels) response.on('close', leave)
}

/**
 * The status that 2026-07-28 gives to an error of the protocol; before, it was always 200.
 * @param {Message} request
 * @param {Message} answer
 */
function statusOf({ params, method }, { error }) {
  const isModern = method === 'server/discover' || params?._meta?.[VERSION_KEY] !== undefined
  if (!error || !isModern) return 200
  return error.code === METHOD_NOT_FOUND ? 404 : 400
}

/** @param {import('node:http').IncomingMessage} request */
async function bodyOf(request) {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return body
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {Message} body
 * @param {Record<string, string>} [headers]
 */
function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** @param {import('node:http').ServerResponse} response @param {number} status */
function end(response, status) {
  response.writeHead(status).end()
}
