import type { Ended } from '../../change/change.ts'
import type { Card, CardState } from './cards.ts'
import type { Item } from './item.ts'
import type { PageModel } from './view.ts'
import type { Visit } from './visits.ts'
import type { CardOutcome } from './words.ts'

/** What a page shows now: what waits, the oldest first, and then what was decided, the latest first. */
export function pageModel(visit: Visit, now: number): PageModel {
  const waiting = visit.items.filter(({ waits }) => waits)
  const others = visit.items.filter(({ waits }) => !waits).reverse()
  const cards = [...waiting, ...others].map((item) => cardOf(item, visit, now))
  return { cards, live: { events: `/${visit.token}/events`, seen: `/${visit.token}/seen` } }
}

function cardOf(item: Item, visit: Visit, now: number): Card {
  const { number, question, justAnswered, level } = item
  return { id: `q${number}`, level, question, state: cardState(item, visit, now), justAnswered }
}

function cardState({ change, token, problems, leftMs, alert, round }: Item, visit: Visit, now: number): CardState {
  switch (change.state) {
    case 'asked':
      return {
        kind: 'waiting',
        action: `/${visit.token}`,
        token,
        round,
        expiresAt: now + leftMs,
        problems,
        ...(alert && { alert }),
      }
    case 'claimed':
      return { kind: 'checking' }
    case 'sending':
      return { kind: 'sending' }
    case 'ended':
      return settled(change)
  }
}

function settled(change: Ended): CardState {
  const { message, revert } = change.outcome
  const revertible = Object.keys(revert ?? {}).filter((field) => field !== 'customerId')
  const card = { kind: 'settled', status: statusOf(change), message, at: change.endedAt } as const
  return revertible.length > 0 ? { ...card, revertible } : card
}

/** How a change ended, as a card says it. */
export function statusOf({
  decision,
  outcome: { status },
}: Pick<Ended, 'decision'> & { readonly outcome: Pick<Ended['outcome'], 'status'> }): CardOutcome {
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
