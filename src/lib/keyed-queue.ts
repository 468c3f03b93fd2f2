/** One after the other per customer; different customers do not wait for each other. */
export class Turns {
  readonly #last = new Map<number, Promise<unknown>>()

  /** Runs `work` when everything that asked before it for this customer has ended. */
  async take<T>(customerId: number, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(customerId) ?? Promise.resolve()
    const mine = before.then(work)
    const settled = mine.catch(() => undefined)
    this.#last.set(customerId, settled)
    try {
      return await mine
    } finally {
      if (this.#last.get(customerId) === settled) this.#last.delete(customerId)
    }
  }
}
