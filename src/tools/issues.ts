import type * as z from 'zod'
import type { JsonObject } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'
import type { FieldError } from './update-arguments.ts'

/** What can be wrong with the arguments of any tool, in one voice. Never quotes a value. */

/** Keys that hosts add to the arguments of any tool: not the model's, and of no meaning here. */
const HOST_KEYS: readonly string[] = ['wait_for_previous']

/** The names of the arguments that the model gave. */
export function ownKeys(raw: JsonObject): string[] {
  return Object.keys(raw).filter((key) => !HOST_KEYS.includes(key))
}

export function problem(field: string, rule: string, message: string): FieldError {
  return { field, message, rule }
}

/** An argument that the tool does not have, with the nearest one that it has: dropped silently, it would be missed. */
export function unknownArgument(key: string, names: readonly string[]): FieldError {
  const shown = harmless(key, 100)
  const nearest = nearestName(key, names)
  const hint = nearest ? `Did you mean "${nearest}"?` : `Allowed are ${names.join(', ')}.`
  return problem(shown, 'object.unknown', `"${shown}" is not an argument. ${hint}`)
}

/** So many unknown arguments are named: nobody reads more, and finding the nearest names takes time. */
const NAMED = 20

/** One problem per unknown argument as `describe` has it, up to a limit; the others are counted. */
export function unknownArguments(keys: readonly string[], describe: (key: string) => FieldError): FieldError[] {
  const named = keys.slice(0, NAMED).map(describe)
  const others = keys.length - named.length
  return others > 0 ? [...named, problem('', 'object.unknown', `${others} more names are no arguments either.`)] : named
}

/** One entry per field and rule. The last one: zod names the bounds of all integers before the field's own. */
export function withoutRepeats(errors: readonly FieldError[]): FieldError[] {
  return [...new Map(errors.map((error) => [JSON.stringify([error.field, error.rule]), error])).values()]
}

type Issue = z.core.$ZodIssue

const KEEP = 'To leave it as it is, leave the argument out.'

/**
 * zod's issue in our words: what was wrong and what is allowed.
 * @param keep what to do instead of sending null or nothing; empty where something has to be sent.
 */
export function describeIssue(issue: Issue, known: JsonObject, keep = KEEP): FieldError {
  const top = String(issue.path[0])
  const field = issue.path.map(String).join('.')
  const value = known[top]
  const [rule, rest] = ruleOf(issue, value, top)
  const isNothing = (value === null || value === '') && keep !== ''
  return problem(field, rule, `"${field}" ${rest}${isNothing ? ` ${keep}` : ''}`)
}

function ruleOf(issue: Issue, value: unknown, top: string): [rule: string, rest: string] {
  if (value === undefined) return ['any.required', 'is required.']
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, value)
    case 'invalid_value': {
      const allowed = issue.values.map((each) => JSON.stringify(each)).join(', ')
      return ['any.only', `must be one of ${allowed}.`]
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
    default: {
      const text = typeof value === 'string' ? ' Send the object itself, not a string.' : ''
      return ['object.base', `must be an object${top === 'metadata' ? ' or null' : ''}.${text}`]
    }
  }
}

function wrongType(expected: string, value: unknown): [rule: string, rest: string] {
  const unquoted = typeof value === 'string' && value !== '' ? ' Send it without quotes.' : ''
  switch (expected) {
    case 'int':
      return ['number.integer', 'must be a whole number.']
    case 'number':
      // A number that is none for zod is infinite: `1e400`.
      if (typeof value === 'number') return ['number.infinity', 'must be a whole number; this one is too large.']
      return ['number.base', `must be a whole number.${unquoted}`]
    case 'boolean':
      return ['boolean.base', `must be true or false.${unquoted}`]
    case 'null':
      return ['any.only', 'must be null here, which deletes it. To set one use enterPrivately: ["cardToken"].']
    case 'array':
      return ['array.base', `must be a list, such as ["password"].`]
    default:
      return ['string.base', `must be a string.${typeof value === 'number' ? ' Put it in quotes.' : ''}`]
  }
}
