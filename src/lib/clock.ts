import type { Signal as AbortSignal } from './signal.ts'

/**
 * The two clocks and the timer, passed in wherever time decides something, so that tests can move them.
 *
 * Both clocks are needed: a laptop that sleeps stops the monotonic one, an adjusted clock moves the wall one.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970. Can jump either way. */
  now(): number
  /** Monotonic clock, milliseconds since an arbitrary start. Never goes back, may stand still during sleep. */
  monotonic(): number
  /** Calls `callback` after `ms` milliseconds; the returned function cancels. Never keeps the process alive by itself. */
  after(ms: number, callback: () => void): () => void
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/**
 * A span that is over when either clock says so: sleep does not prolong it, and neither does a clock set back.
 *
 * @param lifetimeMs length of the span in milliseconds.
 */
export class Deadline {
  readonly endsAt: number
  readonly #clock: Clock
  readonly #monotonicEnd: number

  constructor(clock: Clock, lifetimeMs: number) {
    this.#clock = clock
    this.endsAt = clock.now() + lifetimeMs
    this.#monotonicEnd = clock.monotonic() + lifetimeMs
  }

  get passed(): boolean {
    return this.remainingMs <= 0
  }

  /** Milliseconds left by the stricter of the two clocks; 0 when it has passed. */
  get remainingMs(): number {
    return Math.max(0, Math.min(this.endsAt - this.#clock.now(), this.#monotonicEnd - this.#clock.monotonic()))
  }
}
