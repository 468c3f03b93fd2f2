import type { Aifi } from '../aifi/port.ts'
import { known, unexpectedFields, verified } from '../customer/compare.ts'
import { changedFields, customerChanges, isSecretValue, secretStrings } from '../customer/fields.ts'
import { readRecord } from '../customer/record.ts'
import type { RecordViews } from '../customer/record-view.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject, type JsonObject, jsonEqual } from '../lib/json.ts'
import { Relay } from '../lib/text.ts'
import type { UpdateEnvelope } from './envelope.ts'
import { appliedMessage, READING_OFF, refusedMessage, unknownMessage } from './messages.ts'
import { type Evidence, proofOf, readBackProof } from './outcome.ts'
import { saidBy, shownHttp } from './said.ts'

/** A change that was sent, or tried to be. */
type Sent = Pick<Evidence, 'request' | 'changes' | 'before' | 'delivery'>

/** Looks at the record afterwards, where that is wanted. */
interface Look {
  readonly aifi: Pick<Aifi, 'readCustomer'>
  readonly readBack: boolean
  readonly views: RecordViews
  readonly clock: Clock
}

/** Step 5: what became of the change. Reads the record back when the answer does not show it. */
export async function verifyOutcome(sent: Sent, look: Look): Promise<UpdateEnvelope> {
  const { request, changes, before, delivery } = sent
  const proof = proofOf(delivery, request.customerId)
  const body = delivery.kind === 'answered' && delivery.body.kind === 'json' ? delivery.body.value : undefined
  const said = saidBy(delivery, changes)
  const relay = new Relay(secretStrings(changes))
  const http = delivery.kind === 'answered' ? { http: shownHttp(delivery.http.status, said) } : {}
  const answered = proof === 'updated' && isJsonObject(body) ? readRecord(body) : undefined
  const evidence: Evidence = {
    request,
    changes,
    before,
    delivery,
    after: answered?.record,
    wrong: answered?.wrong ?? [],
    readBackAt: undefined,
    notRead: undefined,
    proof,
    said,
    relay,
    view: look.views.of(request.customerId, relay),
  }
  if (proof === 'failed' || proof === 'invalid') return { ...refused(proof, evidence), ...http }
  if (proof === 'updated') return { ...applied(evidence), ...http }
  const seen = await readBack(evidence, look)
  switch (readBackProof(seen)) {
    case 'updated':
      return { ...applied(seen), ...http }
    case 'failed':
      return { ...refused('failed', seen), ...http }
    case 'unknown':
      return { ...unclear(seen), ...http }
  }
}

/** Looks at the record after an answer that does not show it. */
async function readBack(evidence: Evidence, { aifi, clock, readBack }: Look): Promise<Evidence> {
  const { customerId } = evidence.request
  if (!readBack) return { ...evidence, notRead: READING_OFF }
  const reading = await aifi.readCustomer(customerId)
  if (reading.kind !== 'record' || reading.record.id !== customerId) {
    return { ...evidence, notRead: 'The record could not be read afterwards.' }
  }
  const { record, wrong } = readRecord(reading.record)
  return { ...evidence, after: record, wrong, readBackAt: clock.now() }
}

function applied(evidence: Evidence): UpdateEnvelope {
  const changes = changeLines(evidence)
  const unexpectedChanges = unexpectedLines(evidence)
  const revert = revertArguments(evidence)
  const unexpected = unexpectedChanges.map(({ field }) => field)
  return {
    status: 'updated',
    message: appliedMessage(evidence, changes, unexpected),
    changes,
    ...(unexpectedChanges.length > 0 && { unexpectedChanges }),
    ...(evidence.after && { customer: evidence.view.customer(evidence.after) }),
    ...(revert && { revert }),
  }
}

function refused(status: 'failed' | 'invalid', evidence: Evidence): UpdateEnvelope {
  const { delivery, said } = evidence
  const retryAfterSeconds = delivery.kind === 'answered' ? delivery.http.retryAfterSeconds : undefined
  return {
    status,
    message: refusedMessage(evidence),
    ...((status === 'invalid' || said.errors.length > 0) && { errors: [...said.errors] }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}

function unclear(evidence: Evidence): UpdateEnvelope {
  const unexpectedChanges = unexpectedLines(evidence)
  return {
    status: 'unknown',
    message: unknownMessage(evidence),
    changes: changeLines(evidence),
    ...(unexpectedChanges.length > 0 && { unexpectedChanges }),
    ...(evidence.after && { customer: evidence.view.customer(evidence.after) }),
  }
}

type Line = NonNullable<UpdateEnvelope['changes']>[number]

/** One line per field that was sent; its values only where they are no secret. */
export function changeLines({
  changes,
  before,
  after,
  view,
}: Pick<Evidence, 'changes' | 'before' | 'after' | 'view'>): Line[] {
  return changedFields(changes).map((field) => {
    const value = changes[field]
    const outcome = { verified: verified(field, value, after) }
    if (isSecretValue(field, value)) return { field, ...outcome }
    const was = known(before, field)
    return { field, ...(was && { before: view.value(field, was.value) }), after: view.value(field, value), ...outcome }
  })
}

/** Fields that moved although nobody asked for it. */
function unexpectedLines({ changes, before, after, view }: Evidence): NonNullable<UpdateEnvelope['unexpectedChanges']> {
  return unexpectedFields(before, after, changes).map((field) => ({
    field,
    before: view.value(field, before?.[field]),
    after: view.value(field, after?.[field]),
  }))
}

/**
 * Arguments that would undo the change: of what was there before, only what can be given back exactly as it was. AiFi may
 * hold what we do not accept: a role of its own, an email that is none.
 */
export function revertArguments({
  request,
  changes,
  before,
  view,
}: Pick<Evidence, 'request' | 'changes' | 'before' | 'view'>): JsonObject | undefined {
  const values = changedFields(changes).flatMap((field): [string, unknown][] => {
    const was = known(before, field)
    if (was === undefined || jsonEqual(was.value, changes[field])) return []
    const isAllowed = customerChanges.shape[field].safeParse(was.value).success
    return isAllowed && view.view(field, was.value).marks.length === 0 ? [[field, was.value]] : []
  })
  return values.length > 0 ? { customerId: request.customerId, ...Object.fromEntries(values) } : undefined
}
