import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTVerifyGetKey, SignJWT } from 'jose'
import type { Person } from '../lib/person.ts'
import type { ClaimNames } from './token-claims.ts'

/** How long the printed token is good, as `jose` reads it. */
const TOKEN_LIFETIME = '12h'
const ALGORITHM = 'ES256'
export const SANDBOX_GROUP = 'approvers'

/** The two people of the sandbox. */
export const SANDBOX_PEOPLE = {
  sam: { name: 'Sam', role: 'agent', approver: false },
  alex: { name: 'Alex', role: 'approver', approver: true },
} as const
export type SandboxPerson = keyof typeof SANDBOX_PEOPLE

/** What stands in for an issuer in `http --sandbox`: its own key, made anew at each start. */
export interface SandboxIdentity {
  readonly key: JWTVerifyGetKey
  readonly names: ClaimNames
  /** A bearer token of Sam's. */
  readonly token: string
  person(who: SandboxPerson): Person
}

/** @param issuer the server's own address. */
export async function createSandboxIdentity(issuer: string, audience: string): Promise<SandboxIdentity> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM)
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), alg: ALGORITHM }] })
  const token = await new SignJWT({
    name: SANDBOX_PEOPLE.sam.name,
    scope: 'customers.read customers.write',
    client_id: 'sandbox',
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setSubject('sam')
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME)
    .sign(privateKey)
  return {
    key: keys,
    names: { personClaim: 'sub', approverClaim: 'groups', approverGroup: SANDBOX_GROUP },
    token,
    person: (who) => ({ issuer, subject: who, name: SANDBOX_PEOPLE[who].name }),
  }
}
