import type { Asked, Caller, Past } from '../change/change.ts'
import { clockTime } from '../change/messages.ts'
import { known, loses, mayLose } from '../customer/compare.ts'
import {
  type ChangeRequest,
  type CustomerField,
  fieldFacts,
  isCustomerField,
  isSecretValue,
  requestedFields,
  typedField,
} from '../customer/fields.ts'
import { type CustomerRecord, fullName } from '../customer/record.ts'
import { escaped, escapedJson, spelledOut } from '../lib/escapes.ts'
import { isJsonObject, type JsonObject, jsonEqual, NESTING_LIMIT, nestsWithin } from '../lib/json.ts'
import { personName } from '../lib/person.ts'
import { harmless, minutesInWords } from '../lib/text.ts'
import {
  type Deployment,
  PAGE_CHARACTERS,
  PAGE_ROWS,
  type Question,
  type ShownChange,
  type ShownValue,
  WHO,
} from './question.ts'
import { isDisguised, remarks, shownPair, shownValue } from './shown-values.ts'

/**
 * The question about a change: exactly what is sent and what is there today, secrets named but not shown.
 *
 * @param now wall clock, milliseconds since 1970.
 */
export function questionAbout({ request, asking, caller }: Asked, deployment: Deployment, now: number): Question {
  const { record, unreadable, past } = asking.shown
  const name = record && bounded(fullName(record))
  const email = record?.email ? bounded(record.email) : undefined
  const note = nameNote([name ?? '', email ?? ''], past, now)
  // AiFi is not sent it: blanks around it mean nothing.
  const reason = request.reason?.trim()
  const rows = requestedFields(request).flatMap((field) => shownChanges(field, request, record))
  return {
    customer: {
      id: request.customerId,
      ...(name && { name }),
      ...(note !== '' && { nameNote: note }),
      ...(email && { email }),
      ...(!record && { unreadable: unreadable ?? 'This record could not be read.' }),
    },
    ...deployment,
    client: askedBy(caller),
    ...(reason && { reason: escaped(reason) }),
    changes: withPast(lossesFirst(rows), past),
    privateFields: request.enterPrivately.map((name) => ({ name, ...typedField(name) })),
  }
}

/** Who asks: whom the issuer vouches for comes first, the program by its own account after it. */
export function askedBy(caller: Caller): string {
  const name = callerName(caller)
  return name === caller.client ? name : `${name}, with ${caller.client}`
}

/** The same without the program, where something else vouches for who it is. */
export function callerName({ client, person, application }: Caller): string {
  if (person) return personName(person)
  return application === undefined ? client : `application ${harmless(application, 80)}`
}

/** More than can be shown, so that it counts as too long. */
function bounded(text: string): string {
  return escaped(text.slice(0, PAGE_CHARACTERS + 1))
}

function nameNote(shown: readonly string[], past: Past | undefined, now: number): string {
  const { renamed } = past ?? {}
  const minutes = renamed ? Math.round((now - renamed.at) / 60_000) : 0
  const parts = [
    renamed &&
      `Renamed ${minutes < 1 ? 'just now' : `${minutesInWords(minutes)} ago`} through this server, ${renamed.byPerson ? 'which a person approved' : 'without a person'}.`,
    remarks(...shown),
  ]
  return parts.filter((part) => part).join(' ')
}

/** Said with the first change, since every way of asking shows what it does. */
function withPast([first, ...others]: readonly ShownChange[], past: Past | undefined): ShownChange[] {
  if (!first) return []
  const { made } = past ?? {}
  const again = made && `The same change was made at ${clockTime(made.at)}, and changed again since.`
  return [{ ...first, ...because(again, first.consequence) }, ...others]
}

/** What is lost must not be pushed out of sight, nor what needs a person; members of `metadata` may be many. */
function lossesFirst(changes: readonly ShownChange[]): ShownChange[] {
  const rank = ({ loss, field }: ShownChange): number => {
    const [root = ''] = field.split('.')
    if (loss) return root === 'metadata' ? 1 : 0
    if (root === 'metadata') return 4
    return isCustomerField(root) && fieldFacts[root].sensitive ? 2 : 3
  }
  return [...changes].sort((a, b) => rank(a) - rank(b))
}

function shownChanges(field: CustomerField, request: ChangeRequest, record: CustomerRecord | undefined): ShownChange[] {
  const { label, headline, restorable, consequence } = fieldFacts[field]
  const after = request.changes[field]
  const before = known(record, field)
  const does = consequence?.(after)
  if (field === 'metadata' && isJsonObject(after)) return memberChanges(before, after, does)
  const action = headline?.(WHO, after)
  const { note, ...pair } = valuesOf(field, request, before)
  return [
    {
      field,
      label,
      ...pair,
      ...(action !== undefined && { action }),
      ...(mayLose(field, after, record) && { loss: true }),
      ...(!restorable && { final: true }),
      ...because(does, note, namesIn(pair)),
    },
  ]
}

type Pair = ReturnType<typeof shownPair>

function valuesOf(field: CustomerField, request: ChangeRequest, before: { value: unknown } | undefined): Pair {
  const { secret, words } = fieldFacts[field]
  const isTyped = !Object.hasOwn(request.changes, field)
  const after = request.changes[field]
  const today: ShownValue = secret === false ? { kind: 'not_readable' } : { kind: 'hidden', text: 'hidden' }
  if (isTyped || isSecretValue(field, after))
    return { before: today, after: { kind: 'hidden', text: hiddenText(field, isTyped) } }
  if (after === null) return { before: before ? shownValue(before.value) : today, after: { kind: 'removed' } }
  if (words) {
    const inWords = (value: unknown): ShownValue => ({ kind: 'value', text: words(value), type: 'boolean' })
    return { before: before ? inWords(before.value) : today, after: inWords(after) }
  }
  if (!before) return { before: today, after: shownValue(after) }
  // What the record has no value for is null there; only of metadata is that something else than nothing.
  return shownPair(field === 'metadata' ? before.value : (before.value ?? undefined), after)
}

function hiddenText(field: CustomerField, isTyped: boolean): string {
  const { label, hiddenAs } = fieldFacts[field]
  const what = hiddenAs ?? `a ${label.toLowerCase()}`
  return isTyped ? `${what} that you type here` : `${what} given by the assistant (hidden)`
}

function namesIn({ before, after }: Pick<ShownChange, 'before' | 'after'>, label = ''): string {
  return remarks(label, ...[before, after].map((value) => (value.kind === 'value' ? value.text : '')))
}

function because(...sentences: readonly (string | undefined)[]): Pick<ShownChange, 'consequence'> {
  const consequence = sentences.filter((sentence) => sentence).join(' ')
  return consequence === '' ? {} : { consequence }
}

/** `metadata` member by member, at every depth; where it is not known what is there today, every member that is sent. */
function memberChanges(
  before: { value: unknown } | undefined,
  after: JsonObject,
  does: string | undefined,
): ShownChange[] {
  const today = before === undefined || before.value === null ? {} : before.value
  const isComparable = isJsonObject(today) && nestsWithin(today, NESTING_LIMIT)
  const rows = isComparable ? memberRows(today, after, before !== undefined, []) : []
  // Nothing to compare: from no metadata to an empty one, say.
  const whole = { field: 'metadata', label: 'Metadata', ...pairOf(before, after) }
  const [first, ...others] = rows.length > 0 ? rows : [{ ...whole, ...(before === undefined && { loss: true }) }]
  return first ? [{ ...first, ...because(does, first.consequence) }, ...others] : []
}

function pairOf(before: { value: unknown } | undefined, after: unknown): Omit<Pair, 'note'> {
  if (!before) return { before: { kind: 'not_readable' }, after: shownValue(after) }
  const { note: _, ...pair } = shownPair(before.value, after)
  return pair
}

function memberRows(before: JsonObject, after: JsonObject, isKnown: boolean, path: readonly string[]): ShownChange[] {
  const rows: ShownChange[] = []
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    // More than can be shown counts as too many; the rest need not be looked at.
    if (rows.length > PAGE_ROWS) break
    const was = Object.hasOwn(before, key) ? before[key] : undefined
    const is = Object.hasOwn(after, key) ? after[key] : undefined
    if (was !== undefined && is !== undefined && jsonEqual(was, is)) continue
    const here = [...path, key]
    const inside = isJsonObject(was) && isJsonObject(is) ? memberRows(was, is, isKnown, here) : []
    rows.push(...(inside.length > 0 ? inside : [memberRow(was, is, isKnown, here)]))
  }
  return rows
}

function memberRow(was: unknown, is: unknown, isKnown: boolean, path: readonly string[]): ShownChange {
  const name = path.map(memberName).join('.')
  const { note, ...pair } = shownPair(was, is)
  const isLost = is === undefined || (was !== undefined && loses(was, is))
  return {
    field: `metadata.${name}`,
    label: `Metadata: ${name}`,
    before: isKnown ? pair.before : { kind: 'not_readable' },
    after: is === undefined ? { kind: 'removed' } : pair.after,
    ...(isLost && { loss: true }),
    ...because(note, namesIn(pair, name)),
  }
}

/** As it is, if it is one word: a dot or a blank, or letters that pass for others, would make two names look the same. */
function memberName(key: string): string {
  if (isDisguised(key)) return spelledOut(escapedJson(key))
  // Some letters are drawn as nothing: the fillers of Hangul.
  return /^[\p{L}\p{N}_-]+$/u.test(key) && escaped(key) === key ? key : escapedJson(key)
}
