import * as z from 'zod'
import type { AuditApproval } from '../audit/audit.ts'
import { shownRecord } from '../customer/record.ts'
import { keysOf } from '../lib/keys.ts'
import { commonMembers, type FieldError, refusedArguments } from '../mcp/result.ts'

/**
 * What `update_customer` can answer, and whether that is an error. Nothing was changed in AiFi unless it says `updated`
 * or `unknown`.
 */
export const statusIsError = {
  updated: false,
  unchanged: false,
  preview: false,
  approval_pending: false,
  declined: false,
  approval_unavailable: true,
  invalid: true,
  failed: true,
  unknown: true,
} as const satisfies Record<string, boolean>
export type Status = keyof typeof statusIsError
export const statuses: readonly Status[] = keysOf(statusIsError)

/** The ways in which a person is asked, and whose answer it is that comes back. */
export const answerers = {
  form: 'client',
  url: 'page',
  page: 'page',
  inbox: 'approver',
  chat: 'assistant',
  skipped: 'setting',
} as const satisfies Record<string, AuditApproval['decidedBy']>
export type ChannelName = keyof typeof answerers
export type Answerer = (typeof answerers)[ChannelName]

/** What the client or the page answered; never a claim about what a human did. */
export const answers = ['approved', 'declined', 'cancelled', 'expired', 'withdrawn', 'not_approved'] as const
export type Answer = (typeof answers)[number]

const text = z.string()
const anything = z.unknown()

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
  customer: shownRecord.optional(),
  approval: z
    .strictObject({
      channel: z.enum(keysOf(answerers)).optional(),
      answer: z.enum(answers).optional(),
      by: text.optional(),
      decidedAt: text.optional(),
      code: text.optional(),
    })
    .optional(),
  revert: z.looseObject({}).optional(),
})

export type UpdateEnvelope = z.infer<typeof updateEnvelope>

/** What is true of every change that did not leave. */
export const NOTHING = 'Nothing was sent and nothing was changed.'

/** The refusal of a change's arguments by our own checks. */
export function invalidArguments(errors: readonly FieldError[], customerId?: number): UpdateEnvelope {
  const refusal = refusedArguments(NOTHING, errors)
  return { ...refusal, ...(customerId !== undefined && { customerId }) }
}
