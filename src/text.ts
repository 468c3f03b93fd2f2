import { stripVTControlCharacters } from 'node:util'

/**
 * Text that came from elsewhere (AiFi, a customer record, a client, the model) made harmless before anybody reads it.
 * Such text is data: it may not forge lines, hide letters, reverse their order, or drive a terminal.
 */

/** A string of a record or an error, in characters. */
export const STRING_LIMIT = 500

// Controls, format characters (bidi and zero-width ones among them), lone surrogates, private use, and everything else
// that Unicode wants to be drawn as nothing: fillers, variation selectors, tag characters (UAX #9, UTS #39).
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}]/gu

/**
 * One line of visible text, at most `limit` characters; a longer one ends in `…`.
 * Line breaks and tabs become spaces, ANSI sequences, control, bidi and zero-width characters go.
 */
export function harmless(text: string, limit: number = STRING_LIMIT): string {
  // Cut first: nothing beyond a few times the limit can matter, and a hostile answer may be megabytes long.
  const start = text.length > limit * 8 ? text.slice(0, limit * 8) : text
  const clean = stripVTControlCharacters(start).replace(/\s/g, ' ').replace(INVISIBLE, '')
  const characters = Array.from(clean)
  return characters.length > limit || start !== text ? `${characters.slice(0, limit - 1).join('')}…` : clean
}

/** `metadata` of a record, in bytes of JSON. */
export const JSON_LIMIT = 8_000
/** What stands where a secret was cut out. */
const CUT = '•••'
/** Deeper values are replaced: nobody reads them, and recursion must end. */
const DEPTH_LIMIT = 12

/**
 * Takes over text and values from AiFi for people and models to read: harmless, bounded, and with every secret of the
 * call cut out, since AiFi's validator may echo a value (`"password" with value "…" fails`).
 */
export class Relay {
  readonly #secrets: readonly string[]

  /** @param secrets the secret strings of the call, as they are sent. */
  constructor(secrets: readonly string[]) {
    const spellings = secrets.flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret.toWellFormed()),
      harmless(secret, secret.length),
    ])
    // Longest first, so that a secret inside another does not leave the rest of the longer one behind.
    this.#secrets = [...new Set(spellings)].filter((each) => each !== '').sort((a, b) => b.length - a.length)
  }

  /** @param limit characters. */
  text(text: string, limit: number = STRING_LIMIT): string {
    return harmless(this.#cut(harmless(this.#cut(text.slice(0, limit * 64)), limit * 8)), limit)
  }

  /** A JSON value with all its strings and keys taken over; at most `limit` bytes of it, the rest is left out. */
  json(value: unknown, limit: number = JSON_LIMIT): unknown {
    const budget = { left: limit }
    return this.#json(value, budget, 0)
  }

  #json(value: unknown, budget: { left: number }, depth: number): unknown {
    if (typeof value === 'string') return this.#spend(this.text(value), budget)
    if (typeof value !== 'object' || value === null) return this.#spend(value, budget)
    if (depth >= DEPTH_LIMIT) return this.#spend('[nested too deep to show]', budget)
    budget.left -= 2
    if (Array.isArray(value)) {
      const items: unknown[] = []
      for (const item of value) {
        if (budget.left <= 0) break
        items.push(this.#json(item, budget, depth + 1))
      }
      return items
    }
    const members: [string, unknown][] = []
    for (const [key, member] of Object.entries(value)) {
      if (budget.left <= 0) break
      members.push([String(this.#spend(this.text(key, 200), budget)), this.#json(member, budget, depth + 1)])
    }
    return Object.fromEntries(members)
  }

  #spend(value: unknown, budget: { left: number }): unknown {
    budget.left -= Buffer.byteLength(JSON.stringify(value) ?? '') + 1
    return value
  }

  #cut(text: string): string {
    return this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, CUT), text)
  }
}
