import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { createInterface } from 'node:readline'

/**
 * Node as every process here is started: what the environment of whoever runs this says to Node (certificates to read,
 * options) would be part of each start.
 *
 * @param {readonly string[]} args
 * @param {Record<string, string>} env
 */
export function startNode(args, env = {}) {
  const { PATH, HOME } = process.env
  const plain = Object.fromEntries(Object.entries({ PATH, HOME }).filter(([, value]) => value !== undefined))
  return spawn(process.execPath, args, { env: { ...plain, ...env }, stdio: ['pipe', 'pipe', 'ignore'] })
}

/**
 * How a server is started.
 *
 * @typedef {{ file: string, env: Record<string, string> }} Server
 */

/**
 * Several, under the names by which they are compared.
 *
 * @typedef {Record<string, Server>} Servers
 */

/** A server as a process of its own, and the client that talks to it: JSON lines, and as little else as possible. */
export class McpProcess {
  #lastId = 0
  /** @type {Map<number, { resolve(result: any): void, reject(error: Error): void }>} */
  #waiting = new Map()

  /** @param {string} file @param {Record<string, string>} env */
  constructor(file, env = {}) {
    this.child = startNode([file], env)
    this.ended = new Promise((resolve) => this.child.on('exit', resolve))
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#take(JSON.parse(line)))
    // Whoever waits is told by the end of the process.
    this.child.stdin.on('error', () => undefined)
    this.ended.then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} ended without an answer`))
    })
  }

  /** @param {string} method @returns {Promise<any>} the result; rejects on an error. */
  request(method, params = {}) {
    const id = ++this.#lastId
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  /** As hosts do at the start: the handshake and the tools. */
  async open() {
    const clientInfo = { name: 'bench', version: '1.0.0' }
    const opened = this.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`)
    const listed = this.request('tools/list')
    await opened
    return (await listed).tools
  }

  /** One plain change. Rejects when it was not made. @param {number} customerId @param {string} firstName */
  async update(customerId, firstName) {
    const result = await this.request('tools/call', { name: 'update_customer', arguments: { customerId, firstName } })
    const status = result.structuredContent?.status ?? 'updated'
    if (result.isError || status !== 'updated') throw new Error(`A change was not made: ${JSON.stringify(result)}`)
  }

  /** Resident memory in bytes; undefined where the system does not tell. */
  memory() {
    try {
      const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8')) ?? []
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
    } catch {
      return undefined
    }
  }

  /** Ends it, as hosts do: by closing its input. */
  async end() {
    this.child.stdin.end()
    await this.ended
  }

  /** @param {any} message */
  #take({ id, result, error }) {
    const waiting = this.#waiting.get(id)
    if (!waiting) return
    this.#waiting.delete(id)
    if (error) waiting.reject(new Error(error.message))
    else waiting.resolve(result)
  }
}
