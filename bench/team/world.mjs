import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { loadParts, PROGRAM } from '../../scripts/team/parts.mjs'
import { startNode } from '../mcp-process.mjs'

export const PUBLIC_URL = 'https://team.example'
const bench = fileURLToPath(new URL('..', import.meta.url))

/**
 * A server that is measured.
 *
 * @typedef {{ address: string, pid: number | undefined }} Server
 */

/**
 * What all servers share.
 *
 * @typedef {{
 *   parts: import('../../scripts/team/parts.mjs').Parts
 *   issuer: import('../../test/helpers/issuer.ts').TestIssuer
 *   postgres: import('../../test/helpers/postgres.ts').Postgres
 *   upstream: string
 *   folder: string
 * }} Shared
 */

/** Everything that the benchmark starts, and the end of it. */
export class World {
  /** Of all replicas; base64. */
  secretKey = randomBytes(32).toString('base64')
  #ends
  #folder

  /** @param {Shared} shared @param {(() => unknown)[]} ends */
  constructor({ parts, issuer, postgres, upstream, folder }, ends) {
    this.parts = parts
    this.issuer = issuer
    this.postgres = postgres
    /** Where AiFi is. */
    this.upstream = upstream
    this.#folder = folder
    this.#ends = ends
  }

  static async start() {
    /** @type {(() => unknown)[]} */
    const ends = []
    try {
      return new World(await startShared(ends), ends)
    } catch (error) {
      await endAll(ends)
      throw error
    }
  }

  /** The last first. */
  async end() {
    await endAll(this.#ends)
  }

  /** The server that ours is compared with. @returns {Promise<Server>} */
  async minimal() {
    const port = await this.parts.freePort()
    const server = startNode([join(this.#folder, 'minimal-http.js')], {
      ...this.#access,
      ISSUER: this.issuer.url,
      AUDIENCE: `${PUBLIC_URL}/mcp`,
      PORT: String(port),
    })
    this.#ends.push(() => server.stdin.end())
    await once(server.stdout, 'data')
    return { address: `http://127.0.0.1:${port}`, pid: server.pid }
  }

  /** One of ours. @param {Record<string, string>} settings besides those that all have. @returns {Promise<Server>} */
  async replica(settings) {
    const env = {
      ...this.#access,
      ...this.issuer.settings,
      AIFI_SECRET_KEY: this.secretKey,
      AIFI_MAX_CHANGES_PER_MINUTE: '1000000',
      AIFI_READ_BACK: 'off',
      LOG_LEVEL: 'silent',
      ...settings,
    }
    const port = await this.parts.freePort()
    const replica = await this.parts.Replica.start({ name: 'replica', program: PROGRAM, env, port })
    this.#ends.push(() => replica.end('SIGKILL'))
    return { address: replica.address, pid: replica.pid }
  }

  /** Tokens of as many callers. @param {number} count @param {string} name */
  tokens(count, name) {
    const exp = Math.floor(Date.now() / 1000) + 3_600
    return Promise.all(Array.from({ length: count }, (_, i) => this.issuer.token({ sub: `${name}-${i}`, exp })))
  }

  get #access() {
    return { AIFI_BASE_URL: this.upstream, AIFI_TOKEN: 'bench-token' }
  }
}

/** @param {(() => unknown)[]} ends gets the end of each part that was started. @returns {Promise<Shared>} */
async function startShared(ends) {
  // The issuer's library says at length, and as it goes along, that this is no production.
  console.info = console.warn = () => {}
  const parts = await loadParts()
  const folder = await mkdtemp(join(tmpdir(), 'aifi-bench-team-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  await promisify(execFile)(process.execPath, [join(bench, 'build-servers.mjs'), folder])
  const aifi = spawn(process.execPath, [join(bench, 'upstream.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
  ends.push(() => aifi.stdin.end())
  const [port] = await once(createInterface({ input: aifi.stdout }), 'line')
  const issuer = await parts.startIssuer({ publicUrl: PUBLIC_URL })
  ends.push(() => issuer.close())
  const postgres = await parts.startPostgres()
  ends.push(() => postgres.stop())
  return { parts, issuer, postgres, upstream: `http://127.0.0.1:${port}`, folder }
}

/** The last first. @param {(() => unknown)[]} ends */
async function endAll(ends) {
  for (const end of ends.reverse()) await end()
}
