/** How much is kept of both ends of a line that is too long, bytes. */
const EDGE = 512
/** What the buffer shrinks to after a line. */
const SMALL = 64 * 1024
const LINE_BREAK = 0x0a

/** The two ends of a line whose middle was not kept. */
export interface Edges {
  readonly head: Buffer
  readonly tail: Buffer
}

export interface LineHandlers {
  /** One line without its line break. The bytes are valid only during the call. */
  line(bytes: Buffer): void
  tooLong(edges: Edges): void
}

/** Cuts a stream of bytes into lines and never holds more than one line of at most `limit` bytes. */
export class Lines {
  readonly #limit: number
  readonly #handlers: LineHandlers
  /** The beginning of the current line; the buffer grows by doubling, so that many small chunks stay cheap. */
  #held = Buffer.allocUnsafe(SMALL)
  #length = 0
  #edges: Edges | undefined

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
    if (this.#edges === undefined && length <= this.#limit) {
      this.#reserve(length)
      part.copy(this.#held, this.#length)
      this.#length = length
      return
    }
    const { head, tail } = this.#edges ?? this.#heldEdges()
    this.#edges = { head: firstOf(head, part), tail: lastOf(tail, part) }
    this.#release()
  }

  #finish(): void {
    if (this.#edges) this.#handlers.tooLong(this.#edges)
    else this.#handlers.line(this.#held.subarray(0, this.#length))
    this.#edges = undefined
    this.#release()
  }

  #heldEdges(): Edges {
    const held = this.#held.subarray(0, this.#length)
    return { head: Buffer.from(held.subarray(0, EDGE)), tail: Buffer.from(held.subarray(-EDGE)) }
  }

  #reserve(length: number): void {
    if (length <= this.#held.length) return
    const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(length, this.#held.length * 2)))
    this.#held.copy(grown, 0, 0, this.#length)
    this.#held = grown
  }

  #release(): void {
    this.#length = 0
    if (this.#held.length > SMALL) this.#held = Buffer.allocUnsafe(SMALL)
  }
}

function firstOf(head: Buffer, part: Buffer): Buffer {
  return head.length >= EDGE ? head : Buffer.concat([head, part.subarray(0, EDGE)]).subarray(0, EDGE)
}

function lastOf(tail: Buffer, part: Buffer): Buffer {
  return Buffer.from(Buffer.concat([tail, part.subarray(-EDGE)]).subarray(-EDGE))
}
