import { isCustomerField, isSecretValue } from '../customer/fields.ts'
import type { JsonObject } from '../lib/json.ts'
import type { FieldError } from '../mcp/result.ts'
import { problem } from './issues.ts'

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
    const texts = textsIn(given[name], { names: false }).filter(({ length }) => length >= SECRET_LENGTH)
    const others = open.filter(({ holds }) => texts.some(holds)).map((other) => other.name)
    return others.map((other) => {
      const message = `"${other}" repeats what is secret in "${name}", and would show it. Leave it out of one of the two.`
      return problem(other, 'any.invalid', message)
    })
  })
}

/** Every text of a value, and numbers as their digits. `names`: the names of members too. */
function textsIn(value: unknown, { names }: { names: boolean }): string[] {
  const found: string[] = []
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next === 'string') found.push(next)
    else if (typeof next === 'number') found.push(String(next))
    else if (typeof next === 'object' && next !== null) {
      // One by one: as arguments of one `push`, a hundred thousand members would exhaust the stack.
      for (const [key, member] of Object.entries(next)) {
        if (names && !Array.isArray(next)) found.push(key)
        open.push(member)
      }
    }
  }
  return found
}

/** Looks for many texts in one value; the pieces that are there keep a long value from being read for each of them. */
function searchable(value: unknown): { holds: (text: string) => boolean } {
  const all = textsIn(value, { names: true }).join('\n')
  const pieces = new Set<string>()
  for (let at = 0; at + SECRET_LENGTH <= all.length; at += 1) pieces.add(all.slice(at, at + SECRET_LENGTH))
  return { holds: (text) => pieces.has(text.slice(0, SECRET_LENGTH)) && all.includes(text) }
}
