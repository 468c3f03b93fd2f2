import type { Clock } from '../../src/lib/clock.ts'

interface Timer {
  readonly due: number
  readonly callback: () => void
}

/** A clock that stands still until the test moves it; no timer of the machine is behind it. */
export class ManualClock implements Clock {
  #ms = 0
  readonly #wall: number
  readonly #timers = new Set<Timer>()

  /** @param aheadMs how far its wall clock is ahead of that of others. */
  constructor(aheadMs = 0) {
    this.#wall = Date.UTC(2026, 0, 1) + aheadMs
  }

  now(): number {
    return this.#wall + this.#ms
  }

  monotonic(): number {
    return this.#ms
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { due: this.#ms + ms, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Time passes, and no timer fires: the process is stopped. */
  stand(ms: number): void {
    this.#ms += ms
  }

  /** What is due fires, the earliest first. */
  fire(): void {
    const due = [...this.#timers].filter((timer) => timer.due <= this.#ms).sort((a, b) => a.due - b.due)
    for (const timer of due) if (this.#timers.delete(timer)) timer.callback()
  }
}
