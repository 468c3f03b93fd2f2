import { createHmac } from 'node:crypto'
import { isLosslessNumber } from 'lossless-json'
import { writeExactly } from '../lib/exact-json.ts'
import { isJsonObject } from '../lib/json.ts'
import { harmless, Relay, STRING_LIMIT, showsItself } from '../lib/text.ts'
import { type CustomerRecord, type RecordField, recordFields, type ShownRecord } from './record.ts'

/** The value of one field in a result, as JSON, in bytes. */
const VALUE_LIMIT = 8_000
/** Characters of the name of a member. */
const KEY_LIMIT = 200
/** Digits of a number that a double does not hold. */
const DIGITS_LIMIT = 100
/** Characters of a text that has its marker behind it: with it, no more than any other. */
const MARKED_LIMIT = STRING_LIMIT - 20
/** Nobody reads what is nested deeper, and recursion must end. */
const DEPTH_LIMIT = 12

/** A place in a record, as a JSON Pointer (RFC 6901): `/metadata/loyalty/tier`. */
export type Pointer = string

/** A place at which a result does not show what is stored. */
export interface Mark {
  readonly pointer: Pointer
  readonly marker: string
  readonly stored: unknown
}

/** A value as a result shows it, and where in it a marker stands. */
export interface View {
  readonly value: unknown
  readonly marks: readonly Mark[]
}

interface Sized extends View {
  /** Of its JSON. */
  readonly bytes: number
}

/** How results show the values of records. */
export class RecordViews {
  readonly #key: Uint8Array
  readonly #shown: 'all' | readonly string[]

  /**
   * @param key of the markers, shared by all who may get one back.
   * @param shown the fields whose values results may show (`AIFI_SHOW_FIELDS`).
   */
  constructor(key: Uint8Array, shown: 'all' | readonly string[]) {
    this.#key = key
    this.#shown = shown
  }

  /** Of one customer. @param relay knows the secrets of the call, which no value may repeat. */
  of(customerId: number, relay: Relay = new Relay([])): RecordView {
    return new RecordView(customerId, this.#key, this.#shown, relay)
  }
}

/**
 * The values of one customer's record as a result shows them: exactly, or with a marker in their place. A text is shown
 * as far as it can be, with its marker behind it; a list or an object that cannot be shown whole is its marker alone.
 */
export class RecordView {
  readonly #customerId: number
  readonly #key: Uint8Array
  readonly #shown: 'all' | readonly string[]
  readonly #relay: Relay

  constructor(customerId: number, key: Uint8Array, shown: 'all' | readonly string[], relay: Relay) {
    this.#customerId = customerId
    this.#key = key
    this.#shown = shown
    this.#relay = relay
  }

  /** The value of a field. */
  view(field: string, stored: unknown): View {
    const pointer = below('', field)
    const mayShow = this.#shown === 'all' || this.#shown.includes(field)
    return mayShow ? this.#see(stored, pointer, 0) : this.#alone(stored, pointer)
  }

  /** The value of a field, for a result that does not say where it has markers. */
  value(field: string, stored: unknown): unknown {
    return this.view(field, stored).value
  }

  /** The record, what may be long last, and the places at which it is not shown as it is stored. */
  customer(record: CustomerRecord): ShownRecord {
    const inOrder: RecordField[] = [...recordFields.filter((field) => field !== 'metadata'), 'metadata']
    const views = inOrder.flatMap((field) => {
      const stored = record[field]
      if (stored === undefined) return []
      const view: View = field === 'id' ? { value: stored, marks: [] } : this.view(field, stored)
      return [{ field, view }]
    })
    const altered = views.flatMap(({ view }) => view.marks.map(({ pointer }) => pointer))
    return {
      ...Object.fromEntries(views.map(({ field, view }) => [field, view.value])),
      ...(altered.length > 0 && { altered }),
    }
  }

  /**
   * What stands for a value that cannot be shown exactly: `⟦altered 9c41d2⟧`. Given back, it means what is stored at that
   * place, as long as it still is: nobody can make one up, or take it to another customer.
   */
  marker(pointer: Pointer, stored: unknown): string {
    const place = JSON.stringify([this.#customerId, pointer])
    const hash = createHmac('sha256', this.#key)
      .update(`${place}\n${writeExactly(stored)}`)
      .digest('hex')
    return `⟦altered ${hash.slice(0, 6)}⟧`
  }

  #see(stored: unknown, pointer: Pointer, depth: number): Sized {
    if (typeof stored === 'string') return this.#text(stored, pointer)
    if (isLosslessNumber(stored)) return this.#marked(stored, pointer)
    // JSON text has no -0: adding 0 makes it what the text will say.
    if (typeof stored === 'number')
      return this.#relay.holdsSecret(stored) ? this.#alone(stored, pointer) : exactly(stored + 0)
    if (typeof stored !== 'object' || stored === null) return exactly(stored)
    if (depth >= DEPTH_LIMIT) return this.#alone(stored, pointer)
    const members = Object.entries(stored)
    const canShow = members.length * 2 <= VALUE_LIMIT && (Array.isArray(stored) || this.#canShowNames(members))
    if (!canShow) return this.#alone(stored, pointer)
    const views = members.map(([key, member]) => ({ key, view: this.#see(member, below(pointer, key), depth + 1) }))
    return this.#together(stored, pointer, views)
  }

  #text(stored: string, pointer: Pointer): Sized {
    const isExact = isWithin(stored, STRING_LIMIT) && showsItself(stored)
    return isExact && !looksMarked(stored) && !this.#relay.holdsSecret(stored)
      ? exactly(stored)
      : this.#marked(stored, pointer)
  }

  /** A list or an object; its largest members give way to their markers until it fits. */
  #together(stored: object, pointer: Pointer, views: { key: string; view: Sized }[]): Sized {
    const isList = Array.isArray(stored)
    const nameBytes = isList ? 0 : views.reduce((sum, { key }) => sum + bytesOf(key) + 1, 0)
    let bytes = views.reduce((sum, { view }) => sum + view.bytes + 1, 2 + nameBytes)
    for (const largest of [...views].sort((a, b) => b.view.bytes - a.view.bytes)) {
      if (bytes <= VALUE_LIMIT) break
      const member = isList ? stored[Number(largest.key)] : Reflect.get(stored, largest.key)
      const alone = this.#alone(member, below(pointer, largest.key))
      if (alone.bytes >= largest.view.bytes) break
      bytes += alone.bytes - largest.view.bytes
      largest.view = alone
    }
    if (bytes > VALUE_LIMIT) return this.#alone(stored, pointer)
    const value = isList
      ? views.map(({ view }) => view.value)
      : Object.fromEntries(views.map(({ key, view }) => [key, view.value]))
    return { value, bytes, marks: views.flatMap(({ view }) => view.marks) }
  }

  #canShowNames(members: readonly (readonly [string, unknown])[]): boolean {
    return members.every(
      ([key]) => isWithin(key, KEY_LIMIT) && showsItself(key) && !looksMarked(key) && !this.#relay.holdsSecret(key),
    )
  }

  /** What of the value can be shown, and its marker. */
  #marked(stored: unknown, pointer: Pointer): Sized {
    const text = shownText(stored)
    // The end of a text that was cut could be the beginning of a secret.
    const mayHoldSecret = this.#relay.hasSecrets && (text.endsWith('…') || this.#relay.holdsSecret(text))
    if (text === '' || mayHoldSecret) return this.#alone(stored, pointer)
    const marker = this.marker(pointer, stored)
    const value = `${text} ${marker}`
    return { value, bytes: bytesOf(value), marks: [{ pointer, marker, stored }] }
  }

  #alone(stored: unknown, pointer: Pointer): Sized {
    const marker = this.marker(pointer, stored)
    return { value: marker, bytes: bytesOf(marker), marks: [{ pointer, marker, stored }] }
  }
}

/**
 * What may stand before the marker of a value: as much of a text or of a number as can be shown. Empty where that is
 * nothing.
 */
export function shownText(stored: unknown): string {
  if (isLosslessNumber(stored)) return harmless(stored.value, DIGITS_LIMIT)
  if (typeof stored !== 'string') return ''
  const text = harmless(stored, MARKED_LIMIT).trim()
  return looksMarked(text) ? '' : text
}

function exactly(value: unknown): Sized {
  return { value, bytes: bytesOf(value), marks: [] }
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '')
}

/** At most so many characters. */
function isWithin(text: string, limit: number): boolean {
  return text.length <= limit || (text.length <= 2 * limit && Array.from(text).length <= limit)
}

/** The value at a place; undefined when there is none. */
export function valueAt(value: unknown, key: string): { value: unknown } | undefined {
  if (Array.isArray(value))
    return /^\d+$/.test(key) && Number(key) < value.length ? { value: value[Number(key)] } : undefined
  return isJsonObject(value) && Object.hasOwn(value, key) ? { value: value[key] } : undefined
}

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
