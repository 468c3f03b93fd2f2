import { createHash, randomUUID } from 'node:crypto'
import type { AuditEntry } from '../../audit/audit.ts'
import {
  type Asked,
  type Change,
  type Claimed,
  type Decided,
  type Ended,
  isHeld,
  type Lease,
  type Past,
} from '../../change/change.ts'
import { type PastQuestion, type QuestionLimits, REFUSAL_SPAN_MS, type Refusal, refusal } from '../../change/limits.ts'
import { isByPerson, mayHaveBeenMade, pastOf, REMEMBER_MS, type SentChange } from '../../change/past.ts'
import type { Added, ChangeStore, Swapped, Whose } from '../../change/store.ts'
import { isCustomerField } from '../../customer/fields.ts'
import { type Clock, instantIn, remainingMs } from '../../lib/clock.ts'
import { writeExactly } from '../../lib/exact-json.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Seal } from '../seal.ts'
import { appendAudit } from './audit.ts'
import type { Database, Query, Row } from './database.ts'
import { ChangeFeed, tellMove } from './feed.ts'
import { changeColumns, changeIn, decidedIn, proposerOf, rowOf, values, written } from './rows.ts'

/** Between two looks for what has lapsed, milliseconds: other replicas may have stopped. */
const DUE_MS = 1_000
/** What has lapsed that one look takes on. */
const DUE_LIMIT = 100

/** Answers after which the same question may have to wait. */
const REFUSALS = ['declined', 'cancelled', 'not_approved', 'expired']

export interface PostgresStoreOptions {
  /** Of the AiFi that is changed: two deployments that share a database never see each other's changes. */
  readonly address: string
  readonly limits: QuestionLimits
  /** Of the bodies: everything that came from a caller or a record. */
  readonly seal: Seal
  readonly clock: Clock
  readonly logger: Pick<Logger, 'error'>
  /** False: nothing is listened to, and what moves elsewhere is found by polling alone. */
  readonly listen?: boolean
}

/** Names the deployment in every row. */
export function deploymentOf(address: string): string {
  return createHash('sha256').update(address).digest('base64url')
}

/**
 * The changes of a team, shared by its replicas. Each transition is one transaction, in the turn of its customer, with
 * its entry in the audit. Spans are by the database's clock; where a connection is lost, the transaction is repeated, and
 * knows its own body again if it had been committed.
 */
export class PostgresStore implements ChangeStore {
  readonly #database: Database
  readonly #options: PostgresStoreOptions
  readonly #deployment: string
  readonly #feed: ChangeFeed

  constructor(database: Database, options: PostgresStoreOptions) {
    this.#database = database
    this.#options = options
    this.#deployment = deploymentOf(options.address)
    this.#feed = new ChangeFeed(database, this.#deployment, options)
  }

  async add(change: Asked | Claimed, keys: readonly string[] = [change.key]): Promise<Added> {
    const body = this.#sealed(change)
    const turns = [`customer ${change.customerId}`, `proposer ${proposerOf(change.caller)}`]
    return this.#inTurn(turns, async (query): Promise<Added> => {
      const [row, existing] = await this.#holderOf(query, keys)
      if (row?.body === body) return { kind: 'added' }
      if (existing) return { kind: 'existing', change: existing }
      const refused = change.state === 'asked' && (await this.#refusal(query, change, keys))
      if (refused) return { kind: 'refused', refusal: refused }
      const added = await query(
        `with added as (insert into aifi_change (deployment, ${written}) values ($1, ${values})
           on conflict do nothing returning id) select ${tellMove} from added`,
        [this.#deployment, ...rowOf(change, body, this.#options.clock)],
      )
      return { kind: added.length === 0 ? 'busy' : 'added' }
    })
  }

  async get(id: string): Promise<Change | undefined> {
    if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id)) return undefined
    const [change] = await this.#changes('id = $2', [id])
    return change
  }

  async find(key: string): Promise<Change | undefined> {
    const [, change] = await this.#holderOf((text, given) => this.#database.query(text, given), [key])
    return change
  }

  async past({ key, customerId }: Pick<Change, 'key' | 'customerId'>): Promise<Past> {
    const sent = await this.#database.query(
      `select key, fields, by_person, extract(epoch from ended_at) * 1000 as at from aifi_change
       where deployment = $1 and customer_id = $2 and made
         and ended_at > clock_timestamp() - $3 * interval '1 millisecond' order by ended_at`,
      [this.#deployment, customerId, REMEMBER_MS],
    )
    const [asked] = await this.#database.query(
      `select answer from aifi_change where deployment = $1 and key = $2 and answer = any($4)
         and ended_at > clock_timestamp() - $3 * interval '1 millisecond' order by ended_at desc limit 1`,
      [this.#deployment, key, REFUSAL_SPAN_MS, REFUSALS],
    )
    return {
      ...pastOf(key, sent.map(sentChange)),
      ...(asked?.answer === 'not_approved' && { notApproved: true }),
    }
  }

  async swap(next: Change, entry?: AuditEntry): Promise<Swapped> {
    const body = this.#sealed(next)
    return this.#inTurn([`customer ${next.customerId}`], async (query): Promise<Swapped> => {
      const present = await this.#present(query, next)
      if (present?.body === body) return 'done'
      if (present?.version !== next.version - 1) return 'stale'
      if (isHeld(next) && present.is_busy) return 'busy'
      const row = rowOf(next, body, this.#options.clock)
      if (next.state === 'ended') await this.#end(query, next, row)
      else await this.#move(query, row)
      // Last: until the end all others wait for their turn in the audit.
      if (entry) await appendAudit(query, this.#deployment, entry)
      return 'done'
    })
  }

  async renew(id: string, lease: Lease): Promise<boolean> {
    const renewed = await this.#database.query(
      `update aifi_change set lease_until = clock_timestamp() + $4 * interval '1 millisecond'
       where deployment = $1 and id = $2 and lease_token = $3 and state in ('claimed', 'sending')
         and lease_until > clock_timestamp() returning id`,
      [this.#deployment, id, lease.token, remainingMs(this.#options.clock, lease.until)],
    )
    return renewed.length > 0
  }

  async tell({ id }: Ended): Promise<boolean> {
    const token = randomUUID()
    const told = await this.#database.query(
      `update aifi_change set told_by = $3, erase_at = least(erase_at, clock_timestamp() + interval '1 minute')
       where deployment = $1 and id = $2 and state = 'ended' and coalesce(told_by, $3) = $3 returning id`,
      [this.#deployment, id, token],
    )
    return told.length > 0
  }

  async live(): Promise<readonly Change[]> {
    return this.#changes("state <> 'ended'", [])
  }

  async waiting({ by }: Whose, limit: number): Promise<readonly Asked[]> {
    const changes = await this.#changes(
      "state = 'asked' and ($2::text is null or proposer = $2) order by expires_at limit $3",
      [by && proposerOf({ person: by }), limit],
    )
    return changes.filter((each) => each.state === 'asked')
  }

  async countWaiting({ by }: Whose): Promise<number> {
    const [row] = await this.#database.query(
      `select count(*)::int as waiting from aifi_change
       where deployment = $1 and state = 'asked' and ($2::text is null or proposer = $2)`,
      [this.#deployment, by && proposerOf({ person: by })],
    )
    return Number(row?.waiting)
  }

  async decided(limit: number): Promise<readonly Decided[]> {
    const rows = await this.#database.query(
      `select history from aifi_change where deployment = $1 and state = 'ended' and history is not null
       order by ended_at desc limit $2`,
      [this.#deployment, limit],
    )
    return rows.flatMap(decidedIn)
  }

  async due(): Promise<readonly Change[]> {
    const asked = instantIn(this.#options.clock, 0)
    // By the time of the statement, since no index serves for a clock that runs on; the latest first: what nobody can
    // read any more stays behind, and in nobody's way.
    const rows = await this.#database.query(
      `select ${changeColumns}, coalesce(lease_until, expires_at) < statement_timestamp() - interval '1 hour' as is_long_over
       from aifi_change where deployment = $1 and state <> 'ended' and coalesce(lease_until, expires_at) <= statement_timestamp()
       order by coalesce(lease_until, expires_at) desc limit $2`,
      [this.#deployment, DUE_LIMIT],
    )
    const due = rows.map((row) => ({ row, change: changeIn(row, this.#options.seal, asked) }))
    await this.#giveUp(due.filter(({ row, change }) => !change && row.is_long_over).map(({ row }) => row.id))
    return due.flatMap(({ change }) => change ?? [])
  }

  /** The key that these were sealed with is gone: whoever could read them would have ended them. */
  async #giveUp(ids: readonly unknown[]): Promise<void> {
    if (ids.length === 0) return
    await this.#database.query(
      `update aifi_change set state = 'ended', body = null, ended_at = clock_timestamp()
       where deployment = $1 and id = any($2) and state <> 'ended'`,
      [this.#deployment, ids],
    )
  }

  nextDueMs(): number {
    return DUE_MS
  }

  watch(id: string, moved: () => void): () => void {
    return this.#feed.watch(id, moved)
  }

  /** What is not to be kept any longer goes now; it does so by itself, too, twice a minute. */
  erase(): Promise<void> {
    return this.#feed.erase()
  }

  async close(): Promise<void> {
    await this.#feed.close()
    await this.#database.close()
  }

  #sealed(change: Change): string {
    return this.#options.seal.seal(writeExactly(change))
  }

  #inTurn<Result>(turns: readonly string[], work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#database.transaction(
      work,
      turns.map((turn) => `${this.#deployment} ${turn}`),
    )
  }

  async #changes(condition: string, given: readonly unknown[]): Promise<Change[]> {
    const asked = instantIn(this.#options.clock, 0)
    const text = `select ${changeColumns} from aifi_change where deployment = $1 and ${condition}`
    const rows = await this.#database.query(text, [this.#deployment, ...given])
    return rows.flatMap((row) => changeIn(row, this.#options.seal, asked) ?? [])
  }

  /** What is live under one of the keys, or has an outcome that nobody was told. */
  async #holderOf(query: Query, keys: readonly string[]): Promise<[Row | undefined, Change | undefined]> {
    const asked = instantIn(this.#options.clock, 0)
    const [row] = await query(
      `select ${changeColumns} from aifi_change where deployment = $1 and key = any($2)
         and (state <> 'ended' or (told_by is null and erase_at > clock_timestamp()))
       order by state = 'ended', ended_at desc limit 1`,
      [this.#deployment, keys],
    )
    return [row, row && changeIn(row, this.#options.seal, asked)]
  }

  /** What is there now, and whether another change of this customer is being sent. */
  async #present(query: Query, { id, customerId }: Change): Promise<Row | undefined> {
    const [present] = await query(
      `select version, body, exists (
         select 1 from aifi_change other where other.deployment = $1 and other.customer_id = $3 and other.id <> $2
           and other.state in ('claimed', 'sending')) as is_busy
       from aifi_change where deployment = $1 and id = $2`,
      [this.#deployment, id, customerId],
    )
    return present
  }

  /** @param also further columns to set, whose values begin with $15. */
  async #move(query: Query, row: readonly unknown[], also = '', given: readonly unknown[] = []): Promise<void> {
    await query(
      `with moved as (update aifi_change set (${written}) = (${values})${also} where deployment = $1 and id = $2
         returning id) select ${tellMove} from moved`,
      [this.#deployment, ...row, ...given],
    )
  }

  /** What becomes of an outcome: kept for a day, or until it is told or overtaken. */
  async #end(query: Query, ended: Ended, row: readonly unknown[]): Promise<void> {
    const { id, customerId, fields, decision, outcome, unwanted } = ended
    const isMade = mayHaveBeenMade(outcome)
    await this.#move(
      query,
      row,
      `, ended_at = coalesce(ended_at, clock_timestamp()),
         erase_at = coalesce(erase_at, clock_timestamp() + interval '1 day'), told_by = coalesce(told_by, $15),
         made = $16, by_person = $17`,
      [unwanted ? 'nobody' : undefined, isMade, isByPerson(decision)],
    )
    if (!isMade) return
    await query(
      `update aifi_change set told_by = 'overtaken', erase_at = least(erase_at, clock_timestamp() + interval '1 minute')
       where deployment = $1 and customer_id = $2 and id <> $3 and state = 'ended' and told_by is null and fields && $4`,
      [this.#deployment, customerId, id, fields],
    )
  }

  async #refusal(query: Query, change: Asked, keys: readonly string[]): Promise<Refusal | undefined> {
    const past = await query(
      `select answer, extract(epoch from clock_timestamp() - ended_at) * 1000 as age_ms from aifi_change
       where deployment = $1 and key = any($2) and ended_at > clock_timestamp() - $3 * interval '1 millisecond'
         and answer = any($4) order by ended_at`,
      [this.#deployment, keys, 2 * REFUSAL_SPAN_MS, REFUSALS],
    )
    const open = await query(
      "select customer_id from aifi_change where deployment = $1 and proposer = $2 and state = 'asked' limit $3",
      [this.#deployment, proposerOf(change.caller), this.#options.limits.open],
    )
    const questions = past.map(({ answer, age_ms }): PastQuestion => {
      const how = answer === 'expired' || answer === 'not_approved' ? answer : 'refused'
      return { key: change.key, how, at: -Number(age_ms) }
    })
    const customers = open.map(({ customer_id }) => Number(customer_id))
    return refusal(change, questions, customers, 0, this.#options.limits)
  }
}

function sentChange({ key, fields, by_person, at }: Row): SentChange {
  const named = Array.isArray(fields) ? fields.map(String).filter(isCustomerField) : []
  return { key: String(key), fields: named, at: Number(at), byPerson: by_person === true }
}
