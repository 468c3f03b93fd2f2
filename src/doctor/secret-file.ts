import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type Clock, sleep } from '../lib/clock.ts'

/** For a pipe into which somebody writes. */
const PAUSE_MS = 20
/** No token and no secret is longer, bytes. */
const LIMIT = 1_000_000

/**
 * The content of a secret file. It may be a pipe, as in `AIFI_TOKEN_FILE=<(…)`, which can be read only once, and which
 * the ordinary way of reading may wait for without end.
 */
export async function readSecretFile(path: string, clock: Clock, signal: AbortSignal): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const chunks: Buffer[] = []
    for (let size = 0; size < LIMIT; ) {
      const chunk = await readSome(file)
      if (chunk?.length === 0) break
      if (signal.aborted) throw Object.assign(new Error('No end of it'), { code: 'ETIMEDOUT' })
      if (chunk) chunks.push(chunk)
      else await sleep(clock, PAUSE_MS, signal)
      size += chunk?.length ?? 0
    }
    return Buffer.concat(chunks)
  } finally {
    await file.close()
  }
}

/** Empty at the end; undefined when there is nothing yet. */
async function readSome(file: FileHandle): Promise<Buffer | undefined> {
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4096), 0, 4096, null)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined
    throw error
  }
}
