interface Sharing<Result> {
  readonly result: Promise<Result>
  readonly stop: AbortController
  waiting: number
}

/** Work that all who ask for the same share: it is done once, and stopped when the last of them has given up. */
export class SharedWork<Key, Result> {
  readonly #underWay = new Map<Key, Sharing<Result>>()
  #isStopped = false

  /**
   * The result of `work`, or of the same work that is under way. Undefined when this caller's signal aborts while others
   * still wait for it.
   */
  async share(
    key: Key,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result | undefined> {
    const sharing = this.#underWay.get(key) ?? this.#begin(key, work)
    sharing.waiting += 1
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        sharing.waiting -= 1
        if (sharing.waiting > 0) return resolve(undefined)
        // From here on the same key is new work.
        if (this.#underWay.get(key) === sharing) this.#underWay.delete(key)
        sharing.stop.abort()
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
      sharing.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
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

  #begin(key: Key, work: (signal: AbortSignal) => Promise<Result>): Sharing<Result> {
    const stop = new AbortController()
    if (this.#isStopped) stop.abort()
    const sharing: Sharing<Result> = { result: work(stop.signal), stop, waiting: 0 }
    this.#underWay.set(key, sharing)
    const forget = () => {
      if (this.#underWay.get(key) === sharing) this.#underWay.delete(key)
    }
    sharing.result.then(forget, forget)
    return sharing
  }
}
