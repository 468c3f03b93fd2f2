import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Keeps data secret and unchanged where others hold it: a cookie in a browser, a row in a database. */
export interface Seal {
  /** Base64url without padding, of 28 bytes more than the data; never the same twice. */
  seal(data: Uint8Array | string): string
  /** What was sealed, under any of the keys and for the same purpose; undefined for anything else. */
  open(sealed: string): Uint8Array | undefined
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
  if (keys.length === 0) throw new RangeError('There is no key to seal with.')
  if (keys.some(({ length }) => length !== KEY_BYTES)) throw new RangeError(`A key has ${KEY_BYTES} bytes.`)
  return (purpose) => {
    const [newest, ...older] = keys.map((key) => derivedKey(key, `seal ${purpose}`))
    if (!newest) throw new RangeError('There is no key to seal with.')
    return {
      seal: (data) => seal(newest, data),
      open: (sealed) => {
        const bytes = Buffer.from(sealed, 'base64url')
        // One spelling only: the decoder skips what is no base64url.
        if (bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined
        for (const key of [newest, ...older]) {
          const data = open(key, bytes)
          if (data) return data
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

function seal(key: Uint8Array, data: Uint8Array | string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES })
  const text = typeof data === 'string' ? Buffer.from(data, 'utf8') : data
  return Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

function open(key: Uint8Array, bytes: Buffer): Uint8Array | undefined {
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, bytes.length - TAG_BYTES)), decipher.final()])
  } catch {
    return undefined
  }
}
