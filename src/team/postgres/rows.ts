import {
  type Asking,
  type Caller,
  type Change,
  type Claimed,
  type Decided,
  decidedOf,
  isHeld,
  type Rung,
} from '../../change/change.ts'
import { type ChangeRequest, isCustomerField } from '../../customer/fields.ts'
import { type Clock, type Instant, remainingMs } from '../../lib/clock.ts'
import { parseExactly } from '../../lib/exact-json.ts'
import { canonicalJson, isJsonObject } from '../../lib/json.ts'
import type { Seal } from '../seal.ts'
import type { Row } from './database.ts'

/** What a row says of a change besides its sealed body, and how the two become a {@link Change} again. */

/** The columns that {@link changeIn} reads. What is left of a span is told by the database's clock, in milliseconds. */
export const changeColumns = `id, version, body, lease_token,
  extract(epoch from expires_at - clock_timestamp()) * 1000 as expires_ms,
  extract(epoch from lease_until - clock_timestamp()) * 1000 as lease_ms`

/** The columns of a change but for its deployment, as parameters from $2 on. The spans begin when the database reads them. */
export const written = `id, version, state, key, customer_id, fields, proposer, body, answer, history, lease_token,
  expires_at, lease_until`
export const values = `$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
  clock_timestamp() + $13 * interval '1 millisecond', clock_timestamp() + $14 * interval '1 millisecond'`

/** The values of {@link written}; `body` is sealed already. */
export function rowOf(change: Change, body: string, clock: Clock): unknown[] {
  const { id, version, state, key, customerId, fields, caller } = change
  const lease = isHeld(change) ? change.lease : undefined
  const asking = change.state === 'asked' || change.state === 'claimed' ? change.asking : undefined
  const decided = change.state === 'ended' ? decidedOf(change) : undefined
  const decision = decided?.decision
  return [
    id,
    version,
    state,
    key,
    customerId,
    fields,
    proposerOf(caller),
    body,
    decision && (decision.kind === 'answered' ? decision.answer : decision.kind),
    decided && JSON.stringify(decided),
    lease?.token,
    asking && remainingMs(clock, asking.expiresAt),
    lease && remainingMs(clock, lease.until),
  ]
}

/** Equal for the same caller. */
export function proposerOf({ person, application }: Pick<Caller, 'person' | 'application'>): string {
  return canonicalJson(person ? { issuer: person.issuer, subject: person.subject } : { application })
}

/**
 * The change in a row; undefined when its body is erased, was sealed under a key that is gone, or asks for what only
 * another version knows.
 *
 * @param asked when the row was asked for, by the reader's clocks: never later than the database looked.
 */
export function changeIn(row: Row, seal: Seal, asked: Instant): Change | undefined {
  const opened = typeof row.body === 'string' ? seal.open(row.body) : undefined
  if (!opened) return undefined
  const change = parseExactly(opened, Number.POSITIVE_INFINITY)
  // What is under our seal we have written: that it stands in its own row is left to see, and that we know it.
  if (!isChange(change) || change.id !== row.id || change.version !== row.version) return undefined
  if (change.state !== 'ended' && !isKnown(change.request)) return undefined
  return inTime(change, { asked, expires: after(asked, row.expires_ms), lease: after(asked, row.lease_ms) })
}

/** What is left of a change that was decided, once its body is erased. */
export function decidedIn({ history }: Row): Decided[] {
  const decided: unknown = typeof history === 'string' ? JSON.parse(history) : undefined
  return isDecided(decided) ? [decided] : []
}

interface Instants {
  readonly asked: Instant
  readonly expires: Instant
  readonly lease: Instant
}

/** The instants of another process's clocks mean nothing here: those of the row are put in their place. */
function inTime(change: Change, { asked, expires, lease }: Instants): Change {
  switch (change.state) {
    case 'asked':
      return { ...change, asking: askingIn(change.asking, asked, expires) }
    case 'claimed': {
      const held: Claimed = { ...change, lease: { ...change.lease, until: lease } }
      return change.asking ? { ...held, asking: askingIn(change.asking, asked, expires) } : held
    }
    case 'sending':
      return { ...change, lease: { ...change.lease, until: lease } }
    case 'ended':
      return change
  }
}

function askingIn(asking: Asking, asked: Instant, expiresAt: Instant): Asking {
  const { rung, passed } = asking
  return {
    ...asking,
    expiresAt,
    ...(rung && { rung: rungIn(rung, asked) }),
    passed: passed.map((each) => ({ ...each, rung: rungIn(each.rung, asked) })),
  }
}

/** When a form went out is known by the wall clock alone. */
function rungIn(rung: Rung, { wall, monotonic }: Instant): Rung {
  const { handedOutAt } = rung
  return handedOutAt
    ? { ...rung, handedOutAt: { ...handedOutAt, monotonic: monotonic - (wall - handedOutAt.wall) } }
    : rung
}

function after({ wall, monotonic }: Instant, ms: unknown): Instant {
  const left = ms === null || ms === undefined ? 0 : Number(ms)
  return { wall: wall + left, monotonic: monotonic + left }
}

function isChange(value: unknown): value is Change {
  return isJsonObject(value) && typeof value.id === 'string' && typeof value.version === 'number'
}

/** Another version may know further fields: a question made here would not show them, and they would be sent. */
function isKnown({ changes, enterPrivately }: ChangeRequest): boolean {
  return [...Object.keys(changes), ...enterPrivately].every(isCustomerField)
}

function isDecided(value: unknown): value is Decided {
  return isJsonObject(value) && typeof value.id === 'string' && isJsonObject(value.decision)
}
