import { type AifiError, extractError } from '../aifi/errors.ts'
import type { Aifi, Sending } from '../aifi/port.ts'
import { secretStrings } from '../customer/fields.ts'
import { readRecord } from '../customer/record.ts'
import type { RecordViews } from '../customer/record-view.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import { Relay } from '../lib/text.ts'
import type { UpdateEnvelope } from './envelope.ts'
import { changeLines, type Evidence, revertArguments, unexpectedLines } from './evidence.ts'
import { appliedMessage, refusedMessage, unknownMessage } from './messages.ts'
import { proofOf, readBackProof } from './outcome.ts'

/** A change that was sent, or tried to be. */
type Sent = Pick<Evidence, 'request' | 'changes' | 'before' | 'sending'>

/** Looks at the record afterwards, where that is wanted. */
interface Look {
  readonly aifi: Pick<Aifi, 'readCustomer'>
  readonly readBack: boolean
  readonly views: RecordViews
  readonly clock: Clock
}

/** Step 5: what became of the change. Reads the record back when the answer does not show it. */
export async function establish(sent: Sent, look: Look): Promise<UpdateEnvelope> {
  const { request, changes, before, sending } = sent
  const proof = proofOf(sending, request.customerId)
  const relay = new Relay(secretStrings(changes))
  const body = sending.kind === 'answered' && sending.body.kind === 'json' ? sending.body.value : undefined
  const error = extractError(body)
  const http = httpFacts(sending, error, relay)
  const answered = proof === 'updated' && isJsonObject(body) ? readRecord(body) : undefined
  const evidence: Evidence = {
    request,
    changes,
    before,
    sending,
    after: answered?.record,
    wrong: answered?.wrong ?? [],
    readBackAt: undefined,
    notRead: undefined,
    proof,
    relay,
    view: look.views.of(request.customerId, relay),
  }
  if (proof === 'failed' || proof === 'invalid') return { ...refused(proof, evidence, error), ...http }
  if (answered) return { ...applied(evidence), ...http }
  const seen = await readBack(evidence, look)
  const finished = proof === 'read_back_finished'
  const status = proof === 'updated' ? proof : readBackProof({ changes, before, now: seen.after, finished })
  switch (status) {
    case 'updated':
      return { ...applied(seen), ...http }
    case 'failed':
      return { ...refused('failed', seen, error), ...http }
    case 'unknown':
      return { ...unclear(seen), ...http }
  }
}

/** Looks at the record after an answer that does not show it. */
async function readBack(evidence: Evidence, { aifi, clock, readBack }: Look): Promise<Evidence> {
  const { customerId } = evidence.request
  if (!readBack) return { ...evidence, notRead: 'Reading records is switched off here.' }
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

/** Bytes of AiFi's field errors that a result takes over. */
const ERRORS_LIMIT = 12_000

function refused(status: 'failed' | 'invalid', evidence: Evidence, error: AifiError): UpdateEnvelope {
  const { sending, relay } = evidence
  const all = error.errors.map(({ field, message, rule }) => ({
    field: relay.text(field, 200),
    message: relay.text(message),
    rule: relay.text(rule, 100),
  }))
  const errors = all.filter((_, index) => Buffer.byteLength(JSON.stringify(all.slice(0, index + 1))) <= ERRORS_LIMIT)
  const retryAfterSeconds = sending.kind === 'answered' ? sending.http.retryAfterSeconds : undefined
  return {
    status,
    message: refusedMessage(evidence, errors, error),
    ...((status === 'invalid' || errors.length > 0) && { errors }),
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

function httpFacts(sending: Sending, { type }: AifiError, relay: Relay): Pick<UpdateEnvelope, 'http'> {
  if (sending.kind !== 'answered') return {}
  const { status, requestId } = sending.http
  return {
    http: {
      status,
      ...(type !== undefined && status >= 400 && { type: relay.text(type, 100) }),
      ...(requestId !== undefined && { requestId: relay.text(requestId, 200) }),
    },
  }
}
