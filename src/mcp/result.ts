import type { CallToolResult } from '@modelcontextprotocol/server'
import * as z from 'zod'
import type { JsonObject } from '../lib/json.ts'

/** How many entries a list in a result may have. */
const LIST_LIMIT = 50
/** Bytes of one result, as JSON. */
export const RESULT_LIMIT = 32_000
/** Characters. */
const MESSAGE_LIMIT = 4_000
/** What too large a result loses, the least important first. */
const DROPPED_FIRST = ['revert', 'customer', 'unexpectedChanges', 'changes', 'errors']

const text = z.string()

/**
 * One thing that is wrong with a field, in one shape for our own checks and AiFi's. `field` is the argument's name, dotted
 * below (`card.provider`), and empty for the arguments as a whole. `rule` is the name of Joi's rule for it, as AiFi uses
 * them: `any.required`, `number.max`, `object.unknown`.
 */
const fieldError = z.strictObject({ field: text, message: text, rule: text })
export type FieldError = Readonly<z.infer<typeof fieldError>>

/** The members that the answers of all tools have in common, besides their status. */
export const commonMembers = {
  message: text,
  errors: z.array(fieldError).optional(),
  http: z.strictObject({ status: z.number(), type: text.optional(), requestId: text.optional() }).optional(),
  retryAfterSeconds: z.number().optional(),
}

/** What is the same in the answers of all tools. */
export interface Envelope<Status extends string = string> {
  readonly status: Status
  readonly message: string
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

/**
 * The only maker of tool results: the envelope as structured content and, as complete, as text, since some hosts show
 * the model only the one and some only the other.
 */
export function toToolResult(envelope: Envelope, isError: boolean): CallToolResult {
  const { structuredContent, text } = withinLimit(envelope)
  return { content: [{ type: 'text', text }], structuredContent, isError }
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
