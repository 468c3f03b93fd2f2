import type { Asked, Caller } from '../change/change.ts'
import { known, losesMembers } from '../customer/compare.ts'
import {
  type ChangeRequest,
  type CustomerField,
  fieldFacts,
  isSecretValue,
  requestedFields,
  secretStrings,
  typedFields,
} from '../customer/fields.ts'
import { type CustomerRecord, fullName } from '../customer/record.ts'
import { isJsonObject, type JsonObject, jsonEqual } from '../lib/json.ts'
import { personName } from '../lib/person.ts'
import { harmless, Relay } from '../lib/text.ts'
import {
  type Deployment,
  type PrivateField,
  type Question,
  type ShownChange,
  type ShownValue,
  WHO,
} from './question.ts'
import { shownPair, shownValue } from './shown-values.ts'

/** Characters of a name or an email. */
const NAME_LIMIT = 300
/** Characters of the name of a member of `metadata`. */
const KEY_LIMIT = 200
/** Changed members of `metadata` that are shown one by one; more are summed up. */
const MEMBER_LIMIT = 200

/** The question about a change: all text harmless, secrets named but not shown. */
export function questionAbout({ request, asking, caller }: Asked, { address, sandbox }: Deployment): Question {
  const { record, unreadable } = asking.shown
  const relay = new Relay(secretStrings(request.changes))
  const name = record && relay.text(fullName(record), NAME_LIMIT)
  const email = record?.email ? relay.text(record.email, NAME_LIMIT) : undefined
  return {
    customer: {
      id: request.customerId,
      ...(name && { name }),
      ...(email && { email }),
      ...(!record && { unreadable: unreadable ?? 'This record could not be read.' }),
    },
    address,
    sandbox,
    client: askedBy(caller),
    changes: metadataLast(requestedFields(request)).flatMap((field) => shownChanges(field, request, record, relay)),
    privateFields: request.enterPrivately.map(privateField),
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

/** Its members may be many, and must not push out of sight what else changes. */
function metadataLast(fields: readonly CustomerField[]): CustomerField[] {
  return [...fields.filter((field) => field !== 'metadata'), ...fields.filter((field) => field === 'metadata')]
}

function privateField(name: PrivateField['name']): PrivateField {
  return { name, ...typedFields[name], twice: name === 'password' }
}

function shownChanges(
  field: CustomerField,
  request: ChangeRequest,
  record: CustomerRecord | undefined,
  relay: Relay,
): ShownChange[] {
  const { label, headline, restorable, consequence: consequenceOf } = fieldFacts[field]
  const consequence = consequenceOf?.(request.changes[field])
  const before = known(record, field)
  const typed = !Object.hasOwn(request.changes, field)
  const after = request.changes[field]
  if (field === 'metadata' && isJsonObject(after) && isJsonObject(before?.value ?? {})) {
    return memberChanges(before && asObject(before.value), after, relay, consequence)
  }
  const action = headline?.(WHO, after)
  const because = {
    ...(consequence !== undefined && { consequence }),
    ...(action !== undefined && { action }),
    ...(!restorable && { final: true }),
    ...(field === 'cardToken' && after === null && { loss: true }),
  }
  const hidden = typed || isSecretValue(field, after)
  if (before && !hidden) return [{ field, label, ...shownPair(before.value, after, relay), ...because }]
  return [
    {
      field,
      label,
      before: before ? shownValue(before.value, relay) : { kind: 'not_readable' },
      after: hidden ? { kind: 'hidden', text: hiddenText(field, typed) } : shownValue(after, relay),
      ...because,
    },
  ]
}

const NOT_READABLE: ShownValue = { kind: 'not_readable' }

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

/**
 * `metadata` member by member: those that lose something first, then those that are changed or added. Where it is not
 * known what is there today, every member that is to be sent.
 */
function memberChanges(
  today: JsonObject | undefined,
  after: JsonObject,
  relay: Relay,
  consequence: string | undefined,
): ShownChange[] {
  const before = today ?? {}
  const losing = new Set(
    Object.keys(before).filter((key) => !Object.hasOwn(after, key) || losesMembers(before[key], after[key])),
  )
  const keys = [...new Set([...losing, ...Object.keys(before), ...Object.keys(after)])]
  const value = (object: JsonObject, key: string) => (Object.hasOwn(object, key) ? object[key] : undefined)
  const changed = keys.filter((key) => !jsonEqual(value(before, key), value(after, key)))
  const rows = changed.slice(0, MEMBER_LIMIT).map((key, index): ShownChange => {
    const name = relay.text(key, KEY_LIMIT)
    return {
      field: `metadata.${name}`,
      label: `Metadata: ${name}`,
      ...shownPair(value(before, key), value(after, key), relay),
      ...(!today && { before: NOT_READABLE }),
      ...(losing.has(key) && { loss: true }),
      ...(index === 0 && consequence !== undefined && { consequence }),
    }
  })
  const rest = changed.length - rows.length
  if (rest > 0) {
    const text = `${rest} more members of metadata change, not shown here`
    rows.push({ field: 'metadata', label: 'Metadata', before: NOT_READABLE, after: { kind: 'value', text, cut: true } })
  }
  return rows.length > 0 ? rows : [whole(before, after, relay)]
}

function whole(before: JsonObject, after: JsonObject, relay: Relay): ShownChange {
  return { field: 'metadata', label: 'Metadata', ...shownPair(before, after, relay) }
}

function hiddenText(field: CustomerField, typed: boolean): string {
  const { label, hiddenAs } = fieldFacts[field]
  const what = hiddenAs ?? `a ${label.toLowerCase()}`
  return typed ? `${what} that you type here` : `${what} given by the assistant (hidden)`
}
