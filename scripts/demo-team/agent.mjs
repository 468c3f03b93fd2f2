import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Agent as Dispatcher, fetch } from 'undici'

/** A call waits for a person for less than a minute. */
const PATIENCE_MS = 90_000

/** The agent of a support workflow: an MCP client over HTTP that has a token, and can ask nobody anything. */
export class Agent {
  #client = new Client(
    { name: 'support-agent', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  #dispatcher

  /** @param {{ ca: string }} trust */
  constructor({ ca }) {
    this.#dispatcher = new Dispatcher({ connect: { ca } })
  }

  /** @param {string} url @param {string} token */
  async connect(url, token) {
    const dispatcher = this.#dispatcher
    /** @type {import('@modelcontextprotocol/client').FetchLike} */
    const trusting = async (address, { method = 'GET', headers, body, signal } = {}) => {
      const sent = { method, headers: [...new Headers(headers)], ...(typeof body === 'string' && { body }), signal }
      const answer = await fetch(address, { ...sent, signal: signal ?? null, dispatcher })
      return new Response(answer.body, { status: answer.status, headers: [...answer.headers] })
    }
    const requestInit = { headers: { Authorization: `Bearer ${token}` } }
    await this.#client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit, fetch: trusting }))
  }

  /**
   * @param {Record<string, unknown>} args
   * @returns {Promise<Record<string, any>>} the structured content; rejects when the connection breaks.
   */
  async update(args) {
    const call = { name: 'update_customer', arguments: args }
    const { structuredContent } = await this.#client.callTool(call, { timeout: PATIENCE_MS })
    return /** @type {Record<string, any>} */ (structuredContent ?? {})
  }

  async close() {
    await this.#client.close()
    await this.#dispatcher.destroy()
  }
}
