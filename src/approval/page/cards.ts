import type { PrivateFieldName } from '../../customer/fields.ts'
import { foreign, type Markup, markup } from '../../lib/markup.ts'
import type { PrivateField, Question, ShownChange, ShownValue } from '../question.ts'
import { type CardOutcome, cannotBeRestored, clockTime, headline, labelList, OUTCOMES } from './words.ts'

/** One question on the page. */
export interface Card {
  readonly question: Question
  readonly state: CardState
}

export type CardState =
  | {
      readonly kind: 'waiting'
      /** Where the form is posted to (a path), and the token it carries in the hidden field `token`. */
      readonly action: string
      readonly token: string
      /** Wall clock, milliseconds since 1970. */
      readonly expiresAt: number
      /** What was wrong with what was typed, per private field; typed values are never sent back. */
      readonly problems: Partial<Record<PrivateFieldName, string>>
      /** The record changed in AiFi since it was shown: the person is asked to look again. */
      readonly changedMeanwhile: boolean
    }
  /** Approved; AiFi has not answered yet. */
  | { readonly kind: 'sending' }
  /** The end; `message` is the sentence the assistant is told too, `at` when it happened (ms since 1970). */
  | { readonly kind: 'settled'; readonly status: CardOutcome; readonly message: string; readonly at: number }

type Waiting = Extract<CardState, { kind: 'waiting' }>

/** Where a card stands: the prefix of its ids, unique on the page, and the level of its heading. */
export interface Place {
  readonly id: string
  readonly level: 1 | 2
}

/** One question as a part of the page. */
export function cardMarkup({ question, state }: Card, place: Place, now: number): Markup {
  switch (state.kind) {
    case 'waiting':
      return waitingCard(question, state, place, now)
    case 'sending':
      return sendingCard(question, place)
    case 'settled':
      return settledCard(question, state, place, now)
  }
}

/** A question with everything that it takes to answer it, and the form that does. */
function waitingCard(question: Question, state: Waiting, { id, level }: Place, now: number): Markup {
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
function sandboxBadge(question: Question): Markup | false {
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

/**
 * Field by field, what it is now and what it would be. The roles repeat what the elements mean because a narrow window
 * lays the rows out as blocks, and some browsers then no longer tell a screen reader that this is a table.
 */
function changesTable(changes: readonly ShownChange[], labelledBy: string): Markup {
  return markup`<table role="table" aria-labelledby="${labelledBy}">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Field</th><th role="columnheader" scope="col">Now</th><th role="columnheader" scope="col">If you approve</th></tr></thead>
${changes.map(row)}
</table>`
}

function row(change: ShownChange): Markup {
  const { label, before, after, consequence } = change
  return markup`<tbody role="rowgroup"><tr role="row"><th role="rowheader" scope="row">${foreign(label)}</th><td role="cell" data-column="Now">${shown(before)}</td><td role="cell" data-column="After" class="after">${shown(after)}</td></tr>${
    consequence !== undefined &&
    markup`<tr role="row"><td role="cell" colspan="3" class="${cannotBeRestored(change) ? 'note final' : 'note'}">${foreign(consequence)}</td></tr>`
  }</tbody>
`
}

/** Only a value of the record is drawn in a box: one that reads "(none)" cannot pass for having none. */
function shown(value: ShownValue): Markup {
  switch (value.kind) {
    case 'value':
      return markup`<bdi class="value">${value.text}</bdi>`
    case 'nothing':
      return markup`<em>(none)</em>`
    case 'not_readable':
      return markup`<em class="unread">not readable</em>`
    case 'hidden':
      return markup`<em class="hidden">${foreign(value.text)}</em>`
  }
}

/** The `id` of the first of a field's two inputs. */
function inputId(place: string, field: PrivateField): string {
  return `${place}-${field.name}`
}

/** Secrets the person types: each twice, never sent back to the page, kept out of password managers. */
function privateFieldset(fields: readonly PrivateField[], problems: Waiting['problems'], place: string): Markup {
  const firstWrong = fields.find((field) => problems[field.name] !== undefined)
  return markup`<fieldset aria-describedby="${place}-private">
<legend>For you to type</legend>
<p id="${place}-private">This is the shopper’s, <strong>never your own</strong>. It goes to AiFi only; the assistant does not see it.</p>
${fields.map((field) => fieldPair(field, problems[field.name], inputId(place, field), field === firstWrong))}
</fieldset>`
}

function fieldPair(field: PrivateField, problem: string | undefined, id: string, focused: boolean): Markup {
  const limits = limitsInWords(field)
  const describedBy = [limits && `${id}-limits`, problem !== undefined && `${id}-problem`].filter(Boolean).join(' ')
  const attributes = [
    markup` type="password" required autocomplete="off" autocapitalize="none" spellcheck="false" data-1p-ignore data-lpignore="true" data-bwignore data-form-type="other"`,
    field.minLength !== undefined && markup` minlength="${field.minLength}"`,
    field.maxLength !== undefined && markup` maxlength="${field.maxLength}"`,
    describedBy !== '' && markup` aria-describedby="${describedBy}"`,
    problem !== undefined && markup` aria-invalid="true"`,
  ]
  return markup`<div class="pair">
${problem !== undefined && markup`<p class="problem" id="${id}-problem">${problem}</p>`}
<div><label id="${id}-label" for="${id}">${field.label}</label><input id="${id}" name="${field.name}"${attributes}${focused && markup` autofocus`}></div>
<div><label id="${id}-again" for="${id}Again">Once more</label><input id="${id}Again" aria-labelledby="${id}-label ${id}-again" name="${field.name}Again"${attributes}></div>
${limits && markup`<p class="limits" id="${id}-limits">${limits}</p>`}
</div>`
}

function limitsInWords({ minLength, maxLength }: PrivateField): string | undefined {
  if (minLength !== undefined && maxLength !== undefined) return `${minLength} to ${maxLength} characters.`
  if (minLength !== undefined) return `At least ${minLength} characters.`
  return maxLength === undefined ? undefined : `At most ${maxLength} characters.`
}

/** Approved and on its way: nothing to press any more. */
function sendingCard(question: Question, { id, level }: Place): Markup {
  return markup`<article class="card answered" aria-labelledby="${id}-title">
<p class="sign turning" aria-hidden="true"></p>
<div><h${level} id="${id}-title">Sending to AiFi</h${level}>
<p role="status">You approved this. AiFi has not answered yet; closing the page does not stop it.</p>
${summary(question)}</div>
</article>`
}

/** How it ended, in short. */
function settledCard(
  question: Question,
  { status, message, at }: Extract<CardState, { kind: 'settled' }>,
  { id, level }: Place,
  now: number,
): Markup {
  const { sign, headline: title, advice } = OUTCOMES[status]
  const time = markup`<time datetime="${new Date(at).toISOString()}">${clockTime(at, now)}</time>`
  return markup`<article class="card answered ${status}" aria-labelledby="${id}-title">
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
