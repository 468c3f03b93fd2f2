import { randomUUID } from 'node:crypto'
import type { Answer, ChannelName, Status } from '../change/envelope.ts'
import type { PrivateFieldName } from '../customer/fields.ts'
import { type Clock, Deadline } from '../lib/clock.ts'
import type { Question } from './question.ts'

/** How long a question waits for its answer, in milliseconds. */
export const APPROVAL_LIFETIME_MS = 10 * 60_000

/** How a change ended; `at` is wall clock, milliseconds since 1970. */
export interface Report {
  readonly status: Status
  readonly message: string
  readonly at: number
}

/** What a person typed into the private fields. */
export type TypedSecrets = Partial<Record<PrivateFieldName, string>>

/** The one answer to a question, and where it came from. */
export interface Decision {
  /**
   * `moved`: the record is no longer as it was shown, so the question is put anew.
   * `unavailable`: there turned out to be nobody to ask.
   */
  readonly answer: Answer | 'moved' | 'unavailable'
  readonly channel?: ChannelName
  /** Wall clock, milliseconds since 1970. */
  readonly at: number
  /** Why, when it was not the client or the page that answered: a sentence. */
  readonly reason?: string
}

/**
 * One question to a person and its one answer. It is bound to one change of one process and to the record as it was
 * shown; it can be answered once, within its lifetime by either clock, and by nothing but `decide`.
 */
export class Approval {
  readonly id = randomUUID()
  readonly question: Question
  readonly deadline: Deadline
  /** Resolves with the answer; never rejects. */
  readonly decided: Promise<Decision>
  /** The question that this one takes the place of, since the record had moved. */
  readonly replaces: Approval | undefined
  /** Resolves when the change has ended, or another question has taken this one's place. */
  readonly over: Promise<void>
  /** The way in which the question was put last; undefined when nobody has been asked. */
  askedBy: ChannelName | undefined
  readonly #clock: Clock
  #stopTimer: () => void = () => undefined
  #resolveDecided: (decision: Decision) => void = () => undefined
  #resolveOver: () => void = () => undefined
  #replacedBy: Approval | undefined
  #report: Report | undefined
  #decision: Decision | undefined
  #secrets: TypedSecrets = {}

  constructor(question: Question, clock: Clock, replaces?: Approval) {
    this.question = question
    this.replaces = replaces
    this.#clock = clock
    this.deadline = new Deadline(clock, APPROVAL_LIFETIME_MS)
    this.decided = new Promise((resolve) => {
      this.#resolveDecided = resolve
    })
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve
    })
    this.#expireInTime()
    if (replaces) replaces.#replace(this)
  }

  /** The question that is asked now in place of this one: itself, or what took its place. */
  get latest(): Approval {
    return this.#replacedBy?.latest ?? this
  }

  /** How the change ended, for the page to show. */
  get report(): Report | undefined {
    return this.#report
  }

  /** The change has ended. */
  finish(report: Report): void {
    this.#report = report
    this.#secrets = {}
    this.#resolveOver()
  }

  #replace(by: Approval): void {
    this.#replacedBy = by
    this.#secrets = {}
    this.#resolveOver()
  }

  /** The answer so far; looking at it lets a lapsed question expire. */
  get decision(): Decision | undefined {
    if (!this.#decision && this.deadline.passed) this.#settle({ answer: 'expired', at: this.#clock.now() })
    return this.#decision
  }

  /** Answers the question; `secrets` is what the person typed. False when it has its answer already or has expired: then this one counts for nothing. */
  decide(decision: Omit<Decision, 'at'>, secrets: TypedSecrets = {}): boolean {
    if (this.decision) return false
    this.#secrets = secrets
    this.#settle({ ...decision, at: this.#clock.now() })
    return true
  }

  /** What was typed, once: from then on nothing here holds it. Neither does a question that is over. */
  takeSecrets(): TypedSecrets {
    const secrets = this.#secrets
    this.#secrets = {}
    return secrets
  }

  /** A timer may fire a little early, and the machine may have slept meanwhile: the deadline decides, not the timer. */
  #expireInTime(): void {
    this.#stopTimer = this.#clock.after(Math.ceil(this.deadline.remainingMs), () => {
      if (!this.decision) this.#expireInTime()
    })
  }

  #settle(decision: Decision): void {
    this.#decision = { ...(this.askedBy && { channel: this.askedBy }), ...decision }
    this.#stopTimer()
    this.#resolveDecided(this.#decision)
  }
}
