import { fieldFacts, isCustomerField } from '../../customer/fields.ts'
import type { Question, ShownChange } from '../question.ts'
import type { Card, CardOutcome, Notice } from './page-model.ts'

/** The question as one sentence: `Block customer 4211?` for one change, `Approve 3 changes to customer 4211?` for more. */
export function headline({ customer, changes }: Question): string {
  const whom = `customer ${customer.id}`
  // The current password only goes with the new one.
  const newPassword = changes.some((change) => change.field === 'password')
  const counted = newPassword ? changes.filter((change) => change.field !== 'currentPassword') : changes
  const [only, ...others] = counted
  if (only === undefined || others.length > 0) return `Approve ${changes.length} changes to ${whom}?`
  const order = isCustomerField(only.field) ? fieldFacts[only.field].headline?.(whom, shownBack(only.after)) : undefined
  return `${order ?? `Change “${only.label}” of ${whom}`}?`
}

/** The value that is shown: true and false come as text, and null as nothing. */
function shownBack(after: ShownChange['after']): unknown {
  if (after.kind !== 'value') return after.kind === 'nothing' ? null : undefined
  return after.text === 'true' ? true : after.text === 'false' ? false : after.text
}

/** The fields that change, for one line: `Role, Email and 3 more`. */
export function labelList(changes: readonly ShownChange[], shown = 4): string {
  const labels = changes.map((change) => change.label)
  const rest = labels.length - shown
  return rest > 1 ? `${labels.slice(0, shown).join(', ')} and ${rest} more` : labels.join(', ')
}

/** Passwords and cards: AiFi never shows what was there before, so nobody can put it back. */
export function cannotBeRestored({ field }: ShownChange): boolean {
  return isCustomerField(field) && !fieldFacts[field].restorable
}

/** `10:02 CEST`, with the day when it is not the day of `now`. The zone is this computer's, the reader's own. */
export function clockTime(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString()
  const day = sameDay ? {} : ({ weekday: 'short', day: 'numeric', month: 'short' } as const)
  return new Intl.DateTimeFormat('en-GB', {
    ...day,
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  }).format(at)
}

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
  declined: { sign: '✕', headline: 'Declined' },
  expired: { sign: '–', headline: 'Expired', advice: ASK_AGAIN },
  withdrawn: { sign: '–', headline: 'Withdrawn' },
}

/** What is true of a page without questions, and what to do about it. */
export const NOTICES: Readonly<Record<Notice, { readonly headline: string; readonly sentences: readonly string[] }>> = {
  opened_elsewhere: {
    headline: 'Cancelled, to be safe',
    sentences: [
      'The address of this page was opened in a second browser. Whatever still waited for an answer here is void and will not be sent.',
      'If you opened it twice yourself, ask the assistant for the change again and stay in the window that opens.',
      'If you did not, somebody or something else on this computer used the address. Tell the person who looks after this computer.',
    ],
  },
  gone: {
    headline: 'Nothing to approve here',
    sentences: [
      'This address is not known, was used before, or its question is over.',
      'The assistant can tell you what became of the change. If it is still wanted, ask for it again.',
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
      'Go back to the approval page and decide there, or ask the assistant for the change again.',
    ],
  },
}

/** The window's title. It stays in the browser's history, so it names nobody and shows no values. */
export function windowTitle(cards: readonly Card[]): string {
  const waiting = cards.filter((card) => card.state.kind === 'waiting')
  const [only] = cards
  if (only === undefined) return 'No questions'
  if (cards.length > 1) return waiting.length > 0 ? `Approval needed (${waiting.length})` : 'No open questions'
  return `${stateWord(only)}: customer ${only.question.customer.id}`
}

function stateWord({ state }: Card): string {
  if (state.kind === 'settled') return OUTCOMES[state.outcome].headline
  if (state.kind === 'sending') return 'Sending'
  return Object.keys(state.problems).length > 0 ? 'Please correct' : 'Approval needed'
}

/** The heading of a page with several questions, or with none. */
export function pageHeadline(cards: readonly Card[]): string {
  const waiting = cards.filter((card) => card.state.kind === 'waiting').length
  if (waiting === 0) return 'Nothing waits for your answer'
  return waiting === 1 ? 'One question waits for your answer' : `${waiting} questions wait for your answer`
}
