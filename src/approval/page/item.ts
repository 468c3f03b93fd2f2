import type { Asked, Asking, Change, Decision, Ended, Shown } from '../../change/change.ts'
import type { Changes } from '../../change/changes.ts'
import type { Status } from '../../change/envelope.ts'
import type { Watch } from '../../change/watch.ts'
import { movedFields } from '../../customer/compare.ts'
import { fieldFacts, isCustomerField, type PrivateFieldName } from '../../customer/fields.ts'
import { type Clock, remainingMs } from '../../lib/clock.ts'
import { randomToken } from '../../lib/secret.ts'
import { type Deployment, type Question, UNREAD_MS } from '../question.ts'
import { questionAbout } from '../question-about.ts'
import type { Card, CardState } from './cards.ts'
import type { CardAlert, CardOutcome } from './words.ts'

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
  question: Question
  /** How it is put; an answer names its round and its rung. */
  asking: Asking
  /** What became of it; a change that has ended may be forgotten, its card stays. */
  change: Change
  /** What the form of this question and round carries. */
  token = randomToken()
  /** What was wrong with what was typed last. */
  problems: Partial<Record<PrivateFieldName, string>> = {}
  /** Why the person is asked again. */
  alert: CardAlert | undefined
  /** One of its buttons was pressed since the page was drawn. */
  justAnswered = false
  /** Of its heading, where it was drawn. */
  #level: 1 | 2 = 2
  /** As it is now; monotonic milliseconds. */
  #servedAt: number | undefined
  #confirmedAt: number | undefined
  #wasServed = false
  #wasConfirmed = false
  /** As long as it is on the page, its end is kept for it. */
  readonly #watch: Watch
  readonly #id: string
  readonly #deps: PageDeps
  readonly #closing = new AbortController()

  /** @param id of its card: unique on its page, and for as long as it is there. */
  constructor(change: Asked, id: string, deps: PageDeps) {
    this.changeId = change.id
    this.question = questionAbout(change, deps.deployment, deps.clock.now())
    this.asking = change.asking
    this.change = change
    this.#id = id
    this.#deps = deps
    this.#watch = deps.changes.watch(change.id, { call: false })
  }

  get waits(): boolean {
    return this.change.state === 'asked'
  }

  /** As it is shown now. @param action the path that its form is posted to. */
  card(action: string): Card {
    const { question, justAnswered } = this
    return { id: this.#id, level: this.#level, question, state: this.#state(action), justAnswered }
  }

  #state(action: string): CardState {
    const { change, token, asking, problems, alert } = this
    const { clock } = this.#deps
    switch (change.state) {
      case 'asked': {
        const expiresAt = clock.now() + remainingMs(clock, asking.expiresAt)
        const { round } = asking
        return { kind: 'waiting', action, token, round, expiresAt, problems, ...(alert && { alert }) }
      }
      case 'claimed':
        return { kind: 'checking' }
      case 'sending':
        return { kind: 'sending' }
      case 'ended':
        return settled(change)
    }
  }

  /** A browser is given it, under a heading of this level. */
  served(level: 1 | 2): void {
    this.#level = level
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
    this.change = change
    // The values that were shown are not needed any more, and may be many.
    if (change.state === 'ended') this.question = inShort(this.question)
    if (change.state !== 'asked') return
    const { round, shown } = this.asking
    this.asking = change.asking
    if (change.asking.round === round) return
    this.problems = {}
    this.token = randomToken()
    this.#servedAt = undefined
    this.#confirmedAt = undefined
    const labels = movedLabels(shown, change)
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

function settled(change: Ended): CardState {
  const { decision, outcome, endedAt } = change
  const revertible = Object.keys(outcome.revert ?? {}).filter((field) => field !== 'customerId')
  const status = endingOf({ decision, status: outcome.status })
  const card = { kind: 'settled', status, message: outcome.message, at: endedAt } as const
  return revertible.length > 0 ? { ...card, revertible } : card
}

/** How a change ended, for people. There is no decision where nobody was asked. */
export function endingOf({ decision, status }: { decision: Decision | undefined; status: Status }): CardOutcome {
  switch (decision?.kind) {
    case 'expired':
      return 'expired'
    case 'withdrawn':
    case 'nobody_to_ask':
      return 'withdrawn'
    case 'answered':
    case undefined:
      if (decision?.answer === 'cancelled' || decision?.answer === 'not_approved') return 'withdrawn'
      return status === 'preview' || status === 'approval_pending' ? 'failed' : status
  }
}
