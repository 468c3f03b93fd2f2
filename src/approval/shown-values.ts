import { jsonEqual } from '../lib/json.ts'
import { harmless, JSON_LIMIT, type Relay } from '../lib/text.ts'
import type { ShownChange, ShownValue } from './question.ts'

/** Characters of one value that a person reads. Longer ones are cut, which is said: the facts must stay in view. */
const VALUE_LIMIT = 2_000
/** What is shown before the first difference of two long values, in characters. */
const LEAD = 20

/** One value as a person reads it. */
export function shownValue(value: unknown, relay: Relay): ShownValue {
  if (value === undefined || value === null || value === '') return { kind: 'nothing' }
  const text = typeof value === 'string' ? value : JSON.stringify(relay.json(value))
  const cut = text.length > VALUE_LIMIT
  const shown = relay.text(text, VALUE_LIMIT)
  return cut
    ? { kind: 'value', text: `${shown} (cut: ${text.length} characters in all)`, cut }
    : { kind: 'value', text: shown }
}

/** Before and after. Two values that differ never look the same, whatever it is that differs. */
export function shownPair(before: unknown, after: unknown, relay: Relay): Pick<ShownChange, 'before' | 'after'> {
  const pair = { before: shownValue(before, relay), after: shownValue(after, relay) }
  if (!jsonEqual(pair.before, pair.after) || jsonEqual(before, after)) return pair
  const was = wholeText(before, relay)
  const is = wholeText(after, relay)
  if (was === is)
    return { ...pair, after: { kind: 'hidden', text: 'a value that differs only where it cannot be shown' } }
  const start = firstDifference(was, is) - LEAD
  return { before: excerpt(was, start), after: excerpt(is, start) }
}

/** As JSON, which tells `"5"` from `5`, and `null` from nothing. */
function wholeText(value: unknown, relay: Relay): string {
  return value === undefined ? 'not there' : relay.text(JSON.stringify(relay.json(value)), JSON_LIMIT)
}

function firstDifference(a: string, b: string): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at += 1
  return at
}

function excerpt(text: string, start: number): ShownValue {
  const rest = start > 0 ? `…${text.slice(start)}` : text
  const cut = start > 0 || rest.length > VALUE_LIMIT
  return { kind: 'value', text: harmless(rest, VALUE_LIMIT), ...(cut && { cut }) }
}
