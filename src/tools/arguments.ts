import * as z from 'zod'
import { carriesNumbers, isJsonObject, type JsonObject, NESTING_LIMIT, nestsWithin } from '../lib/json.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { harmless } from '../lib/text.ts'
import type { FieldError } from '../mcp/result.ts'
import { describeIssue, problem, takesNull } from './issues.ts'

/** What the tools differ in when they read their arguments. */
export interface ParseOptions {
  /** null stands for an argument that was not given. */
  readonly nullIsAbsent?: boolean
  /** What to do instead of sending null or nothing for this argument; empty where something has to be sent. */
  readonly instead: (name: string) => string
  /** An argument that does not exist; by default {@link unknownArgument}. */
  readonly unknown?: (key: string, names: readonly string[]) => FieldError
  /** Rules between the arguments, of which `keys` were given. They hold whatever else is wrong. */
  readonly rules: (given: JsonObject, keys: readonly string[]) => FieldError[]
}

export type ParsedArguments<T> = { ok: true; data: T } | { ok: false; errors: FieldError[] }

/** Reads the arguments of one call. Reports every problem at once, and never the value of anything. */
export function parse<Schema extends z.ZodObject>(
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
      .filter(([name]) => keys.includes(name))
      .map(([name, argument]) => [name, decoded(argument, raw[name])]),
  )
  const parsed = schema.safeParse(given)
  const errors = [
    ...unknownArguments(keys, names, options.unknown ?? unknownArgument),
    ...(parsed.error?.issues ?? []).flatMap((issue) => {
      const name = String(issue.path[0])
      const argument = shape[name]
      return argument ? [describeIssue(issue, given[name], argument, options.instead(name))] : []
    }),
    ...Object.entries(given).flatMap(([name, value]) => unfit(name, value, shape[name])),
    ...options.rules(given, keys),
  ]
  if (errors.length > 0 || !parsed.success) return { ok: false, errors: withoutRepeats(errors) }
  return { ok: true, data: parsed.data }
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
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What the schema does not look at: the inside of an object, and text that stands for no value. */
function unfit(name: string, value: unknown, schema: z.core.$ZodType | undefined): FieldError[] {
  if (!schema) return []
  if (typeOf(schema) === 'custom') {
    if (!nestsWithin(value, NESTING_LIMIT))
      return [problem(name, 'object.base', `"${name}" is nested more than ${NESTING_LIMIT} levels deep.`)]
    if (!carriesNumbers(value))
      return [problem(name, 'number.infinity', `"${name}" has a number in it that is too large to be sent.`)]
  }
  if (typeOf(schema) === 'string' && (value === 'null' || value === 'undefined') && takesNull(schema)) {
    const message = `"${name}" must be null without quotes to delete what is there. To leave it as it is, leave the argument out.`
    return [problem(name, 'any.invalid', message)]
  }
  return []
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

/** One problem per unknown argument, up to a limit; the others are counted. */
function unknownArguments(
  keys: readonly string[],
  names: readonly string[],
  describe: typeof unknownArgument,
): FieldError[] {
  const unknown = keys.filter((key) => !names.includes(key))
  const named = unknown.slice(0, NAMED).map((key) => describe(key, names))
  const others = unknown.length - named.length
  return others > 0 ? [...named, problem('', 'object.unknown', `${others} more names are no arguments either.`)] : named
}

/** One entry per field and rule. The last one: zod names the bounds of all integers before the field's own. */
function withoutRepeats(errors: readonly FieldError[]): FieldError[] {
  return [...new Map(errors.map((error) => [JSON.stringify([error.field, error.rule]), error])).values()]
}
