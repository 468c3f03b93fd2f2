import { randomBytes, timingSafeEqual } from 'node:crypto'

/** A value that no log, message, error, JSON or inspection prints by accident. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself, for the one place that sends it. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}

/** 256 random bits, for a path, a cookie or a form. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Compares without telling by the time it takes where the two differ. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
