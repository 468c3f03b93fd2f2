import type { CardOutcome } from '../../src/approval/page/words.ts'
import type { Question } from '../../src/approval/question.ts'
import type { Decided } from '../../src/change/change.ts'
import type { CustomerField } from '../../src/customer/fields.ts'
import { keysOf } from '../../src/lib/keys.ts'
import { INBOX_NOTICES, noticeDocument } from '../../src/team/inbox/notices.ts'
import {
  decidedPage,
  type InboxModel,
  inboxDocument,
  inboxList,
  questionPage,
  underWayPage,
  type WaitingRow,
  waitingTitle,
  withdrawForm,
} from '../../src/team/inbox/view.ts'
import { peopleDocument } from '../../src/team/sandbox-identity.ts'
import { GALLERY, HOSTILE, waiting as local, MESSAGES, NOW, question } from './page-gallery.ts'

const HOUR_MS = 60 * 60_000
const waiting = { ...local, action: '/approvals/q1', askedByAnother: true }
const viewer = { name: 'Alex Rivera', token: 'form-token' }
const news = { address: '/approvals/news', digest: 'digest' }

/** The changes that a question of the other gallery asks for. */
function changesOf(name: string): Pick<Question, 'changes' | 'privateFields'> {
  const { changes, privateFields } = GALLERY[name]?.cards[0]?.question ?? question
  return { changes, privateFields }
}

/** A row of the list: who, what, by whom, and how many hours ago. */
function row(at: number, [id, name, email]: readonly [number, string, string], what: string, askedBy: string) {
  const askedAt = NOW - at * HOUR_MS
  const asked: Question = { ...question, customer: { id, name, email }, ...changesOf(what) }
  return { id: `q-${id}-${what}`, question: asked, askedBy, askedAt, expiresAt: askedAt + 8 * HOUR_MS }
}

/** An ordinary morning. */
const morning: WaitingRow[] = [
  row(7.8, [4211, 'Jane Miller', 'jane@example.com'], 'block', 'Sam Okafor'),
  row(7.1, [77, 'Marcus Weber', 'marcus.weber@example.com'], 'password', 'Sam Okafor'),
  row(6.2, [1893, 'Aiko Tanaka', 'aiko@example.com'], 'sandbox-several', 'Priya Nair'),
  row(5.5, [902, 'Lucas Almeida', 'lucas.almeida@example.com'], 'card-removed', 'Priya Nair'),
  row(4.9, [3110, 'Chidi Eze', 'chidi@example.com'], 'block', 'application night-shift'),
  row(4.2, [815, 'محمد عبد الله الهاشمي', 'mohammed@example.com'], 'right-to-left', 'Sam Okafor'),
  row(3.3, [2604, 'Ingrid Solberg', 'ingrid@example.com'], 'one-loss', 'Tomás Vega'),
  row(2.4, [5120, 'Noor Haddad', 'noor@example.com'], 'password', 'Tomás Vega'),
  row(
    1.1,
    [77120, 'Bartholomew Featherstonehaugh-Cholmondeley', 'b.featherstonehaugh@example.com'],
    'metadata',
    'Sam Okafor',
  ),
  row(0.5, [411, 'Eva Novák', 'eva@example.com'], 'block', 'Priya Nair'),
  row(0.1, [998, 'Owen Clarke', 'owen@example.com'], 'all-private', 'Sam Okafor'),
  row(0.01, [12, 'Ben Osei', 'ben@example.com'], 'changed-meanwhile', 'Priya Nair'),
]

let count = 0
function past(
  ending: CardOutcome,
  fields: readonly CustomerField[],
  decidedBy: string | undefined,
  hours: number,
): Decided {
  count += 1
  const endedAt = NOW - hours * HOUR_MS
  const by = decidedBy === undefined ? undefined : personOf(decidedBy)
  const caller = { client: 'assistant 1.0', person: personOf(count % 2 === 0 ? 'Priya Nair' : 'Sam Okafor') }
  const known = { id: `d-${count}`, customerId: 4000 + 37 * count, fields, caller, endedAt }
  if (ending === 'expired' || ending === 'withdrawn')
    return { ...known, decision: { kind: ending, at: endedAt, reason: '', ...(by && { by }) }, status: 'declined' }
  const answer = ending === 'declined' ? ending : 'approved'
  const decision = { kind: 'answered', answer, channel: 'inbox', at: endedAt, ...(by && { by }) } as const
  return { ...known, decision, status: ending }
}

function personOf(name: string) {
  return { issuer: 'https://issuer.example', subject: name, name }
}

const decided: Decided[] = [
  past('updated', ['blocked'], 'Robin Chen', 0.2),
  past('declined', ['cardToken'], 'Alex Rivera', 0.9),
  past('updated', ['email', 'externalId', 'role'], 'Alex Rivera', 3),
  past('unknown', ['password'], 'Robin Chen', 5),
  past('expired', ['role'], undefined, 20),
  past('withdrawn', ['email'], undefined, 26),
]

const own = [row(0.4, [640, 'Zoë Laurent', 'zoe@example.com'], 'block', 'Alex Rivera')]

function list(model: InboxModel, name = viewer.name): string {
  const content = inboxList(model, NOW)
  return inboxDocument({
    title: waitingTitle((model.forYou ?? model.own).length),
    content,
    viewer: { ...viewer, name },
    news,
  })
}

function one(title: string, content: ReturnType<typeof questionPage>): string {
  return inboxDocument({ title, content, viewer, news: { ...news, address: '/approvals/news?id=q1' } })
}

/** Every view of the inbox, a complete document each, by the name of its picture. */
export const INBOX_GALLERY: Readonly<Record<string, string>> = {
  list: list({ forYou: morning, own, more: 0, decided }),
  'list-few': list({ forYou: morning.slice(0, 4), own: [], more: 0, decided: decided.slice(0, 3) }),
  'list-empty': list({ forYou: [], own: [], more: 0, decided: [] }),
  'list-agent': list(
    { forYou: undefined, own: morning.slice(0, 2), more: 138, decided: decided.slice(0, 2) },
    'Sam Okafor',
  ),
  'list-hostile': list(
    {
      forYou: [{ ...row(1, [1, HOSTILE, HOSTILE], 'hostile', HOSTILE), id: 'x' }],
      own: [],
      more: 0,
      decided: [{ ...past('updated', ['email'], HOSTILE, 1), caller: { client: HOSTILE, person: personOf(HOSTILE) } }],
    },
    HOSTILE,
  ),
  question: one('Approval needed', questionPage({ question, state: waiting }, NOW)),
  'question-password': one(
    'Approval needed',
    questionPage({ question: { ...question, ...changesOf('password') }, state: waiting }, NOW),
  ),
  'question-own': one(
    'Approval needed',
    questionPage({ question, state: { ...waiting, instead: withdrawForm('q1', 'form-token') } }, NOW),
  ),
  'question-too-early': one(
    'Approval needed',
    questionPage({ question, state: { ...waiting, alert: { kind: 'too_early' } }, justAnswered: true }, NOW),
  ),
  checking: one('Under way', underWayPage(4211, ['blocked'], false)),
  sending: one('Under way', underWayPage(4211, ['blocked'], true)),
  ...Object.fromEntries(
    keysOf(MESSAGES).map((status) => [
      `decided-${status}`,
      one(
        'Decided',
        decidedPage(past(status, ['blocked'], 'Alex Rivera', 1), MESSAGES[status], { id: 'q2', count: 11 }),
      ),
    ]),
  ),
  'decided-long-ago': one('Decided', decidedPage(past('updated', ['blocked', 'role'], 'Alex Rivera', 30), undefined)),
  people: peopleDocument('/approvals'),
  ...Object.fromEntries(keysOf(INBOX_NOTICES).map((notice) => [`notice-${notice}`, noticeDocument(notice)])),
}
