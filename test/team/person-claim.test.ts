import { beforeAll, expect, test } from 'vitest'
import { startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { callTool } from '../helpers/team-call.ts'
import { startTeamHere } from '../helpers/team-here.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
/** As at Entra: `sub` is another one in each kind of token, and `oid` is the same. */
const env = { AIFI_PERSON_CLAIM: 'oid' }
const block = { customerId: 4211, blocked: true }
let issuer: TestIssuer

beforeAll(async () => {
  issuer = await startIssuer({ publicUrl })
  const { alex, robin } = issuer.accounts
  if (alex) issuer.accounts.alex = { ...alex, oid: 'oid-of-alex' }
  if (robin) issuer.accounts.robin = { ...robin, oid: 'oid-of-robin' }
  return () => issuer.close()
})

async function signIn(via: string, login: string) {
  const visitor = new Visitor(publicUrl, via)
  return { visitor, answer: await visitor.signInAt(issuer, login) }
}

test('one person under two subjects is one person, who does not approve what they asked for', async () => {
  const { vias, clock, patches } = await startTeamHere({ issuer, env })
  const [via = ''] = vias
  const token = await issuer.token({ sub: 'pairwise-8c1f', oid: 'oid-of-alex', name: 'Alex' })
  const { path } = await callTool(via, token, block)
  const alex = (await signIn(via, 'alex')).visitor
  expect((await alex.get(path)).body).toContain('somebody else decides')
  clock.advance(1_000)
  expect((await alex.post(path, { token: await alex.tokenOf(path), decision: 'approve' })).status).toBe(403)
  const robin = (await signIn(via, 'robin')).visitor
  const form = await robin.tokenOf(path)
  clock.advance(1_000)
  await robin.post(path, { token: form, decision: 'approve' })
  expect(patches).toHaveLength(1)
  expect((await alex.get(path)).body).toContain('approved by <bdi>Robin Approver</bdi>')
})

test('two people under one subject are two', async () => {
  const { vias, clock, patches } = await startTeamHere({ issuer, env })
  const [via = ''] = vias
  const token = await issuer.token({ sub: 'alex', oid: 'oid-of-somebody-else' })
  const { path } = await callTool(via, token, block)
  const alex = (await signIn(via, 'alex')).visitor
  const form = await alex.tokenOf(path)
  clock.advance(1_000)
  await alex.post(path, { token: form, decision: 'approve' })
  expect(patches).toHaveLength(1)
})

test.each([
  ['Entra', { idtyp: 'app', oid: 'oid-of-alex' }],
  ['Auth0', { gty: 'client-credentials', oid: 'oid-of-alex' }],
  ['Keycloak', { preferred_username: 'service-account-the-agent', oid: 'oid-of-alex' }],
])('an application of %s is nobody, whatever its token says besides', async (_issuer, claims) => {
  const { vias } = await startTeamHere({ issuer, env })
  const [via = ''] = vias
  const { path } = await callTool(via, await issuer.token(claims), block)
  const alex = (await signIn(via, 'alex')).visitor
  expect((await alex.get(path)).body).toContain('application the-agent')
  expect((await alex.get(path)).body).toContain('value="approve"')
})

test('whose tokens lack the claim asks for nothing and is not let in, and both are told which claim it is', async () => {
  const { vias, patches } = await startTeamHere({ issuer, env })
  const [via = ''] = vias
  const { result } = await callTool(via, await issuer.token({ sub: 'nobody' }), block)
  expect(result).toMatchObject({ status: 'approval_unavailable' })
  expect(JSON.stringify(result)).toContain('AIFI_PERSON_CLAIM')
  const { answer, visitor } = await signIn(via, 'sam')
  expect(answer.status).toBe(403)
  expect(answer.body).toContain('AIFI_PERSON_CLAIM')
  expect([...visitor.cookies.keys()]).toEqual([])
  expect(patches).toEqual([])
})
