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
