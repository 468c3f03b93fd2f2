import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { type Again, takeAnswer } from '../../approval/page/answer.ts'
import { documentTitle } from '../../approval/page/document.ts'
import { endingOf } from '../../approval/page/item.ts'
import { isOwnForm } from '../../approval/page/security.ts'
import { OUTCOMES } from '../../approval/page/words.ts'
import { type Deployment, UNREAD_MS } from '../../approval/question.ts'
import { callerName, questionAbout } from '../../approval/question-about.ts'
import type { Asked, Change, Decided } from '../../change/change.ts'
import type { Changes } from '../../change/changes.ts'
import type { Whose } from '../../change/store.ts'
import { readForm } from '../../lib/body.ts'
import type { Clock } from '../../lib/clock.ts'
import { isSamePerson, personName } from '../../lib/person.ts'
import { showNotice } from './notices.ts'
import { type FormTokens, rightsOf, type Session, type Sessions } from './session.ts'
import type { SignIn } from './sign-in.ts'
import {
  decidedPage,
  type InboxDocument,
  inboxDocument,
  inboxList,
  messagePage,
  type News,
  questionPage,
  underWayPage,
  WAITING_SHOWN,
  type WaitingRow,
  waitingTitle,
  withdrawForm,
} from './view.ts'

/** Decided questions that the list shows, and those among which one is looked for. */
const DECIDED_SHOWN = 20
const DECIDED_KEPT = 200

export interface InboxDeps {
  readonly changes: Changes
  readonly deployment: Deployment
  readonly sessions: Sessions
  readonly signIn: SignIn
  readonly forms: FormTokens
  readonly clock: Clock
  readonly publicUrl: string
  readonly fourEyes: boolean
  /** How long a question waits, milliseconds. */
  readonly lifetimeMs: number
}

/** `/approvals`: what waits, one question, and what was decided lately, for people who have signed in. */
export function createInbox(deps: InboxDeps): Hono {
  const { sessions, signIn } = deps
  const app = new Hono()
  app.get('/callback', (c) => signIn.callback(c))
  app.get('/signed-out', (c) => showNotice(c, 'signed_out'))
  app.get('/news', async (c) => {
    const session = sessions.read(c)
    return session ? c.json(await newsFor(session, c.req.query('id'), deps)) : c.json({}, 401)
  })
  app.get('/', (c) => withSession(c, deps, (session) => listPage(c, session, deps)))
  app.get('/:id', (c) => withSession(c, deps, (session) => onePage(c, session, c.req.param('id'), deps)))
  app.post('/sign-in', (c) => signIn.choose?.(c) ?? showNotice(c, 'unknown'))
  app.post('/sign-out', (c) => signOut(c, deps))
  app.post('/:id', async (c) => {
    if (!isOwnForm(c, deps.publicUrl)) return showNotice(c, 'refused')
    const form = (await readForm(c.req.raw)) ?? new URLSearchParams()
    // After the session's end, what was typed is not kept: the question is shown again.
    return withSession(c, deps, (session) => decide(c, session, c.req.param('id'), form, deps))
  })
  return app
}

/** Signs in whoever is not; a POST comes back as a GET of the same address. */
async function withSession(
  c: Context,
  { sessions, signIn }: InboxDeps,
  use: (session: Session) => Promise<Response>,
): Promise<Response> {
  const session = sessions.read(c)
  // As it was asked for: decoded, it could hold what no header may.
  const { pathname } = new URL(c.req.url)
  return session ? use(session) : signIn.begin(c, pathname, { silent: sessions.isOver(c) })
}

/** What somebody sees of the questions. */
interface Seen {
  /** The first ones that stand in the inbox, those at the front that run out first. */
  readonly waiting: readonly Asked[]
  /** Those among them that this person decides. */
  readonly decides: readonly Asked[]
  /** The latest first. */
  readonly decided: readonly Decided[]
}

async function seenBy(session: Session, { changes, fourEyes }: InboxDeps): Promise<Seen> {
  const rights = ({ caller }: Pick<Change, 'caller'>) => rightsOf(session, caller, fourEyes)
  const first = await changes.waiting(WAITING_SHOWN, whoseFor(session))
  const waiting = first.filter((each) => each.asking.rung?.channel === 'inbox' && rights(each).see)
  const decided = await changes.decided(DECIDED_KEPT)
  return {
    waiting,
    decides: waiting.filter((each) => rights(each).decide),
    decided: decided.filter((each) => rights(each).see),
  }
}

function whoseFor({ approver, person }: Session): Whose {
  return approver ? {} : { by: person }
}

async function listPage(c: Context, session: Session, deps: InboxDeps): Promise<Response> {
  const { changes, clock } = deps
  const seen = await seenBy(session, deps)
  const { waiting, decides, decided } = seen
  const rows = (questions: readonly Asked[]) => questions.map((each) => waitingRow(each, deps))
  const model = {
    forYou: session.approver ? rows(decides) : undefined,
    more: waiting.length < WAITING_SHOWN ? 0 : (await changes.countWaiting(whoseFor(session))) - waiting.length,
    own: rows(waiting.filter((each) => !decides.includes(each))),
    decided: decided.slice(0, DECIDED_SHOWN),
  }
  const { digest, title } = listNews(session, seen)
  const news = { address: '/approvals/news', digest }
  return page(c, session, deps, { title, content: inboxList(model, clock.now()), news })
}

async function onePage(c: Context, session: Session, id: string, deps: InboxDeps): Promise<Response> {
  const change = await deps.changes.get(id)
  const seen = change?.state === 'asked' ? undefined : await seenBy(session, deps)
  const past = seen?.decided.find((each) => each.id === id)
  const known = change ?? past
  if (!known || !rightsOf(session, known.caller, deps.fourEyes).see) return showNotice(c, 'unknown')
  if (change?.state === 'asked') return askedPage(c, session, change, deps)
  const shown =
    change?.state === 'claimed' || change?.state === 'sending'
      ? { title: 'Under way', content: underWayPage(change.customerId, change.fields, change.state === 'sending') }
      : overPage(change, past, session.approver ? seen?.decides : [])
  return page(c, session, deps, { ...shown, news: newsAbout(id, change) })
}

function askedPage(c: Context, session: Session, asked: Asked, deps: InboxDeps, again: Again = {}): Response {
  const { forms, deployment, clock, fourEyes } = deps
  const question = questionAbout(asked, deployment, clock.now())
  const token = forms.create(session, asked)
  const { round, expiresAt } = asked.asking
  const alert = again.alert ?? (round > 1 ? ({ kind: 'record_changed' } as const) : undefined)
  const state = {
    kind: 'waiting' as const,
    action: `/approvals/${asked.id}`,
    token,
    round,
    expiresAt: expiresAt.wall,
    problems: again.problems ?? {},
    askedByAnother: !isSamePerson(session.person, asked.caller.person),
    ...(alert && { alert }),
    ...(!rightsOf(session, asked.caller, fourEyes).decide && { instead: withdrawForm(asked.id, token) }),
  }
  const content = questionPage({ question, state, justAnswered: again.alert !== undefined }, clock.now())
  // The title stays in the browser's history, so it shows no values.
  const title = `Approval needed: customer ${asked.customerId}`
  return page(c, session, deps, { title, content, news: newsAbout(asked.id, asked) })
}

function page(c: Context, session: Session, { forms }: InboxDeps, shown: Omit<InboxDocument, 'viewer'>): Response {
  const viewer = { name: personName(session.person), token: forms.create(session) }
  return c.html(inboxDocument({ ...shown, viewer }))
}

async function decide(
  c: Context,
  session: Session,
  id: string,
  form: URLSearchParams,
  deps: InboxDeps,
): Promise<Response> {
  const { changes, forms, clock, fourEyes, deployment } = deps
  const token = forms.read(form.get('token'), session, id)
  if (!token) return showNotice(c, 'refused')
  const asked = await changes.get(id)
  const seeWhatBecameOfIt = () => c.redirect(`/approvals/${id}`, 303)
  if (asked?.state !== 'asked') return seeWhatBecameOfIt()
  const rights = rightsOf(session, asked.caller, fourEyes)
  const decision = form.get('decision')
  if (decision === 'withdraw' && rights.withdraw) {
    await changes.withdraw(id, 'Whoever asked for it took it back.', { unwanted: false, by: session.person })
    return seeWhatBecameOfIt()
  }
  if (!rights.decide || (decision !== 'approve' && decision !== 'decline')) return showNotice(c, 'refused')
  const given = { round: token.round, handle: token.handle, channel: 'inbox', by: session.person } as const
  const question = questionAbout(asked, deployment, clock.now())
  const isReadable = clock.now() - token.at >= UNREAD_MS
  const again = await takeAnswer({ changeId: id, question, isReadable, given, form }, deps)
  return again ? askedPage(c, session, asked, deps, again) : seeWhatBecameOfIt()
}

async function signOut(c: Context, { sessions, forms, signIn, publicUrl }: InboxDeps): Promise<Response> {
  if (!isOwnForm(c, publicUrl)) return showNotice(c, 'refused')
  const session = sessions.read(c)
  const form = await readForm(c.req.raw)
  if (session && !forms.read(form?.get('token'), session)) return showNotice(c, 'refused')
  sessions.end(c)
  return c.redirect((await signIn.endAddress()) ?? '/approvals/signed-out', 303)
}

/** For the script of an open page: of one question, or of the list. */
async function newsFor(session: Session, id: string | undefined, deps: InboxDeps) {
  if (id === undefined) {
    const { digest, title } = listNews(session, await seenBy(session, deps))
    return { digest, title: documentTitle(title) }
  }
  const change = await deps.changes.get(id)
  return { digest: digestOf(change && rightsOf(session, change.caller, deps.fourEyes).see ? change : undefined) }
}

function listNews({ approver }: Session, { waiting, decides, decided }: Seen): { digest: string; title: string } {
  const seen = [...waiting.map((each) => `${each.id} ${digestOf(each)}`), decided[0]?.id]
  return {
    digest: createHash('sha256').update(seen.join('\n')).digest('base64url'),
    title: waitingTitle((approver ? decides : waiting).length),
  }
}

function newsAbout(id: string, change: Change | undefined): News {
  return { address: `/approvals/news?id=${id}`, digest: digestOf(change) }
}

/** Differs when there is something else to see. */
function digestOf(change: Change | undefined): string {
  if (!change || change.state === 'ended') return 'over'
  return change.state === 'asked' ? `asked ${change.asking.round}` : change.state
}

function waitingRow(asked: Asked, { deployment, clock, lifetimeMs }: InboxDeps): WaitingRow {
  const expiresAt = asked.asking.expiresAt.wall
  const question = questionAbout(asked, deployment, clock.now())
  return { id: asked.id, question, askedBy: callerName(asked.caller), askedAt: expiresAt - lifetimeMs, expiresAt }
}

/** @param decides what waits for this person besides. */
function overPage(change: Change | undefined, past: Decided | undefined, decides: readonly Asked[] = []) {
  const message = change?.state === 'ended' ? change.outcome.message : undefined
  const title = 'Over'
  if (!past) return { title, content: messagePage({ title, sentences: [message ?? 'This change is over.'] }) }
  const [next] = decides
  const nextQuestion = next && { id: next.id, count: decides.length }
  return { title: OUTCOMES[endingOf(past)].headline, content: decidedPage(past, message, nextQuestion) }
}
