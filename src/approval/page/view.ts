import { raw } from 'hono/html'
import { type Markup, markup } from '../../lib/markup.ts'
import { type Card, cardMarkup } from './cards.ts'
import { style } from './style.ts'
import { NOTICES, type Notice, OUTCOMES } from './words.ts'

/** One page in one browser: the questions it shows, the oldest undecided first. */
export interface PageModel {
  readonly cards: readonly Card[]
  /** Seconds after which the browser should load the page again; not while somebody may be typing. */
  readonly refreshSeconds?: number
}

/**
 * The approval page, a complete HTML document without scripts.
 *
 * @param now wall clock, milliseconds since 1970; times on another day are shown with their date.
 */
export function renderPage(model: PageModel, now: number): string {
  const [only, ...others] = model.cards
  const alone = only !== undefined && others.length === 0
  const over = model.cards.every(({ state }) => state.kind === 'settled' && state.status !== 'unknown')
  return htmlDocument(
    windowTitle(model.cards),
    markup`${!alone && markup`<h1>${pageHeadline(model.cards)}</h1>`}
${model.cards.map((card, index) => cardMarkup(card, { id: `q${index + 1}`, level: alone ? 1 : 2 }, now))}
${over && markup`<p class="close">You can close this page.</p>`}`,
    model.refreshSeconds,
  )
}

/** A complete HTML document that says why there is nothing to decide here. */
export function renderNotice(notice: Notice, refreshSeconds?: number): string {
  const words = NOTICES[notice]
  return htmlDocument(
    words.headline,
    markup`<article class="card"><h1>${words.headline}</h1>${words.sentences.map((sentence) => markup`<p>${sentence}</p>`)}</article>`,
    refreshSeconds,
  )
}

function htmlDocument(title: string, content: Markup, refreshSeconds?: number): string {
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title} · AiFi customer approval</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
${refreshSeconds !== undefined && markup`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<style>${raw(style)}</style>
</head>
<body>
<header><p>AiFi customer approval</p></header>
<main>
${content}
</main>
<footer><p>This page never asks for your own password.</p></footer>
</body>
</html>
`
  return page.toString()
}

/** The window's title. It stays in the browser's history, so it names nobody and shows no values. */
function windowTitle(cards: readonly Card[]): string {
  const waiting = cards.filter((card) => card.state.kind === 'waiting')
  const [only] = cards
  if (only === undefined) return 'No questions'
  if (cards.length > 1) return waiting.length > 0 ? `Approval needed (${waiting.length})` : 'No open questions'
  return `${stateWord(only)}: customer ${only.question.customer.id}`
}

function stateWord({ state }: Card): string {
  if (state.kind === 'settled') return OUTCOMES[state.status].headline
  if (state.kind !== 'waiting') return state.kind === 'sending' ? 'Sending' : 'Checking'
  return Object.keys(state.problems).length > 0 ? 'Please correct' : 'Approval needed'
}

/** The heading of a page with several questions, or with none. */
function pageHeadline(cards: readonly Card[]): string {
  const waiting = cards.filter((card) => card.state.kind === 'waiting').length
  if (waiting === 0) return 'Nothing waits for your answer'
  return waiting === 1 ? 'One question waits for your answer' : `${waiting} questions wait for your answer`
}
