import { Pool } from 'undici'
import { PUBLIC_URL } from './world.mjs'

const NAMES = 'io.modelcontextprotocol/'
/** What a 2026-07-28 client says with every message. */
const _meta = {
  [`${NAMES}protocolVersion`]: '2026-07-28',
  [`${NAMES}clientInfo`]: { name: 'bench', version: '1.0.0' },
  [`${NAMES}clientCapabilities`]: {},
}

/** A client of one server over HTTP: kept connections, and as little else as possible. */
export class Caller {
  #pool

  /** @param {import('./world.mjs').Server} server @param {number} connections */
  constructor({ address }, connections = 64) {
    this.#pool = new Pool(address, { connections, headersTimeout: 60_000 })
  }

  /**
   * One call of `update_customer`; resolves with its status. A server without statuses has made the change.
   *
   * @param {string} token
   * @param {Record<string, unknown>} args
   * @returns {Promise<string>}
   */
  async update(token, args) {
    const params = { name: 'update_customer', arguments: args, _meta }
    const { statusCode, body } = await this.#pool.request({
      path: '/mcp',
      method: 'POST',
      headers: {
        host: new URL(PUBLIC_URL).host,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'update_customer',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    })
    const text = await body.text()
    const [, data = ''] = /^(?:data: )?(\{.*)/m.exec(text) ?? []
    const { result } = data === '' ? {} : JSON.parse(data)
    if (statusCode !== 200 || !result) throw new Error(`A call was answered with ${statusCode} ${text}`)
    return result.structuredContent?.status ?? 'updated'
  }

  close() {
    return this.#pool.destroy()
  }
}
