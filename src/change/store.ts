import type { AuditEntry } from '../audit/audit.ts'
import type { Person } from '../lib/person.ts'
import type { Asked, Change, Claimed, Decided, Ended, Lease, Past } from './change.ts'
import type { Refusal } from './limits.ts'

/** The store cannot be reached. What was being done may or may not be in it. */
export class StoreUnavailable extends Error {
  override readonly name: string = 'StoreUnavailable'
}

/**
 * Where changes live. A store holds these rules, and no others:
 *
 * - A version replaces only its predecessor.
 * - One live change per key; one claimed or sending change per customer.
 * - The entry of a transition is in the audit before the transition can be seen, or neither is there.
 * - A change that was sent and may have been made ends the kept outcomes of earlier changes of the same customer that
 *   share a field with it: what was told of those is no longer how things are.
 *
 * Time is the store's own: what has lapsed is decided by its clock.
 */
export interface ChangeStore {
  /**
   * Adds a new change, if its key is free and, for a question, if a person may be asked now.
   *
   * @param keys all by which the same request is known; several while the secret behind them is rotated.
   */
  add(change: Asked | Claimed, keys?: readonly string[]): Promise<Added>
  get(id: string): Promise<Change | undefined>
  /** The change with this key that is live, or has an outcome that nobody was told. */
  find(key: string): Promise<Change | undefined>
  /** What was done before, for a question about a change with this key, of this customer. Facts, no values; for a day. */
  past(change: { readonly key: string; readonly customerId: number }): Promise<Past>
  /** Puts `next` in the place of its predecessor. */
  swap(next: Change, entry?: AuditEntry): Promise<Swapped>
  /** Prolongs a lease that has not lapsed; false when it has, or is another's. */
  renew(id: string, lease: Lease): Promise<boolean>
  /**
   * The outcome is being told: the same request is a new one from now on, and what is kept goes once nobody watches it.
   * False when it was told before.
   */
  tell(change: Ended): Promise<boolean>
  /** The changes that have not ended. */
  live(): Promise<readonly Change[]>
  /** The first `limit` questions that wait for their answer, those that run out first at the front. */
  waiting(whose: Whose, limit: number): Promise<readonly Asked[]>
  countWaiting(whose: Whose): Promise<number>
  /** Questions that were decided, the latest first; empty where nobody looks at them. */
  decided(limit: number): Promise<readonly Decided[]>
  /** The live changes whose question or lease has lapsed. */
  due(): Promise<readonly Change[]>
  /** Milliseconds after which it is worth asking for {@link due} again; undefined when nothing can lapse. */
  nextDueMs(): number | undefined
  /** Calls `moved` whenever the change may have moved, wherever it does; now and then in vain. Returns the end of that. */
  watch(id: string, moved: () => void): () => void
  close(): Promise<void>
}

/** Empty: everybody's. */
export interface Whose {
  /** Only what this person asked for. */
  readonly by?: Person
}

export type Added =
  | { readonly kind: 'added' }
  /** A change with this key is there already. */
  | { readonly kind: 'existing'; readonly change: Change }
  /** Another change of this customer is being sent. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** `stale`: somebody else was faster. `busy`: another change of this customer is being sent. `unaudited`: the entry could not be written. */
export type Swapped = 'done' | 'stale' | 'busy' | 'unaudited'
