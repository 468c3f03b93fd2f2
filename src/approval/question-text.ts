import { escapeOf } from '../lib/escapes.ts'
import { isSpeakable, type Question, type ShownChange, type ShownValue, WHO } from './question.ts'
import { RIGHT_TO_LEFT } from './shown-values.ts'

/**
 * What every client shows of a form: so many lines, of so many columns (Claude Code 2.1.332 cuts the rest off, and a
 * person ticked a card deletion that they never saw). What is done, and to what, stands in the first {@link VERB_COLUMNS}.
 */
const LINES = 3
const COLUMNS = 70
const VERB_COLUMNS = 40
/** Characters of all changes together, where a client is known to show all of them. */
const CHANGES_LIMIT = 2_000

/** A question as plain text. Never in part: nobody may agree to what is not shown. */
interface QuestionText {
  readonly text: string
  /** Whom and what stands in the lines that every client shows. */
  readonly fits: boolean
}

/** Undefined when it is too long for plain text. */
export function questionText(question: Question): QuestionText | undefined {
  const { changes, customer, address, sandbox, reason, client } = question
  if (changes.some(({ before, after }) => isCut(before) || isCut(after))) return undefined
  const lines = factLines(question)
  if (lines.map(({ text }) => text).join('').length > CHANGES_LIMIT) return undefined
  const rest = [
    ...changes.map(({ consequence }) => consequence),
    customer.unreadable,
    customer.nameNote,
    `On ${address}${sandbox ? ' (sandbox: nothing real changes)' : ''}.`,
    reason !== undefined && `The assistant says: ${quoted(reason)}`,
    `Asked by ${client}. If you did not ask for this, decline.`,
  ]
  return {
    text: [...lines.map(({ text }) => text), ...rest.filter((line) => line)].join('\n'),
    fits: lines.length <= LINES && changes.filter(({ loss }) => loss).length <= 1 && lines.every(fitsLine),
  }
}

/** One of the first lines. `verb`: its beginning, up to the field that it is about. */
interface FactLine {
  readonly text: string
  readonly verb: string
}

function fitsLine({ text, verb }: FactLine): boolean {
  return columns(text) <= COLUMNS && columns(verb) <= VERB_COLUMNS
}

/** Columns of a terminal, rather too many: what is not of a narrow script may be wide. */
function columns(text: string): number {
  return Array.from(text).reduce(
    (sum, character) => sum + (/[\u1100-\u200f\u2300-\u{10ffff}]/u.test(character) ? 2 : 1),
    0,
  )
}

/** Whom and what; then the changes, those that matter most first, one a line. */
function factLines(question: Question): FactLine[] {
  const { customer, changes, sandbox } = question
  const mark = sandbox ? '[sandbox] ' : ''
  const renamed = customer.nameNote?.startsWith('Renamed') ? ' (renamed lately)' : ''
  const name = customer.name === undefined ? '' : `, ${spoken(customer.name)}`
  const whom = `customer ${customer.id}${renamed}${name}`
  const email = customer.email === undefined ? 'no email' : plainEmail(customer.email)
  const [only, ...others] = changes
  if (only && others.length === 0) {
    const [verb = '', ...rest] = actionOf(only).split(WHO)
    const first = { text: `${mark}${verb}${whom}${rest.join('')}?`, verb: `${mark}${verb}` }
    if (only.field === 'email') return [first, line('From: ', only.before), line('To: ', only.after)]
    return [first, { text: customer.unreadable ? 'The record could not be read.' : email, verb: '' }, changeLine(only)]
  }
  const known = customer.unreadable ? ', record not readable' : `, ${email}`
  return [{ text: `${mark}Change ${whom}${known}?`, verb: '' }, ...changes.map(changeLine)]
}

function line(verb: string, value: ShownValue): FactLine {
  return { text: `${verb}${plain(value)}`, verb }
}

/** `Change the role of {who} to employee`; what somebody else named stands in the line of the change. */
function actionOf({ action, field, label }: ShownChange): string {
  if (action !== undefined) return action
  return field.startsWith('metadata') ? `Change metadata of ${WHO}` : `Change the ${label.toLowerCase()} of ${WHO}`
}

function changeLine({ field, label, before, after, loss, final }: ShownChange): FactLine {
  const name = field === 'metadata' ? 'Metadata' : field.startsWith('metadata.') ? `metadata ${field.slice(9)}` : label
  if (after.kind === 'removed') {
    const verb = `REMOVES ${name}`
    return { text: `${verb}${final ? ' FOR GOOD' : ` (was ${plain(before)})`}`, verb }
  }
  const verb = `${loss ? 'LOSES DATA: ' : final ? 'FOR GOOD: ' : ''}${name}`
  const colon = RIGHT_TO_LEFT.test(name) ? ': now' : ':'
  const arrow = RIGHT_TO_LEFT.test(plain(before)) ? '→ new:' : '→'
  return { text: `${verb}${colon} ${plain(before)} ${arrow} ${shortly(after, label)}`, verb }
}

/** Where the label says what, yes or no says whether. */
function shortly(after: ShownValue, label: string): string {
  const text = plain(after)
  if (text === label) return 'Yes'
  return text === `Not ${label.toLowerCase()}` ? 'No' : text
}

function isCut(value: ShownValue): boolean {
  return value.kind === 'value' && value.cut === true
}

/** A name that cannot be taken for words of ours needs no quotes. */
function spoken(name: string): string {
  return isSpeakable(name) && !RIGHT_TO_LEFT.test(name) ? name : quoted(name)
}

/** An email is whatever the record has for one. */
function plainEmail(email: string): string {
  return /^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$/.test(email) ? email : quoted(email)
}

/** In quotes that nothing inside can close. */
function quoted(shown: string): string {
  return `“${shown.replace(/[“”„‟❝❞〝〞〟＂]/g, escapeOf)}”`
}

function plain(value: ShownValue): string {
  switch (value.kind) {
    case 'value':
      return value.type === undefined ? quoted(value.text) : value.text
    case 'nothing':
      return '(none)'
    case 'null':
      return '(null)'
    case 'empty':
      return '(empty text)'
    case 'removed':
      return '(removed)'
    case 'not_readable':
      return 'Unknown'
    case 'hidden':
      return value.text
  }
}
