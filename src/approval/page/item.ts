import type { Asked, Change, Shown } from '../../change/change.ts'
import type { Changes, Watch } from '../../change/changes.ts'
import { movedFields } from '../../customer/compare.ts'
import { fieldFacts, isCustomerField, type PrivateFieldName } from '../../customer/fields.ts'
import { type Clock, remainingMs } from '../../lib/clock.ts'
import { randomToken } from '../../lib/secret.ts'
import { type Deployment, type Question, UNREAD_MS } from '../question.ts'
import { questionAbout } from '../words.ts'
import type { CardAlert } from './words.ts'

/** Between two looks at a change of which no move was heard, milliseconds. */
const LOOK_MS = 10 * 60_000

/** What pages show, and how they look at it. */
export interface PageDeps {
  readonly changes: Changes
  readonly deployment: Deployment
  readonly clock: Clock
}

/** One question on one page. */
export class Item {
  readonly changeId: string
  /** Unique on its page, and for as long as it is there. */
  readonly number: number
  /** What the answer has to name: the round and the rung as they were shown. */
  round: number
  handle: string
  question: Question
  /** What became of it; a change that has ended may be forgotten, its card stays. */
  change: Change
  expiresAt: Asked['asking']['expiresAt']
  /** What was wrong with what was typed last. */
  problems: Partial<Record<PrivateFieldName, string>> = {}
  /** Why the person is asked again. */
  alert: CardAlert | undefined
  /** One of its buttons was pressed since the page was drawn. */
  justAnswered = false
  /** Of its heading, where it was drawn. */
  level: 1 | 2 = 2
  #token = randomToken()
  #shown: Shown
  /** As it is now; monotonic milliseconds. */
  #servedAt: number | undefined
  #confirmedAt: number | undefined
  #wasServed = false
  #wasConfirmed = false
  /** As long as it is on the page, its end is kept for it. */
  readonly #watch: Watch
  readonly #deps: PageDeps
  readonly #closing = new AbortController()

  constructor(change: Asked, number: number, deps: PageDeps) {
    this.changeId = change.id
    this.number = number
    this.round = change.asking.round
    this.handle = change.asking.rung?.handle ?? ''
    this.question = questionAbout(change, deps.deployment, deps.clock.now())
    this.change = change
    this.expiresAt = change.asking.expiresAt
    this.#shown = change.asking.shown
    this.#deps = deps
    this.#watch = deps.changes.watch(change.id, { call: false })
  }

  /** What the form of this question and round carries. */
  get token(): string {
    return this.#token
  }

  get waits(): boolean {
    return this.change.state === 'asked'
  }

  /** Milliseconds until the question lapses. */
  get leftMs(): number {
    return remainingMs(this.#deps.clock, this.expiresAt)
  }

  /** A browser has just been given it. */
  served(): void {
    this.#servedAt = this.#deps.clock.monotonic()
    this.#confirmedAt = undefined
    this.#wasServed = true
  }

  /** The script of the page says that it is in front of somebody. */
  confirm(): void {
    this.#confirmedAt ??= this.#deps.clock.monotonic()
    this.#wasConfirmed = true
  }

  /** It has been in front of somebody for long enough to be read. */
  isReadable(hasScript: boolean): boolean {
    const since = hasScript ? this.#confirmedAt : this.#servedAt
    return since !== undefined && this.#deps.clock.monotonic() - since >= UNREAD_MS
  }

  /** It has been on a screen, in this round or an earlier one. */
  hasArrived(hasScript: boolean): boolean {
    return this.#wasConfirmed || (this.#wasServed && !hasScript)
  }

  /** Looks what has become of the change; one that was put anew is another question from here on. */
  async refresh(): Promise<void> {
    const change = await this.#deps.changes.get(this.changeId)
    if (change) this.#take(change)
  }

  /** Calls `moved` each time that the change has, until it has ended or the item is left. */
  async follow(moved: () => void): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const { version } = this.change
      const change = await this.#watch.next(version, LOOK_MS, [this.#closing.signal])
      if (this.#closing.signal.aborted || !change) return
      if (change.version !== version) {
        this.#take(change)
        moved()
      }
      if (change.state === 'ended') return
    }
  }

  leave(): void {
    this.#closing.abort()
    this.#watch.leave()
  }

  #take(change: Change): void {
    const was = this.change
    this.change = change
    // The values that were shown are not needed any more, and may be many.
    if (change.state === 'ended' && was.state !== 'ended') this.question = inShort(this.question)
    if (change.state !== 'asked') return
    const { round, rung, shown, expiresAt } = change.asking
    this.handle = rung?.handle ?? ''
    this.expiresAt = expiresAt
    if (this.round === round) return
    this.round = round
    this.problems = {}
    this.#token = randomToken()
    this.#servedAt = undefined
    this.#confirmedAt = undefined
    const labels = movedLabels(this.#shown, change)
    this.#shown = shown
    this.alert = labels.length > 0 ? { kind: 'record_changed', labels } : { kind: 'interrupted' }
    this.question = questionAbout(change, this.#deps.deployment, this.#deps.clock.now())
  }
}

/** The fields whose values are not what was shown any more, as people call them. */
function movedLabels(was: Shown, { asking, request }: Asked): string[] {
  const moved = movedFields(was.record, asking.shown.record, request)
  return moved.map((field) => (isCustomerField(field) ? fieldFacts[field].label : field))
}

/** What the card of a decided question needs. */
function inShort(question: Question): Question {
  const nothing = { kind: 'nothing' } as const
  const changes = question.changes.map(({ field, label, action, after }) => ({
    field,
    label,
    ...(action !== undefined && { action }),
    before: nothing,
    after: after.kind === 'removed' ? after : nothing,
  }))
  return { ...question, changes, privateFields: [] }
}
