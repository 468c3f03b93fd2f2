import type { PrivateFieldName } from '../../customer/fields.ts'
import type { Question } from '../question.ts'

/** One page in one browser: the questions it shows, the oldest undecided first. */
export interface PageModel {
  readonly cards: readonly Card[]
  /** Seconds after which the browser should load the page again; not while somebody may be typing. */
  readonly refreshSeconds?: number
}

/** One question on the page. */
export interface Card {
  readonly question: Question
  readonly state: CardState
}

export type CardState =
  | {
      readonly kind: 'waiting'
      /** Where the form is posted to (a path), and the token it carries in the hidden field `token`. */
      readonly action: string
      readonly token: string
      /** Wall clock, milliseconds since 1970. */
      readonly expiresAt: number
      /** What was wrong with what was typed, per private field; typed values are never sent back. */
      readonly problems: Partial<Record<PrivateFieldName, string>>
      /** The record changed in AiFi since it was shown: the person is asked to look again. */
      readonly changedMeanwhile: boolean
    }
  /** Approved; AiFi has not answered yet. */
  | { readonly kind: 'sending' }
  /** The end; `message` is the sentence the assistant is told too, `at` when it happened (ms since 1970). */
  | { readonly kind: 'settled'; readonly outcome: CardOutcome; readonly message: string; readonly at: number }

export type CardOutcome =
  | 'updated'
  | 'unchanged'
  | 'failed'
  | 'invalid'
  | 'unknown'
  | 'declined'
  | 'expired'
  | 'withdrawn'

/** A page that shows no customer's data. */
export type Notice =
  /** Somebody opened the address in a second browser: the question is void, and both are told. */
  | 'opened_elsewhere'
  /** The address is unknown, was used, or its question is long over. */
  | 'gone'
  /** Somebody came by a link of another site: the page loads itself again, to see the cookie. */
  | 'arriving'
  /** The request did not come from this page's own form (Origin, Host, token, size or type). */
  | 'refused'
