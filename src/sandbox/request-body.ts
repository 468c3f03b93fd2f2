import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'

export interface BodyVariables {
  /** The request's body, `''` when there is none. */
  bodyText: string
}

/** Far more than any customer needs. */
const BODY_LIMIT_BYTES = 1_000_000

/**
 * Reads the body once and keeps what is within the limit; beyond it the answer is 413. The rest is read all the same:
 * a connection closed on a client that still sends is a reset for it, not an answer.
 * Hono's own `bodyLimit` fails on a chunked body unless the global `Request` is replaced, which is not ours to do.
 */
export const readBody = createMiddleware<{ Variables: BodyVariables }>(async (c, next) => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.length
    if (size <= BODY_LIMIT_BYTES) chunks.push(chunk)
  }
  if (size > BODY_LIMIT_BYTES) return c.body(null, 413)
  c.set('bodyText', Buffer.concat(chunks).toString())
  return next()
})

/** The body to validate. One that is not declared as JSON or does not parse stays text, which no schema accepts. */
export function jsonBody(c: Context<{ Variables: BodyVariables }>): unknown {
  const text = c.get('bodyText')
  return /^application\/json *(;|$)/i.test(c.req.header('Content-Type') ?? '') ? parsedOrText(text) : text
}

/** What the text says when it is JSON, otherwise the text; `undefined` when it is empty. */
export function parsedOrText(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
