import { type Clock, type Instant, instantIn, remainingMs } from '../lib/clock.ts'
import type { Decision, Ended, Past } from './change.ts'
import { answerers, type UpdateEnvelope } from './envelope.ts'

/** What was sent is remembered for this long, milliseconds. */
export const REMEMBER_MS = 24 * 60 * 60_000

/** That a change was sent and may have been made: no values. */
export interface SentChange extends Pick<Ended, 'key' | 'fields'> {
  /** When it ended, wall clock, milliseconds since 1970. */
  readonly at: number
  readonly byPerson: boolean
}

/** A change that ended so was sent, and may have been made. */
export function mayHaveBeenMade({ status }: UpdateEnvelope): boolean {
  return status === 'updated' || status === 'unknown'
}

/** Whether a person said yes, rather than the assistant or a setting. */
export function isByPerson(decision: Decision | undefined): boolean {
  return decision?.kind === 'answered' && !['assistant', 'setting'].includes(answerers[decision.channel])
}

/** @param sent of one customer, in the last {@link REMEMBER_MS}, the oldest first. */
export function pastOf(key: string, sent: readonly SentChange[]): Pick<Past, 'renamed' | 'made'> {
  const renamed = sent.findLast(({ fields }) => fields.includes('firstName') || fields.includes('lastName'))
  const same = sent.findLastIndex((each) => each.key === key)
  const made = sent[same]
  const isChangedSince = sent.slice(same + 1).some(({ fields }) => fields.some((field) => made?.fields.includes(field)))
  return {
    ...(renamed && { renamed: { at: renamed.at, byPerson: renamed.byPerson } }),
    ...(made && isChangedSince && { made: { at: made.at } }),
  }
}

/** So many customers are remembered at the most, those that were changed last; and so many changes of each. */
const CUSTOMERS = 1_000
const OF_ONE_CUSTOMER = 100

/** What was sent in the last day, in the memory of one process. */
export class SentLately {
  readonly #clock: Clock
  /** The customer that was changed last comes last, and so does the last change of each. */
  readonly #byCustomer = new Map<number, (SentChange & { readonly until: Instant })[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(customerId: number, sent: SentChange): void {
    const known = this.#byCustomer.get(customerId) ?? []
    known.push({ ...sent, until: instantIn(this.#clock, REMEMBER_MS) })
    if (known.length > OF_ONE_CUSTOMER) known.shift()
    this.#byCustomer.delete(customerId)
    this.#byCustomer.set(customerId, known)
    const [longestUnchanged] = this.#byCustomer.keys()
    if (this.#byCustomer.size > CUSTOMERS && longestUnchanged !== undefined) this.#byCustomer.delete(longestUnchanged)
  }

  /** The oldest first. */
  of(customerId: number): readonly SentChange[] {
    const known = this.#byCustomer.get(customerId) ?? []
    return known.filter(({ until }) => remainingMs(this.#clock, until) > 0)
  }
}
