import type { Context } from 'hono'
import { readForm } from '../lib/body.ts'
import { keysOf } from '../lib/keys.ts'
import { isOwnForm } from './inbox/routes.ts'
import type { BrowserSessions } from './inbox/session.ts'
import type { SignIn } from './inbox/sign-in.ts'
import { inboxDocument, peoplePage } from './inbox/view.ts'
import { SANDBOX_PEOPLE, type SandboxIdentity, type SandboxPerson } from './sandbox-identity.ts'

/** The sandbox's sign-in: whoever comes says which of two people they are. */
export class SandboxSignIn implements SignIn {
  readonly #sessions: BrowserSessions
  readonly #identity: SandboxIdentity
  readonly #publicUrl: string

  constructor(sessions: BrowserSessions, identity: SandboxIdentity, publicUrl: string) {
    this.#sessions = sessions
    this.#identity = identity
    this.#publicUrl = publicUrl
  }

  async begin(c: Context, returnTo: string): Promise<Response> {
    const people = keysOf(SANDBOX_PEOPLE).map((value) => ({ value, ...SANDBOX_PEOPLE[value] }))
    return c.html(inboxDocument({ title: 'Sign in', content: peoplePage(people, returnTo) }))
  }

  async choose(c: Context): Promise<Response> {
    if (!isOwnForm(c, this.#publicUrl)) return c.text('Not accepted.\n', 403)
    const form = await readForm(c.req.raw)
    const who = keysOf(SANDBOX_PEOPLE).find((each): each is SandboxPerson => each === form?.get('person'))
    if (!who) return c.redirect('/approvals', 303)
    this.#sessions.begin(c, this.#identity.person(who), SANDBOX_PEOPLE[who].approver)
    const returnTo = form?.get('returnTo') ?? ''
    return c.redirect(/^\/approvals(\/[\w-]+)?$/.test(returnTo) ? returnTo : '/approvals', 303)
  }

  async callback(c: Context): Promise<Response> {
    return c.redirect('/approvals', 303)
  }

  async endAddress(): Promise<undefined> {
    return undefined
  }

  async origins(): Promise<readonly string[]> {
    return []
  }
}
