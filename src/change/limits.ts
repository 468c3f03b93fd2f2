/** A declined change is not put to anybody again for this long, milliseconds. */
const SAME_CHANGE_PAUSE_MS = 60_000
/** After this many refusals within the span nothing is asked for as long as the span. */
const REFUSAL_LIMIT = 3
/** Milliseconds. */
export const REFUSAL_SPAN_MS = 10 * 60_000

/** How an earlier question ended, as far as it bears on whether another one may be asked. */
export interface PastQuestion {
  readonly key: string
  /** `not_approved`: a form came back without a yes, which is no reason to leave people alone. */
  readonly how: 'refused' | 'expired' | 'not_approved'
  /** Monotonic clock, milliseconds. */
  readonly at: number
}

/** How much may be asked. What is declined is never put to anybody again at once, wherever it runs. */
export interface QuestionLimits {
  /** Open questions of one caller at a time. */
  readonly open: number
  /** Of one caller, a customer has one open question at a time. */
  readonly onePerCustomer: boolean
  /** After several refusals nobody is asked anything for a while: questions that come up before a person interrupt. */
  readonly pauses: boolean
}

/** On somebody's desk: more questions than five nobody can keep apart. */
export const deskLimits: QuestionLimits = { open: 5, onePerCustomer: false, pauses: true }

/** Why nobody may be asked now. */
export type Refusal =
  | { readonly kind: 'declined_before'; readonly retryAfterSeconds: number }
  | { readonly kind: 'quiet'; readonly retryAfterSeconds: number }
  | { readonly kind: 'too_many_open' }
  | { readonly kind: 'customer_has_one' }

/**
 * No nagging: whether a person may be asked about the change with this key; undefined when they may.
 *
 * @param past the questions that ended in a refusal, or ran out, in the last two {@link REFUSAL_SPAN_MS}, the oldest first.
 * @param open the customers of this caller's questions that wait for their answer.
 * @param now monotonic clock, milliseconds.
 */
export function refusal(
  { key, customerId }: { readonly key: string; readonly customerId: number },
  past: readonly PastQuestion[],
  open: readonly number[],
  now: number,
  limits: QuestionLimits,
): Refusal | undefined {
  const declined = past.findLast((each) => each.key === key && each.how === 'refused')
  if (declined && now - declined.at < SAME_CHANGE_PAUSE_MS) {
    return { kind: 'declined_before', retryAfterSeconds: seconds(declined.at + SAME_CHANGE_PAUSE_MS - now) }
  }
  const refusals = past.filter(({ how }) => how !== 'not_approved')
  const until = limits.pauses ? quietUntil(refusals) : Number.NEGATIVE_INFINITY
  if (now < until) return { kind: 'quiet', retryAfterSeconds: seconds(until - now) }
  if (limits.onePerCustomer && open.includes(customerId)) return { kind: 'customer_has_one' }
  return open.length >= limits.open ? { kind: 'too_many_open' } : undefined
}

function quietUntil(past: readonly PastQuestion[]): number {
  let until = Number.NEGATIVE_INFINITY
  let counted: number[] = []
  for (const { at } of past) {
    counted = [...counted.filter((each) => at - each < REFUSAL_SPAN_MS), at]
    if (counted.length < REFUSAL_LIMIT) continue
    until = at + REFUSAL_SPAN_MS
    counted = []
  }
  return until
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000)
}
