import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkServerIdentity } from 'node:tls'
import pg from 'pg'
import { isLoopback } from '../../config/setting-kinds.ts'
import { DatabaseError, faultOf } from './database-error.ts'

/** A database that is restarting, recovering or out of reach is waited for so long, milliseconds. */
const PATIENCE_MS = 10_000
const PAUSE_MS = 150
/** One statement, and a silence inside a transaction, may take so long, milliseconds: who stops holds nobody up. */
const STATEMENT_MS = 4_000
const IDLE_MS = 2_000
const CONNECT_MS = 3_000

/** What a transaction begins with, whatever the server's own settings are. A commit is on the disk when it is answered. */
const BEGIN = [
  'begin isolation level read committed',
  `set local statement_timeout = ${STATEMENT_MS}`,
  `set local idle_in_transaction_session_timeout = ${IDLE_MS}`,
  'set local synchronous_commit = on',
].join('; ')

export type Row = Record<string, unknown>

/** Sends one statement with its values; resolves with the rows. */
export type Query = (text: string, values: readonly unknown[]) => Promise<Row[]>

/** PostgreSQL, whose absence is waited for. */
export class Database {
  readonly #pool: pg.Pool
  readonly #options: pg.ClientConfig
  readonly #patienceMs: number
  #closed = false

  /** @param patienceMs how long its absence is waited for, milliseconds. */
  constructor(url: string, { patienceMs = PATIENCE_MS } = {}) {
    this.#patienceMs = patienceMs
    this.#options = connectionOptions(url)
    this.#pool = new pg.Pool({ ...this.#options, max: 8, idleTimeoutMillis: 30_000 })
    // A connection that breaks between two statements, or while nobody uses it: the next one fails, or the pool makes another.
    this.#pool.on('connect', (client) => void client.on('error', () => undefined))
    this.#pool.on('error', () => undefined)
  }

  /**
   * One transaction. When a connection is lost in the middle, whether it was committed is not known: `work` runs again,
   * and has to notice what it did the first time.
   *
   * @param turns what it is about: from its first look to its end no other transaction about the same is between its own.
   */
  async transaction<Result>(work: (query: Query) => Promise<Result>, turns: readonly string[] = []): Promise<Result> {
    const begin = [BEGIN, ...turns.map((turn) => `select pg_advisory_xact_lock(${lockOf(turn)})`)].join('; ')
    return this.#patiently(async (client) => {
      await client.query(begin)
      const result = await work(async (text, values) => (await client.query<Row>(text, [...values])).rows)
      await client.query('commit')
      return result
    })
  }

  /** One statement that may be repeated. */
  query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#patiently(async (client) => (await client.query<Row>(text, [...values])).rows)
  }

  /**
   * Calls `heard` with what is sent to the channel, until the signal aborts. A lost connection is made again; what was
   * sent meanwhile is lost.
   */
  async listen(channel: string, heard: (payload: string) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#listenOnce(channel, heard, signal)
      if (!signal.aborted) await sleep(PAUSE_MS)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#pool.end()
  }

  /** Resolves when the connection is lost, or never came about: the poll finds what is not heard. */
  async #listenOnce(channel: string, heard: (payload: string) => void, signal: AbortSignal): Promise<void> {
    const client = new pg.Client({ ...this.#options, keepAlive: true })
    const gone = once(client, 'end', { signal }).catch(() => undefined)
    // What follows the first of its errors is nobody's any more.
    client.on('error', () => undefined)
    client.on('notification', ({ payload }) => heard(payload ?? ''))
    try {
      await client.connect()
      await client.query(`listen ${pg.escapeIdentifier(channel)}`)
      await gone
    } catch {
      return
    } finally {
      void client.end().catch(() => undefined)
    }
  }

  async #patiently<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const until = performance.now() + this.#patienceMs
    for (;;) {
      try {
        return await this.#once(work)
      } catch (err) {
        const fault = faultOf(err)
        if (fault === undefined) throw err
        if (fault !== 'away' || performance.now() > until || this.#closed) throw new DatabaseError(fault, err)
        await sleep(PAUSE_MS)
      }
    }
  }

  async #once<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect()
    let isBroken = true
    try {
      const result = await work(client)
      isBroken = false
      return result
    } finally {
      // Whatever went wrong, nothing of it may be left in a connection that others use.
      client.release(isBroken)
    }
  }
}

/** 64 bits, which a text of any length is equal in to no other that anybody would find. */
function lockOf(turn: string): bigint {
  return createHash('sha256').update(turn).digest().readBigInt64BE()
}

/**
 * What `pg` is to do with an address that the settings have let through: TLS with the host's own certificate, unless the
 * host is this machine and asks for none. `sslrootcert` is left to `NODE_EXTRA_CA_CERTS`, which the whole process heeds.
 */
export function connectionOptions(address: string): pg.ClientConfig {
  const url = new URL(address)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isPlain = isLoopback(url) && url.searchParams.get('sslmode') !== 'verify-full'
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || 'postgres',
    ssl: isPlain
      ? false
      : { rejectUnauthorized: true, checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate) },
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS + 1_000,
    application_name: 'aifi-customer-mcp',
  }
}
