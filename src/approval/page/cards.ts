import type { PrivateFieldName } from '../../customer/fields.ts'
import { foreign, type Markup, markup } from '../../lib/markup.ts'
import type { PrivateField, Question, ShownChange, ShownValue } from '../question.ts'
import {
  ALERTS,
  action,
  type CardAlert,
  type CardOutcome,
  clockTime,
  headline,
  labelList,
  OUTCOMES,
  PROGRESS,
  timeLeft,
  undoRequest,
  who,
} from './words.ts'

/** One question on the page. */
export interface Card {
  /** The prefix of its ids: unique on the page, for as long as it is on it. */
  readonly id: string
  /** Of its heading. */
  readonly level: 1 | 2
  readonly question: Question
  readonly state: CardState
  /** The person has just pressed a button of this one: what became of it takes the focus. */
  readonly justAnswered?: boolean
}

export type CardState =
  | {
      readonly kind: 'waiting'
      /** Where the form is posted to (a path), and the token it carries in the hidden field `token`. */
      readonly action: string
      readonly token: string
      /** From 1: another round is another question. */
      readonly round: number
      /** Wall clock, milliseconds since 1970. */
      readonly expiresAt: number
      /** What was wrong with what was typed, per private field; typed values are never sent back. */
      readonly problems: Partial<Record<PrivateFieldName, string>>
      /** Why the person is asked again. */
      readonly alert?: CardAlert
      /** Somebody else than whoever decides has asked for it. */
      readonly askedByAnother?: boolean
      /** What stands in place of the form, for somebody who may look but not decide. */
      readonly instead?: Markup
    }
  /** Approved: the record is being read once more, and nothing has been sent. */
  | { readonly kind: 'checking' }
  /** Approved; AiFi has not answered yet. */
  | { readonly kind: 'sending' }
  | {
      readonly kind: 'settled'
      readonly status: CardOutcome
      /** The sentence that the assistant is told too. */
      readonly message: string
      /** When it ended, wall clock, milliseconds since 1970. */
      readonly at: number
      /** The fields that the result's `revert` gives back. */
      readonly revertible?: readonly string[]
    }

type Waiting = Extract<CardState, { kind: 'waiting' }>
type Settled = Extract<CardState, { kind: 'settled' }>

type Place = Pick<Card, 'id' | 'level'>

/** From this many changes on, the customer is named once more beside the buttons. */
const LONG = 6

/** One question as a part of the page. */
export function cardMarkup({ question, state, justAnswered = false, ...place }: Card, now: number): Markup {
  switch (state.kind) {
    case 'waiting':
      return waitingCard(question, state, place, now, justAnswered)
    case 'checking':
    case 'sending':
      return progressCard(question, state.kind, place, justAnswered)
    case 'settled':
      return settledCard(question, state, place, now, justAnswered)
  }
}

/** Tells a card from what it was before: as long as this is the same, nobody needs another. */
function stateKey(state: CardState): string {
  if (state.kind === 'waiting') return `waiting-${state.round}`
  return state.kind === 'settled' ? state.status : state.kind
}

/** A question with everything that it takes to answer it, and the form that does. */
function waitingCard(question: Question, state: Waiting, { id, level }: Place, now: number, focused: boolean): Markup {
  const sub = level + 1
  const { client, address, reason } = question
  const expires = markup`${timeLeft(state.expiresAt, now)} (<time datetime="${new Date(state.expiresAt).toISOString()}">${clockTime(state.expiresAt, now)}</time>)`
  const losses = question.changes.filter((change) => change.loss)
  const others = question.changes.filter((change) => !change.loss)
  return markup`<article class="card" id="${id}" data-state="${stateKey(state)}" aria-labelledby="${id}-title">
<h${level} id="${id}-title">${headline(question)}</h${level}>
${sandboxBadge(question)}
${state.alert && alertBox(state.alert, focused)}
${problemList(question, state, id)}
<div class="part"><h${sub}>Whose record</h${sub}>${record(question.customer)}</div>
<div class="part"><h${sub} id="${id}-what">What changes</h${sub}>${changesTable([...losses, ...others], `${id}-what`)}</div>
<dl class="facts">${reason !== undefined && markup`<div class="says"><dt>The assistant says</dt><dd>“${foreign(reason)}”</dd></div>`}${fact('Asked by', foreign(client))}${fact('AiFi at', foreign(address))}${fact('Expires', expires)}</dl>
${state.instead ?? decisionForm(question, state, id)}
</article>`
}

function fact(name: string, value: Markup): Markup {
  return markup`<div><dt>${name}</dt><dd>${value}</dd></div>`
}

/** Says that nothing real is at stake; nothing where something is. */
function sandboxBadge(question: Question): Markup | false {
  return question.sandbox && markup`<p class="badge"><strong>Sandbox</strong> Nothing real changes.</p>`
}

function alertBox(alert: CardAlert, focused: boolean): Markup {
  const [what, next] = ALERTS[alert.kind]
  const labels =
    alert.kind === 'record_changed' &&
    alert.labels?.map((label, index) => markup`${index > 0 && ', '}${foreign(label)}`)
  return markup`<div class="alert" role="alert"${focused && takesFocus}><p><strong>${what}</strong> ${next}</p>${labels && markup`<p>Different now: ${labels}.</p>`}</div>`
}

const takesFocus = markup` tabindex="-1" autofocus`

function problemList(question: Question, { problems }: Waiting, id: string): Markup | false {
  const wrong = question.privateFields.filter((field) => problems[field.name] !== undefined)
  if (wrong.length === 0) return false
  return markup`<div class="alert bad" role="alert"><p><strong>Nothing was sent.</strong> Please type again:</p><ul>${wrong.map(
    (field) => markup`<li><a href="#${inputId(id, field)}">${field.label}</a>: ${problems[field.name]}</li>`,
  )}</ul></div>`
}

function record({ id, name, nameNote, email, unreadable }: Question['customer']): Markup {
  const read = unreadable === undefined
  return markup`<div class="record">
${!read && markup`<p class="alert unreadable"><strong>Whose it is could not be seen.</strong> ${unreadable}</p>`}
<dl>${(read || name !== undefined) && markup`<div class="who"><dt>Name</dt><dd>${name === undefined ? none : foreign(name)}</dd></div>`}
<div class="who"><dt>Customer</dt><dd>${id}</dd></div>
${(read || email !== undefined) && markup`<div class="email"><dt>Email</dt><dd>${email === undefined ? none : foreign(email)}</dd></div>`}</dl>
${nameNote !== undefined && markup`<p class="note">${nameNote}</p>`}
</div>`
}

const none = markup`<em>None</em>`

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

function row({ label, before, after, consequence, loss = false, final = false }: ShownChange): Markup {
  return markup`<tbody role="rowgroup"${loss && markup` class="loss"`}><tr role="row"><th role="rowheader" scope="row">${foreign(label)}${loss && markup` <strong class="tag">Loses data</strong>`}</th><td role="cell" data-column="Now">${shown(before)}</td><td role="cell" data-column="After" class="after">${shown(after)}</td></tr>${
    consequence !== undefined &&
    markup`<tr role="row"><td role="cell" colspan="3" class="${final || loss ? 'note final' : 'note'}">${foreign(consequence)}</td></tr>`
  }</tbody>
`
}

const TYPES = { number: 'number', boolean: 'yes or no', list: 'list', object: 'group of values' } as const

/** Only a value is drawn in a box: a text that reads "None" cannot pass for there being none. */
function shown(value: ShownValue): Markup {
  switch (value.kind) {
    case 'value':
      return markup`<span><bdi class="value">${value.text}</bdi>${value.type && markup` <small>${TYPES[value.type]}</small>`}</span>`
    case 'nothing':
      return none
    case 'null':
      return markup`<em>Null (no value)</em>`
    case 'empty':
      return markup`<em>Empty text</em>`
    case 'removed':
      return markup`<em class="removed">Removed</em>`
    case 'not_readable':
      return markup`<em class="unread">Unknown</em>`
    case 'hidden':
      return markup`<em class="hidden">${foreign(value.text)}</em>`
  }
}

/**
 * Enter in a text field presses a form's first submit button. That one is disabled, so Enter does nothing: it neither
 * approves by a slip nor declines what somebody has just typed a password for. A browser that passes over the disabled
 * button takes the next one, which is why Decline comes before Approve. (HTML, "Implicit submission".)
 */
function decisionForm(question: Question, state: Waiting, id: string): Markup {
  const { customer, changes, privateFields } = question
  const final = changes.some((change) => change.final || change.loss)
  return markup`<form method="post" action="${state.action}">
<button type="submit" disabled hidden></button>
<input type="hidden" name="token" value="${state.token}">
${privateFields.length > 0 && privateFieldset(privateFields, state.problems, id)}
<p id="${id}-effect">Approving takes effect at once.${changes.some((change) => change.final) && markup` <strong class="final">What was there before cannot be restored.</strong>`}</p>
<p>${state.askedByAnother ? 'Should this not happen?' : 'Did you not ask for this?'} Press Decline: nothing is sent.</p>
${changes.length >= LONG && markup`<p class="again">${who(customer)}, customer ${customer.id}${customer.email !== undefined && markup`, ${foreign(customer.email)}`}</p>`}
<div class="buttons"><button type="submit" name="decision" value="decline" formnovalidate aria-describedby="${id}-title">Decline</button><button type="submit" name="decision" value="approve" class="${final ? 'approve final' : 'approve'}" aria-describedby="${id}-effect">${action(question)}</button></div>
</form>`
}

/** The `id` of the first of a field's inputs. */
function inputId(place: string, field: PrivateField): string {
  return `${place}-${field.name}`
}

/** Secrets the person types: never sent back to the page, kept out of password managers. */
function privateFieldset(fields: readonly PrivateField[], problems: Waiting['problems'], place: string): Markup {
  const firstWrong = fields.find((field) => problems[field.name] !== undefined)
  return markup`<fieldset aria-describedby="${place}-private">
<legend>For you to type</legend>
<p id="${place}-private">This is the shopper’s, <strong>never your own</strong>. It goes to AiFi only; the assistant does not see it.</p>
${fields.map((field) => privateField(field, problems[field.name], inputId(place, field), field === firstWrong))}
</fieldset>`
}

function privateField(field: PrivateField, problem: string | undefined, id: string, focused: boolean): Markup {
  const limits = limitsInWords(field)
  const describedBy = [limits && `${id}-limits`, problem !== undefined && `${id}-problem`].filter(Boolean).join(' ')
  const attributes = [
    markup` type="password" required autocomplete="off" autocapitalize="none" spellcheck="false" data-1p-ignore data-lpignore="true" data-bwignore data-form-type="other"`,
    markup` minlength="${field.minLength}"`,
    field.maxLength !== undefined && markup` maxlength="${field.maxLength}"`,
    describedBy !== '' && markup` aria-describedby="${describedBy}"`,
    problem !== undefined && markup` aria-invalid="true"`,
  ]
  return markup`<div class="secret">
${problem !== undefined && markup`<p class="problem" id="${id}-problem">${problem}</p>`}
<div><label id="${id}-label" for="${id}">${field.label}</label><input id="${id}" name="${field.name}"${attributes}${focused && markup` autofocus`}></div>
${field.twice && markup`<div><label id="${id}-again" for="${id}Again">Once more</label><input id="${id}Again" aria-labelledby="${id}-label ${id}-again" name="${field.name}Again"${attributes}></div>`}
${limits && markup`<p class="limits" id="${id}-limits">${limits}</p>`}
</div>`
}

/** Nothing where all that matters is that there is something. */
function limitsInWords({ minLength, maxLength }: PrivateField): string | undefined {
  return maxLength === undefined ? undefined : `${minLength} to ${maxLength} characters.`
}

/** Approved and on its way: nothing to press any more. */
function progressCard(question: Question, kind: keyof typeof PROGRESS, { id, level }: Place, focused: boolean): Markup {
  const [title, message] = PROGRESS[kind]
  return markup`<article class="card answered" id="${id}" data-state="${kind}" aria-labelledby="${id}-title"${focused && takesFocus}>
<p class="sign turning" aria-hidden="true"></p>
<div><h${level} id="${id}-title">${title}</h${level}>
<p role="status">${message}</p>
${summary(question)}</div>
</article>`
}

/** How it ended, in short. */
function settledCard(question: Question, state: Settled, { id, level }: Place, now: number, focused: boolean): Markup {
  const { status, message, at, revertible } = state
  const { sign, headline: title, advice } = OUTCOMES[status]
  const time = markup`<time datetime="${new Date(at).toISOString()}">${clockTime(at, now)}</time>`
  return markup`<article class="card answered ${status}" id="${id}" data-state="${stateKey(state)}" aria-labelledby="${id}-title"${focused && takesFocus}>
<p class="sign" aria-hidden="true">${sign}</p>
<div><h${level} id="${id}-title">${title}</h${level}>
<p class="message" role="status">${message}</p>
${advice !== undefined && markup`<p>${advice}</p>`}
${revertible !== undefined && revertible.length > 0 && markup`<p>To undo it, tell the assistant: “${undoRequest(question, revertible)}”.</p>`}
${summary(question, markup` · ${time}`)}</div>
</article>`
}

/** What had been asked, in one line. */
function summary(question: Question, when?: Markup): Markup {
  const { customer, changes } = question
  return markup`<p class="summary">${action(question)} · customer ${customer.id}${
    changes.length > 1 && markup` · ${labelList(changes)}`
  }${when}</p>
${sandboxBadge(question)}`
}
