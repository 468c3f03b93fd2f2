import { beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '../helpers/exchange.ts'
import { startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { callTool } from '../helpers/team-call.ts'
import { startTeamHere, type TeamHere } from '../helpers/team-here.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
const DAY_MS = 24 * 60 * 60_000
const block = { customerId: 4211, blocked: true }
const other = { customerId: 77, blocked: true }
let issuer: TestIssuer

beforeAll(async () => {
  issuer = await startIssuer({ publicUrl })
  return () => issuer.close()
})

async function signIn({ vias: [via = ''] }: TeamHere, login: string): Promise<Visitor> {
  const visitor = new Visitor(publicUrl, via)
  await visitor.signInAt(issuer, login)
  return visitor
}

/** A question about each of two customers, and Alex, who has read both. */
async function situation() {
  const team = await startTeamHere({ issuer })
  const [via = ''] = team.vias
  const [first, second] = await Promise.all(
    [block, other].map(async (args, at) => callTool(via, await issuer.token({ sub: `agent-${at}` }), args)),
  )
  const alex = await signIn(team, 'alex')
  const [path, otherPath] = [first?.path ?? '', second?.path ?? '']
  const [token, otherToken] = [await alex.tokenOf(path), await alex.tokenOf(otherPath)]
  team.clock.advance(1_000)
  return { team, alex, path, token, otherPath, otherToken }
}

describe('an approval is not taken', () => {
  test.each<[string, (all: Awaited<ReturnType<typeof situation>>) => Promise<{ status: number }>]>([
    [
      'from the form of another question',
      ({ alex, path, otherToken }) => alex.post(path, { token: otherToken, decision: 'approve' }),
    ],
    [
      'from the form that only signs out',
      async ({ alex, path }) => alex.post(path, { token: await alex.tokenOf('/approvals'), decision: 'approve' }),
    ],
    [
      'from a page whose origin is hidden',
      ({ alex, path, token }) => alex.post(path, { token, decision: 'approve' }, { Origin: 'null' }),
    ],
    [
      'from a sister site, which shares the domain',
      ({ alex, path, token }) => alex.post(path, { token, decision: 'approve' }, { 'Sec-Fetch-Site': 'same-site' }),
    ],
    [
      'from a form of text, which needs no permission of the browser',
      ({ alex, path, token }) => alex.post(path, { token, decision: 'approve' }, { 'Content-Type': 'text/plain' }),
    ],
    [
      'with 5 MB around it',
      ({ alex, path, token }) => alex.post(path, { token, decision: 'approve', x: 'x'.repeat(5_000_000) }),
    ],
    [
      'as a withdrawal, by somebody who did not ask',
      ({ alex, path, token }) => alex.post(path, { token, decision: 'withdraw' }),
    ],
    [
      'from an earlier session of the same person',
      async ({ team, path, token }) => (await signIn(team, 'alex')).post(path, { token, decision: 'approve' }),
    ],
  ])('%s', async (_, send) => {
    const all = await situation()
    expect((await send(all)).status).toBe(403)
    expect(all.team.patches).toEqual([])
    // Neither was it used up: what Alex reads, Alex still can approve.
    expect((await all.alex.post(all.path, { token: all.token, decision: 'approve' })).status).toBe(303)
    expect(all.team.patches).toEqual(['/api/admin/v2/customers/4211'])
  })

  test('from the form of a record that has moved since, though the question is the same', async () => {
    const { team, alex, path, token } = await situation()
    const [via = ''] = team.vias
    await callTool(via, await issuer.token({ sub: 'agent-2' }), { customerId: 4211, firstName: 'Janet' })
    // Whoever asked asks again, and the record is found to have moved.
    await callTool(via, await issuer.token({ sub: 'agent-0' }), block)
    await alex.post(path, { token, decision: 'approve' })
    expect(team.patches).toHaveLength(1)
    const anew = await alex.tokenOf(path)
    team.clock.advance(1_000)
    await alex.post(path, { token: anew, decision: 'approve' })
    expect(team.patches).toHaveLength(2)
  })

  test('from an address, however complete', async () => {
    const { team, alex, path, token } = await situation()
    await alex.get(`${path}?decision=approve&token=${encodeURIComponent(token)}`)
    expect(team.patches).toEqual([])
  })

  test('with a session that was altered, or made with another key', async () => {
    const { team, alex, path, token } = await situation()
    const stranger = await signIn(await startTeamHere({ issuer }), 'alex')
    const [sealed = ''] = alex.cookies.values()
    const [foreign = ''] = stranger.cookies.values()
    for (const cookie of [foreign, `${sealed.slice(0, -4)}AAAA`, '{}']) {
      const thief = new Visitor(publicUrl, team.vias[0])
      const headers = { Cookie: `__Host-approvals=${cookie}` }
      const answer = await thief.post(path, { token, decision: 'approve' }, headers)
      expect([answer.status, String(answer.headers.location).startsWith(issuer.url)]).toEqual([303, true])
    }
    expect(team.patches).toEqual([])
  })
})

test('one that was decided says by whom and when, and a late answer changes nothing', async () => {
  const { team, alex, path, token } = await situation()
  const robin = await signIn(team, 'robin')
  const late = await robin.tokenOf(path)
  team.clock.advance(1_000)
  await alex.post(path, { token, decision: 'decline' })
  expect((await robin.post(path, { token: late, decision: 'approve' })).status).toBe(303)
  const { body } = await robin.get(path)
  expect(body).toMatch(/<h1>Declined<\/h1>[\s\S]*declined by <bdi>Alex Approver<\/bdi>, <time datetime="\d{4}-/)
  expect(team.patches).toEqual([])
})

test.each(['/approvals/a%0d%0ab', '/approvals/%00', '/approvals/%E2%82%AC'])(
  'whoever signs in at %s comes back there',
  async (path) => {
    const { vias } = await startTeamHere({ issuer })
    const visitor = new Visitor(publicUrl, vias[0])
    const answer = await visitor.signInAt(issuer, 'alex', path)
    expect([answer.status, answer.headers.location]).toEqual([303, path])
  },
)

test('a token without a scope of ours reads nothing and changes nothing, and is told which scope it takes', async () => {
  const { vias } = await startTeamHere({ issuer })
  const token = await issuer.token({ scope: 'openid profile' })
  for (const [name, scope, args] of [
    ['find_customers', 'customers.read', { customerId: 4211 }],
    ['update_customer', 'customers.write', { customerId: 4211, firstName: 'J' }],
  ] as const) {
    const { http } = await callTool(vias[0] ?? '', token, args, { name })
    expect(http.status).toBe(403)
    expect(http.headers['www-authenticate']).toContain(`scope="${scope}"`)
  }
})

describe('what a 2025-era client called itself', () => {
  /** The session that a client of this name is given with a token of Sam’s. */
  async function initialized(via: string): Promise<string> {
    const clientInfo = { name: 'old-client', version: '1.2' }
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
    const { headers } = await exchange(`${via}/mcp`, {
      method: 'POST',
      headers: {
        Host: 'team.example',
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        Authorization: `Bearer ${await issuer.token()}`,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
    })
    return String(headers['mcp-session-id'])
  }

  test.each<[string, object, number, string]>([
    ['is known to the token that it came with, for a day', {}, DAY_MS - 60_000, 'with old-client 1.2'],
    ['is not after a day', {}, DAY_MS + 1, 'with an unnamed client'],
    ['is not to the token of another client', { client_id: 'another' }, 0, 'with an unnamed client'],
    ['is not to the token of another person', { sub: 'robin' }, 0, 'with an unnamed client'],
  ])('%s', async (_, claims, passedMs, shown) => {
    const team = await startTeamHere({ issuer })
    const [via = ''] = team.vias
    const session = await initialized(via)
    team.clock.advance(passedMs)
    const { path } = await callTool(via, await issuer.token({ ...claims }), block, { session })
    const alex = await signIn(team, 'alex')
    expect((await alex.get(path)).body).toContain(shown)
  })
})

describe('the sandbox’s sign-in', () => {
  test.each(['https://elsewhere.example', '//elsewhere.example', '/approvals/../x', '/approvals/a?b', '\\elsewhere'])(
    'does not lead to %s',
    async (returnTo) => {
      const { vias } = await startTeamHere()
      const visitor = new Visitor(vias[0] ?? '')
      const answer = await visitor.post('/approvals/sign-in', { person: 'alex', returnTo })
      expect([answer.status, answer.headers.location]).toEqual([303, '/approvals'])
    },
  )

  test('is taken from no page of another site', async () => {
    const { vias } = await startTeamHere()
    const visitor = new Visitor(vias[0] ?? '')
    const answer = await visitor.post('/approvals/sign-in', { person: 'alex' }, { Origin: 'https://elsewhere.example' })
    expect([answer.status, answer.headers['set-cookie']]).toEqual([403, undefined])
  })
})

test('what cannot be shown whole in the inbox is put to nobody', async () => {
  const team = await startTeamHere({ issuer })
  const [via = ''] = team.vias
  const metadata = Object.fromEntries(Array.from({ length: 1_100 }, (_, at) => [`key${at}`, 1]))
  const { result } = await callTool(via, await issuer.token({ sub: 'agent' }), { customerId: 4211, metadata })
  expect(result.status).toBe('approval_unavailable')
  expect(result.message).toContain('too long to be shown whole')
  expect((await (await signIn(team, 'alex')).get('/approvals')).body).toContain('Nothing waits for you.')
})
