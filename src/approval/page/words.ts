import type { Status } from '../../mcp/result.ts'
import type { Question, ShownChange } from '../question.ts'

/** The question as one sentence: `Block customer 4211?` for one change, `Approve 3 changes to customer 4211?` for more. */
export function headline({ customer, changes }: Question): string {
  const whom = `customer ${customer.id}`
  const newPassword = changes.some((change) => change.field === 'password')
  const counted = newPassword ? changes.filter((change) => change.field !== 'currentPassword') : changes
  const [only, ...others] = counted
  if (only === undefined || others.length > 0) return `Approve ${changes.length} changes to ${whom}?`
  const after = only.after.kind === 'value' ? only.after.text : undefined
  if (newPassword) return `Set a new password for ${whom}?`
  if (only.field === 'cardToken' && only.after.kind === 'nothing') return `Remove the payment card of ${whom}?`
  if (only.field === 'blocked' && after === 'true') return `Block ${whom}?`
  if (only.field === 'blocked' && after === 'false') return `Unblock ${whom}?`
  if (only.field === 'role' && after !== undefined) return `Change the role of ${whom} to ${after}?`
  return `Change “${only.label}” of ${whom}?`
}

/** The fields that change, for one line: `Role, Email and 3 more`. */
export function labelList(changes: readonly ShownChange[], shown = 4): string {
  const labels = changes.map((change) => change.label)
  const rest = labels.length - shown
  return rest > 1 ? `${labels.slice(0, shown).join(', ')} and ${rest} more` : labels.join(', ')
}

/** Passwords and cards: AiFi never shows what was there before, so nobody can put it back. */
export function cannotBeRestored({ field }: ShownChange): boolean {
  return field === 'password' || field === 'cardToken' || field === 'card' || field.startsWith('card.')
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
