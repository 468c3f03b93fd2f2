import { raw } from 'hono/html'
import { sendingCard, settledCard } from './answered-card.ts'
import { type Markup, markup } from './markup.ts'
import type { Card, Notice, PageModel } from './page-model.ts'
import { NOTICES, pageHeadline, windowTitle } from './page-words.ts'
import { style, styleHash } from './style.ts'
import { type Place, waitingCard } from './waiting-card.ts'

export { styleHash }

/**
 * The approval page, a complete HTML document without scripts.
 *
 * @param now wall clock, milliseconds since 1970; times on another day are shown with their date.
 */
export function renderPage(model: PageModel, now: number): string {
  const [only, ...others] = model.cards
  const alone = only !== undefined && others.length === 0
  const over = model.cards.every((card) => card.state.kind === 'settled')
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

function cardMarkup({ question, state }: Card, place: Place, now: number): Markup {
  switch (state.kind) {
    case 'waiting':
      return waitingCard(question, state, place, now)
    case 'sending':
      return sendingCard(question, place)
    case 'settled':
      return settledCard(question, state, place, now)
  }
}
