/** What the script hears: what there is to be seen now, that a newer tab took over, or that nothing more will come. */
type LiveEvent = 'cards' | 'replaced' | 'closed'

/** A tab that has not read so many events, each of them the whole of what there is to be seen, is asleep. */
const BACKLOG = 10

interface Stream<Page> {
  readonly page: Page
  /** What there is to be seen. */
  readonly cards: () => unknown
  readonly controller: ReadableStreamDefaultController<Uint8Array>
}

/**
 * The one event stream that is open: a browser has six connections for a site, and streams of forgotten tabs would take
 * them from the answer. A newer stream ends the older.
 */
export class LiveTab<Page> {
  #current: Stream<Page> | undefined

  /** The tab of this page is open. */
  isOf(page: Page): boolean {
    return this.#current?.page === page
  }

  /** The stream of a tab, as the body of its answer. It begins with `cards`, what there is to be seen. */
  open(page: Page, cards: () => unknown): ReadableStream<Uint8Array> {
    this.#end('replaced')
    let stream: Stream<Page> | undefined
    return new ReadableStream({
      start: (controller) => {
        stream = { page, cards, controller }
        this.#current = stream
        this.renew(page)
      },
      cancel: () => {
        if (this.#current === stream) this.#current = undefined
      },
    })
  }

  /** Tells the tab of this page, if it is open, what there is to be seen on it. */
  renew(page: Page): void {
    const stream = this.#current
    if (stream?.page !== page) return
    write(stream, 'cards', stream.cards())
    if ((stream.controller.desiredSize ?? 0) > -BACKLOG) return
    // It comes again once it is awake.
    this.#current = undefined
    stream.controller.error(new Error('nobody reads the event stream'))
  }

  /** Nothing more will come for this page. */
  close(page: Page): void {
    if (this.isOf(page)) this.#end('closed')
  }

  #end(event: LiveEvent): void {
    const stream = this.#current
    this.#current = undefined
    if (!stream) return
    write(stream, event, {})
    stream.controller.close()
  }
}

function write({ controller }: Stream<unknown>, event: LiveEvent, data: unknown): void {
  controller.enqueue(Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`))
}
