import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'

const PAUSE_MS = 1_000

/** Logs each warning at most once a second, with how often it came up: a flood of input must not become one of log. */
export class Warnings {
  readonly #logger: Logger
  readonly #clock: Clock
  /** How often each was held back since it was last logged. */
  readonly #heldBack = new Map<string, number>()

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger
    this.#clock = clock
  }

  /** @param message one of few: it is what is counted. */
  warn(message: string, fields: object = {}): void {
    const heldBack = this.#heldBack.get(message)
    this.#heldBack.set(message, heldBack === undefined ? 0 : heldBack + 1)
    if (heldBack !== undefined) return
    this.#logger.warn(fields, message)
    this.#clock.after(PAUSE_MS, () => this.#catchUp(message))
  }

  #catchUp(message: string): void {
    const times = this.#heldBack.get(message) ?? 0
    this.#heldBack.delete(message)
    if (times > 0) this.#logger.warn({ times }, `${message} (again)`)
  }
}
