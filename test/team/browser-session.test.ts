import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { exchange } from '../helpers/exchange.ts'
import { type IssuerVisitor, startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { startTeamHere, type TeamHere } from '../helpers/team-here.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
const HOUR_MS = 60 * 60_000
let issuer: TestIssuer

beforeAll(async () => {
  issuer = await startIssuer({ publicUrl })
  return () => issuer.close()
})

/** Alex, signed in, with a browser that the issuer knows from then on. */
async function signedIn() {
  const team = await startTeamHere({ issuer, publicUrl })
  const [via = ''] = team.vias
  const alex = new Visitor(publicUrl, via)
  const browser = issuer.browser()
  await goRound(alex, browser, await alex.get('/approvals'), 'alex')
  return { team, via, alex, browser }
}

type Answer = Awaited<ReturnType<Visitor['get']>>

/** From where the inbox sent the browser to the issuer, and back. */
async function goRound(visitor: Visitor, browser: IssuerVisitor, sent: Answer, login?: string): Promise<Answer> {
  const back = new URL(await browser.walk(String(sent.headers.location), login))
  return visitor.get(back.pathname + back.search)
}

/** Sam asks; resolves with the path of the question. */
async function ask({ vias: [via] }: TeamHere): Promise<string> {
  const headers = {
    Host: 'team.example',
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    Authorization: `Bearer ${await issuer.token()}`,
  }
  const params = { name: 'update_customer', arguments: { customerId: 4211, blocked: true } }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const answer = await exchange(`${via}/mcp`, { method: 'POST', headers, body })
  return /https:\/\/team\.example(\/approvals\/[\w-]+)/.exec(answer.body)?.[1] ?? expect.unreachable(answer.body)
}

test('a sign-in that took ten minutes is not completed', async () => {
  const team = await startTeamHere({ issuer, publicUrl })
  const alex = new Visitor(publicUrl, team.vias[0])
  const sent = await alex.get('/approvals')
  team.clock.advance(10 * 60_000)
  const back = await goRound(alex, issuer.browser(), sent, 'alex')
  expect([back.status, alex.cookies.has('__Host-approvals')]).toEqual([400, false])
})

describe('a session that is an hour old', () => {
  test('is renewed without asking, at the very page that was opened', async () => {
    const { team, alex, browser } = await signedIn()
    const path = await ask(team)
    team.clock.advance(HOUR_MS - 60_000)
    expect((await alex.get(path)).status).toBe(200)
    team.clock.advance(60_000)
    const sent = await alex.get(path)
    expect(sent.status).toBe(303)
    expect(new URL(String(sent.headers.location)).searchParams.get('prompt')).toBe('none')
    const back = await goRound(alex, browser, sent)
    expect([back.status, back.headers.location]).toEqual([303, path])
    expect((await alex.get(path)).body).toContain('value="approve"')
  })

  test('takes no answer: it is renewed, and the question shown again', async () => {
    const { team, alex, browser } = await signedIn()
    const path = await ask(team)
    const token = await alex.tokenOf(path)
    team.clock.advance(HOUR_MS)
    const sent = await alex.post(path, { token, decision: 'approve' })
    await goRound(alex, browser, sent)
    expect(team.patches).toEqual([])
    // The form belonged to the session that is over.
    expect((await alex.post(path, { token, decision: 'approve' })).status).toBe(403)
    const fresh = await alex.tokenOf(path)
    team.clock.advance(1_000)
    expect((await alex.post(path, { token: fresh, decision: 'approve' })).status).toBe(303)
    expect(team.patches).toEqual(['/api/admin/v2/customers/4211'])
  })

  test('decides nothing any more for somebody who has left the group', async () => {
    const { team, alex, browser } = await signedIn()
    const path = await ask(team)
    const before = issuer.accounts.alex ?? expect.unreachable()
    issuer.accounts.alex = { ...before, groups: ['staff'] }
    onTestFinished(() => {
      issuer.accounts.alex = before
    })
    team.clock.advance(HOUR_MS)
    await goRound(alex, browser, await alex.get('/approvals'))
    const { body } = await alex.get('/approvals')
    expect(body).toContain('Signed in as <bdi>Alex Approver</bdi>')
    expect(body).not.toContain('Block')
    expect((await alex.get(path)).status).toBe(404)
  })

  test('ends where the issuer would have to ask: whoever sits there signs in, and the page says nothing before', async () => {
    const { team, alex } = await signedIn()
    team.clock.advance(HOUR_MS)
    const stranger = issuer.browser()
    const silent = await alex.get('/approvals')
    const again = await goRound(alex, stranger, silent)
    expect(alex.cookies.has('__Host-approvals')).toBe(false)
    expect(new URL(String(again.headers.location)).searchParams.get('prompt')).toBe(null)
    await goRound(alex, stranger, again, 'sam')
    expect((await alex.get('/approvals')).body).toContain('Signed in as <bdi>Sam Agent</bdi>')
  })

  test('is told to the script of an open page, which reloads nothing', async () => {
    const { team, alex } = await signedIn()
    expect((await alex.get('/approvals/news')).status).toBe(200)
    team.clock.advance(HOUR_MS)
    expect((await alex.get('/approvals/news')).status).toBe(401)
  })
})
