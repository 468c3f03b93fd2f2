import * as z from 'zod'
import {
  type ChangeRequest,
  type CustomerChanges,
  customerChanges,
  customerFields,
  fieldFacts,
  isCustomerField,
  privateFieldNames,
  type SecretField,
} from '../customer/fields.ts'
import type { JsonObject } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'
import type { FieldError } from '../mcp/result.ts'
import { type ParsedArguments, parse, unknownArgument } from './arguments.ts'
import { problem } from './issues.ts'
import { repeatedSecrets } from './repeated-secrets.ts'

/** Which arguments the tool takes, by the operator's settings. */
export interface ArgumentSettings {
  /** `refuse`: secrets cannot be arguments, only be typed into the approval page (`AIFI_SECRET_ARGUMENTS`). */
  readonly secretArguments: 'allow' | 'refuse'
  /** `approvalCode` exists (`AIFI_APPROVAL=chat`). */
  readonly approvalCode: boolean
}

const toolFields = z.strictObject({
  customerId: z.int().min(0).describe('AiFi customer number; never guess it'),
  ...customerChanges.shape,
  enterPrivately: z
    .array(z.enum(privateFieldNames))
    .optional()
    .describe('secrets that a person types on a private page, out of this chat: prefer this'),
  expectedEmail: z.string().min(1).optional().describe('change only if the record has this email'),
  reason: z.string().max(200).optional().describe('why, or a ticket number; the person is shown it as your words'),
  dryRun: z.boolean().optional().describe('tell what would be sent and asked, send nothing'),
  approvalCode: z.string().optional().describe('code that the person confirmed'),
})

/** One schema for each settings: zod compiles a schema when it is first used, which costs more than many calls. */
const schemas = new WeakMap<ArgumentSettings, ReturnType<typeof argumentsUnder>>()

/** The arguments of `update_customer` under these settings: the source of the advertised schema and of the checks. */
export function updateCustomerArguments(settings: ArgumentSettings) {
  const schema = schemas.get(settings) ?? argumentsUnder(settings)
  schemas.set(settings, schema)
  return schema
}

function argumentsUnder(settings: ArgumentSettings) {
  const approvalCode = settings.approvalCode ? toolFields : toolFields.omit({ approvalCode: true })
  if (settings.secretArguments === 'allow') return approvalCode
  return approvalCode
    .omit({ password: true, currentPassword: true, card: true } satisfies Record<SecretField, true>)
    .extend({ cardToken: z.null().optional().describe('null deletes the payment card for good') })
}

export type ParsedRequest = { ok: true; request: ChangeRequest } | Exclude<ParsedArguments<unknown>, { ok: true }>

/** Reads the arguments of one call. Reports every problem at once, and never the value of anything. */
export function parseArguments(raw: unknown, settings: ArgumentSettings): ParsedRequest {
  const schema = updateCustomerArguments(settings)
  const names = Object.keys(schema.shape)
  const parsed = parse(schema, raw, {
    instead: insteadOfNothing,
    unknown: unknownKey,
    rules: (given, keys) => [...givenTwice(given), ...repeatedSecrets(given), ...nothingToChange(given, keys, names)],
  })
  return parsed.ok ? { ok: true, request: toRequest(parsed.data) } : parsed
}

function toRequest(data: z.infer<typeof toolFields>): ChangeRequest {
  const { customerId, enterPrivately, expectedEmail, reason, dryRun, approvalCode, ...rest } = data
  // Only what was given goes on: a key that is there but undefined would become part of the body.
  const changes: CustomerChanges = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return {
    customerId,
    changes,
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

function unknownKey(key: string, names: readonly string[]): FieldError {
  const nearest = nearestName(key, [...names, ...customerFields])
  // A field of the contract that is no argument here: a secret, under `AIFI_SECRET_ARGUMENTS=refuse`.
  if (nearest === undefined || names.includes(nearest) || !isCustomerField(nearest)) return unknownArgument(key, names)
  const { label, typed } = fieldFacts[nearest]
  const way = typed
    ? `Use enterPrivately: ["${nearest}"], so that a person types it.`
    : `Change the ${label.toLowerCase()} in AiFi itself.`
  const shown = harmless(key, 100)
  return problem(shown, 'object.unknown', `"${shown}" must not be passed as an argument here. ${way}`)
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
