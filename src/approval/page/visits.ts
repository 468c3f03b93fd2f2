import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Change } from '../../change/change.ts'
import type { Changes, Watch } from '../../change/changes.ts'
import type { ChannelName } from '../../change/envelope.ts'
import type { PrivateFieldName } from '../../customer/fields.ts'
import { type Clock, remainingMs } from '../../lib/clock.ts'
import type { Deployment, Question } from '../question.ts'
import { questionAbout } from '../words.ts'

/** A page that loads itself again is open if it did so within this long, milliseconds: some loads may be slow. */
const OPEN_MS = 10_000
/** A browser that was told to open a page fetches it within this long, milliseconds; further questions wait for it. */
const OPENING_MS = 5_000

/** What pages show, and how they look at it. */
export interface PageDeps {
  readonly changes: Changes
  readonly deployment: Deployment
  readonly clock: Clock
}

/** One question on a page, as its form was shown last. */
export interface Item {
  readonly changeId: string
  /** What the form of this question and round carries. */
  token: string
  /** What the answer has to name: the round and the rung as they were shown. */
  round: number
  handle: string
  question: Question
  /** What became of it; a change that has ended may be forgotten, its card stays. */
  change: Change
  /** Milliseconds until the question lapses. */
  leftMs: number
  /** What was wrong with what was typed last. */
  problems: Partial<Record<PrivateFieldName, string>>
  /** The last answer could not be taken: another change of the customer was being sent. */
  busy: boolean
  /** It has been in the browser, in this round or an earlier one. */
  shown: boolean
  /** As long as it is on the page, its end is kept for it. */
  readonly watch: Watch
}

/**
 * One opening of the page in one browser. It begins with an address that works once: the first browser that fetches it
 * gets a cookie, and from then on the address without the cookie means that somebody else has it.
 */
export class Visit {
  /** 256 random bits: the path of the page. */
  readonly token = randomToken()
  readonly cookieName = `approval-${randomBytes(8).toString('hex')}`
  /** How the address came to the person. */
  readonly channel: ChannelName
  /** Called with the change when the page has brought an answer to it. */
  readonly onAnswered: (id: string) => void
  readonly #deps: PageDeps
  readonly #cookie = randomToken()
  readonly #madeAt: number
  readonly #items: Item[] = []
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

  /** Puts the question on it, if it is open and not there yet. */
  async add(id: string): Promise<void> {
    const { changes, deployment, clock } = this.#deps
    const change = await changes.get(id)
    if (this.has(id) || change?.state !== 'asked') return
    const { round, rung, expiresAt } = change.asking
    this.#items.push({
      changeId: id,
      token: randomToken(),
      round,
      handle: rung?.handle ?? '',
      question: questionAbout(change, deployment, clock.now()),
      change,
      leftMs: remainingMs(clock, expiresAt),
      problems: {},
      busy: false,
      shown: false,
      watch: changes.watch(id, { call: false }),
    })
  }

  /** Looks what has become of the questions; one that was put anew is another question from here on. */
  async refresh(): Promise<void> {
    for (const item of this.#items) await this.#refresh(item)
  }

  async #refresh(item: Item): Promise<void> {
    const { changes, deployment, clock } = this.#deps
    const change = await changes.get(item.changeId)
    if (!change) return
    item.change = change
    if (change.state !== 'asked') return
    const { round, rung, expiresAt } = change.asking
    item.handle = rung?.handle ?? ''
    item.leftMs = remainingMs(clock, expiresAt)
    if (item.round === round) return
    item.round = round
    item.token = randomToken()
    item.problems = {}
    item.busy = false
    item.question = questionAbout(change, deployment, clock.now())
  }

  /** The page is, or has been, in a browser. */
  get fetched(): boolean {
    return this.#state !== 'unfetched'
  }

  get openedElsewhere(): boolean {
    return this.#state === 'opened_elsewhere'
  }

  /** This question has been in the browser, in this round or an earlier one. */
  hasShown(id: string): boolean {
    return this.#items.some((item) => item.shown && item.changeId === id)
  }

  /** What a browser is being shown now. */
  async show(): Promise<readonly Item[]> {
    await this.refresh()
    for (const item of this.#items) item.shown = true
    return this.#items
  }

  /** As far as can be known without scripts: somebody has it in a window now, or will in a moment. */
  get open(): boolean {
    const now = this.#deps.clock.monotonic()
    if (this.#state === 'unfetched') return now - this.#madeAt < OPENING_MS
    const waits = this.#items.some(({ change }) => change.state === 'asked')
    return this.#state === 'fetched' && (waits || now - this.#fetchedAt < OPEN_MS)
  }

  /** Everything on it was decided, and nobody has fetched it, for this long, milliseconds. */
  idleFor(ms: number): boolean {
    const { clock } = this.#deps
    const endedAt = this.#items.map(({ change }) =>
      change.state === 'ended' ? change.endedAt : Number.POSITIVE_INFINITY,
    )
    return clock.now() - Math.max(...endedAt) > ms && clock.monotonic() - this.#fetchedAt > ms
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
    return this.fetched && cookie !== undefined && same(cookie, this.#cookie)
  }

  /** The question whose form carries this token. */
  item(token: string): Item | undefined {
    return this.#items.find((item) => same(token, item.token))
  }

  /** Nobody comes to it any more. */
  close(): void {
    for (const { watch } of this.#items) watch.leave()
  }
}

function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
