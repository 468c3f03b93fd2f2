import type { Context } from 'hono'
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { isOwnForm } from '../approval/page/security.ts'
import { readForm } from '../lib/body.ts'
import { keysOf } from '../lib/keys.ts'
import { type Markup, markup } from '../lib/markup.ts'
import type { BearerRules } from './bearer.ts'
import type { Sessions } from './inbox/session.ts'
import type { SignIn } from './inbox/sign-in.ts'
import { inboxDocument } from './inbox/view.ts'

/** How long the printed token is good, as `jose` reads it. */
const TOKEN_LIFETIME = '12h'
const ALGORITHM = 'ES256'

/** The two people of the sandbox. */
const people = {
  sam: { name: 'Sam', role: 'agent', approver: false },
  alex: { name: 'Alex', role: 'approver', approver: true },
} as const

/**
 * What stands in for an issuer in `http --sandbox`: its own key, made anew at each start, a token of Sam's, and a
 * sign-in where whoever comes says which of two people they are.
 *
 * @param publicUrl the server's own address, which is the issuer's name too.
 */
export async function createSandboxIdentity(publicUrl: string, audience: string, sessions: Sessions) {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM)
  const key = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), alg: ALGORITHM }] })
  const claims = { name: people.sam.name, scope: 'customers.read customers.write', client_id: 'sandbox' }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt' })
    .setIssuer(publicUrl)
    .setSubject('sam')
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME)
    .sign(privateKey)
  const names: BearerRules['names'] = { personClaim: 'sub', approverClaim: 'groups', approverGroup: 'approvers' }
  return { key, names, token, signIn: sandboxSignIn(publicUrl, sessions) }
}

function sandboxSignIn(publicUrl: string, sessions: Sessions): SignIn {
  return {
    begin: async (c, returnTo) => c.html(peopleDocument(returnTo)),
    callback: async (c) => c.redirect('/approvals', 303),
    async choose(c: Context) {
      if (!isOwnForm(c, publicUrl)) return c.text('Not accepted.\n', 403)
      const form = await readForm(c.req.raw)
      const who = keysOf(people).find((each) => each === form?.get('person'))
      if (!who) return c.redirect('/approvals', 303)
      const { name, approver } = people[who]
      sessions.begin(c, { issuer: publicUrl, subject: who, name }, approver)
      const returnTo = form?.get('returnTo') ?? ''
      return c.redirect(/^\/approvals(\/[\w-]+)?$/.test(returnTo) ? returnTo : '/approvals', 303)
    },
    endAddress: async () => undefined,
    origins: async () => [],
  }
}

/** A complete HTML document. */
export function peopleDocument(returnTo: string): string {
  const content = markup`<article class="card"><h1>Who are you?</h1><p class="badge"><strong>Sandbox</strong> Nothing real changes.</p>
<form method="post" action="/approvals/sign-in" class="plain"><input type="hidden" name="returnTo" value="${returnTo}">
<div class="people">${keysOf(people).map(personButton)}</div></form></article>`
  return inboxDocument({ title: 'Sign in', content })
}

function personButton(who: keyof typeof people): Markup {
  const { name, role } = people[who]
  return markup`<button type="submit" name="person" value="${who}">${name} (${role})</button>`
}
