import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'
import type { Decision } from './approval.ts'

/** Open questions at a time: more than a person can keep apart. */
const OPEN_LIMIT = 5
/** A declined change is not put to anybody again for this long, milliseconds. */
const SAME_CHANGE_PAUSE_MS = 60_000
/** So many refusals … */
const REFUSAL_LIMIT = 3
/** … within this long, and nothing is asked for as long, milliseconds. */
const REFUSAL_SPAN_MS = 10 * 60_000

const REFUSALS: readonly Decision['answer'][] = ['declined', 'cancelled', 'not_approved', 'expired']

export type Refusal =
  | { kind: 'declined_before'; retryAfterSeconds: number }
  | { kind: 'quiet'; retryAfterSeconds: number }
  | { kind: 'too_many_open' }

/** No nagging: how often people may be asked. Per process, by the monotonic clock. */
export class QuestionLimits {
  readonly #clock: Clock
  /** A bare hash of the arguments could be guessed (a phone number, a password): it is keyed, and the key dies with us. */
  readonly #secret = randomBytes(32)
  readonly #open = new Set<string>()
  readonly #declined = new Map<string, number>()
  #refusals: number[] = []
  #quietUntil = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes one of the places for the question about the change with this key, or says why it may not be asked. */
  open(key: string): Refusal | undefined {
    const fingerprint = this.#fingerprint(key)
    const now = this.#clock.monotonic()
    this.#forgetOld(now)
    const declinedAt = this.#declined.get(fingerprint)
    if (declinedAt !== undefined) {
      return { kind: 'declined_before', retryAfterSeconds: seconds(declinedAt + SAME_CHANGE_PAUSE_MS - now) }
    }
    if (now < this.#quietUntil) return { kind: 'quiet', retryAfterSeconds: seconds(this.#quietUntil - now) }
    if (this.#open.size >= OPEN_LIMIT) return { kind: 'too_many_open' }
    this.#open.add(fingerprint)
    return undefined
  }

  /** Gives the place back and takes note of the answer. */
  close(key: string, answer: Decision['answer']): void {
    const fingerprint = this.#fingerprint(key)
    const now = this.#clock.monotonic()
    this.#open.delete(fingerprint)
    if (!REFUSALS.includes(answer)) return
    if (answer !== 'expired') this.#declined.set(fingerprint, now)
    this.#refusals.push(now)
    this.#forgetOld(now)
    if (this.#refusals.length >= REFUSAL_LIMIT) {
      this.#quietUntil = now + REFUSAL_SPAN_MS
      this.#refusals = []
    }
  }

  #forgetOld(now: number): void {
    this.#refusals = this.#refusals.filter((at) => now - at < REFUSAL_SPAN_MS)
    for (const [each, at] of this.#declined) if (now - at >= SAME_CHANGE_PAUSE_MS) this.#declined.delete(each)
  }

  /** What is remembered of a change, longer than the change itself. */
  #fingerprint(key: string): string {
    return createHmac('sha256', this.#secret).update(key).digest('base64')
  }
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000)
}
