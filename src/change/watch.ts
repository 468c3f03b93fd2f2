import type { Clock } from '../lib/clock.ts'
import type { Change } from './change.ts'
import type { ChangeStore } from './store.ts'

/** A look at a change until it is left. */
export interface Watch {
  /** The change once it is no longer at this version, or as it is after `ms` milliseconds or when a signal aborts. */
  next(version: number, ms: number, signals: readonly AbortSignal[]): Promise<Change | undefined>
  /** No other call of this process watches it. */
  readonly alone: boolean
  leave(): void
}

export interface WatchesDeps {
  readonly store: ChangeStore
  readonly clock: Clock
}

/** Who in this process waits for a change to move, whichever process moves it. */
export class Watches {
  readonly #deps: WatchesDeps
  /** Calls that watch, per change. */
  readonly #calls = new Map<string, number>()

  constructor(deps: WatchesDeps) {
    this.#deps = deps
  }

  /** Watches the change with this id. `call`: on behalf of a call, which has to be told of its end. */
  watch(id: string, { call }: { call: boolean }): Watch {
    const { store, clock } = this.#deps
    let wake: () => void = () => undefined
    const unwatch = store.watch(id, () => wake())
    const calls = () => this.#calls.get(id) ?? 0
    if (call) this.#calls.set(id, calls() + 1)
    return {
      async next(version, ms, signals) {
        const moved = new Promise<void>((resolve) => {
          wake = resolve
        })
        const before = await store.get(id)
        if (!before || before.version !== version || signals.some(({ aborted }) => aborted)) return before
        const cancel = clock.after(ms, wake)
        for (const signal of signals) signal.addEventListener('abort', wake)
        await moved
        cancel()
        for (const signal of signals) signal.removeEventListener('abort', wake)
        return store.get(id)
      },
      get alone() {
        return calls() <= 1
      },
      leave: () => {
        unwatch()
        if (!call) return
        if (calls() > 1) this.#calls.set(id, calls() - 1)
        else this.#calls.delete(id)
      },
    }
  }
}
