import type { Question } from '../question.ts'
import { changesTable } from './changes-table.ts'
import { foreign, type Markup, markup } from './markup.ts'
import type { CardState } from './page-model.ts'
import { cannotBeRestored, clockTime, headline } from './page-words.ts'
import { inputId, privateFieldset } from './private-fields.ts'

type Waiting = Extract<CardState, { kind: 'waiting' }>

/** Where a card stands: the prefix of its ids, unique on the page, and the level of its heading. */
export interface Place {
  readonly id: string
  readonly level: 1 | 2
}

/** A question with everything that it takes to answer it, and the form that does. */
export function waitingCard(question: Question, state: Waiting, { id, level }: Place, now: number): Markup {
  const sub = level + 1
  return markup`<article class="card" aria-labelledby="${id}-title">
<h${level} id="${id}-title">${headline(question)}</h${level}>
${sandboxBadge(question)}
<dl class="facts"><div><dt>Asked by</dt><dd>${foreign(question.client)}</dd></div><div><dt>AiFi at</dt><dd>${foreign(question.address)}</dd></div><div><dt>Expires</dt><dd><time datetime="${new Date(state.expiresAt).toISOString()}">${clockTime(state.expiresAt, now)}</time></dd></div></dl>
${state.changedMeanwhile && recordChanged}
${problemList(question, state, id)}
<section aria-labelledby="${id}-whose"><h${sub} id="${id}-whose">Whose record</h${sub}>${record(question.customer)}</section>
<section aria-labelledby="${id}-what"><h${sub} id="${id}-what">What changes</h${sub}>${changesTable(question.changes, `${id}-what`)}</section>
${decisionForm(question, state, id)}
</article>`
}

/** Says that nothing real is at stake; nothing where something is. */
export function sandboxBadge(question: Question): Markup | false {
  return question.sandbox && markup`<p class="badge"><strong>Sandbox</strong> Nothing real changes.</p>`
}

const recordChanged = markup`<div class="alert" role="alert"><p><strong>This record changed in AiFi meanwhile.</strong> Nothing was sent. Below is how it is now; please look again.</p></div>`

function problemList(question: Question, { problems }: Waiting, id: string): Markup | false {
  const wrong = question.privateFields.filter((field) => problems[field.name] !== undefined)
  if (wrong.length === 0) return false
  return markup`<div class="alert bad" role="alert"><p><strong>Nothing was sent.</strong> Please type again:</p><ul>${wrong.map(
    (field) => markup`<li><a href="#${inputId(id, field)}">${field.label}</a>: ${problems[field.name]}</li>`,
  )}</ul></div>`
}

function record({ id, name, email, unreadable }: Question['customer']): Markup {
  const read = unreadable === undefined
  return markup`<div class="record">
${!read && markup`<p class="alert unreadable"><strong>Whose it is could not be seen.</strong> ${unreadable}</p>`}
<dl>${(read || name !== undefined) && markup`<div class="who"><dt>Name</dt><dd>${name === undefined ? none : foreign(name)}</dd></div>`}
<div class="who"><dt>Customer</dt><dd>${id}</dd></div>
${(read || email !== undefined) && markup`<div class="email"><dt>Email</dt><dd>${email === undefined ? none : markup`${foreign(email)} <small>(AiFi may have made it up)</small>`}</dd></div>`}</dl>
</div>`
}

const none = markup`<em>(none)</em>`

/**
 * Enter in a text field presses a form's first submit button. That one is disabled, so Enter does nothing: it neither
 * approves by a slip nor declines what somebody has just typed a password for. A browser that passes over the disabled
 * button takes the next one, which is why Decline comes before Approve. (HTML, "Implicit submission".)
 */
function decisionForm({ changes, privateFields }: Question, state: Waiting, id: string): Markup {
  const final = changes.some(cannotBeRestored)
  return markup`<form method="post" action="${state.action}">
<button type="submit" disabled hidden></button>
<input type="hidden" name="token" value="${state.token}">
${privateFields.length > 0 && privateFieldset(privateFields, state.problems, id)}
<p id="${id}-effect">Approve makes the change at once.${final && markup` <strong class="final">What was there before cannot be restored.</strong>`}</p>
<p>Did you not ask for this? Press Decline: nothing is sent.</p>
<div class="buttons"><button type="submit" name="decision" value="decline" formnovalidate aria-describedby="${id}-title">Decline</button><button type="submit" name="decision" value="approve" class="${final ? 'approve final' : 'approve'}" aria-describedby="${id}-title ${id}-effect">Approve</button></div>
</form>`
}
