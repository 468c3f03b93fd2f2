import { isLosslessNumber } from 'lossless-json'
import * as z from 'zod'
import { parseExactly } from '../lib/exact-json.ts'
import { isJsonObject, type JsonObject, NESTING_LIMIT, nestsWithin, visitParts } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'
import { ARGUMENTS_LIMIT, type RawArguments } from '../mcp/raw-arguments.ts'
import type { FieldError } from '../mcp/result.ts'
import { describeIssue, problem, takesNull } from './issues.ts'

/** What the tools differ in when they read their arguments. */
interface ParseOptions {
  /** null stands for an argument that was not given. */
  readonly nullIsAbsent?: boolean
  /** What to do instead of sending null or nothing for this argument; empty where something has to be sent. */
  readonly instead: (name: string) => string
  /** True for a value that the schema does not judge, and that comes back as it was given. */
  readonly setAside?: (name: string, value: unknown) => boolean
  /** An argument that does not exist; by default {@link unknownArgument}. */
  readonly unknown?: (key: string, names: readonly string[]) => FieldError
  /** Rules between the arguments, of which `keys` were given. They hold whatever else is wrong. */
  readonly rules: (given: JsonObject, keys: readonly string[]) => FieldError[]
}

/** `aside`: what the schema did not judge. */
export type ParsedArguments<T> = { ok: true; data: T; aside: JsonObject } | { ok: false; errors: FieldError[] }

/** Reads the arguments of one call. Reports every problem at once, and never the value of anything. Never throws. */
export function parse<Schema extends z.ZodObject>(
  schema: Schema,
  raw: RawArguments,
  options: ParseOptions,
): ParsedArguments<z.infer<Schema>> {
  if ('refused' in raw) return { ok: false, errors: [unread(raw.refused)] }
  try {
    return parseValue(schema, raw.value, options)
  } catch {
    // Whatever a library stumbled over, nothing has been done yet.
    return { ok: false, errors: [unread('unreadable')] }
  }
}

function unread(why: Extract<RawArguments, { refused: unknown }>['refused']): FieldError {
  return why === 'too_large'
    ? problem('', 'object.max', `The arguments are over ${ARGUMENTS_LIMIT / 1024} kB, so nobody looked into them.`)
    : problem('', 'object.base', 'The arguments could not be read.')
}

function parseValue<Schema extends z.ZodObject>(
  schema: Schema,
  raw: unknown,
  options: ParseOptions,
): ParsedArguments<z.infer<Schema>> {
  if (!isJsonObject(raw)) return { ok: false, errors: [problem('', 'object.base', 'The arguments must be an object.')] }
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape
  const names = Object.keys(shape)
  const isGiven = (key: string) => raw[key] !== undefined && !(options.nullIsAbsent && raw[key] === null)
  const keys = Object.keys(raw).filter((key) => isGiven(key) && !HOST_KEYS.includes(key))
  const given: JsonObject = Object.fromEntries(
    Object.entries(shape)
      .filter(([name]) => isGiven(name))
      .map(([name, argument]) => [name, decoded(argument, raw[name])]),
  )
  const unfitting = Object.entries(given).flatMap(([name, value]) => unfit(name, value, shape[name]))
  const judged = unfitting.map(({ field }) => field)
  const isAside = ([name, value]: [string, unknown]) => options.setAside?.(name, value) ?? false
  const aside = Object.entries(given).filter((each) => isAside(each))
  const rest = Object.entries(given).filter((each) => !isAside(each))
  const parsed = schema.safeParse(Object.fromEntries(rest.map(([name, value]) => [name, bounded(shape[name], value)])))
  const errors = [
    ...unknownArguments(keys, names, options.unknown ?? unknownArgument),
    ...(parsed.error?.issues ?? []).flatMap((issue) => {
      const name = String(issue.path[0])
      const argument = shape[name]
      return argument && !judged.includes(name)
        ? [describeIssue(issue, given[name], argument, options.instead(name))]
        : []
    }),
    ...unfitting,
    ...options.rules(given, keys),
  ]
  if (errors.length > 0 || !parsed.success) return { ok: false, errors: withoutRepeats(errors) }
  return { ok: true, data: parsed.data, aside: Object.fromEntries(aside) }
}

/** Elements of a list that are looked at: there is no list of more. */
const ELEMENTS = 20

/**
 * What the schema looks at. Of an object where a text or a number belongs, nothing: checks of a length read it before
 * they know what it is the length of. Of a list, the first elements, for there is an issue for each that is wrong.
 */
function bounded(schema: z.core.$ZodType | undefined, value: unknown): unknown {
  const type = schema && typeOf(schema)
  if (type !== 'array') return typeof value === 'object' && value !== null && type !== 'custom' ? {} : value
  if (!Array.isArray(value)) return {}
  return value.slice(0, ELEMENTS).map((element) => (typeof element === 'object' ? null : element))
}

/** Keys that hosts (n8n, Cline, Gemini CLI) add to the arguments of any tool: not the model's, and of no meaning here. */
const HOST_KEYS: readonly string[] = ['toolCallId', 'task_progress', 'wait_for_previous']

/** The type of an argument without what makes it optional or nullable. */
function typeOf(schema: z.core.$ZodType): z.core.$ZodTypeDef['type'] {
  const { def } = schema._zod
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? typeOf(schema.unwrap()) : def.type
}

/**
 * Some hosts send what is no string as its text. It is read where the declared type leaves no doubt: `true`, `4211` and
 * the like in the one spelling that JSON gives them, lists and objects as JSON. Anything else stays as it is, for the
 * schema to judge.
 */
function decoded(schema: z.core.$ZodType, value: unknown): unknown {
  if (typeof value !== 'string') return value
  switch (typeOf(schema)) {
    case 'boolean':
      return value === 'true' || value === 'false' ? value === 'true' : value
    case 'number':
      return Number.isFinite(Number(value)) && String(Number(value)) === value ? Number(value) : value
    case 'array': {
      const list = jsonOf(value)
      return Array.isArray(list) ? list : value
    }
    case 'custom': {
      const object = jsonOf(value)
      return isJsonObject(object) ? object : value
    }
    default:
      return value
  }
}

function jsonOf(text: string): unknown {
  try {
    return parseExactly(text)
  } catch {
    return undefined
  }
}

/** What the schema does not look at: the inside of an object, digits and characters, and text that stands for no value. */
function unfit(name: string, value: unknown, schema: z.core.$ZodType | undefined): FieldError[] {
  if (!schema) return []
  const type = typeOf(schema)
  if (type === 'custom' && !nestsWithin(value, NESTING_LIMIT))
    return [problem(name, 'object.base', `"${name}" is nested more than ${NESTING_LIMIT} levels deep.`)]
  const inside = type === 'custom' || isLosslessNumber(value) || typeof value === 'string' ? contents(value) : undefined
  if (inside?.isTooLarge) return [problem(name, 'number.infinity', tooLarge(name, isLosslessNumber(value)))]
  if (inside?.losesDigits) {
    const message = `"${name}" has a number in it that would not be sent as it is written: send it as text, in quotes.`
    return [problem(name, 'number.unsafe', message)]
  }
  if (inside?.isMalformed) {
    const message = `"${name}" has half of a character in it (a lone surrogate), which cannot be sent.`
    return [problem(name, 'string.base', message)]
  }
  if (type === 'string' && (value === 'null' || value === 'undefined') && takesNull(schema)) {
    const message = `"${name}" must be null without quotes to delete what is there. To leave it as it is, leave the argument out.`
    return [problem(name, 'any.invalid', message)]
  }
  return []
}

function tooLarge(name: string, isWhole: boolean): string {
  return isWhole
    ? `"${name}" must be a whole number; this one is too large.`
    : `"${name}" has a number in it that is too large to be sent.`
}

/** What is in a value that JSON or AiFi could not be given as it was written. */
function contents(value: unknown) {
  const found = { isTooLarge: false, losesDigits: false, isMalformed: false }
  const look = (part: unknown) => {
    if (typeof part === 'string') found.isMalformed ||= !part.isWellFormed()
    else if (typeof part === 'number') found.isTooLarge ||= !Number.isFinite(part)
    else if (isLosslessNumber(part)) {
      found.isTooLarge ||= !Number.isFinite(Number(part.value))
      found.losesDigits = true
    }
  }
  visitParts(value, look, { names: true })
  return found
}

/** An argument that the tool does not have, with the nearest one that it has: dropped silently, it would be missed. */
export function unknownArgument(key: string, names: readonly string[]): FieldError {
  const shown = harmless(key, 100)
  const nearest = nearestName(key, names)
  const hint = nearest ? `Did you mean "${nearest}"?` : allowed(names)
  return problem(shown, 'object.unknown', `"${shown}" is not an argument. ${hint}`)
}

function allowed(names: readonly string[]): string {
  return `Allowed are ${names.join(', ')}.`
}

/** So many unknown arguments are named: nobody reads more, and finding the nearest names takes time. */
const NAMED = 20

/** One problem per unknown argument, up to a limit; the others are counted. The list of names stands in the first only. */
function unknownArguments(
  keys: readonly string[],
  names: readonly string[],
  describe: typeof unknownArgument,
): FieldError[] {
  const unknown = keys.filter((key) => !names.includes(key))
  const described = unknown.slice(0, NAMED).map((key) => describe(key, names))
  const list = allowed(names)
  const first = described.findIndex(({ message }) => message.endsWith(list))
  const named = described.map((each, at) =>
    at > first ? { ...each, message: each.message.replace(` ${list}`, '') } : each,
  )
  const others = unknown.length - named.length
  return others > 0 ? [...named, problem('', 'object.unknown', `${others} more names are no arguments either.`)] : named
}

/** One entry per field and rule. The last one: zod names the bounds of all integers before the field's own. */
function withoutRepeats(errors: readonly FieldError[]): FieldError[] {
  return [...new Map(errors.map((error) => [JSON.stringify([error.field, error.rule]), error])).values()]
}
