import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type * as z from 'zod'

/** Keeps a text secret and unchanged where others hold it: a cookie in a browser, a row in a database. */
export interface Seal {
  /** Base64url without padding, of 28 bytes more than the text; never the same twice. */
  seal(text: string): string
  /** What was sealed, under any of the keys and for the same purpose; undefined for anything else. */
  open(sealed: string): string | undefined
}

/** Length of each key, bytes. */
export const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16
const ALGORITHM = 'aes-256-gcm'

/**
 * Seals by AES-256-GCM, each purpose under a key of its own (HKDF-SHA-256): what was sealed for one opens for no other.
 *
 * @param keys {@link KEY_BYTES} bytes each; the first seals, all of them open. To rotate: put the new one last
 *   everywhere, then first everywhere, then leave the old one out.
 */
export function createSeals(keys: readonly Uint8Array[]): (purpose: string) => Seal {
  const [first, ...others] = keys
  if (!first) throw new RangeError('There is no key to seal with.')
  if (keys.some(({ length }) => length !== KEY_BYTES)) throw new RangeError(`A key has ${KEY_BYTES} bytes.`)
  return (purpose) => {
    const derived = (key: Uint8Array) => derivedKey(key, `seal ${purpose}`)
    const newest = derived(first)
    const all = [newest, ...others.map(derived)]
    return {
      seal: (text) => seal(newest, text),
      open: (sealed) => {
        const bytes = Buffer.from(sealed, 'base64url')
        // One spelling only: the decoder skips what is no base64url.
        if (bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined
        for (const key of all) {
          const text = open(key, bytes)
          if (text !== undefined) return text
        }
        return undefined
      },
    }
  }
}

/** A key of its own for each purpose, from one that serves many. */
export function derivedKey(key: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, '', `aifi-customer-mcp ${purpose}`, KEY_BYTES))
}

/** Seals values of one shape as JSON. What is under the seal and has another shape counts as not sealed. */
export function sealedJson<Shape extends z.ZodType>(seal: Seal, shape: Shape) {
  return {
    seal: (value: z.output<Shape>): string => seal.seal(JSON.stringify(value)),
    open: (sealed: string | null | undefined): z.output<Shape> | undefined => {
      const text = sealed == null ? undefined : seal.open(sealed)
      return text === undefined ? undefined : shape.safeParse(JSON.parse(text)).data
    },
  }
}

function seal(key: Uint8Array, text: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES })
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

function open(key: Uint8Array, bytes: Buffer): string | undefined {
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]).toString()
  } catch {
    return undefined
  }
}
