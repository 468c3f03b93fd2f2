import type { Clock } from '../../lib/clock.ts'
import type { Approval } from '../approval.ts'
import type { Card, CardState } from './cards.ts'
import type { PageModel } from './view.ts'
import type { Item, Visit } from './visits.ts'
import type { CardOutcome } from './words.ts'

/** How often a page with nothing to type on loads itself again, seconds: while AiFi is at it, and afterwards. */
const SENDING_REFRESH_S = 1
const IDLE_REFRESH_S = 3
/** A page with everything decided looks for further questions for this long, milliseconds. */
const IDLE_MS = 2 * 60_000

/** What the page shows now. */
export function pageModel(page: Visit, clock: Clock): PageModel {
  const items = page.show()
  const cards = items.map((item): Card => ({ question: item.approval.question, state: cardState(item, page) }))
  const waiting = cards.filter(({ state }) => state.kind === 'waiting')
  const decided = cards.filter(({ state }) => state.kind !== 'waiting').reverse()
  const refreshSeconds = waiting.length > 0 ? untilExpired(items) : refresh(decided, clock)
  return { cards: [...waiting, ...decided], ...(refreshSeconds !== undefined && { refreshSeconds }) }
}

/** Nothing reloads while somebody may be reading or typing: only when the last question has run out, to say so. */
function untilExpired(items: readonly Item[]): number {
  return 1 + Math.ceil(Math.max(...items.map(({ approval }) => approval.deadline.remainingMs)) / 1000)
}

function refresh(decided: readonly Card[], clock: Clock): number | undefined {
  const ends = decided.map(({ state }) => (state.kind === 'settled' ? state.at : Number.POSITIVE_INFINITY))
  const last = Math.max(...ends)
  if (last === Number.POSITIVE_INFINITY) return SENDING_REFRESH_S
  return clock.now() - last < IDLE_MS ? IDLE_REFRESH_S : undefined
}

function cardState({ approval, token, problems }: Item, page: Visit): CardState {
  const { decision, report } = approval
  if (!decision) {
    return {
      kind: 'waiting',
      action: `/${page.token}`,
      token,
      expiresAt: approval.deadline.endsAt,
      problems,
      ...(approval.replaces !== undefined && { alert: { kind: 'record_changed' } }),
    }
  }
  if (report) return { kind: 'settled', status: statusOf(approval), message: report.message, at: report.at }
  if (decision.answer === 'approved' || decision.answer === 'moved') return { kind: 'sending' }
  return { kind: 'settled', status: statusOf(approval), message: decision.reason ?? '', at: decision.at }
}

function statusOf({ decision, report }: Approval): CardOutcome {
  switch (decision?.answer) {
    case 'declined':
    case 'expired':
      return decision.answer
    case 'approved':
    case 'moved':
      if (report?.status === 'preview' || report?.status === 'approval_pending') return 'failed'
      return report?.status ?? 'withdrawn'
    default:
      return 'withdrawn'
  }
}
