import type { Clock } from './clock.ts'

/** When one who waits for shared work gives up. */
export interface GiveUp {
  readonly signal: AbortSignal
  /** Also after so many milliseconds. */
  readonly afterMs: number
}

interface Sharing<Result> {
  readonly result: Promise<Result>
  readonly stop: AbortController
  waiting: number
}

/** Work that all who ask for the same share: it is done once, and stopped when the last of them has given up. */
export class SharedWork<Key, Result> {
  readonly #clock: Clock
  readonly #underWay = new Map<Key, Sharing<Result>>()
  #isStopped = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * The result of `work`, or of the same work that is under way. Undefined when this caller gives up while others still
   * wait for it.
   */
  async share(
    key: Key,
    { signal, afterMs }: GiveUp,
    work: (stop: AbortController) => Promise<Result>,
  ): Promise<Result | undefined> {
    const sharing = this.#underWay.get(key) ?? this.#begin(key, work)
    sharing.waiting += 1
    return new Promise((resolve, reject) => {
      let isWaiting = true
      const giveUp = () => {
        if (!isWaiting) return
        isWaiting = false
        sharing.waiting -= 1
        if (sharing.waiting > 0) return resolve(undefined)
        // From here on the same key is new work.
        if (this.#underWay.get(key) === sharing) this.#underWay.delete(key)
        sharing.stop.abort()
      }
      const cancelTimer = this.#clock.after(afterMs, giveUp)
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
      const forget = () => {
        cancelTimer()
        signal.removeEventListener('abort', giveUp)
      }
      sharing.result.then(resolve, reject)
      sharing.result.then(forget, forget)
    })
  }

  /** Stops all work, that of later calls too. */
  stop(): void {
    this.#isStopped = true
    for (const { stop } of this.#underWay.values()) stop.abort()
  }

  /** Resolves when the work that is under way now has ended. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#underWay.values()].map(({ result }) => result))
  }

  #begin(key: Key, work: (stop: AbortController) => Promise<Result>): Sharing<Result> {
    const stop = new AbortController()
    if (this.#isStopped) stop.abort()
    const sharing: Sharing<Result> = { result: work(stop), stop, waiting: 0 }
    this.#underWay.set(key, sharing)
    const forget = () => {
      if (this.#underWay.get(key) === sharing) this.#underWay.delete(key)
    }
    sharing.result.then(forget, forget)
    return sharing
  }
}

/** One after the other per key, in the order in which they asked; different keys do not wait for each other. */
export class KeyedQueue<Key> {
  readonly #last = new Map<Key, Promise<void>>()

  /**
   * Resolves with the function that gives the turn back, once everything that asked before has given back its own;
   * with undefined as soon as `signal` aborts: then there is nothing to give back.
   */
  async enter(key: Key, signal: AbortSignal): Promise<(() => void) | undefined> {
    const before = this.#last.get(key)
    let leave: () => void = () => undefined
    const left = new Promise<void>((resolve) => {
      leave = resolve
    })
    const last = (before ?? Promise.resolve()).then(() => left)
    this.#last.set(key, last)
    void last.then(() => {
      if (this.#last.get(key) === last) this.#last.delete(key)
    })
    const isMine = before === undefined || (await settledOrAborted(before, signal))
    if (isMine && !signal.aborted) return leave
    leave()
    return undefined
  }
}

/** True when the promise resolved first. */
function settledOrAborted(promise: Promise<void>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false)
    const onAbort = () => resolve(false)
    signal.addEventListener('abort', onAbort, { once: true })
    void promise.then(() => {
      signal.removeEventListener('abort', onAbort)
      resolve(true)
    })
  })
}
