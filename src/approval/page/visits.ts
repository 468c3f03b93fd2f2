import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { ChannelName } from '../../change/envelope.ts'
import type { PrivateFieldName } from '../../customer/fields.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Approval } from '../approval.ts'

/** A page that loads itself again is open if it did so within this long, milliseconds: some loads may be slow. */
const OPEN_MS = 10_000
/** A browser that was told to open a page fetches it within this long, milliseconds; further questions wait for it. */
const OPENING_MS = 5_000

/** One question on a page, as its form was shown. */
export interface Item {
  readonly approval: Approval
  /** What the form of this question carries. */
  readonly token: string
  /** What was wrong with what was typed last. */
  problems: Partial<Record<PrivateFieldName, string>>
  /** It has been in the browser. */
  shown: boolean
}

/**
 * One opening of the page in one browser. It begins with an address that works once: the first browser that fetches it
 * gets a cookie, and from then on the address without the cookie means that somebody else has it.
 */
export class Visit {
  /** 256 random bits: the path of the page. */
  readonly token = randomToken()
  readonly cookieName = `approval-${randomBytes(8).toString('hex')}`
  /** Aborted when no browser could be opened for it. */
  readonly notOpened = new AbortController()
  /** How the address came to the person. */
  readonly channel: ChannelName
  readonly #clock: Clock
  readonly #cookie = randomToken()
  readonly #madeAt: number
  #items: Item[] = []
  #state: 'unfetched' | 'fetched' | 'opened_elsewhere' = 'unfetched'
  #fetchedAt = Number.NEGATIVE_INFINITY

  constructor(channel: ChannelName, clock: Clock) {
    this.channel = channel
    this.#clock = clock
    this.#madeAt = clock.monotonic()
  }

  /** The questions on it, the first first; one that was replaced gives way to the one that took its place. */
  get items(): readonly Item[] {
    this.#items = this.#items.map((item) =>
      item.approval.latest === item.approval ? item : { ...newItem(item.approval.latest), shown: item.shown },
    )
    return this.#items
  }

  /** Puts the question on it, if it is not there yet. */
  add(approval: Approval): void {
    if (!this.has(approval)) this.#items.push(newItem(approval))
  }

  has(approval: Approval): boolean {
    return this.items.some((item) => item.approval === approval)
  }

  /** The page is, or has been, in a browser. */
  get fetched(): boolean {
    return this.#state !== 'unfetched'
  }

  get openedElsewhere(): boolean {
    return this.#state === 'opened_elsewhere'
  }

  /** This question, or one that it takes the place of, has been in the browser. */
  shown(approval: Approval): boolean {
    return this.#items.some((item) => item.shown && item.approval.latest === approval)
  }

  /** A question on it has no answer yet. */
  get waiting(): boolean {
    return this.items.some(({ approval }) => !approval.decision)
  }

  /** What a browser is being shown now. */
  show(): readonly Item[] {
    for (const item of this.items) item.shown = true
    return this.items
  }

  /** As far as can be known without scripts: somebody has it in a window now, or will in a moment. */
  get open(): boolean {
    const now = this.#clock.monotonic()
    if (this.#state === 'unfetched') return now - this.#madeAt < OPENING_MS
    return this.#state === 'fetched' && (this.waiting || now - this.#fetchedAt < OPEN_MS)
  }

  /** Everything on it was decided, and nobody has fetched it, for this long, milliseconds. */
  idleFor(ms: number): boolean {
    const decidedAt = this.items.map(({ approval }) => approval.decision?.at ?? Number.POSITIVE_INFINITY)
    return this.#clock.now() - Math.max(...decidedAt) > ms && this.#clock.monotonic() - this.#fetchedAt > ms
  }

  /** A browser comes for the page with this cookie. `cookie` is what it has to be given; `other` is a second browser. */
  enter(cookie: string | undefined): { kind: 'first'; cookie: string } | { kind: 'again' } | { kind: 'other' } {
    const first = this.#state === 'unfetched'
    if (!first && !this.owns(cookie)) {
      this.#state = 'opened_elsewhere'
      return { kind: 'other' }
    }
    this.#fetchedAt = this.#clock.monotonic()
    if (!first) return { kind: 'again' }
    this.#state = 'fetched'
    return { kind: 'first', cookie: this.#cookie }
  }

  /** This is the browser that came first. */
  owns(cookie: string | undefined): boolean {
    return this.fetched && cookie !== undefined && same(cookie, this.#cookie)
  }

  /** The question whose form carries this token. */
  item(token: string): Item | undefined {
    return this.items.find((item) => same(token, item.token))
  }
}

function newItem(approval: Approval): Item {
  return { approval, token: randomToken(), problems: {}, shown: false }
}

function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
