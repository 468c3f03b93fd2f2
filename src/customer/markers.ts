import { createHmac } from 'node:crypto'
import { writeExactly } from '../lib/exact-json.ts'

/** A place in a record, as a JSON Pointer (RFC 6901): `/metadata/loyalty/tier`. */
export type Pointer = string

/**
 * What stands in a result for a value that cannot be shown exactly: `⟦altered 9c41d2⟧`. Given back, it means what is
 * stored at that place, as long as it still is: nobody can make one up, or take it to another customer.
 */
export class Markers {
  readonly #key: Uint8Array

  /** @param key shared by all who may get a marker back. */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  /** The marker of a value that is stored at this place of this customer's record. */
  of(customerId: number, pointer: Pointer, stored: unknown): string {
    const place = JSON.stringify([customerId, pointer])
    const hash = createHmac('sha256', this.#key)
      .update(`${place}\n${writeExactly(stored)}`)
      .digest('hex')
    return `⟦altered ${hash.slice(0, DIGITS)}⟧`
  }
}

const DIGITS = 6
const MARKER = /⟦altered [0-9a-f]{6}⟧$/

/** True for text that is, or that a model could take for, a value with a marker. */
export function looksMarked(text: string): boolean {
  return /⟦\s*altered/i.test(text)
}

/** The marker at the end of a text, and what stands before it; undefined when there is none. */
export function splitMarked(text: string): { before: string; marker: string } | undefined {
  const trimmed = text.trim()
  const marker = MARKER.exec(trimmed)?.[0]
  return marker === undefined ? undefined : { before: trimmed.slice(0, -marker.length).trim(), marker }
}

/** The place of a member or an element below another place. */
export function below(pointer: Pointer, key: string | number): Pointer {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}
