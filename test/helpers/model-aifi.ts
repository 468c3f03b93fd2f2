import type { JsonObject } from '../../src/lib/json.ts'
import { type Fault, fault, type ReceivedRequest } from './fault.ts'

/**
 * A truthful model of AiFi for the fault server: it keeps a record per customer and knows of every PATCH whether it was
 * processed, whatever the other side was told.
 *
 *     const model = new ModelAifi({ ending: () => endings.silence, view: () => 'shown' })
 *     server.always('GET', model.get)
 *     server.always('PATCH', model.patch)
 *     …
 *     model.processed(4211)
 */
export class ModelAifi {
  readonly #next: { ending(customerId: number): Ending; view(customerId: number): View }
  readonly #records = new Map<number, JsonObject>()
  readonly #seen = new Map<number, { arrived: number; processed: number }>()

  constructor(next: { ending(customerId: number): Ending; view(customerId: number): View }) {
    this.#next = next
  }

  /** How many PATCH requests of this customer have arrived, at least in part. */
  arrived(customerId: number): number {
    return this.#of(customerId).arrived
  }

  /** How many of them have changed the record, or will. */
  processed(customerId: number): number {
    return this.#of(customerId).processed
  }

  /** What the model holds no longer matters for these customers. */
  forget(customerId: number): void {
    this.#records.delete(customerId)
    this.#seen.delete(customerId)
  }

  record(customerId: number): JsonObject {
    return this.#records.get(customerId) ?? recordOf(customerId)
  }

  /** For `always('GET', …)`. */
  readonly get = ({ path }: ReceivedRequest): Fault => {
    const customerId = idIn(path)
    switch (this.#next.view(customerId)) {
      case 'shown':
        return fault.answer(200, this.record(customerId))
      case 'another':
        return fault.answer(200, { ...this.record(customerId), id: customerId + 1 })
      case 'missing':
        return fault.answer(404)
      case 'failing':
        return fault.answer(500)
      case 'reset':
        return fault.resetAfterBody()
    }
  }

  /** For `always('PATCH', …)`. */
  readonly patch = ({ path }: ReceivedRequest): Fault => {
    const customerId = idIn(path)
    const seen = this.#of(customerId)
    const { processing, answer } = this.#next.ending(customerId)
    seen.arrived++
    if (processing !== 'no') seen.processed++
    const apply = (body: string) => this.#records.set(customerId, { ...this.record(customerId), ...JSON.parse(body) })
    const { after, act } = answer(() => this.record(customerId))
    return {
      after,
      act(faulty) {
        if (processing === 'at_once') apply(faulty.request.body)
        if (processing === 'late') setTimeout(apply, LATE_MS, faulty.request.body).unref()
        act(faulty)
      },
    }
  }

  #of(customerId: number) {
    const seen = this.#seen.get(customerId) ?? { arrived: 0, processed: 0 }
    this.#seen.set(customerId, seen)
    return seen
  }
}

/** Long enough for a record that is read back at once to show the old values. */
const LATE_MS = 60

/** What reading the record brings. */
export const views = ['shown', 'another', 'missing', 'failing', 'reset'] as const
export type View = (typeof views)[number]

/** What becomes of one PATCH, and what the other side is told. */
export interface Ending {
  readonly name: string
  readonly processing: 'at_once' | 'late' | 'no'
  /** @param record the customer's record at the time of the answer. */
  readonly answer: (record: () => JsonObject) => Fault
}

const told = (status: number, headers?: Record<string, string>) => () => fault.answer(status, undefined, headers)
const shown = (status: number) => (record: () => JsonObject) => fault.answerWith(() => ({ status, body: record() }))

function ending(processing: Ending['processing'], name: string, answer: Ending['answer']): Ending {
  return { name: `${name}, processed ${processing}`, processing, answer }
}

/** Accepted: AiFi says so, and it is so. */
export const acceptedEndings: readonly Ending[] = [
  ending('at_once', '200', shown(200)),
  ending('at_once', '201', shown(201)),
  ending('at_once', '200 without content', told(200)),
  ending('at_once', '204', () => fault.noContent()),
]

/** Refused: AiFi says so, and nothing was changed. */
export const refusedEndings: readonly Ending[] = [
  ...[400, 401, 402, 403, 404, 405, 409, 413, 422, 429, 301, 302, 307, 308].map((status) =>
    ending('no', String(status), told(status)),
  ),
  ending('no', '429 for now', told(429, { 'retry-after': '0' })),
  ending('no', '422 with errors', () =>
    fault.answer(422, { errors: [{ error: 'no', field: '"role"', rule: 'any.only' }] }),
  ),
]

/** What may have been processed or not: at once, or not at all. */
const finished = (['at_once', 'no'] as const).flatMap((processing) => [
  ending(processing, '500', told(500)),
  ending(processing, '501', () => fault.answer(501, '<h1>no</h1>')),
])

/** What may have been processed or not, or will be. */
const open = (['at_once', 'late', 'no'] as const).flatMap((processing) => [
  ending(processing, 'reset', () => fault.resetAfterBody()),
  ending(processing, 'closed', () => fault.closeAfterBody()),
  ending(processing, 'half the headers', () => fault.closeMidHeaders()),
  ending(processing, 'cut off', () => fault.truncatedBody()),
  ending(processing, '500 cut off', () => fault.truncatedBody(500)),
  ending(processing, 'garbage', () => fault.garbage()),
  ending(processing, 'a page', () => fault.answer(200, '<html>')),
  ending(processing, "another customer's record", () => fault.answer(200, { id: 0 })),
  ...[202, 206, 303, 304, 408, 502, 503, 504].map((status) =>
    ending(processing, String(status), told(status, { 'retry-after': '0' })),
  ),
])

/** The same, and the other side has to give up waiting. */
export const slowEndings: readonly Ending[] = (['at_once', 'late', 'no'] as const).flatMap((processing) => [
  ending(processing, 'silence', () => fault.silence()),
  ending(processing, 'slow headers', () => fault.slowHeaders()),
  ending(processing, 'slow body', () => fault.slowBody()),
])

export const unclearEndings: readonly Ending[] = [
  ...finished,
  ...open,
  ending('no', 'reset before the body', () => fault.resetAfterHeaders()),
]

/** The record of a customer that nobody has changed yet. */
export function recordOf(customerId: number): JsonObject {
  return {
    id: customerId,
    externalId: `crm-${customerId}`,
    role: 'customer',
    metadata: { tier: 'gold' },
    priority: 0,
    email: `shopper-${customerId}@example.com`,
    firstName: 'Jane',
    lastName: 'Doe',
    phone: '+1 555 0142',
  }
}

function idIn(path: string): number {
  return Number(path.slice(path.lastIndexOf('/') + 1))
}
