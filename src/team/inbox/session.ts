import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import * as z from 'zod'
import type { Asked, Caller } from '../../change/change.ts'
import type { Clock } from '../../lib/clock.ts'
import { isSamePerson, type Person } from '../../lib/person.ts'
import { type Seal, sealedJson } from '../seal.ts'

/** After this long the issuer is asked again, which reads the groups again, milliseconds. */
const SESSION_MS = 60 * 60_000
/** For as long as this the issuer is asked without showing the person anything, seconds. */
const REMEMBERED_S = 12 * 60 * 60
const COOKIE = 'approvals'

const sessionContents = z.object({
  /** Random; what forms are bound to. */
  id: z.string(),
  person: z.object({ issuer: z.string(), subject: z.string(), name: z.string().exactOptional() }),
  /** The person is in the group that decides. */
  approver: z.boolean(),
  /** Wall clock, milliseconds since 1970. */
  until: z.number(),
})

/** Somebody who has signed in, in one browser. */
export type Session = Readonly<z.infer<typeof sessionContents>>

export type Cookies = ReturnType<typeof createCookies>

/**
 * Cookies of this server: sealed, for the host alone, and never for scripts.
 *
 * @param secure false only for the sandbox, which browsers reach by http on this machine.
 */
export function createCookies({ secure }: { readonly secure: boolean }) {
  const nameOf = (name: string) => (secure ? `__Host-${name}` : `sandbox-${name}`)
  return {
    get: (c: Context, name: string) => getCookie(c, nameOf(name)),
    /** @param maxAge seconds. */
    set: (c: Context, name: string, value: string, maxAge: number) =>
      setCookie(c, nameOf(name), value, { path: '/', httpOnly: true, sameSite: 'Lax', secure, maxAge }),
    delete: (c: Context, name: string) => void deleteCookie(c, nameOf(name), { path: '/', secure }),
  }
}

export type Sessions = ReturnType<typeof createSessions>

/** The sessions of browsers, which the browsers keep: every replica can read them. */
export function createSessions(seal: Seal, cookies: Cookies, clock: Clock) {
  const sessions = sealedJson(seal, sessionContents)
  const known = (c: Context): Session | undefined => sessions.open(cookies.get(c, COOKIE))
  const isOver = ({ until }: Session) => until <= clock.now()
  return {
    read(c: Context): Session | undefined {
      const read = known(c)
      return read && !isOver(read) ? read : undefined
    },
    /** The person signed in here earlier, and the issuer may know them still. */
    isOver(c: Context): boolean {
      const read = known(c)
      return read !== undefined && isOver(read)
    },
    begin(c: Context, person: Person, approver: boolean): void {
      const begun = { id: randomUUID(), person, approver, until: clock.now() + SESSION_MS }
      cookies.set(c, COOKIE, sessions.seal(begun), REMEMBERED_S)
    },
    end: (c: Context) => cookies.delete(c, COOKIE),
  }
}

/** What a form says of the question that it was shown with. */
const formContents = z.object({
  session: z.string(),
  /** Of the question; empty for a form that answers none. */
  id: z.string(),
  round: z.number(),
  handle: z.string(),
  /** When it was served, wall clock, milliseconds since 1970. */
  at: z.number(),
})

export type FormTokens = ReturnType<typeof createFormTokens>

/** The hidden fields that make a form one of ours: sealed, for one session, one question and one round. */
export function createFormTokens(seal: Seal, clock: Clock) {
  const tokens = sealedJson(seal, formContents)
  return {
    /** @param asked absent for a form that answers no question. */
    create({ id: session }: Session, asked?: Asked): string {
      return tokens.seal({
        session,
        id: asked?.id ?? '',
        round: asked?.asking.round ?? 0,
        handle: asked?.asking.rung?.handle ?? '',
        at: clock.now(),
      })
    },
    /** Undefined for a form that this session was not given, or not for this question. */
    read(
      token: string | null | undefined,
      session: Session,
      id = '',
    ): Readonly<z.infer<typeof formContents>> | undefined {
      const read = tokens.open(token)
      return read?.session === session.id && read.id === id ? read : undefined
    },
  }
}

/**
 * What somebody who has signed in may do with a change; whoever proposed it may take it back.
 *
 * @param fourEyes nobody approves what they asked for themselves.
 */
export function rightsOf({ person, approver }: Session, { person: proposer }: Caller, fourEyes: boolean) {
  const isOwn = isSamePerson(person, proposer)
  return { see: approver || isOwn, decide: approver && !(fourEyes && isOwn), withdraw: isOwn }
}
