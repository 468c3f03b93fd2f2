import { isJsonObject } from '../lib/json.ts'

/** When a token that is a JWT (RFC 7519, section 4.1.4) ends, in milliseconds since 1970. Nothing else of it is read. */
export function endOfJwt(token: string): number | undefined {
  const [, payload, signature] = token.split('.')
  if (payload === undefined || signature === undefined) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const end = isJsonObject(claims) ? claims.exp : undefined
    const ms = typeof end === 'number' ? end * 1000 : Number.NaN
    return Number.isNaN(new Date(ms).getTime()) ? undefined : ms
  } catch {
    return undefined
  }
}
