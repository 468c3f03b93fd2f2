/** What this program needs of an `AbortSignal`: the process has one, its own are {@link StopSignal}s. */
export interface Signal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options?: { once: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * A signal and its controller in one. Every call needs several, and as `AbortController`s, which are event targets with
 * all that belongs to them, they would cost more than everything else that is kept of a call.
 */
export class StopSignal implements Signal {
  #aborted = false
  readonly #listeners = new Set<() => void>()

  get aborted(): boolean {
    return this.#aborted
  }

  /** Calls `listener` when it is aborted: once, whatever the options. */
  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener)
  }

  abort(): void {
    if (this.#aborted) return
    this.#aborted = true
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener()
  }
}
