import type { Clock } from '../../src/lib/clock.ts'

interface Timer {
  readonly due: number
  readonly callback: () => void
  /** Forgets what makes it fire by itself. */
  readonly disarm: () => void
}

/** The machine's clocks, which a test can push: time goes on by itself, and jumps when it is told to. */
export class TestClock implements Clock {
  #wallOffset = 0
  #monotonicOffset = 0
  #held: { wall: number; monotonic: number } | undefined
  #pausesMs: number | undefined
  readonly #timers = new Set<Timer>()

  now(): number {
    return (this.#held?.wall ?? Date.now()) + this.#wallOffset
  }

  monotonic(): number {
    return (this.#held?.monotonic ?? performance.now()) + this.#monotonicOffset
  }

  /** From now on time goes on only when the test says so: however slow the machine, what follows takes no time. */
  hold(): void {
    // Whole milliseconds: sums of fractions would miss a limit by a hair.
    this.#held = { wall: Date.now(), monotonic: Math.round(performance.now()) }
  }

  /**
   * The same, and timers of the machine fire nothing any more: pauses of up to `pausesMs` are over as soon as they begin,
   * and time goes on by them; whatever is longer comes when the test passes the time. Nothing may be under way.
   */
  holdTimers(pausesMs: number): void {
    this.hold()
    this.#pausesMs = pausesMs
  }

  after(ms: number, callback: () => void): () => void {
    const run = () => {
      this.#timers.delete(timer)
      callback()
    }
    const due = this.monotonic() + ms
    const timer: Timer = { due, callback: run, disarm: this.#arm(ms, () => this.advance(due - this.monotonic()), run) }
    this.#timers.add(timer)
    return () => {
      timer.disarm()
      this.#timers.delete(timer)
    }
  }

  #arm(ms: number, pass: () => void, run: () => void): () => void {
    if (this.#pausesMs === undefined) {
      const real = setTimeout(run, ms)
      return () => clearTimeout(real)
    }
    if (ms > this.#pausesMs) return () => undefined
    const soon = setImmediate(pass)
    return () => clearImmediate(soon)
  }

  /** Time passes: both clocks go on, and timers that are due fire, the earliest first. */
  advance(ms: number): void {
    this.#wallOffset += ms
    this.#monotonicOffset += ms
    const due = [...this.#timers].filter((timer) => timer.due <= this.monotonic()).sort((a, b) => a.due - b.due)
    for (const timer of due) {
      timer.disarm()
      if (this.#timers.has(timer)) timer.callback()
    }
  }

  /** Every timer that waits fires now, too early. */
  fireEarly(): void {
    for (const { disarm, callback } of [...this.#timers]) {
      disarm()
      callback()
    }
  }

  /** The machine sleeps: only the wall clock goes on, and no timer fires. */
  sleep(ms: number): void {
    this.#wallOffset += ms
  }

  /** Somebody sets the wall clock, by so many milliseconds forward or (negative) back. */
  adjust(ms: number): void {
    this.#wallOffset += ms
  }

  /** Timers that are waiting. */
  get pending(): number {
    return this.#timers.size
  }
}
