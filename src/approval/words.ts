import { known } from '../change/comparison.ts'
import {
  type ChangeRequest,
  type CustomerField,
  changedFields,
  fieldFacts,
  isSecretValue,
  privateFields,
  requestedFields,
  secretStrings,
} from '../customer.ts'
import { isJsonObject, type JsonObject, jsonEqual } from '../json.ts'
import { type CustomerRecord, fullName } from '../record.ts'
import { Relay } from '../text.ts'
import type { PrivateField, Question, ShownChange, ShownValue } from './question.ts'

/** What a question is made of. */
export interface QuestionFacts {
  readonly request: ChangeRequest
  /** As AiFi has it now; undefined when it could not be read. */
  readonly record: CustomerRecord | undefined
  /** Why it could not be read. */
  readonly unreadable: string | undefined
  readonly address: string
  readonly sandbox: boolean
  readonly client: string
}

/** Characters of one value that a person reads. Longer ones are cut: the facts must stay in view. */
const VALUE_LIMIT = 300
/** Changed members of `metadata` that are shown one by one; more are summed up. */
const MEMBER_LIMIT = 100

/** The question for these facts: all text harmless, secrets named but not shown. */
export function questionFor(facts: QuestionFacts): Question {
  const { request, record } = facts
  const relay = new Relay(secretStrings(request.changes))
  const name = record && relay.text(fullName(record), VALUE_LIMIT)
  const email = record?.email ? relay.text(record.email, VALUE_LIMIT) : undefined
  return {
    customer: {
      id: request.customerId,
      ...(name && { name }),
      ...(email && { email }),
      ...(!record && { unreadable: facts.unreadable ?? 'This record could not be read.' }),
    },
    address: facts.address,
    sandbox: facts.sandbox,
    client: facts.client,
    changes: requestedFields(request).flatMap((field) => shownChanges(field, request, record, relay)),
    privateFields: request.enterPrivately.map(privateField),
  }
}

function privateField(name: PrivateField['name']): PrivateField {
  const { minLength, maxLength } = privateFields[name]
  return {
    name,
    label: name === 'password' ? 'New password for the shopper' : `${fieldFacts[name].label} of the shopper`,
    ...(minLength !== null && { minLength }),
    ...(maxLength !== null && { maxLength }),
  }
}

function shownChanges(
  field: CustomerField,
  request: ChangeRequest,
  record: CustomerRecord | undefined,
  relay: Relay,
): ShownChange[] {
  const { label } = fieldFacts[field]
  const consequence = consequenceOf(field, request)
  const before = known(record, field)
  const typed = !Object.hasOwn(request.changes, field)
  const after = request.changes[field]
  if (field === 'metadata' && before && isJsonObject(before.value ?? {}) && isJsonObject(after)) {
    return memberChanges(asObject(before.value), after, relay, consequence)
  }
  const hidden = typed || isSecretValue(field, after)
  return [
    {
      field,
      label,
      before: before ? shownValue(before.value, relay) : { kind: 'not_readable' },
      after: hidden ? { kind: 'hidden', text: hiddenText(field, typed) } : shownValue(after, relay),
      ...(consequence !== undefined && { consequence }),
    },
  ]
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

/** `metadata` member by member: those that are added, changed or lost. */
function memberChanges(
  before: JsonObject,
  after: JsonObject,
  relay: Relay,
  consequence: string | undefined,
): ShownChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const value = (object: JsonObject, key: string) => (Object.hasOwn(object, key) ? object[key] : undefined)
  const changed = keys.filter((key) => !jsonEqual(value(before, key), value(after, key)))
  const rows = changed.slice(0, MEMBER_LIMIT).map((key, index): ShownChange => {
    const name = relay.text(key, 80)
    return {
      field: `metadata.${name}`,
      label: `Metadata: ${name}`,
      before: shownValue(value(before, key), relay),
      after: shownValue(value(after, key), relay),
      ...(index === 0 && consequence !== undefined && { consequence }),
    }
  })
  const rest = changed.length - rows.length
  if (rest > 0) rows.push({ ...whole(before, after, relay), label: `Metadata: ${rest} more members` })
  return rows.length > 0 ? rows : [whole(before, after, relay)]
}

function whole(before: JsonObject, after: JsonObject, relay: Relay): ShownChange {
  return { field: 'metadata', label: 'Metadata', before: shownValue(before, relay), after: shownValue(after, relay) }
}

function shownValue(value: unknown, relay: Relay): ShownValue {
  if (value === undefined || value === null || value === '') return { kind: 'nothing' }
  const text = typeof value === 'string' ? value : JSON.stringify(relay.json(value))
  return { kind: 'value', text: relay.text(text, VALUE_LIMIT) }
}

function hiddenText(field: CustomerField, typed: boolean): string {
  const what = field === 'card' ? 'new card details' : `a ${fieldFacts[field].label.toLowerCase()}`
  return typed ? `${what} that you type here` : `${what} given by the assistant (hidden)`
}

/** What a change does to the shopper or the store, in the words of AiFi's pages. */
function consequenceOf(field: CustomerField, request: ChangeRequest): string | undefined {
  const { changes } = request
  switch (field) {
    case 'blocked':
      return changes.blocked
        ? 'The customer cannot enter the store any more.'
        : 'The block is lifted. It may not be the only reason why they cannot get in.'
    case 'role':
      return changes.role === 'employee'
        ? 'Shopping sessions of an employee get no receipts.'
        : 'The role decides whether shopping sessions get receipts.'
    case 'email':
      return "It is also sent to the retailer's own systems."
    case 'externalId':
      return "It links this record to a customer in the retailer's own system."
    case 'password':
      return "The shopper's present password stops working. It can be changed again, but not brought back from here."
    case 'card':
      return 'It may replace the payment card that purchases are charged to.'
    case 'cardToken':
      return changes.cardToken === null
        ? 'The payment card is deleted. It cannot be restored from here.'
        : 'It may replace the payment card that purchases are charged to. The present one cannot be restored from here.'
    case 'metadata':
      return 'AiFi may replace all metadata. What is not listed in the new value could be lost.'
    default:
      return undefined
  }
}

/**
 * The question as plain text for a client's form. The first three lines hold the facts (whose record, on which AiFi,
 * what changes): hosts fold the rest.
 */
export function questionText(question: Question): string {
  const { customer, changes } = question
  const consequences = changes.flatMap(({ consequence }) => (consequence ? [consequence] : []))
  return [
    `Change AiFi customer ${whose(question)}?`,
    `On ${question.address}${question.sandbox ? ' (sandbox: nothing real changes)' : ''}`,
    changes.map((each) => `${each.field}: ${plain(each.before)} → ${plain(each.after)}`).join('; '),
    ...(customer.unreadable ? [customer.unreadable] : []),
    ...consequences,
    `Asked by ${question.client}. If you did not ask for this, decline.`,
  ].join('\n')
}

/** `4211, “Jane Doe”, jane@example.com`, as far as it is known. */
export function whose({ customer }: Question): string {
  const name = customer.name ? `, “${customer.name}”` : ''
  const email = customer.email ? `, ${customer.email} (AiFi may have made this email up)` : ''
  return `${customer.id}${name}${email}`
}

function plain(value: ShownValue): string {
  switch (value.kind) {
    case 'value':
      return `“${value.text.replace(/[“”]/g, '"')}”`
    case 'nothing':
      return '(none)'
    case 'not_readable':
      return '(not readable)'
    case 'hidden':
      return value.text
  }
}

/** The fields that were asked for, as one phrase for messages. */
export function fieldList(request: ChangeRequest): string {
  const fields = [...changedFields(request.changes), ...request.enterPrivately]
  return fields.length === 1 ? String(fields[0]) : `${fields.slice(0, -1).join(', ')} and ${fields.at(-1)}`
}
