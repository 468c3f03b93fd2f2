import { randomBytes } from 'node:crypto'
import type { ChannelName } from '../../change/envelope.ts'
import { isSame, randomToken } from '../../lib/secret.ts'
import { Item, type PageDeps } from './item.ts'
import type { PageModel } from './view.ts'

/** A page without a script is taken for open this long after its last question has ended, milliseconds. */
const OPEN_MS = 10_000
/** A browser that was told to open a page fetches it within this long, milliseconds; further questions wait for it. */
const OPENING_MS = 5_000
/** A page that was drawn this lately may have its event stream in a moment, milliseconds. */
const CONNECTING_MS = 2_000
/** How long a decided question stays on the page, milliseconds, and how many do. */
const DECIDED_MS = 2 * 60_000
const DECIDED = 10

/**
 * One opening of the page in one browser. It begins with an address that works once: the first browser that fetches it
 * gets a cookie, and from then on the address without the cookie means that somebody else has it.
 */
export class Visit {
  /** 256 random bits: the path of the page. */
  readonly token = randomToken()
  readonly path = `/${this.token}`
  readonly cookieName = `approval-${randomBytes(8).toString('hex')}`
  /** How the address came to the person. */
  readonly channel: ChannelName
  /** Called with the change when the page has brought an answer to it. */
  readonly onAnswered: (id: string) => void
  /** Called when there is something else to be seen on it. */
  onMoved: () => void = () => undefined
  /** Its script has made itself heard: what it draws is confirmed once it is seen. */
  hasScript = false
  readonly #deps: PageDeps
  readonly #cookie = randomToken()
  readonly #madeAt: number
  #items: readonly Item[] = []
  #numbers = 0
  #state: 'unfetched' | 'fetched' | 'opened_elsewhere' = 'unfetched'
  #fetchedAt = Number.NEGATIVE_INFINITY

  constructor(channel: ChannelName, deps: PageDeps, onAnswered: (id: string) => void = () => undefined) {
    this.channel = channel
    this.onAnswered = onAnswered
    this.#deps = deps
    this.#madeAt = deps.clock.monotonic()
  }

  /** The questions on it, the first first. */
  get items(): readonly Item[] {
    return this.#items
  }

  has(id: string): boolean {
    return this.#items.some(({ changeId }) => changeId === id)
  }

  /** The question has been on a screen. */
  hasShown(id: string): boolean {
    return this.#items.some((item) => item.changeId === id && item.hasArrived(this.hasScript))
  }

  /** Puts the question on it, if it is open and not there yet. */
  async add(id: string): Promise<void> {
    const change = await this.#deps.changes.get(id)
    if (this.has(id) || change?.state !== 'asked') return
    this.#numbers += 1
    const item = new Item(change, `q${this.#numbers}`, this.#deps)
    this.#items = [...this.#items, item]
    void item.follow(() => this.#moved(item))
    this.onMoved()
  }

  #moved(item: Item): void {
    if (item.change.state === 'ended') {
      const decided = this.#items.filter(({ change }) => change.state === 'ended')
      for (const old of decided.slice(0, -DECIDED)) this.#remove(old)
      this.#deps.clock.after(DECIDED_MS, () => this.#remove(item))
    }
    this.onMoved()
  }

  #remove(item: Item): void {
    if (!this.#items.includes(item)) return
    item.leave()
    this.#items = this.#items.filter((each) => each !== item)
    this.onMoved()
  }

  /** What it shows now: what waits, the oldest first, and then what was decided, the latest first. */
  get model(): PageModel {
    const waiting = this.#items.filter(({ waits }) => waits)
    const others = this.#items.filter(({ waits }) => !waits).reverse()
    return { cards: [...waiting, ...others].map((item) => item.card(this.path)), path: this.path }
  }

  /** Looks what has become of the questions. */
  async refresh(): Promise<void> {
    for (const item of this.#items) await item.refresh()
  }

  /** The page is, or has been, in a browser. */
  get fetched(): boolean {
    return this.#state !== 'unfetched'
  }

  get openedElsewhere(): boolean {
    return this.#state === 'opened_elsewhere'
  }

  /** As far as can be known without its event stream: somebody has it in a window now, or will in a moment. */
  get mayBeOpen(): boolean {
    const now = this.#deps.clock.monotonic()
    if (this.#state === 'unfetched') return now - this.#madeAt < OPENING_MS
    if (this.#state !== 'fetched') return false
    if (this.hasScript) return now - this.#fetchedAt < CONNECTING_MS
    return this.#items.some(({ waits }) => waits) || now - this.#fetchedAt < OPEN_MS
  }

  /** Everything on it was decided, and nobody has fetched it, for this long, milliseconds. */
  idleFor(ms: number): boolean {
    const { clock } = this.#deps
    const endedAt = this.#items.map(({ change }) =>
      change.state === 'ended' ? change.endedAt : Number.POSITIVE_INFINITY,
    )
    const since = Math.max(this.#fetchedAt, this.#madeAt)
    return clock.now() - Math.max(...endedAt) > ms && clock.monotonic() - since > ms
  }

  /** A browser comes for the page with this cookie. `cookie` is what it has to be given; `other` is a second browser. */
  enter(cookie: string | undefined): { kind: 'first'; cookie: string } | { kind: 'again' } | { kind: 'other' } {
    const first = this.#state === 'unfetched'
    if (!first && !this.owns(cookie)) {
      this.#state = 'opened_elsewhere'
      return { kind: 'other' }
    }
    this.#fetchedAt = this.#deps.clock.monotonic()
    if (!first) return { kind: 'again' }
    this.#state = 'fetched'
    return { kind: 'first', cookie: this.#cookie }
  }

  /** This is the browser that came first. */
  owns(cookie: string | undefined): boolean {
    return this.fetched && cookie !== undefined && isSame(cookie, this.#cookie)
  }

  /** The question whose form carries this token. */
  item(token: string): Item | undefined {
    return this.#items.find((item) => isSame(token, item.token))
  }

  /** Nobody comes to it any more. */
  close(): void {
    for (const item of this.#items) item.leave()
    this.#items = []
  }
}
