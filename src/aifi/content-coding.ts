import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'
import { errorCode } from '../lib/error-facts.ts'

interface Limits {
  readonly maxOutputLength: number
}
type Decode = (content: Buffer, limits: Limits) => Buffer

/** Content codings (RFC 9110, section 8.4.1) by their names in `Content-Encoding`. */
const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['br', (content, limits) => brotliDecompressSync(content, limits)],
  ['deflate', inflate],
])
/** Nobody packs content more often than that, except to keep others busy. */
const CODINGS_LIMIT = 2

/**
 * The content of an answer without the codings that were put on it, although none was asked for: gateways do that.
 * What is coded otherwise than its header says, or not at all, is handed on as it is.
 *
 * @param codings the value of `Content-Encoding`.
 * @param maxBytes no more than this is unpacked.
 * @returns `too_large` when there is more, `cut_off` when the end is missing.
 */
export function decoded(content: Buffer, codings: string, maxBytes: number): Buffer | 'too_large' | 'cut_off' {
  const names = codings.split(',').map((name) => name.trim().toLowerCase())
  const decoders = names.filter((name) => name !== '' && name !== 'identity').map((name) => DECODERS.get(name))
  if (content.length === 0 || decoders.length > CODINGS_LIMIT) return content
  try {
    return decoders.reduceRight((coded, decode) => decode?.(coded, { maxOutputLength: maxBytes }) ?? coded, content)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ERR_BUFFER_TOO_LARGE') return 'too_large'
    return code === 'Z_BUF_ERROR' ? 'cut_off' : content
  }
}

function gunzip(content: Buffer, limits: Limits): Buffer {
  return gunzipSync(content, limits)
}

/** Meant is the zlib format (RFC 1950); some senders leave its header away. */
function inflate(content: Buffer, limits: Limits): Buffer {
  const isZlib = ((content[0] ?? 0) & 0x0f) === 8
  return isZlib ? inflateSync(content, limits) : inflateRawSync(content, limits)
}
