import * as z from 'zod'
import { customerChanges } from '../customer/fields.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { describeIssue, ownKeys, problem, unknownArgument, unknownArguments, withoutRepeats } from './issues.ts'
import type { FieldError } from './update-arguments.ts'

/** The arguments of `find_customers`: the source of the advertised schema and of the checks. */
export const findArguments = z.strictObject({
  customerId: z.int().min(0).optional().describe('AiFi customer number'),
  email: customerChanges.shape.email,
  // Empty, it would be no filter at all.
  externalId: z.string().min(1).optional().describe("id in the retailer's own system"),
})

/** What a lookup goes by: exactly one of the three. */
export type Filter =
  | { readonly by: 'customerId'; readonly value: number }
  | { readonly by: 'email'; readonly value: string }
  | { readonly by: 'externalId'; readonly value: string }

export const filterNames = ['customerId', 'email', 'externalId'] as const satisfies readonly Filter['by'][]

export type ParsedFilter = { ok: true; filter: Filter } | { ok: false; errors: FieldError[] }

/** Reads the arguments of one lookup. Reports every problem at once, and never a value. */
export function parseFilter(raw: unknown): ParsedFilter {
  if (!isJsonObject(raw)) return { ok: false, errors: [problem('', 'object.base', 'The arguments must be an object.')] }
  const names: readonly string[] = filterNames
  const keys = ownKeys(raw)
  const given = keys.filter((key) => names.includes(key))
  const known: JsonObject = Object.fromEntries(given.map((key) => [key, raw[key]]))
  const parsed = findArguments.safeParse(known)
  const errors = [
    ...unknownArguments(
      keys.filter((key) => !names.includes(key)),
      (key) => unknownArgument(key, names),
    ),
    ...(parsed.success ? [] : parsed.error.issues.map((issue) => describeIssue(issue, known, 'Leave it out.'))),
    ...notExactlyOne(given),
  ]
  const filter = parsed.success ? filterOf(parsed.data) : undefined
  return errors.length > 0 || !filter ? { ok: false, errors: withoutRepeats(errors) } : { ok: true, filter }
}

function notExactlyOne(given: readonly string[]): FieldError[] {
  const one = `Give exactly one of ${filterNames.join(', ')}.`
  if (given.length === 0) return [problem('', 'object.missing', `${one} AiFi cannot search names or phones.`)]
  return given.length > 1 ? [problem('', 'object.xor', `${one} Here were ${given.join(' and ')}.`)] : []
}

function filterOf({ customerId, email, externalId }: z.infer<typeof findArguments>): Filter | undefined {
  if (customerId !== undefined) return { by: 'customerId', value: customerId }
  if (email !== undefined) return { by: 'email', value: email }
  return externalId === undefined ? undefined : { by: 'externalId', value: externalId }
}
