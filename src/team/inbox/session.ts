import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import * as z from 'zod'
import type { Clock } from '../../lib/clock.ts'
import type { Person } from '../../lib/person.ts'
import type { Seal } from '../seal.ts'

/** After this long the issuer is asked again, which reads the groups again, milliseconds. */
const SESSION_MS = 60 * 60_000
/** For as long as this the issuer is asked without showing the person anything, seconds. */
const REMEMBERED_S = 12 * 60 * 60

const contents = z.object({
  id: z.string(),
  person: z.object({ issuer: z.string(), subject: z.string(), name: z.string().optional() }),
  approver: z.boolean(),
  until: z.number(),
})

/** Somebody who has signed in, in one browser. */
export interface BrowserSession {
  /** Random; what forms are bound to. */
  readonly id: string
  readonly person: Person
  /** The person is in the group that decides. */
  readonly approver: boolean
  /** Wall clock, milliseconds since 1970. */
  readonly until: number
}

/** Cookies of this server: sealed, for the host alone, and never for scripts. */
export class Cookies {
  readonly #secure: boolean

  /** @param secure false only for the sandbox, which browsers reach by http on this machine. */
  constructor({ secure }: { secure: boolean }) {
    this.#secure = secure
  }

  get(c: Context, name: string): string | undefined {
    return getCookie(c, this.#nameOf(name))
  }

  /** @param maxAge seconds. */
  set(c: Context, name: string, value: string, maxAge: number): void {
    setCookie(c, this.#nameOf(name), value, {
      path: '/',
      httpOnly: true,
      sameSite: 'Lax',
      secure: this.#secure,
      maxAge,
    })
  }

  delete(c: Context, name: string): void {
    deleteCookie(c, this.#nameOf(name), { path: '/', secure: this.#secure })
  }

  #nameOf(name: string): string {
    return this.#secure ? `__Host-${name}` : `sandbox-${name}`
  }
}

const COOKIE = 'approvals'

/** The sessions of browsers, which the browsers keep: every replica can read them. */
export class BrowserSessions {
  readonly #seal: Seal
  readonly #cookies: Cookies
  readonly #clock: Clock

  constructor(seal: Seal, cookies: Cookies, clock: Clock) {
    this.#seal = seal
    this.#cookies = cookies
    this.#clock = clock
  }

  /** `over`: the person signed in here earlier, and the issuer may know them still. */
  read(c: Context): BrowserSession | 'over' | undefined {
    const sealed = this.#cookies.get(c, COOKIE)
    const opened = sealed === undefined ? undefined : this.#seal.open(sealed)
    if (!opened) return undefined
    const session = contents.safeParse(JSON.parse(Buffer.from(opened).toString()))
    if (!session.success) return undefined
    if (session.data.until <= this.#clock.now()) return 'over'
    const { person, ...rest } = session.data
    const { name, ...who } = person
    return { ...rest, person: { ...who, ...(name !== undefined && { name }) } }
  }

  begin(c: Context, person: Person, approver: boolean): void {
    const session: BrowserSession = { id: randomUUID(), person, approver, until: this.#clock.now() + SESSION_MS }
    this.#cookies.set(c, COOKIE, this.#seal.seal(JSON.stringify(session)), REMEMBERED_S)
  }

  end(c: Context): void {
    this.#cookies.delete(c, COOKIE)
  }
}
