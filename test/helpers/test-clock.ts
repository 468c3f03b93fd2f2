import type { Clock } from '../../src/lib/clock.ts'

interface Timer {
  readonly due: number
  readonly callback: () => void
  readonly real: NodeJS.Timeout
}

/** The machine's clocks, which a test can push: time goes on by itself, and jumps when it is told to. */
export class TestClock implements Clock {
  #wallOffset = 0
  #monotonicOffset = 0
  #held: { wall: number; monotonic: number } | undefined
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

  after(ms: number, callback: () => void): () => void {
    const run = () => {
      this.#timers.delete(timer)
      callback()
    }
    const timer: Timer = { due: this.monotonic() + ms, callback: run, real: setTimeout(run, ms) }
    this.#timers.add(timer)
    return () => {
      clearTimeout(timer.real)
      this.#timers.delete(timer)
    }
  }

  /** Time passes: both clocks go on, and timers that are due fire, the earliest first. */
  advance(ms: number): void {
    this.#wallOffset += ms
    this.#monotonicOffset += ms
    const due = [...this.#timers].filter((timer) => timer.due <= this.monotonic()).sort((a, b) => a.due - b.due)
    for (const { real, callback } of due) {
      clearTimeout(real)
      callback()
    }
  }

  /** Every timer that waits fires now, too early. */
  fireEarly(): void {
    for (const { real, callback } of [...this.#timers]) {
      clearTimeout(real)
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
