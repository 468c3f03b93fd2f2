import { isLosslessNumber } from 'lossless-json'

/** A JSON object as it was parsed, its members not looked at. */
export type JsonObject = { [key: string]: unknown }

/** True for an object that JSON could have made: not null, not an array, not a number kept in its digits. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isLosslessNumber(value)
}

/** The value of a JSON text; undefined for what is none. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** True when the two JSON values are equal member by member; the order of keys does not count, that of elements does. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isLosslessNumber(a)) return isLosslessNumber(b) && a.value === b.value
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => jsonEqual(item, b[index]))
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key], b[key]))
  )
}

/** How deep a value that is sent may nest: deeper ones exhaust the stack of whoever serialises them. */
export const NESTING_LIMIT = 64

/** True when `value` nests objects and arrays no deeper than `levels`; it looks no deeper itself. */
export function nestsWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((member) => nestsWithin(member, levels - 1))
}

/**
 * The same JSON text for equal values, whatever the order of their keys. For keys and fingerprints, not for sending.
 * The caller has bounded the depth ({@link nestsWithin}).
 */
export function canonicalJson(value: unknown): string {
  if (isLosslessNumber(value)) return value.value
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (isJsonObject(value)) {
    const members = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}

/**
 * Visits the value and all that is in it, at any depth, in no order, until `visit` returns true; with `names`, the names
 * of members too. True when it was stopped.
 */
export function visitParts(value: unknown, visit: (part: unknown) => unknown, { names = false } = {}): boolean {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (visit(next) === true) return true
    if (typeof next !== 'object' || next === null || isLosslessNumber(next)) continue
    if (names && !Array.isArray(next) && Object.keys(next).some((name) => visit(name) === true)) return true
    // One by one: as arguments of one `push`, a hundred thousand members would exhaust the stack.
    for (const member of Object.values(next)) open.push(member)
  }
  return false
}
