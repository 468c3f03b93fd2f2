import type { Question } from '../question.ts'
import { foreign, type Markup, markup } from './markup.ts'
import type { CardState } from './page-model.ts'
import { clockTime, headline, labelList, OUTCOMES } from './page-words.ts'
import { type Place, sandboxBadge } from './waiting-card.ts'

/** Approved and on its way: nothing to press any more. */
export function sendingCard(question: Question, { id, level }: Place): Markup {
  return markup`<article class="card answered" aria-labelledby="${id}-title">
<p class="sign turning" aria-hidden="true"></p>
<div><h${level} id="${id}-title">Sending to AiFi</h${level}>
<p role="status">You approved this. AiFi has not answered yet; closing the page does not stop it.</p>
${summary(question)}</div>
</article>`
}

/** How it ended, in short. */
export function settledCard(
  question: Question,
  { outcome, message, at }: Extract<CardState, { kind: 'settled' }>,
  { id, level }: Place,
  now: number,
): Markup {
  const { sign, headline: title, advice } = OUTCOMES[outcome]
  const time = markup`<time datetime="${new Date(at).toISOString()}">${clockTime(at, now)}</time>`
  return markup`<article class="card answered ${outcome}" aria-labelledby="${id}-title">
<p class="sign" aria-hidden="true">${sign}</p>
<div><h${level} id="${id}-title">${title}</h${level}>
<p class="message" role="status">${message}</p>
${advice !== undefined && markup`<p>${advice}</p>`}
${summary(question, markup` · ${time}`)}</div>
</article>`
}

/** What had been asked, in one line. */
function summary(question: Question, when?: Markup): Markup {
  const { customer, changes } = question
  return markup`<p class="summary">${headline(question)}${customer.name !== undefined && markup` · ${foreign(customer.name)}`}${
    changes.length > 1 && markup` · ${foreign(labelList(changes))}`
  }${when}</p>
${sandboxBadge(question)}`
}
