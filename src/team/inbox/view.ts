import { raw } from 'hono/html'
import { type Card, cardMarkup } from '../../approval/page/cards.ts'
import { htmlDocument, PAGES_NAME } from '../../approval/page/document.ts'
import { endingOf } from '../../approval/page/item.ts'
import { headline, labelList, OUTCOMES, PROGRESS, timeLeft } from '../../approval/page/words.ts'
import type { Question } from '../../approval/question.ts'
import { callerName } from '../../approval/question-about.ts'
import type { Decided } from '../../change/change.ts'
import { type CustomerField, fieldFacts } from '../../customer/fields.ts'
import { foreign, type Markup, markup } from '../../lib/markup.ts'
import { personName } from '../../lib/person.ts'
import { listed } from '../../lib/text.ts'
import { inboxStyle, script } from './assets.ts'

/** Who looks, and how they end it. */
export interface Viewer {
  readonly name: string
  /** For the form that signs out. */
  readonly token: string
}

/** What the script looks at to say that there is something new. */
export interface News {
  /** A path of ours. */
  readonly address: string
  readonly digest: string
}

export interface InboxDocument {
  readonly title: string
  readonly content: Markup
  readonly viewer?: Viewer
  readonly news?: News
}

/** A complete HTML document. */
export function inboxDocument({ title, content, viewer, news }: InboxDocument): string {
  return htmlDocument({
    title,
    style: inboxStyle,
    header: viewer && viewerHeader(viewer),
    content: markup`${news && markup`<p class="alert news" role="status" hidden data-news="${news.address}" data-digest="${news.digest}"><a href=""></a></p>`}
${content}`,
    end: markup`<script type="module">${raw(script)}</script>`,
  })
}

function viewerHeader({ name, token }: Viewer): Markup {
  return markup`<p><a href="/approvals">${PAGES_NAME}</a></p><form method="post" action="/approvals/sign-out"><input type="hidden" name="token" value="${token}"><span>Signed in as ${foreign(name)}</span><button type="submit">Sign out</button></form>`
}

/** A question that waits, in the list. */
export interface WaitingRow {
  readonly id: string
  readonly question: Question
  readonly askedBy: string
  /** Wall clock, milliseconds since 1970. */
  readonly askedAt: number
  readonly expiresAt: number
}

export interface InboxModel {
  /** What this person may decide; undefined for somebody who decides nothing. */
  readonly forYou: readonly WaitingRow[] | undefined
  /** What this person asked for. */
  readonly own: readonly WaitingRow[]
  /** Those that wait behind these. */
  readonly more: number
  readonly decided: readonly Decided[]
}

/** Questions that wait, of which the list shows the first ones: a reader gets through no more. */
export const WAITING_SHOWN = 50

/** @param count of the questions that wait, counted as far as they are shown. */
export function waitingTitle(count: number): string {
  return count === 0 ? 'Approvals' : `(${counted(count)}) Approvals`
}

function counted(count: number): string {
  return count < WAITING_SHOWN ? String(count) : `${WAITING_SHOWN}+`
}

/** The list of what waits and what was decided. */
export function inboxList({ forYou, own, more, decided }: InboxModel, now: number): Markup {
  return markup`<h1>Approvals</h1>
${forYou && waitingSection('Waiting for an approver', forYou, 'Nothing waits for you.', now)}
${(own.length > 0 || !forYou) && waitingSection('You asked for', own, 'Nothing that you asked for waits for an answer.', now)}
${more > 0 && markup`<p class="none">${more} more wait. They move up as these are decided.</p>`}
<h2 class="section">Decided lately</h2>
${decided.length === 0 ? markup`<p class="none">Nothing yet.</p>` : markup`<ul class="inbox" role="list">${decided.map((row) => decidedRow(row))}</ul>`}`
}

function waitingSection(title: string, rows: readonly WaitingRow[], none: string, now: number): Markup {
  return markup`<h2 class="section">${title}${rows.length > 0 && ` (${rows.length})`}</h2>
${rows.length === 0 ? markup`<p class="none">${none}</p>` : markup`<ul class="inbox" role="list">${rows.map((row) => waitingRow(row, now))}</ul>`}`
}

/** From when on it is said that a question runs out soon, milliseconds. */
const SOON_MS = 60 * 60_000

function waitingRow({ id, question, askedBy, askedAt, expiresAt }: WaitingRow, now: number): Markup {
  const { customer, changes } = question
  const soon = expiresAt - now < SOON_MS
  return markup`<li><a href="/approvals/${id}">${headline(question)}</a><p class="${soon ? 'side soon' : 'side'}">expires ${timeLeft(expiresAt, now)}</p>
<p>customer ${customer.id}${customer.email !== undefined && markup`, ${foreign(customer.email)}`}${changes.length > 1 && markup` · ${labelList(changes)}`}</p>
<p class="side">asked by ${foreign(askedBy)}, ${time(askedAt)}</p></li>
`
}

function decidedRow(decided: Decided): Markup {
  const { id, customerId, fields } = decided
  const ending = endingOf(decided)
  const { sign, headline: outcome } = OUTCOMES[ending]
  const unsure = ending === 'unknown' || ending === 'failed'
  return markup`<li><a href="/approvals/${id}">${changeOf(fields, customerId)}</a><p class="${unsure ? 'side outcome unsure' : 'side outcome'}"><span aria-hidden="true">${sign} </span>${outcome}</p>
<p>${whoAndWhen(decided)}</p></li>
`
}

/** Who asked, who decided and how, and when it ended. */
function whoAndWhen(decided: Decided): Markup {
  const { caller, decision, endedAt } = decided
  const ending = endingOf(decided)
  const verb = ending === 'declined' || ending === 'withdrawn' ? ending : 'approved'
  const by = 'by' in decision ? decision.by : undefined
  return markup`asked by ${foreign(callerName(caller))}${by && markup` · ${verb} by ${foreign(personName(by))}`}, ${time(endedAt)}`
}

/** What was asked for, where its values are not remembered. */
function changeOf(fields: readonly CustomerField[], customerId: number): string {
  return `Change ${labels(fields)} of customer ${customerId}`
}

function labels(fields: readonly CustomerField[]): string {
  return listed(fields.map((field) => `“${fieldFacts[field].label}”`))
}

/** Of the server, until the script has put it into the reader's zone. */
function time(at: number): Markup {
  const iso = new Date(at).toISOString()
  return markup`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`
}

/** One question that waits. */
export function questionPage(card: Omit<Card, 'id' | 'level'>, now: number): Markup {
  return markup`${cardMarkup({ id: 'q1', level: 1, ...card }, now)}${back}`
}

const back = markup`<p><a href="/approvals">All approvals</a></p>`

/** For somebody who asked for it: it can be taken back, and somebody else decides. */
export function withdrawForm(id: string, token: string): Markup {
  return markup`<form method="post" action="/approvals/${id}">
<input type="hidden" name="token" value="${token}">
<p>You asked for this, so somebody else decides.</p>
<div class="buttons"><button type="submit" name="decision" value="withdraw">Withdraw it</button></div>
</form>`
}

/** A change that somebody approved and that has not ended. */
export function underWayPage(customerId: number, fields: readonly CustomerField[], isSent: boolean): Markup {
  const [title] = PROGRESS[isSent ? 'sending' : 'checking']
  const message = isSent
    ? 'It was approved. AiFi has not answered yet; closing the page does not stop it.'
    : 'It was approved. Before anything is sent, the record is read once more.'
  return markup`<article class="card answered"><p class="sign turning" aria-hidden="true"></p><div>
<h1>${title}</h1><p role="status">${message}</p>
<p class="summary">${changeOf(fields, customerId)}</p></div></article>${back}`
}

/** What waits besides, for somebody who decides it. */
export interface NextQuestion {
  readonly id: string
  /** It included, as far as they are shown. */
  readonly count: number
}

/** A question that was decided. `message` is there as long as the outcome itself is kept. */
export function decidedPage(decided: Decided, message: string | undefined, next?: NextQuestion): Markup {
  const ending = endingOf(decided)
  const { sign, headline: title, advice } = OUTCOMES[ending]
  return markup`<article class="card answered ${ending}"><p class="sign" aria-hidden="true">${sign}</p><div>
<h1>${title}</h1>
${message !== undefined && markup`<p class="message" role="status">${message}</p>`}
${advice !== undefined && markup`<p>${advice}</p>`}
<p class="summary">${changeOf(decided.fields, decided.customerId)} · ${whoAndWhen(decided)}</p></div></article>${next && markup`<p><a href="/approvals/${next.id}">Next question</a> (${counted(next.count)} ${next.count === 1 ? 'waits' : 'wait'})</p>`}${back}`
}

/** A page that shows no customer's data. */
export interface Message {
  readonly title: string
  readonly sentences: readonly string[]
  readonly next?: { readonly href: string; readonly label: string }
}

export function messagePage({ title, sentences, next }: Message): Markup {
  return markup`<article class="card"><h1>${title}</h1>${sentences.map((each) => markup`<p>${each}</p>`)}${next && markup`<p><a href="${next.href}">${next.label}</a></p>`}</article>`
}
