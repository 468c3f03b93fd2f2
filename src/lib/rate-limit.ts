import type { Clock } from './clock.ts'

const MINUTE_MS = 60_000

/** So many in any 60 seconds, by the monotonic clock. A runaway assistant stops here. */
export class RateLimit {
  readonly #perMinute: number
  readonly #clock: Clock
  readonly #taken: number[] = []

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute
    this.#clock = clock
  }

  /** Takes one, or returns the seconds after which there is one again. */
  take(): number | undefined {
    const now = this.#clock.monotonic()
    for (let oldest = this.#taken[0]; oldest !== undefined && now - oldest >= MINUTE_MS; oldest = this.#taken[0]) {
      this.#taken.shift()
    }
    const [oldest] = this.#taken
    if (oldest !== undefined && this.#taken.length >= this.#perMinute)
      return Math.ceil((oldest + MINUTE_MS - now) / 1000)
    this.#taken.push(now)
    return undefined
  }
}
