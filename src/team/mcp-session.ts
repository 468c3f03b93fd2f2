import * as z from 'zod'
import type { Clock } from '../lib/clock.ts'
import type { Seal } from './seal.ts'

/**
 * What a 2025-era client said of itself when it initialized. It does not repeat it, and the next message may reach another
 * replica, so it travels as the session id.
 */
const said = z.object({ subject: z.string(), clientId: z.string(), clientName: z.string(), until: z.number() })

/** Milliseconds. */
const LIFETIME_MS = 24 * 60 * 60_000

/** The token with which a message came. */
interface Bearer {
  readonly subject: string
  readonly clientId: string
}

/** Sealed `Mcp-Session-Id`s. */
export class McpSessions {
  readonly #seal: Seal
  readonly #clock: Clock

  constructor(seal: Seal, clock: Clock) {
    this.#seal = seal
    this.#clock = clock
  }

  create({ subject, clientId }: Bearer, clientName: string): string {
    return this.#seal.seal(JSON.stringify({ subject, clientId, clientName, until: this.#clock.now() + LIFETIME_MS }))
  }

  /** The name of the client; undefined for a session that cannot be read, is over, or belongs to another token. */
  clientName(id: string | undefined, { subject, clientId }: Bearer): string | undefined {
    const opened = id === undefined ? undefined : this.#seal.open(id)
    if (!opened) return undefined
    const session = said.safeParse(JSON.parse(Buffer.from(opened).toString()))
    if (!session.success || session.data.until < this.#clock.now()) return undefined
    return session.data.subject === subject && session.data.clientId === clientId ? session.data.clientName : undefined
  }
}
