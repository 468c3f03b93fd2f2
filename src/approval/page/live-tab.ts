import type { Visit } from './visits.ts'

/** What the script hears: what there is to be seen now, that a newer tab took over, or that nothing more will come. */
export type LiveEvent = 'cards' | 'replaced' | 'closed'

interface Stream {
  readonly visit: Visit
  /** What there is to be seen. */
  readonly cards: () => unknown
  readonly controller: ReadableStreamDefaultController<Uint8Array>
}

/**
 * The one event stream of the process: a browser has six connections for a site, and streams of forgotten tabs would
 * take them from the answer. A newer stream ends the older.
 */
export class LiveTab {
  #current: Stream | undefined

  /** The tab of this page is open. */
  isOf(visit: Visit): boolean {
    return this.#current?.visit === visit
  }

  /** The stream of a tab, as the body of its answer. It begins with `cards`, what there is to be seen. */
  open(visit: Visit, cards: () => unknown): ReadableStream<Uint8Array> {
    this.#end('replaced')
    let stream: Stream | undefined
    return new ReadableStream({
      start: (controller) => {
        stream = { visit, cards, controller }
        this.#current = stream
        this.renew(visit)
      },
      cancel: () => {
        if (this.#current === stream) this.#current = undefined
      },
    })
  }

  /** Tells the tab of this page, if it is open, what there is to be seen on it. */
  renew(visit: Visit): void {
    if (this.#current?.visit === visit) write(this.#current, 'cards', this.#current.cards())
  }

  /** Nothing more will come for this page. */
  close(visit: Visit): void {
    if (this.#current?.visit === visit) this.#end('closed')
  }

  #end(event: LiveEvent): void {
    const stream = this.#current
    this.#current = undefined
    if (!stream) return
    write(stream, event, {})
    stream.controller.close()
  }
}

function write({ controller }: Stream, event: LiveEvent, data: unknown): void {
  controller.enqueue(Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`))
}
