import type { Status } from '../../change/envelope.ts'
import { foreign, type Markup, markup } from '../../lib/markup.ts'
import { minutesInWords } from '../../lib/text.ts'
import { isSpeakable, type Question, type ShownChange, WHO } from '../question.ts'

/** Characters of a field's label in a sentence; longer ones stand in the table only. */
const LABEL_LIMIT = 60
/** A present password goes along with the new one: it proves who asks, and changes nothing. */
const PROOF = 'currentPassword'

/** The customer in a sentence: `Jane Miller`, or `customer 4211`. */
export function who({ id, name }: Question['customer']): Markup {
  return foreign(name !== undefined && isSpeakable(name) ? name : `customer ${id}`)
}

/** What is asked for, as it stands on the button: `Block Jane Miller`, `Make 3 changes to Jane Miller`. */
export function action({ customer, changes }: Question): Markup {
  const counted = changes.filter((change) => change.field !== PROOF)
  const [only, ...others] = counted.length > 0 ? counted : changes
  if (only === undefined || others.length > 0) return markup`Make ${1 + others.length} changes to ${who(customer)}`
  if (only.action !== undefined) {
    const [before, ...after] = only.action.split(WHO)
    return markup`${before}${who(customer)}${after.join('')}`
  }
  if (only.label.length > LABEL_LIMIT) return markup`Make 1 change to ${who(customer)}`
  const verb = only.after.kind === 'removed' ? 'Remove' : 'Change'
  return markup`${verb} “${foreign(only.label)}” of ${who(customer)}`
}

/** The question as one sentence, with how much of it is lost: `Block Jane Miller?` */
export function headline(question: Question): Markup {
  const losses = question.changes.filter((change) => change.loss).length
  const counted = losses > 0 && question.changes.length > 1
  return markup`${action(question)}?${counted && markup` <strong class="final">${losses} of them ${losses === 1 ? 'loses' : 'lose'} data.</strong>`}`
}

/** The fields that change, for one line: `Role, Email and 3 more`. */
export function labelList(changes: readonly ShownChange[], shown = 4): Markup {
  const rest = changes.length - shown > 1 ? changes.length - shown : 0
  const labels = changes.slice(0, changes.length - rest).map(({ label }) => foreign(label))
  return markup`${labels.map((label, index) => markup`${index > 0 && ', '}${label}`)}${rest > 0 && ` and ${rest} more`}`
}

/** What to tell the assistant to have a change undone; `fields` are those whose values of before are known. */
export function undoRequest({ customer, changes }: Question, fields: readonly string[]): Markup {
  const undone = changes.filter(({ field }) => fields.some((known) => field === known || field.startsWith(`${known}.`)))
  if (undone.length === changes.length) return markup`undo what was just changed for customer ${customer.id}`
  return markup`undo these changes of customer ${customer.id}: ${labelList(undone, undone.length)}`
}

/** `4:12 AM`, with the day when it is not the day of `now`. The zone is this computer's, the reader's own. */
export function clockTime(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString()
  const day = sameDay ? {} : ({ weekday: 'short', day: 'numeric', month: 'short' } as const)
  return new Intl.DateTimeFormat('en-US', { ...day, hour: 'numeric', minute: '2-digit' }).format(at)
}

/** `in 10 minutes`, to the nearest minute. */
export function timeLeft(at: number, now: number): string {
  const minutes = Math.round((at - now) / 60_000)
  return minutes < 1 ? 'in less than a minute' : `in ${minutesInWords(minutes)}`
}

/** Why a question that waits is shown again, `labels` being of the fields that are different now. */
export type CardAlert =
  | { readonly kind: 'record_changed'; readonly labels?: readonly string[] }
  | { readonly kind: 'too_early' | 'interrupted' | 'busy' }

/** What happened to an answer that did not count, and what to do. */
export const ALERTS: Readonly<Record<CardAlert['kind'], readonly [what: string, next: string]>> = {
  record_changed: [
    'This record changed in AiFi meanwhile.',
    'Nothing was sent. Below is how it is now; please look again.',
  ],
  too_early: ['Please read it, then press again.', 'Nothing was sent: the answer came before anybody could read this.'],
  interrupted: ['The server stopped before anything was sent.', 'Please answer again.'],
  busy: [
    'Another change of this customer is being sent.',
    'Nothing of this one was sent. Wait a moment, then press again.',
  ],
}

/** How a question ended: the status of its change, or why it never came to one. */
export type CardOutcome = Exclude<Status, 'preview' | 'approval_pending'> | 'expired' | 'withdrawn'

interface OutcomeWords {
  readonly sign: string
  readonly headline: string
  /** What to do next, where the outcome's own message may not say. */
  readonly advice?: string
}

const ASK_AGAIN = 'If the change is still wanted, ask the assistant for it again.'

/** How each end reads; what happened exactly is the message's to say. */
export const OUTCOMES: Readonly<Record<CardOutcome, OutcomeWords>> = {
  updated: { sign: '✓', headline: 'Done' },
  unchanged: { sign: '=', headline: 'Nothing to change' },
  failed: { sign: '!', headline: 'Not changed', advice: ASK_AGAIN },
  invalid: { sign: '!', headline: 'Not accepted', advice: ASK_AGAIN },
  unknown: {
    sign: '?',
    headline: 'Outcome not known',
    advice: 'Look at this customer in AiFi before anybody tries again: the change may have been made, or may still be.',
  },
  approval_unavailable: { sign: '!', headline: 'Not sent', advice: ASK_AGAIN },
  declined: { sign: '✕', headline: 'Declined' },
  expired: { sign: '–', headline: 'Expired', advice: ASK_AGAIN },
  withdrawn: { sign: '–', headline: 'Withdrawn' },
}

/** Approved, and not over. */
export const PROGRESS = {
  checking: ['Checking', 'Your answer is in. Before anything is sent, the record is read once more.'],
  sending: ['Sending to AiFi', 'You approved this. AiFi has not answered yet; closing the page does not stop it.'],
} as const

/** What the script says below the cards, and what stands there without one. */
export const NOTES = {
  more: 'Another question was added to this page.',
  lost: 'This page has lost its connection to the program that asked. It may have ended, or this browser no longer sends the cookie of this page: an answer given here may not arrive.',
  without: 'Without scripts this page does not renew itself.',
} as const

/** A page that shows no customer's data. */
export type Notice =
  /** Somebody came again without the cookie, as a second browser does: the question is void, and both are told. */
  | 'opened_elsewhere'
  /** An answer came without the cookie. */
  | 'no_cookie'
  /** The browser has so many cookies of this computer that no request can carry them. */
  | 'too_many_cookies'
  /** The request names another address or port than the page has. */
  | 'wrong_address'
  /** A newer tab took over. */
  | 'replaced'
  /** The address is unknown, was used, or its question is long over. */
  | 'gone'
  /** Somebody came by a link of another site: the page loads itself again, to see the cookie. */
  | 'arriving'
  /** The request did not come from this page's own form (Origin, Host, token, size or type). */
  | 'refused'

/** What is true of a page without questions, and what to do about it. */
export const NOTICES: Readonly<Record<Notice, { readonly headline: string; readonly sentences: readonly string[] }>> = {
  opened_elsewhere: {
    headline: 'Cancelled, to be safe',
    sentences: [
      'The address of this page was opened in a second browser, or in one that did not keep its cookie: who answers can no longer be told. Whatever still waited for an answer here is void and will not be sent.',
      'If you opened it twice yourself, ask the assistant for the change again and stay in the window that opens. If this browser blocks cookies, allow them for 127.0.0.1; if very many were set for it, delete those.',
      'If neither is the case, somebody or something else on this computer used the address. Tell the person who looks after this computer.',
    ],
  },
  no_cookie: {
    headline: 'Not accepted',
    sentences: [
      'This answer came without the cookie of this page, so it was ignored and changed nothing. Whatever waits for your answer still waits.',
      'If this is the browser that the page opened in, it blocks cookies, or has lost this one among very many others: allow cookies for 127.0.0.1, or delete those of other programs, and ask the assistant for the change again.',
    ],
  },
  too_many_cookies: {
    headline: 'Too many cookies',
    sentences: [
      'Other programs on this computer have set so many cookies for 127.0.0.1 that this page cannot be shown. Nothing was changed, and nothing was answered.',
      'Delete the cookies of 127.0.0.1 in this browser, and load this page again.',
    ],
  },
  wrong_address: {
    headline: 'Not at this address',
    sentences: [
      'The approval page answers only at 127.0.0.1 or localhost, under its own port number. This request named another, so it was ignored and changed nothing. Whatever waits for your answer still waits.',
      'If the page is forwarded from another computer, forward it under the same port number: the setting AIFI_APPROVAL_PORT fixes it.',
    ],
  },
  replaced: {
    headline: 'Go on in the newer tab',
    sentences: ['This page was opened again. Whatever waits for your answer still waits, in the newer tab.'],
  },
  gone: {
    headline: 'Nothing to approve here',
    sentences: [
      'This address is not known, a newer page took its place, or its question is over.',
      'The assistant can tell you what became of the change. If it is still wanted, ask the assistant for it again.',
    ],
  },
  arriving: {
    headline: 'One moment',
    sentences: ['The approval page loads.'],
  },
  refused: {
    headline: 'Not accepted',
    sentences: [
      'This request did not come from the buttons of the approval page, so it was ignored and changed nothing.',
      'Whatever waits for your answer still waits: go back to the approval page and decide there.',
    ],
  },
}
