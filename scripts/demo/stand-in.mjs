import { spawn } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'

/** The stand-in for AiFi as a process of its own, on a free port. */
export class StandIn {
  address = ''
  #token = ''
  #child
  #exited

  /** @param {string} program the built server */
  constructor(program) {
    this.#child = spawn(process.execPath, [program, 'sandbox'], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exited = new Promise((resolve) => this.#child.once('exit', resolve))
  }

  /** Resolves when it answers. */
  async ready() {
    const { AIFI_BASE_URL = '', AIFI_TOKEN = '' } = await readSettings(this.#child)
    this.address = AIFI_BASE_URL
    this.#token = AIFI_TOKEN
  }

  /** All that the server needs to reach it. */
  get settings() {
    return { AIFI_BASE_URL: this.address, AIFI_TOKEN: this.#token }
  }

  /** The record behind AiFi's answers. @param {number} id @returns {Promise<Record<string, any>>} */
  customer(id) {
    return this.#get(`customers/${id}`)
  }

  /** Requests to the Admin API so far, by method. @returns {Promise<Record<string, number>>} */
  requests() {
    return this.#get('requests')
  }

  /** @param {string} path @returns {Promise<any>} */
  async #get(path) {
    const headers = { Authorization: `Bearer ${this.#token}` }
    const response = await fetch(`${this.address}/sandbox/${path}`, { headers })
    if (!response.ok) throw new Error(`The stand-in answered ${response.status} for /sandbox/${path}.`)
    return response.json()
  }

  async stop() {
    this.#child.kill('SIGTERM')
    await this.#exited
  }

  kill() {
    this.#child.kill('SIGKILL')
  }
}

/** @param {Record<'stdout' | 'stderr', import('node:stream').Readable>} child @returns {Promise<Record<string, string>>} */
async function readSettings({ stdout, stderr }) {
  /** @type {Record<string, string>} */
  const settings = {}
  let complaint = ''
  stderr.on('data', (chunk) => {
    complaint += chunk
  })
  for await (const each of createInterface({ input: stdout })) {
    const [name = '', value = ''] = each.split(/=(.*)/s)
    settings[name] = value
    if (settings.AIFI_BASE_URL && settings.AIFI_TOKEN) return settings
  }
  throw new Error(`The stand-in for AiFi did not start. ${complaint.trim()}`)
}
