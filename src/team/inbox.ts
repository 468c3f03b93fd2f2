import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { type Again, takeAnswer } from '../approval/page/answer.ts'
import { howItEnded } from '../approval/page/item.ts'
import { OUTCOMES } from '../approval/page/words.ts'
import type { Deployment } from '../approval/question.ts'
import { UNREAD_MS } from '../approval/question.ts'
import { callerName, questionAbout } from '../approval/words.ts'
import type { Asked, Change, Decided } from '../change/change.ts'
import type { Changes } from '../change/changes.ts'
import type { Whose } from '../change/store.ts'
import { readForm } from '../lib/body.ts'
import type { Clock } from '../lib/clock.ts'
import { isSamePerson, personName } from '../lib/person.ts'
import type { BrowserSession, BrowserSessions } from './browser-session.ts'
import type { FormTokens } from './form-tokens.ts'
import { showNotice } from './inbox-notices.ts'
import {
  type DecidedRow,
  decidedPage,
  documentTitle,
  inboxDocument,
  inboxList,
  messagePage,
  type NextQuestion,
  questionPage,
  underWayPage,
  WAITING_SHOWN,
  type WaitingRow,
  waitingTitle,
  withdrawForm,
} from './inbox-view.ts'
import { rightsOf } from './rights.ts'
import type { SignIn } from './sign-in.ts'

/** Decided questions that the list shows, and those among which one is looked for. */
const DECIDED_SHOWN = 20
const DECIDED_KEPT = 200

export interface InboxDeps {
  readonly changes: Changes
  readonly deployment: Deployment
  readonly sessions: BrowserSessions
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
    if (!session || session === 'over') return c.json({}, 401)
    return c.json(await newsOf(session, c.req.query('id'), deps))
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
  use: (session: BrowserSession) => Promise<Response>,
): Promise<Response> {
  const session = sessions.read(c)
  if (session && session !== 'over') return use(session)
  return signIn.begin(c, c.req.path, { silent: session === 'over' })
}

async function listPage(c: Context, session: BrowserSession, deps: InboxDeps): Promise<Response> {
  const { changes, clock, fourEyes } = deps
  const waiting = await questionsFor(session, deps)
  const decides = (asked: Asked) => rightsOf(session, asked.caller, fourEyes).decide
  const model = {
    forYou: session.approver ? waiting.filter(decides).map((each) => waitingRow(each, deps)) : undefined,
    more: waiting.length < WAITING_SHOWN ? 0 : (await changes.countWaiting(whoseFor(session))) - waiting.length,
    own: waiting.filter((each) => !decides(each)).map((each) => waitingRow(each, deps)),
    decided: (await changes.decided(DECIDED_KEPT))
      .filter(({ caller }) => rightsOf(session, caller, fourEyes).see)
      .slice(0, DECIDED_SHOWN)
      .map(decidedRow),
  }
  const news = { address: '/approvals/news', digest: (await newsOf(session, undefined, deps)).digest }
  const content = inboxList(model, clock.now())
  const title = waitingTitle((model.forYou ?? model.own).length)
  return c.html(inboxDocument({ title, content, viewer: viewer(session, deps), news }))
}

/** The first questions that stand in the inbox and that this person may see, those first that run out first. */
async function questionsFor(session: BrowserSession, { changes, fourEyes }: InboxDeps): Promise<Asked[]> {
  const waiting = await changes.waiting(WAITING_SHOWN, whoseFor(session))
  return waiting.filter(
    ({ asking, caller }) => asking.rung?.channel === 'inbox' && rightsOf(session, caller, fourEyes).see,
  )
}

function whoseFor({ approver, person }: BrowserSession): Whose {
  return approver ? {} : { by: person }
}

async function onePage(c: Context, session: BrowserSession, id: string, deps: InboxDeps): Promise<Response> {
  const { changes, fourEyes } = deps
  const change = await changes.get(id)
  const past = change?.state === 'asked' ? undefined : await decidedBefore(id, deps)
  const known = change ?? past
  if (!known || !rightsOf(session, known.caller, fourEyes).see) return showNotice(c, 'unknown')
  if (change?.state === 'asked') return askedPage(c, session, change, deps)
  const page =
    change?.state === 'claimed' || change?.state === 'sending'
      ? { title: 'Under way', content: underWayPage(change.customerId, change.fields, change.state === 'sending') }
      : overPage(change, past, await nextFor(session, deps))
  const news = { address: `/approvals/news?id=${id}`, digest: digestOf(change) }
  return c.html(inboxDocument({ ...page, viewer: viewer(session, deps), news }))
}

function askedPage(c: Context, session: BrowserSession, asked: Asked, deps: InboxDeps, again: Again = {}): Response {
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
  const news = { address: `/approvals/news?id=${asked.id}`, digest: digestOf(asked) }
  // The title stays in the browser's history, so it shows no values.
  const title = `Approval needed: customer ${asked.customerId}`
  return c.html(inboxDocument({ title, content, viewer: viewer(session, deps), news }))
}

async function decide(
  c: Context,
  session: BrowserSession,
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
  const by = { round: token.round, handle: token.handle, channel: 'inbox', by: session.person } as const
  const question = questionAbout(asked, deployment, clock.now())
  const isReadable = clock.now() - token.at >= UNREAD_MS
  const again = await takeAnswer({ changeId: id, question, isReadable, by, form }, deps)
  return again ? askedPage(c, session, asked, deps, again) : seeWhatBecameOfIt()
}

async function signOut(c: Context, { sessions, forms, signIn, publicUrl }: InboxDeps): Promise<Response> {
  const session = sessions.read(c)
  if (!isOwnForm(c, publicUrl)) return showNotice(c, 'refused')
  const form = await readForm(c.req.raw)
  if (session && session !== 'over' && !forms.read(form?.get('token') ?? null, session)) return showNotice(c, 'refused')
  sessions.end(c)
  return c.redirect((await signIn.endAddress()) ?? '/approvals/signed-out', 303)
}

/** Forms of other sites cannot say that they are ours: browsers fill in these headers themselves. */
export function isOwnForm(c: Context, publicUrl: string): boolean {
  const site = c.req.header('Sec-Fetch-Site')
  const isForm = /^application\/x-www-form-urlencoded *(;|$)/i.test(c.req.header('Content-Type') ?? '')
  return isForm && c.req.header('Origin') === publicUrl && (site === undefined || site === 'same-origin')
}

async function newsOf(session: BrowserSession, id: string | undefined, deps: InboxDeps) {
  const { changes, fourEyes } = deps
  if (id !== undefined) {
    const change = await changes.get(id)
    return { digest: change && rightsOf(session, change.caller, fourEyes).see ? digestOf(change) : digestOf(undefined) }
  }
  const waiting = await questionsFor(session, deps)
  const decides = waiting.filter(({ caller }) => rightsOf(session, caller, fourEyes).decide)
  const decided = (await changes.decided(DECIDED_KEPT)).filter(({ caller }) => rightsOf(session, caller, fourEyes).see)
  const seen = [...waiting.map((each) => `${each.id} ${digestOf(each)}`), decided[0]?.id]
  const count = session.approver ? decides.length : waiting.length
  return {
    digest: createHash('sha256').update(seen.join('\n')).digest('base64url'),
    title: documentTitle(waitingTitle(count)),
  }
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

async function decidedBefore(id: string, { changes }: InboxDeps): Promise<Decided | undefined> {
  return (await changes.decided(DECIDED_KEPT)).find((each) => each.id === id)
}

function decidedRow({ id, customerId, fields, caller, decision, status, endedAt }: Decided): DecidedRow {
  const by = 'by' in decision ? decision.by : undefined
  return {
    id,
    customerId,
    fields,
    askedBy: callerName(caller),
    decidedBy: by && personName(by),
    status: howItEnded(decision, status),
    at: endedAt,
  }
}

function overPage(change: Change | undefined, past: Decided | undefined, next: NextQuestion | undefined) {
  const message = change?.state === 'ended' ? change.outcome.message : undefined
  if (!past) return { title: 'Over', content: messagePage('Over', [message ?? 'This change is over.']) }
  const row = decidedRow(past)
  return { title: OUTCOMES[row.status].headline, content: decidedPage(row, message, next) }
}

/** The question that runs out first of those that this person decides. */
async function nextFor(session: BrowserSession, deps: InboxDeps): Promise<NextQuestion | undefined> {
  if (!session.approver) return undefined
  const questions = await questionsFor(session, deps)
  const decided = questions.filter(({ caller }) => rightsOf(session, caller, deps.fourEyes).decide)
  const [first] = decided
  return first && { id: first.id, count: decided.length }
}

function viewer(session: BrowserSession, { forms }: InboxDeps) {
  return { name: personName(session.person), token: forms.create(session) }
}
