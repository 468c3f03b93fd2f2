import { type AifiError, extractError } from '../aifi/errors.ts'
import type { Aifi, Sending } from '../aifi/port.ts'
import type { Decision, TypedSecrets } from '../approval/approval.ts'
import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../clock.ts'
import { type ChangeRequest, type CustomerChanges, changedFields, isSecretValue, secretStrings } from '../customer.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import type { Logger } from '../logger.ts'
import { type CustomerRecord, readRecord } from '../record.ts'
import type { UpdateEnvelope } from '../result.ts'
import { Relay } from '../text.ts'
import { approvalOf, auditApproval } from './approval-facts.ts'
import { provesUpdated, stillAsBefore } from './comparison.ts'
import { changeLines, type Evidence, revertArguments, shownCustomer, unexpectedLines } from './evidence.ts'
import { appliedMessage, refusedMessage, unknownMessage } from './messages.ts'
import { proofOf } from './outcome.ts'

/** A change that may be sent now: approved, or in need of no approval. */
export interface ReadyChange {
  /** Ties the records of the audit together. */
  readonly id: string
  readonly request: ChangeRequest
  /** The record as it was read just now; undefined when it could not be read. */
  readonly before: CustomerRecord | undefined
  readonly client: string
  /** The answer that allows it; undefined when nobody had to be asked. */
  readonly decision: Decision | undefined
  /** What the person typed into the page. */
  readonly secrets: TypedSecrets
  /** Stops it as long as it has not left. */
  readonly signal: AbortSignal
  /** Called when the request leaves: from then on it cannot be stopped. */
  readonly onSending: () => void
}

export interface SendDeps {
  readonly aifi: Aifi
  readonly audit: Audit
  /** The audit also holds values that are not secret. */
  readonly auditValues: boolean
  readonly readBack: boolean
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Steps 4 and 5: sends the change once, establishes what became of it, and has both on the audit's disk before it
 * returns. An audit that cannot be written stops the change before anything is sent.
 */
export async function sendChange(change: ReadyChange, deps: SendDeps): Promise<UpdateEnvelope> {
  const { request, decision, secrets, signal, onSending } = change
  const changes: CustomerChanges = { ...request.changes, ...secrets }
  if (!auditAttempt(change, changes, deps)) return auditUnwritable(change)
  const sending = await deps.aifi.updateCustomer(request.customerId, changes, {
    once: Object.hasOwn(changes, 'password') || Object.hasOwn(changes, 'currentPassword'),
    signal,
    onSending,
  })
  const outcome = await establish(change, changes, sending, deps)
  const envelope: UpdateEnvelope = { ...outcome, customerId: request.customerId, ...approvalOf(decision) }
  return auditOutcome(change, envelope, deps)
}

async function establish(
  change: ReadyChange,
  changes: CustomerChanges,
  sending: Sending,
  deps: SendDeps,
): Promise<UpdateEnvelope> {
  const { request, before } = change
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
    after: answered?.record,
    wrong: answered?.wrong ?? [],
    readBackAt: undefined,
    sending,
    relay,
  }
  if (proof === 'failed' || proof === 'invalid') return { ...refused(proof, evidence, error), ...http }
  if (answered) return { ...applied(evidence), ...http }
  const seen = await readBack(evidence, deps)
  if (proof === 'updated' || provesUpdated(changes, before, seen.after)) return { ...applied(seen), ...http }
  const finished = proof === 'read_back_finished' && stillAsBefore(changes, before, seen.after)
  return { ...(finished ? refused('failed', seen, error) : unclear(seen)), ...http }
}

/** Looks at the record after an answer that does not show it. */
async function readBack(evidence: Evidence, { aifi, clock, readBack }: SendDeps): Promise<Evidence> {
  const { customerId } = evidence.request
  const reading = readBack ? await aifi.readCustomer(customerId) : undefined
  if (reading?.kind !== 'record' || reading.record.id !== customerId) return evidence
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
    ...shownCustomer(evidence.after, evidence.relay),
    ...(revert && { revert }),
  }
}

function refused(status: 'failed' | 'invalid', evidence: Evidence, error: AifiError): UpdateEnvelope {
  const { sending, relay } = evidence
  const errors = error.errors.map(({ field, message, rule }) => ({
    field: relay.text(field, 200),
    message: relay.text(message),
    rule: relay.text(rule, 100),
  }))
  const retryAfterSeconds = sending.kind === 'answered' ? sending.http.retryAfterSeconds : undefined
  return {
    status,
    message: refusedMessage(evidence, errors, error),
    ...((status === 'invalid' || errors.length > 0) && { errors }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}

function unclear(evidence: Evidence): UpdateEnvelope {
  return {
    status: 'unknown',
    message: unknownMessage(evidence),
    changes: changeLines(evidence),
    ...shownCustomer(evidence.after, evidence.relay),
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

/** False when the audit is configured and cannot be written: then nothing may be sent. */
function auditAttempt(
  change: ReadyChange,
  changes: CustomerChanges,
  { audit, auditValues, logger }: SendDeps,
): boolean {
  const { id, request, client, decision } = change
  const values: JsonObject = Object.fromEntries(
    changedFields(changes).flatMap((field) => (isSecretValue(field, changes[field]) ? [] : [[field, changes[field]]])),
  )
  try {
    audit.attempt({
      changeId: id,
      customerId: request.customerId,
      fields: changedFields(changes),
      client,
      approval: auditApproval(decision),
      ...(auditValues && { values }),
    })
    return true
  } catch (err) {
    logger.error({ err }, 'the audit cannot be written')
    return false
  }
}

function auditUnwritable({ request, decision }: ReadyChange): UpdateEnvelope {
  const message =
    'The audit trail cannot be written, so nothing was sent and nothing was changed. Whoever set this server up should check AIFI_AUDIT_LOG.'
  return { status: 'failed', customerId: request.customerId, message, ...approvalOf(decision) }
}

/** The change is made or not whatever happens to the audit now: that is said, not turned into a failure. */
function auditOutcome(change: ReadyChange, envelope: UpdateEnvelope, { audit, logger }: SendDeps): UpdateEnvelope {
  const { status, http } = envelope
  try {
    audit.outcome({ changeId: change.id, customerId: change.request.customerId, status, ...(http && { http }) })
    return envelope
  } catch (err) {
    logger.error({ err }, 'the audit cannot be written')
    return { ...envelope, message: `${envelope.message} This outcome could not be written to the audit trail.` }
  }
}
