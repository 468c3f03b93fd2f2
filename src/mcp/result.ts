import type { CallToolResult } from '@modelcontextprotocol/server'
import * as z from 'zod'
import type { JsonObject } from '../lib/json.ts'
import type { FieldError } from '../tools/update-arguments.ts'

/** What `update_customer` can answer. Nothing was changed in AiFi unless it says `updated` or `unknown`. */
export const statuses = [
  'updated',
  'unchanged',
  'preview',
  'approval_pending',
  'declined',
  'approval_unavailable',
  'invalid',
  'failed',
  'unknown',
] as const
export type Status = (typeof statuses)[number]

const ERROR_STATUSES: readonly string[] = [
  'approval_unavailable',
  'invalid',
  'failed',
  'unknown',
] satisfies readonly Status[]
/** How many entries a list in a result may have. */
const LIST_LIMIT = 50
/** Bytes of one result, as JSON. */
export const RESULT_LIMIT = 32_000
/** Characters. */
const MESSAGE_LIMIT = 4_000
/** What too large a result loses, the least important first. */
const DROPPED_FIRST = ['revert', 'customer', 'unexpectedChanges', 'changes', 'errors']

export const channelNames = ['form', 'url', 'page', 'chat', 'skipped'] as const
export type ChannelName = (typeof channelNames)[number]

/** What the client or the page answered; never a claim about what a human did. */
export const answers = ['approved', 'declined', 'cancelled', 'expired', 'withdrawn', 'not_approved'] as const
export type Answer = (typeof answers)[number]

const text = z.string()
const anything = z.unknown()
const nullableText = text.nullable().optional()

/** The documented members of a customer, as AiFi sent them and as far as it did. */
export const customerObject = z.strictObject({
  id: z.number().optional(),
  externalId: nullableText,
  role: nullableText,
  metadata: anything.optional(),
  priority: z.number().nullable().optional(),
  email: nullableText,
  firstName: nullableText,
  lastName: nullableText,
  phone: nullableText,
})

/** The members that the answers of all tools have in common. */
export const commonMembers = {
  message: text,
  errors: z.array(z.strictObject({ field: text, message: text, rule: text })).optional(),
  http: z.strictObject({ status: z.number(), type: text.optional(), requestId: text.optional() }).optional(),
  retryAfterSeconds: z.number().optional(),
}

/** The one shape of every answer of `update_customer`. Strict: clients reject a key that it does not declare. */
export const updateEnvelope = z.strictObject({
  ...commonMembers,
  status: z.enum(statuses),
  customerId: z.number().optional(),
  changes: z
    .array(
      z.strictObject({
        field: text,
        before: anything.optional(),
        after: anything.optional(),
        verified: z.enum(['as_requested', 'not_reported', 'different']).optional(),
      }),
    )
    .optional(),
  unexpectedChanges: z.array(z.strictObject({ field: text, before: anything, after: anything })).optional(),
  customer: customerObject.optional(),
  approval: z
    .strictObject({
      channel: z.enum(channelNames).optional(),
      answer: z.enum(answers).optional(),
      decidedAt: text.optional(),
      code: text.optional(),
    })
    .optional(),
  revert: z.looseObject({}).optional(),
})

export type UpdateEnvelope = z.infer<typeof updateEnvelope>

/** The refusal of a change's arguments by our own checks. */
export function invalidArguments(errors: readonly FieldError[], customerId?: number): UpdateEnvelope {
  const refusal = refusedArguments('Nothing was sent and nothing was changed.', errors)
  return { ...refusal, ...(customerId !== undefined && { customerId }) }
}

/** The refusal of arguments by our own checks. `opening` says what did not happen. */
export function refusedArguments(opening: string, errors: readonly FieldError[]) {
  const shown = errors.slice(0, LIST_LIMIT)
  const more = errors.length > shown.length ? ` (${errors.length - shown.length} more)` : ''
  return {
    status: 'invalid' as const,
    message: `${opening} ${shown.map((error) => error.message).join(' ')}${more}`,
    errors: shown.map(({ field, message, rule }) => ({ field, message, rule })),
  }
}

/** What is the same in the answers of all tools. */
interface Envelope {
  readonly status: string
  readonly message: string
}

/**
 * The only maker of tool results: the envelope as structured content and, as complete, as text, since some hosts show
 * the model only the one and some only the other.
 */
export function toToolResult(envelope: Envelope): CallToolResult {
  const { structuredContent, text } = withinLimit(envelope)
  return {
    content: [{ type: 'text', text }],
    structuredContent,
    isError: ERROR_STATUSES.includes(envelope.status),
  }
}

/** Too large a result loses its least important parts, and says so. */
function withinLimit({ status, message: whole, ...parts }: Envelope) {
  const letters = whole.length > MESSAGE_LIMIT ? Array.from(whole) : []
  const message = letters.length > MESSAGE_LIMIT ? `${letters.slice(0, MESSAGE_LIMIT - 1).join('')}…` : whole
  let structuredContent: Envelope & JsonObject = { status, message, ...parts }
  let text = JSON.stringify(structuredContent)
  for (const part of DROPPED_FIRST) {
    if (Buffer.byteLength(text) <= RESULT_LIMIT) break
    const { status, message, [part]: dropped, ...rest } = structuredContent
    if (dropped === undefined) continue
    structuredContent = { status, message: `${message} (${part} left out: too long.)`, ...rest }
    text = JSON.stringify(structuredContent)
  }
  return { structuredContent, text }
}
