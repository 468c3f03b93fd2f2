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
