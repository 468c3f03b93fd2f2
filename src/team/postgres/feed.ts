import { type Clock, sleep } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Database } from './database.ts'

const CHANNEL = 'aifi_customer_mcp'
/**
 * Says that the change with this `id` moves, in SQL. Part of the transaction that moves it: nobody hears of what is not
 * committed.
 */
export const tellMove = `pg_notify('${CHANNEL}', id::text)`
/** Between two looks at what is watched, milliseconds: a notification may be lost, and none comes through some poolers. */
const POLL_MS = 1_000
/** Polls between two looks for what is to be erased. */
const ERASE_POLLS = 30

interface Watched {
  readonly moved: Set<() => void>
  /** The version that the last poll saw. */
  version: number | undefined
}

export interface ChangeFeedOptions {
  readonly clock: Clock
  readonly logger: Pick<Logger, 'error'>
  readonly listen?: boolean
}

/** Says which of the watched changes have moved, wherever it was; and erases in time what is not to be kept. */
export class ChangeFeed {
  readonly #database: Database
  readonly #deployment: string
  readonly #options: ChangeFeedOptions
  readonly #watched = new Map<string, Watched>()
  readonly #closing = new AbortController()
  readonly #running: Promise<unknown>

  constructor(database: Database, deployment: string, options: ChangeFeedOptions) {
    this.#database = database
    this.#deployment = deployment
    this.#options = options
    const { signal } = this.#closing
    const listening = options.listen === false ? undefined : database.listen(CHANNEL, (id) => this.#moved(id), signal)
    this.#running = Promise.all([listening, this.#poll(signal)])
  }

  watch(id: string, moved: () => void): () => void {
    const watched = this.#watched.get(id) ?? { moved: new Set(), version: undefined }
    this.#watched.set(id, watched)
    watched.moved.add(moved)
    return () => {
      watched.moved.delete(moved)
      if (watched.moved.size === 0 && this.#watched.get(id) === watched) this.#watched.delete(id)
    }
  }

  /** Bodies go once they were told, or after a day; what is left of a change, no value of it, after 90 days. */
  async erase(): Promise<void> {
    await this.#database.query(
      `update aifi_change set body = null where deployment = $1 and id in (
         select id from aifi_change where deployment = $1 and body is not null and erase_at <= statement_timestamp()
         for update skip locked)`,
      [this.#deployment],
    )
    await this.#database.query(
      `delete from aifi_change where deployment = $1 and id in (
         select id from aifi_change where deployment = $1 and state = 'ended'
           and ended_at < statement_timestamp() - interval '90 days'
         for update skip locked)`,
      [this.#deployment],
    )
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  #moved(id: string): void {
    for (const moved of this.#watched.get(id)?.moved ?? []) moved()
  }

  async #poll(signal: AbortSignal): Promise<void> {
    for (let polls = 0; !signal.aborted; polls += 1) {
      await sleep(this.#options.clock, POLL_MS, signal)
      try {
        if (!signal.aborted) await this.#look()
        if (!signal.aborted && polls % ERASE_POLLS === 0) await this.erase()
      } catch (err) {
        if (!signal.aborted) this.#options.logger.error({ err }, 'the store cannot be polled')
      }
    }
  }

  async #look(): Promise<void> {
    if (this.#watched.size === 0) return
    const rows = await this.#database.query(
      'select id, version from aifi_change where deployment = $1 and id = any($2)',
      [this.#deployment, [...this.#watched.keys()]],
    )
    for (const { id, version } of rows) {
      const watched = this.#watched.get(String(id))
      if (!watched || watched.version === version) continue
      watched.version = Number(version)
      this.#moved(String(id))
    }
  }
}
