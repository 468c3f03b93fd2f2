/**
 * Of a body that is too long this much is read and dropped, bytes: a connection closed on a client that still sends is a
 * reset for it, not an answer.
 */
const DROPPED_LIMIT = 32 * 1024 * 1024

/** The whole body of a request; undefined when it is over `limit` bytes, of which nothing is kept. */
export async function readBody(request: Request, limit: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.length
    if (size <= limit) chunks.push(chunk)
    else chunks.length = 0
    if (size > DROPPED_LIMIT) return undefined
  }
  return size > limit ? undefined : Buffer.concat(chunks)
}

/** Bytes of a form: far more than three secrets typed twice. */
const FORM_LIMIT = 32_000

/** What a page's form posted; undefined when it is too long. */
export async function readForm(request: Request): Promise<URLSearchParams | undefined> {
  const body = await readBody(request, FORM_LIMIT)
  return body && new URLSearchParams(body.toString())
}
