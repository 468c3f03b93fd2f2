import { randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits, for a path, a cookie or a form. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Compares without telling by the time it takes where the two differ. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
