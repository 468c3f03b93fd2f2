import * as z from 'zod'
import {
  type ChangeRequest,
  type CustomerField,
  customerChanges,
  customerFields,
  fieldFacts,
  isCustomerField,
  isSecretValue,
  type PrivateFieldName,
  privateFieldNames,
} from '../customer/fields.ts'
import { looksMarked } from '../customer/record-view.ts'
import { type JsonObject, visitParts } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'
import type { RawArguments } from '../mcp/raw-arguments.ts'
import type { FieldError } from '../mcp/result.ts'
import { type ParsedArguments, parse, unknownArgument } from './arguments.ts'
import { problem } from './issues.ts'

/** Which arguments the tool takes, by the operator's settings. */
export interface ArgumentSettings {
  /** The fields that may be changed at all (`AIFI_FIELDS`). */
  readonly fields: 'all' | readonly CustomerField[]
  /** `refuse`: secrets cannot be arguments, only be typed into the approval page (`AIFI_SECRET_ARGUMENTS`). */
  readonly secretArguments: 'allow' | 'refuse'
  /** `approvalCode` exists (`AIFI_APPROVAL=chat`). */
  readonly approvalCode: boolean
}

/** Characters. */
const REASON_LIMIT = 200

const toolFields = z.strictObject({
  customerId: z.int().min(0).describe('AiFi customer number; never guess it'),
  ...customerChanges.shape,
  enterPrivately: privately(privateFieldNames),
  expectedEmail: z.string().min(1).optional().describe('change only if the record has this email'),
  reason: z
    .string()
    .max(REASON_LIMIT)
    .optional()
    .describe('why, or a ticket number; the person is shown it as your words'),
  dryRun: z.boolean().optional().describe('tell what would be sent and asked, send nothing'),
  approvalCode: z.string().optional().describe('code that the person confirmed'),
})

/** @param names the secrets that can be typed here. */
function privately(names: readonly PrivateFieldName[]) {
  return z
    .array(z.enum(names))
    .max(privateFieldNames.length)
    .optional()
    .describe('secrets that a person types on a private page, out of this chat: prefer this')
}

/** One schema for each settings: zod compiles a schema when it is first used, which costs more than many calls. */
const schemas = new WeakMap<ArgumentSettings, z.ZodObject>()

/** The arguments of `update_customer` under these settings: the source of the advertised schema and of the checks. */
export function updateCustomerArguments(settings: ArgumentSettings): z.ZodObject {
  const schema = schemas.get(settings) ?? argumentsUnder(settings)
  schemas.set(settings, schema)
  return schema
}

function argumentsUnder({ fields, secretArguments, approvalCode }: ArgumentSettings): z.ZodObject {
  const mayChange = (name: CustomerField) => fields === 'all' || fields.includes(name)
  const refusesSecrets = secretArguments === 'refuse'
  const typed = privateFieldNames.filter(mayChange)
  const isThere = (name: string) => {
    if (name === 'enterPrivately') return typed.length > 0
    if (name === 'approvalCode') return approvalCode
    return !isCustomerField(name) || (mayChange(name) && !(refusesSecrets && fieldFacts[name].secret === true))
  }
  const shape: Record<string, z.ZodType> = {
    ...toolFields.shape,
    enterPrivately: privately(typed),
    ...(refusesSecrets &&
      Object.fromEntries(customerFields.filter(hasSecretText).map((name) => [name, onlyNull(name)]))),
  }
  return z.strictObject(Object.fromEntries(Object.entries(shape).filter(([name]) => isThere(name))))
}

function hasSecretText(name: CustomerField): boolean {
  return fieldFacts[name].secret === 'string'
}

function onlyNull(name: CustomerField): z.ZodType {
  return z
    .null()
    .optional()
    .describe(`null: ${fieldFacts[name].consequence?.(null) ?? 'removes it'}`)
}

type ParsedRequest = { ok: true; request: ChangeRequest } | Exclude<ParsedArguments<unknown>, { ok: true }>

/** Reads the arguments of one call. Reports every problem at once, and never the value of anything. */
export function parseArguments(raw: RawArguments, settings: ArgumentSettings): ParsedRequest {
  const schema = updateCustomerArguments(settings)
  const names = Object.keys(schema.shape)
  const parsed = parse(schema, raw, {
    instead: insteadOfNothing,
    unknown: (key) => unknownKey(key, names, settings),
    setAside: (name, value) => isCustomerField(name) && typeof value === 'string' && looksMarked(value),
    rules: (given, keys) => [
      ...givenTwice(given),
      ...repeatedSecrets(given),
      ...markedSecrets(given),
      ...nothingToChange(given, keys, names),
    ],
  })
  return parsed.ok ? { ok: true, request: toRequest(toolFields.parse(parsed.data), parsed.aside) } : parsed
}

function toRequest(data: z.infer<typeof toolFields>, marked: JsonObject): ChangeRequest {
  const { customerId, enterPrivately, expectedEmail, reason, dryRun, approvalCode, ...changes } = data
  return {
    customerId,
    changes,
    ...(Object.keys(marked).length > 0 && { marked }),
    enterPrivately: privateFieldNames.filter((name) => enterPrivately?.includes(name)),
    ...(expectedEmail !== undefined && { expectedEmail }),
    ...(reason !== undefined && { reason }),
    dryRun: dryRun ?? false,
    ...(approvalCode !== undefined && { approvalCode }),
  }
}

function insteadOfNothing(name: string): string {
  if (name === 'customerId') return ''
  return isCustomerField(name) ? 'To leave it as it is, leave the argument out.' : 'Leave it out if it is not needed.'
}

/** An argument that does not exist, or a field of the contract that is none here. */
function unknownKey(key: string, names: readonly string[], { fields }: ArgumentSettings): FieldError {
  const nearest = nearestName(key, [...names, ...customerFields])
  if (nearest === undefined || names.includes(nearest) || !isCustomerField(nearest)) return unknownArgument(key, names)
  const shown = harmless(key, 100)
  if (fields !== 'all' && !fields.includes(nearest)) {
    const message = `"${shown}" may not be changed here (AIFI_FIELDS). A person can change it in AiFi itself.`
    return problem(shown, 'object.unknown', message)
  }
  // A secret, under `AIFI_SECRET_ARGUMENTS=refuse`.
  const { label, typed } = fieldFacts[nearest]
  const way = typed
    ? `Use enterPrivately: ["${nearest}"], so that a person types it.`
    : `Change the ${label.toLowerCase()} in AiFi itself.`
  return problem(shown, 'object.unknown', `"${shown}" must not be passed as an argument here. ${way}`)
}

/** No result shows what is stored in these fields, so none gave out a marker for it. */
function markedSecrets(given: JsonObject): FieldError[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const isMarked = isCustomerField(name) && !fieldFacts[name].readable && holdsMarker(value)
    return isMarked ? [problem(name, 'any.invalid', `"${name}" has a marker in it, which means nothing there.`)] : []
  })
}

function holdsMarker(value: unknown): boolean {
  return visitParts(value, (part) => typeof part === 'string' && looksMarked(part), { names: true })
}

/** A secret is given or typed, not both. */
function givenTwice(given: JsonObject): FieldError[] {
  const typed: readonly unknown[] = Array.isArray(given.enterPrivately) ? given.enterPrivately : []
  const twice = privateFieldNames.filter((name) => typed.includes(name) && Object.hasOwn(given, name))
  if (twice.length === 0) return []
  const message = `${twice.join(' and ')} ${twice.length > 1 ? 'are' : 'is'} given and also listed in enterPrivately. Leave out one of the two.`
  return [problem('enterPrivately', 'object.oxor', message)]
}

function nothingToChange(given: JsonObject, keys: readonly string[], names: readonly string[]): FieldError[] {
  const { enterPrivately: typed } = given
  const asksToType = typed !== undefined && !(Array.isArray(typed) && typed.length === 0)
  // An argument that does not exist asks for something too, and has been answered.
  if (asksToType || keys.some((key) => isCustomerField(key) || !names.includes(key))) return []
  const fields = names.filter((name) => isCustomerField(name) || name === 'enterPrivately')
  return [problem('', 'object.min', `Nothing to change: give at least one of ${fields.join(', ')}.`)]
}

/** Shorter texts stand in other texts by chance. */
const SECRET_LENGTH = 8

/**
 * A secret that also stands in an argument that is no secret would be shown with it: to the person who is asked, in the
 * audit, in a result. It is refused, since what a person sees must be what is sent.
 */
export function repeatedSecrets(given: JsonObject): FieldError[] {
  const names = Object.keys(given)
  const secret = names.filter((name) => isCustomerField(name) && isSecretValue(name, given[name]))
  if (secret.length === 0) return []
  const open = names.filter((name) => !secret.includes(name)).map((name) => ({ name, ...searchable(given[name]) }))
  return secret.flatMap((name) => {
    const texts = textsIn(given[name], false).filter(({ length }) => length >= SECRET_LENGTH)
    const others = open.filter(({ holds }) => texts.some(holds)).map((other) => other.name)
    return others.map((other) => {
      const message = `"${other}" repeats what is secret in "${name}", and would show it. Leave it out of one of the two.`
      return problem(other, 'any.invalid', message)
    })
  })
}

/** Every text of a value, and numbers as their digits. `names`: the names of members too. */
function textsIn(value: unknown, names: boolean): string[] {
  const found: string[] = []
  const keep = (part: unknown) => {
    if (typeof part === 'string' || typeof part === 'number') found.push(String(part))
  }
  visitParts(value, keep, { names })
  return found
}

/** Looks for many texts in one value; the pieces that are there keep a long value from being read for each of them. */
function searchable(value: unknown): { holds: (text: string) => boolean } {
  const all = textsIn(value, true).join('\n')
  const pieces = new Set<string>()
  for (let at = 0; at + SECRET_LENGTH <= all.length; at += 1) pieces.add(all.slice(at, at + SECRET_LENGTH))
  return { holds: (text) => pieces.has(text.slice(0, SECRET_LENGTH)) && all.includes(text) }
}
