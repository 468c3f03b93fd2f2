import type { Aifi } from '../aifi/port.ts'
import type { Decision, TypedSecrets } from '../approval/approval.ts'
import type { Audit } from '../audit/audit.ts'
import {
  type ChangeRequest,
  type CustomerChanges,
  changedFields,
  fieldFacts,
  isSecretValue,
  secretStrings,
} from '../customer/fields.ts'
import type { CustomerRecord } from '../customer/record.ts'
import type { Clock } from '../lib/clock.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Logger } from '../lib/logger.ts'
import type { Signal } from '../lib/signal.ts'
import { Relay } from '../lib/text.ts'
import { approvalOf, auditApproval } from './approval-facts.ts'
import type { UpdateEnvelope } from './envelope.ts'
import { establish } from './establish.ts'
import { unwritableAudit } from './refusals.ts'

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
  readonly signal: Signal
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
  const { request, before, decision, secrets, signal, onSending } = change
  const changes: CustomerChanges = { ...request.changes, ...secrets }
  if (!auditAttempt(change, changes, deps)) return { ...unwritableAudit(request), ...approvalOf(decision) }
  const sending = await deps.aifi.updateCustomer(request.customerId, changes, {
    once: changedFields(changes).some((field) => fieldFacts[field].sentOnce),
    signal,
    onSending,
  })
  const outcome = await establish({ request, changes, before, sending }, deps)
  const { status, message, ...rest } = outcome
  const { customerId } = request
  const envelope: UpdateEnvelope = { status, message, customerId, ...rest, ...approvalOf(decision) }
  return auditOutcome(change, envelope, deps)
}

/** False when the audit is configured and cannot be written: then nothing may be sent. */
function auditAttempt(
  change: ReadyChange,
  changes: CustomerChanges,
  { audit, auditValues, logger }: SendDeps,
): boolean {
  const { id, request, client, decision } = change
  try {
    audit.attempt({
      changeId: id,
      customerId: request.customerId,
      fields: changedFields(changes),
      client,
      approval: auditApproval(decision),
      ...(auditValues && { values: plainValues(changes) }),
    })
    return true
  } catch (err) {
    logger.error({ err }, 'the audit cannot be written')
    return false
  }
}

function plainValues(changes: CustomerChanges): JsonObject {
  // A value that is no secret may still repeat one.
  const relay = new Relay(secretStrings(changes))
  const plain = changedFields(changes).filter((field) => !isSecretValue(field, changes[field]))
  return Object.fromEntries(plain.map((field) => [field, relay.json(changes[field])]))
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
