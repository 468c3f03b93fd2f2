import type { Aifi } from '../aifi/port.ts'
import type { AuditApproval, AuditEntry } from '../audit/audit.ts'
import {
  type ChangeRequest,
  type CustomerChanges,
  changedFields,
  fieldFacts,
  isSecretValue,
  secretStrings,
} from '../customer/fields.ts'
import type { CustomerRecord } from '../customer/record.ts'
import type { RecordViews } from '../customer/record-view.ts'
import type { Clock } from '../lib/clock.ts'
import { writeExactly } from '../lib/exact-json.ts'
import { type JsonObject, visitParts } from '../lib/json.ts'
import { personName } from '../lib/person.ts'
import { CUT, Relay } from '../lib/text.ts'
import { traceIdOf } from '../lib/trace.ts'
import type { Caller, Decision, Ended, Sending } from './change.ts'
import { answerers, type UpdateEnvelope } from './envelope.ts'
import { ownWords } from './said.ts'
import { verifyOutcome } from './verify.ts'

/** Of one value in the audit, bytes of its JSON. */
const VALUE_LIMIT = 8_000

/** What is about to be sent. */
export interface Departure {
  readonly sending: Sending
  /** Exactly what goes into the body, typed secrets included. */
  readonly changes: CustomerChanges
  /** The record as it was read just now; undefined when it could not be read. */
  readonly before: CustomerRecord | undefined
  /** Stops it as long as it has not left. */
  readonly signal: AbortSignal
  /** Called when the request leaves: from then on it cannot be stopped. */
  readonly onSending: () => void
  /** Told AiFi's own words when it refused secrets that a person typed: for that person, in that moment. */
  readonly onAifiWords?: ((words: string) => void) | undefined
}

export interface SendDeps {
  readonly aifi: Aifi
  readonly readBack: boolean
  readonly views: RecordViews
  readonly clock: Clock
}

/** Steps 4 and 5: sends the change once, and verifies what became of it. */
export async function sendChange(departure: Departure, deps: SendDeps): Promise<UpdateEnvelope> {
  const { sending: change, changes, before, signal, onSending, onAifiWords } = departure
  const { customerId, request } = change
  const delivery = await deps.aifi.updateCustomer(customerId, changes, {
    once: changedFields(changes).some((field) => fieldFacts[field].sentOnce),
    signal,
    onSending,
    traceparent: change.caller.traceparent,
  })
  const words = ownWords(delivery, request)
  if (words !== undefined) onAifiWords?.(words)
  const { status, message, ...rest } = await verifyOutcome({ request, changes, before, delivery }, deps)
  return { status, message, customerId, ...rest }
}

/** For the audit: the change is about to be sent. `withValues`: with those values that are no secret. */
export function attemptEntry({ sending, changes }: Departure, withValues: boolean): AuditEntry {
  return {
    event: 'attempt',
    changeId: sending.id,
    customerId: sending.customerId,
    fields: changedFields(changes),
    ...auditCaller(sending.caller),
    ...traceIdOf(sending.caller),
    ...auditReason(sending.request),
    approval: auditApproval(sending.decision),
    ...(withValues && { values: plainValues(changes) }),
  }
}

/** For the audit: how the change ended. Of one that was sent, the attempt has told everything else. */
export function outcomeEntry(change: Ended, request: ChangeRequest, sent: boolean): AuditEntry {
  const { id: changeId, customerId, fields, caller, decision, outcome } = change
  const { status, http } = outcome
  return {
    event: 'outcome',
    changeId,
    customerId,
    status,
    ...(http && { http }),
    ...traceIdOf(caller),
    ...(!sent && { fields, ...auditCaller(caller), ...auditReason(request) }),
    ...(!sent && decision && { approval: auditApproval(decision) }),
  }
}

function auditReason({ reason, changes }: ChangeRequest): { reason?: string } {
  return reason === undefined ? {} : { reason: new Relay(secretStrings(changes)).text(reason) }
}

/** The values that are no secret, as they are sent. */
function plainValues(changes: CustomerChanges): JsonObject {
  const relay = new Relay(secretStrings(changes))
  const plain = changedFields(changes).filter((field) => !isSecretValue(field, changes[field]))
  return Object.fromEntries(plain.map((field) => [field, auditedValue(changes[field], relay)]))
}

function auditedValue(value: unknown, relay: Relay): unknown {
  const bytes = Buffer.byteLength(writeExactly(value))
  if (bytes > VALUE_LIMIT) return `… ${Math.round(bytes / 1000)} kB left out`
  // A value that is no secret may still repeat one.
  const isSecret = (part: unknown) => (typeof part === 'string' || typeof part === 'number') && relay.holdsSecret(part)
  return visitParts(value, isSecret, { names: true }) ? CUT : value
}

/** The answer to a question, for a result. Says what the client or the page answered. */
export function approvalOf(decision: Decision | undefined): Pick<UpdateEnvelope, 'approval'> {
  if (!decision || decision.kind === 'nobody_to_ask') return {}
  const { channel, at } = decision
  const answer = decision.kind === 'answered' ? decision.answer : decision.kind
  const by = 'by' in decision && decision.by ? { by: personName(decision.by) } : {}
  return { approval: { ...(channel && { channel }), answer, ...by, decidedAt: new Date(at).toISOString() } }
}

/** Who asks, for the audit: the person or application too, where they are known. */
function auditCaller({ client, person: proposer, application }: Caller) {
  return { client, ...(proposer && { proposer }), ...(application !== undefined && { application }) }
}

/** The answer to a question, for the audit: who decided, too. */
function auditApproval(decision: Decision | undefined): AuditApproval {
  if (!decision) return { channel: 'not_needed', answer: 'approved', decidedBy: 'nobody' }
  const decidedAt = new Date(decision.at).toISOString()
  switch (decision.kind) {
    case 'answered': {
      const { channel, answer } = decision
      return { channel, answer, decidedBy: answerers[channel], decidedAt, ...(decision.by && { by: decision.by }) }
    }
    case 'withdrawn':
    case 'expired': {
      const { channel = 'none', kind } = decision
      return {
        channel,
        answer: kind,
        decidedBy: 'nobody',
        decidedAt,
        ...('by' in decision && decision.by && { by: decision.by }),
      }
    }
    case 'nobody_to_ask':
      return { channel: 'none', answer: 'unavailable', decidedBy: 'nobody', decidedAt }
  }
}
