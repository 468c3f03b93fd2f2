import * as z from 'zod'
import {
  type ChangeRequest,
  type CustomerChanges,
  customerChanges,
  customerFields,
  isCustomerField,
  privateFieldNames,
} from '../customer/fields.ts'
import { carriesNumbers, isJsonObject, type JsonObject, NESTING_LIMIT, nestsWithin } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'
import { describeIssue, ownKeys, problem, unknownArgument, unknownArguments, withoutRepeats } from './issues.ts'

/** One thing that is wrong with a field, in one shape for our own checks and AiFi's. */
export interface FieldError {
  /** The argument's name, dotted below (`card.provider`); empty for the arguments as a whole. */
  readonly field: string
  readonly message: string
  /** The name of Joi's rule for it, as AiFi uses them: `any.required`, `number.max`, `object.unknown`. */
  readonly rule: string
}

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
    .omit({ password: true, currentPassword: true, card: true })
    .extend({ cardToken: z.null().optional().describe('null deletes the payment card for good') })
}

export type Parsed = { ok: true; request: ChangeRequest } | { ok: false; errors: FieldError[] }

/** Reads the arguments of one call. Reports every problem at once, and never the value of anything. */
export function parseArguments(raw: unknown, settings: ArgumentSettings): Parsed {
  const schema = updateCustomerArguments(settings)
  if (!isJsonObject(raw)) return { ok: false, errors: [problem('', 'object.base', 'The arguments must be an object.')] }
  const names = Object.keys(schema.shape)
  const keys = ownKeys(raw).filter((key) => raw[key] !== undefined)
  const unknown = keys.filter((key) => !names.includes(key))
  const known: JsonObject = Object.fromEntries(
    keys
      .filter((key) => names.includes(key))
      .map((key) => [key, key === 'metadata' ? parsedMetadata(raw[key]) : raw[key]]),
  )
  const parsed = schema.safeParse(known)
  const errors = [
    ...unknownArguments(unknown, (key) => unknownKey(key, names)),
    ...(parsed.success
      ? []
      : parsed.error.issues.map((issue) => describeIssue(issue, known, insteadOfNothing(issue.path[0])))),
    ...objectProblems(known),
    ...contradictions(known, keys, names),
  ]
  if (errors.length > 0 || !parsed.success) return { ok: false, errors: withoutRepeats(errors) }
  return { ok: true, request: toRequest(parsed.data) }
}

function toRequest(data: z.infer<typeof toolFields>): ChangeRequest {
  const { customerId, enterPrivately, expectedEmail, dryRun, approvalCode, ...rest } = data
  // Only what was given goes on: a key that is there but undefined would become part of the body.
  const changes: CustomerChanges = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return {
    customerId,
    changes,
    enterPrivately: privateFieldNames.filter((name) => enterPrivately?.includes(name)),
    ...(expectedEmail !== undefined && { expectedEmail }),
    dryRun: dryRun ?? false,
    ...(approvalCode !== undefined && { approvalCode }),
  }
}

/** What to do instead of sending null or nothing for this argument; undefined: what holds for a field of the record. */
function insteadOfNothing(name: unknown): string | undefined {
  if (name === 'customerId') return ''
  return isCustomerField(String(name)) ? undefined : 'Leave it out if it is not needed.'
}

/** Some hosts send a nested object as its JSON text. Anything else stays as it is, for the schema to judge. */
function parsedMetadata(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    const parsed: unknown = JSON.parse(value)
    return isJsonObject(parsed) ? parsed : value
  } catch {
    return value
  }
}

function unknownKey(key: string, names: readonly string[]): FieldError {
  const nearest = nearestName(key, [...names, ...customerFields])
  // A field of the contract that is no argument here: a secret, under `AIFI_SECRET_ARGUMENTS=refuse`.
  if (nearest === undefined || names.includes(nearest)) return unknownArgument(key, names)
  const way =
    nearest === 'card'
      ? 'Change the card in AiFi itself.'
      : `Use enterPrivately: ["${nearest}"], so that a person types it.`
  const shown = harmless(key, 100)
  return problem(shown, 'object.unknown', `"${shown}" must not be passed as an argument here. ${way}`)
}

/** What the schema does not look at: the inside of `metadata` and `card`. */
function objectProblems(known: JsonObject): FieldError[] {
  return ['metadata', 'card'].flatMap((field) => {
    const value = known[field]
    if (value === undefined) return []
    if (!nestsWithin(value, NESTING_LIMIT))
      return [problem(field, 'object.base', `"${field}" is nested more than ${NESTING_LIMIT} levels deep.`)]
    if (!carriesNumbers(value))
      return [problem(field, 'number.infinity', `"${field}" has a number in it that is too large to be sent.`)]
    return []
  })
}

/** Rules between fields. They hold whatever else is wrong, so that one answer names every problem. */
function contradictions(known: JsonObject, keys: readonly string[], names: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  const typed: readonly unknown[] = Array.isArray(known.enterPrivately) ? known.enterPrivately : []
  const twice = privateFieldNames.filter((name) => typed.includes(name) && Object.hasOwn(known, name))
  if (twice.length > 0) {
    const message = `${twice.join(' and ')} ${twice.length > 1 ? 'are' : 'is'} given and also listed in enterPrivately. Leave out one of the two.`
    errors.push(problem('enterPrivately', 'object.oxor', message))
  }
  const asksToType = known.enterPrivately !== undefined && (typed.length > 0 || !Array.isArray(known.enterPrivately))
  const asksForSomething = asksToType || keys.some(isCustomerField)
  // An argument that does not exist asks for something too, and has been answered.
  if (!asksForSomething && keys.every((key) => names.includes(key))) {
    const fields = names.filter((name) => isCustomerField(name) || name === 'enterPrivately')
    errors.push(problem('', 'object.min', `Nothing to change: give at least one of ${fields.join(', ')}.`))
  }
  return errors
}
