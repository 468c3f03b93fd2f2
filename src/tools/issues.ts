import * as z from 'zod'
import type { FieldError } from '../mcp/result.ts'

/** What can be wrong with the arguments of any tool, in one voice. Never quotes a value. */

export function problem(field: string, rule: string, message: string): FieldError {
  return { field, message, rule }
}

type Issue = z.core.$ZodIssue

/**
 * zod's issue in our words: what was wrong and what is allowed.
 * @param value of the argument that it is about, and the schema of that argument.
 * @param instead what to do instead of sending null or nothing; empty where something has to be sent.
 */
export function describeIssue(issue: Issue, value: unknown, schema: z.core.$ZodType, instead: string): FieldError {
  const field = issue.path.map(String).join('.')
  const [rule, rest] = ruleOf(issue, value, schema)
  const isNothing = (value === null || value === '') && instead !== ''
  return problem(field, rule, `"${field}" ${rest}${isNothing ? ` ${instead}` : ''}`)
}

function ruleOf(issue: Issue, value: unknown, schema: z.core.$ZodType): [rule: string, rest: string] {
  if (value === undefined) return ['any.required', 'is required.']
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, value, String(issue.path[0]))
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
      if (issue.origin === 'array') return ['array.max', `may list ${issue.maximum} at the most.`]
      return issue.origin === 'string'
        ? ['string.max', `must have at most ${issue.maximum} characters.`]
        : ['number.max', `must be at most ${issue.maximum}.`]
    default: {
      const text = typeof value === 'string' ? ' Send the object itself, not a string.' : ''
      return ['object.base', `must be an object${takesNull(schema) ? ' or null' : ''}.${text}`]
    }
  }
}

function wrongType(expected: string, value: unknown, name: string): [rule: string, rest: string] {
  switch (expected) {
    case 'int':
      return ['number.integer', 'must be a whole number.']
    case 'number':
      // A number that is none for zod is infinite: `1e400`.
      if (typeof value === 'number') return ['number.infinity', 'must be a whole number; this one is too large.']
      return ['number.base', 'must be a whole number.']
    case 'boolean':
      return ['boolean.base', 'must be true or false.']
    case 'null':
      return ['any.only', `must be null here, which deletes it. To set one use enterPrivately: ["${name}"].`]
    case 'array':
      return ['array.base', `must be a list, such as ["password"].`]
    default:
      return ['string.base', `must be a string.${typeof value === 'number' ? ' Put it in quotes.' : ''}`]
  }
}

/** True when null is a value of the argument. */
export function takesNull(schema: z.core.$ZodType): boolean {
  return z.safeParse(schema, null).success
}
