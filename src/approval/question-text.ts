import type { Question, ShownChange, ShownValue } from './question.ts'

/** Characters of all changes together: a client, and who reads it, have only so much room. */
const CHANGES_LIMIT = 2_000

/**
 * The question as plain text for a client's form. The first three lines hold the facts (whose record, on which AiFi,
 * what changes): hosts fold the rest. Undefined when it is too long for that: nobody may agree to what is not shown.
 */
export function questionText(question: Question): string | undefined {
  const { customer, changes } = question
  const consequences = changes.flatMap(({ consequence }) => (consequence ? [consequence] : []))
  const all = changes.map(changeText).join('; ')
  const isNamed = changes.every(({ field }) => !field.endsWith('…'))
  if (!isNamed || all.length > CHANGES_LIMIT || changes.some(({ before, after }) => isCut(before) || isCut(after)))
    return undefined
  return [
    `Change AiFi customer ${whose(question)}?`,
    `On ${question.address}${question.sandbox ? ' (sandbox: nothing real changes)' : ''}`,
    all,
    ...(customer.unreadable ? [customer.unreadable] : []),
    ...consequences,
    `Asked by ${question.client}. If you did not ask for this, decline.`,
  ].join('\n')
}

function isCut(value: ShownValue): boolean {
  return value.kind === 'value' && value.cut === true
}

/** Letters written from right to left: between two of them, everything that is no letter would change places. */
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

function changeText({ field, before, after }: ShownChange): string {
  const [was, is] = [plain(before), plain(after)]
  const colon = RIGHT_TO_LEFT.test(field) ? ': now' : ':'
  const arrow = RIGHT_TO_LEFT.test(was) ? '→ new:' : '→'
  return `${/^[\p{L}\p{N}_.-]+$/u.test(field) ? field : quoted(field)}${colon} ${was} ${arrow} ${is}`
}

/** `4211, “Jane Doe”, jane@example.com`, as far as it is known. */
function whose({ customer }: Question): string {
  const name = customer.name ? `, ${quoted(customer.name)}` : ''
  const email = customer.email ? `, ${plainEmail(customer.email)} (AiFi may have made this email up)` : ''
  return `${customer.id}${name}${email}`
}

/** An email is whatever the record has for one. */
function plainEmail(email: string): string {
  return /^[\p{L}\p{N}._%+@-]+$/u.test(email) ? email : quoted(email)
}

/** In quotes that nothing inside can close. */
function quoted(text: string): string {
  return `“${text.replace(/[“”„‟❝❞〝〞〟＂]/g, '"')}”`
}

function plain(value: ShownValue): string {
  switch (value.kind) {
    case 'value':
      return quoted(value.text)
    case 'nothing':
      return '(none)'
    case 'null':
      return '(null)'
    case 'empty':
      return '(empty text)'
    case 'removed':
      return '(removed)'
    case 'not_readable':
      return '(not readable)'
    case 'hidden':
      return value.text
  }
}
