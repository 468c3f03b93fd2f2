/** What the buffer shrinks to after a line. */
const SMALL = 64 * 1024
const LINE_BREAK = 0x0a

export interface LineHandlers {
  /** One line without its line break. The bytes are valid only during the call. */
  line(bytes: Buffer): void
  /** One of which nothing was kept. */
  tooLong(): void
}

/** Cuts a stream of bytes into lines, and never holds more than one line of at most `limit` bytes. */
export class Lines {
  readonly #limit: number
  readonly #handlers: LineHandlers
  /** The beginning of the current line; the buffer grows by doubling, so that many small chunks stay cheap. */
  #held = Buffer.allocUnsafe(SMALL)
  #length = 0
  #isTooLong = false

  constructor(limit: number, handlers: LineHandlers) {
    this.#limit = limit
    this.#handlers = handlers
  }

  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(LINE_BREAK); end >= 0; end = chunk.indexOf(LINE_BREAK, start)) {
      this.#add(chunk.subarray(start, end))
      this.#finish()
      start = end + 1
    }
    this.#add(chunk.subarray(start))
  }

  #add(part: Buffer): void {
    const length = this.#length + part.length
    this.#isTooLong ||= length > this.#limit
    if (this.#isTooLong) this.#release()
    else this.#append(part, length)
  }

  #append(part: Buffer, length: number): void {
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(length, this.#held.length * 2)))
      this.#held.copy(grown, 0, 0, this.#length)
      this.#held = grown
    }
    part.copy(this.#held, this.#length)
    this.#length = length
  }

  #finish(): void {
    if (this.#isTooLong) this.#handlers.tooLong()
    else this.#handlers.line(this.#held.subarray(0, this.#length))
    this.#isTooLong = false
    this.#release()
  }

  #release(): void {
    this.#length = 0
    if (this.#held.length > SMALL) this.#held = Buffer.allocUnsafe(SMALL)
  }
}
