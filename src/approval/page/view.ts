import { raw } from 'hono/html'
import { type Markup, markup } from '../../lib/markup.ts'
import { type Card, cardMarkup } from './cards.ts'
import { documentTitle, htmlDocument } from './document.ts'
import { script } from './script.ts'
import { style } from './style.ts'
import { NOTES, NOTICES, type Notice, OUTCOMES } from './words.ts'

/** One page in one browser: the questions it shows, the oldest undecided first. */
export interface PageModel {
  readonly cards: readonly Card[]
  /** Where it is. For its script, `/events` below it is the event stream, and `/seen` takes the tokens of forms in sight. */
  readonly path: string
}

/**
 * The approval page, a complete HTML document.
 *
 * @param now wall clock, milliseconds since 1970; times on another day are shown with their date.
 */
export function renderPage({ cards, path }: PageModel, now: number): string {
  const over = isOver(cards)
  const content = markup`${cards.length !== 1 && markup`<h1 id="headline">${pageHeadline(cards)}</h1>`}
${cards.map((card) => cardMarkup(card, now))}
<p class="end" id="note" role="status" data-more="${NOTES.more}" data-lost="${NOTES.lost}"></p>
${!over && markup`<p class="end" id="without">${NOTES.without} <a href="">Look again</a></p>`}
<p class="end" id="over"${!over && markup` hidden`}>You can close this page.</p>`
  const attributes = markup` data-events="${path}/events" data-seen="${path}/seen"`
  // The page's script goes on from what is there.
  const end = markup`<template id="replaced">${noticeCard('replaced')}</template>\n<script>${raw(script)}</script>`
  return htmlDocument({ title: windowTitle(cards), style, content, attributes, end })
}

/** What the script needs to bring a page up to date, as data for its event `cards`. */
export function pageUpdate({ cards }: PageModel, now: number) {
  return {
    title: documentTitle(windowTitle(cards)),
    headline: pageHeadline(cards),
    over: isOver(cards),
    cards: cards.map((card) => ({ id: card.id, html: cardMarkup(card, now).toString() })),
  }
}

/**
 * A complete HTML document that says why there is nothing to decide here.
 *
 * @param reload the browser loads it again at once, once it is there.
 */
export function renderNotice(notice: Notice, { reload = false } = {}): string {
  const head = reload ? markup`<meta http-equiv="refresh" content="0">` : undefined
  return htmlDocument({ title: NOTICES[notice].headline, style, content: noticeCard(notice), head })
}

function noticeCard(notice: Notice): Markup {
  const { headline, sentences } = NOTICES[notice]
  return markup`<article class="card"><h1>${headline}</h1>${sentences.map((sentence) => markup`<p>${sentence}</p>`)}${
    notice === 'replaced' && markup`<p><a href="">Go on in this tab instead</a></p>`
  }</article>`
}

/** Nobody has anything more to do or to look at here. */
function isOver(cards: readonly Card[]): boolean {
  return cards.every(({ state }) => state.kind === 'settled' && state.status !== 'unknown')
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
