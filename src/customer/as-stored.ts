import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { type ChangeRequest, type CustomerChanges, changedFields } from './fields.ts'
import type { CustomerRecord } from './record.ts'
import {
  below,
  looksMarked,
  type Mark,
  type Pointer,
  type RecordView,
  shownText,
  splitMarked,
  valueAt,
} from './record-view.ts'

/** A request in which every marker is what it stands for, or the places whose markers do not fit. */
type Resolved =
  | { readonly kind: 'resolved'; readonly request: ChangeRequest }
  | { readonly kind: 'unfit'; readonly places: readonly Place[] }

/** Where a marker does not fit: it is of another value, or what stood before it was changed. */
export interface Place {
  readonly pointer: Pointer
  readonly why: 'other_value' | 'edited'
}

/**
 * Puts what is stored in the place of the markers in a request. A field that is its marker as a whole is not to be
 * changed, and goes; inside an object, the stored value takes the place of the marker, also where it has moved.
 *
 * @param record as it was read just now; undefined when it could not be read, and then no marker fits.
 */
export function asStored(request: ChangeRequest, record: CustomerRecord | undefined, view: RecordView): Resolved {
  const { marked, ...rest } = request
  const resolving = new Resolving(record, view)
  for (const [field, text] of Object.entries(marked ?? {})) {
    resolving.resolve(text, valueAt(record, field), below('', field))
  }
  const changes: CustomerChanges = Object.fromEntries(
    changedFields(rest.changes).map((field) => {
      const value = rest.changes[field]
      if (!isJsonObject(value)) return [field, value]
      return [field, resolving.members(value, valueAt(record, field), below('', field))]
    }),
  )
  if (resolving.unfit.length > 0) return { kind: 'unfit', places: resolving.unfit }
  return { kind: 'resolved', request: { ...rest, changes } }
}

type Stored = { readonly value: unknown } | undefined

class Resolving {
  readonly unfit: Place[] = []
  readonly #record: CustomerRecord | undefined
  readonly #view: RecordView
  readonly #marks = new Map<string, readonly Mark[]>()

  constructor(record: CustomerRecord | undefined, view: RecordView) {
    this.#record = record
    this.#view = view
  }

  refuse(pointer: Pointer, why: Place['why']): void {
    this.unfit.push({ pointer, why })
  }

  resolve(given: unknown, stored: Stored, pointer: Pointer): unknown {
    if (typeof given === 'string') return looksMarked(given) ? this.#storedFor(given, stored, pointer) : given
    if (Array.isArray(given)) {
      return given.map((item, at) => this.resolve(item, valueAt(stored?.value, String(at)), below(pointer, at)))
    }
    return isJsonObject(given) ? this.members(given, stored, pointer) : given
  }

  members(given: JsonObject, stored: Stored, pointer: Pointer): JsonObject {
    const entries = Object.entries(given).map(([key, member]): [string, unknown] => {
      if (looksMarked(key)) this.refuse(pointer, 'other_value')
      return [key, this.resolve(member, valueAt(stored?.value, key), below(pointer, key))]
    })
    return Object.fromEntries(entries)
  }

  #storedFor(given: string, here: Stored, pointer: Pointer): unknown {
    const split = splitMarked(given)
    const isHere = split && here && this.#view.marker(pointer, here.value) === split.marker
    const stored = isHere ? here : split && this.#movedTo(pointer, split.marker)
    if (!split || !stored) this.refuse(pointer, 'other_value')
    else if (split.before !== '' && split.before !== shownText(stored.value)) this.refuse(pointer, 'edited')
    return stored?.value
  }

  /** Inside an object a value may have moved: an element before it was taken out of the list. */
  #movedTo(pointer: Pointer, marker: string): Stored {
    const [, field = '', member] = pointer.split('/')
    const found = member === undefined ? [] : this.#marksIn(field).filter((mark) => mark.marker === marker)
    const [first, second] = found
    return first && !second ? { value: first.stored } : undefined
  }

  #marksIn(field: string): readonly Mark[] {
    const stored = valueAt(this.#record, field)
    const marks = this.#marks.get(field) ?? (stored ? this.#view.view(field, stored.value).marks : [])
    this.#marks.set(field, marks)
    return marks
  }
}
