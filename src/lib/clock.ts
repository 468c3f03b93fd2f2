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

/** A signal that aborts after `ms`, or when `signal` does. Its `end` has to be called when it is no longer needed. */
export function timeLimit(clock: Clock, ms: number, signal?: AbortSignal): { signal: AbortSignal; end(): void } {
  const over = new AbortController()
  const abort = () => over.abort()
  const cancelTimer = clock.after(ms, abort)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  const end = () => {
    cancelTimer()
    signal?.removeEventListener('abort', abort)
  }
  return { signal: over.signal, end }
}

/** A moment by both clocks of this machine, as data: milliseconds, see {@link Clock}. */
export interface Instant {
  readonly wall: number
  readonly monotonic: number
}

/** The moment that comes `ms` milliseconds from now. */
export function instantIn(clock: Clock, ms: number): Instant {
  return { wall: clock.now() + ms, monotonic: clock.monotonic() + ms }
}

/**
 * Milliseconds until then by the stricter of the two clocks, 0 when it has come: sleep does not prolong a span, and
 * neither does a clock that is set back.
 */
export function remainingMs(clock: Clock, { wall, monotonic }: Instant): number {
  return Math.max(0, Math.min(wall - clock.now(), monotonic - clock.monotonic()))
}

/** The earlier of two by either clock: before it, neither has come. */
export function earlier(a: Instant, b: Instant): Instant {
  return { wall: Math.min(a.wall, b.wall), monotonic: Math.min(a.monotonic, b.monotonic) }
}

/** Milliseconds since then, by the clock on which more have passed: a clock that is set back takes nothing away. */
export function elapsedMs(clock: Clock, { wall, monotonic }: Instant): number {
  return Math.max(clock.now() - wall, clock.monotonic() - monotonic)
}

/** A span of `lifetimeMs` milliseconds from now on, over when either clock says so. */
export class Deadline {
  readonly #clock: Clock
  readonly #end: Instant

  constructor(clock: Clock, lifetimeMs: number) {
    this.#clock = clock
    this.#end = instantIn(clock, lifetimeMs)
  }

  get passed(): boolean {
    return this.remainingMs <= 0
  }

  /** Milliseconds left; 0 when it has passed. */
  get remainingMs(): number {
    return remainingMs(this.#clock, this.#end)
  }
}
