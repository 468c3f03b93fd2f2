import * as z from 'zod'
import {
  type ChangeRequest,
  type CustomerChanges,
  customerChanges,
  customerFields,
  isCustomerField,
  NESTING_LIMIT,
  privateFieldNames,
} from './customer.ts'
import { isJsonObject, type JsonObject, nestsWithin } from './json.ts'
import { nearestName } from './nearest-name.ts'
import { harmless } from './text.ts'

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

/** Keys that hosts add to the arguments of any tool: not the model's, and of no meaning here. */
const HOST_KEYS: readonly string[] = ['wait_for_previous']

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

/** The arguments of `update_customer` under these settings: the source of the advertised schema and of the checks. */
export function updateCustomerArguments(settings: ArgumentSettings) {
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
  const keys = Object.keys(raw).filter((key) => !HOST_KEYS.includes(key))
  const known: JsonObject = Object.fromEntries(
    keys
      .filter((key) => names.includes(key))
      .map((key) => [key, key === 'metadata' ? parsedMetadata(raw[key]) : raw[key]]),
  )
  const parsed = schema.safeParse(known)
  const errors = [
    ...keys.filter((key) => !names.includes(key)).map((key) => unknownKey(key, names)),
    ...(parsed.success ? [] : parsed.error.issues.map((issue) => describeIssue(issue, known))),
    ...nestingProblems(known),
    ...contradictions(known, keys),
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

function problem(field: string, rule: string, message: string): FieldError {
  return { field, message, rule }
}

function unknownKey(key: string, names: readonly string[]): FieldError {
  const shown = harmless(key, 100)
  if (key === 'password' || key === 'currentPassword' || key === 'card') {
    const way =
      key === 'card' ? 'Change the card in AiFi itself.' : `Use enterPrivately: ["${key}"], so that a person types it.`
    return problem(key, 'object.unknown', `"${key}" must not be passed as an argument here. ${way}`)
  }
  const nearest = nearestName(key, names)
  const hint = nearest ? `Did you mean "${nearest}"?` : `Allowed are ${names.join(', ')}.`
  return problem(shown, 'object.unknown', `"${shown}" is not an argument. ${hint}`)
}

function nestingProblems(known: JsonObject): FieldError[] {
  return ['metadata', 'card']
    .filter((field) => !nestsWithin(known[field], NESTING_LIMIT))
    .map((field) => problem(field, 'object.base', `"${field}" is nested more than ${NESTING_LIMIT} levels deep.`))
}

/** Rules between fields. They hold whatever else is wrong, so that one answer names every problem. */
function contradictions(known: JsonObject, keys: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  const typed: readonly unknown[] = Array.isArray(known.enterPrivately) ? known.enterPrivately : []
  for (const name of privateFieldNames) {
    if (typed.includes(name) && Object.hasOwn(known, name)) {
      const message = `"${name}" is given and also listed in enterPrivately. Choose one.`
      errors.push(problem('enterPrivately', 'object.oxor', message))
    }
  }
  const asksForSomething = typed.length > 0 || keys.some(isCustomerField)
  if (!asksForSomething) {
    errors.push(problem('', 'object.min', `Nothing to change: give at least one of ${customerFields.join(', ')}.`))
  }
  return errors
}

function withoutRepeats(errors: readonly FieldError[]): FieldError[] {
  const seen = new Set<string>()
  return errors.filter(({ field, rule }) => {
    const key = `${field} ${rule}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

type Issue = z.core.$ZodIssue

/** zod's issue in our words: what was wrong and what is allowed. */
function describeIssue(issue: Issue, known: JsonObject): FieldError {
  const top = String(issue.path[0])
  const field = issue.path.map(String).join('.')
  const [rule, rest] = ruleOf(issue, known[top], top)
  return problem(field, rule, `"${field}" ${rest}`)
}

const KEEP = 'To leave it as it is, leave the argument out.'

function ruleOf(issue: Issue, value: unknown, top: string): [rule: string, rest: string] {
  if (value === undefined) return ['any.required', 'is required.']
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, value)
    case 'invalid_value': {
      const allowed = issue.values.map((each) => JSON.stringify(each)).join(', ')
      return ['any.only', `must be one of ${allowed}.${value === null ? ` ${KEEP}` : ''}`]
    }
    case 'invalid_format':
      return ['string.email', 'must be an email address, such as jane@example.com.']
    case 'too_small':
      return issue.origin === 'string'
        ? ['string.min', `must have at least ${issue.minimum} character${issue.minimum === 1 ? '' : 's'}.`]
        : ['number.min', `must be at least ${issue.minimum}.`]
    case 'too_big':
      return issue.origin === 'string'
        ? ['string.max', `must have at most ${issue.maximum} characters.`]
        : ['number.max', `must be at most ${issue.maximum}.`]
    default:
      return ['object.base', `must be an object${top === 'metadata' ? ' or null' : ''}.`]
  }
}

function wrongType(expected: string, value: unknown): [rule: string, rest: string] {
  const got = value === null ? ' null is not allowed.' : ''
  const keep = value === null ? ` ${KEEP}` : ''
  switch (expected) {
    case 'int':
      return ['number.integer', 'must be a whole number.']
    case 'number': {
      const quoted = typeof value === 'string' ? ' Send it without quotes.' : ''
      return ['number.base', `must be a number.${got}${quoted}${keep}`]
    }
    case 'boolean':
      return ['boolean.base', `must be true or false, without quotes.${got}${keep}`]
    case 'null':
      return ['any.only', 'must be null here, which deletes it. To set one use enterPrivately: ["cardToken"].']
    case 'array':
      return ['array.base', `must be a list, such as ["password"].`]
    default:
      return ['string.base', `must be a string.${got}${keep}`]
  }
}
