import {
  Client,
  type ElicitRequest,
  type ElicitResult,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { exchange } from '../helpers/exchange.ts'
import { accept, decline, type Era, envelopeOf } from '../helpers/harness.ts'
import { startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { fetchVia } from '../helpers/team.ts'
import { startTeamHere, type TeamHere } from '../helpers/team-here.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
const BLOCK = { customerId: 4211, blocked: true }
/** Where an approver's own answer may count. */
const ownAnswers = { AIFI_FOUR_EYES: 'false' }
let issuer: TestIssuer

beforeAll(async () => {
  issuer = await startIssuer({ publicUrl })
  return () => issuer.close()
})

const people = {
  alex: { sub: 'alex', name: 'Alex Approver', groups: ['approvers'] },
  robin: { sub: 'robin', name: 'Robin Approver', groups: ['approvers'] },
  sam: { sub: 'sam', name: 'Sam Agent', groups: ['staff'] },
  application: { sub: 'the-agent', groups: ['approvers'] },
}
type Who = keyof typeof people

interface Asking {
  readonly era?: Era
  readonly answer?: ElicitResult
  /** How long whoever is asked reads, milliseconds. */
  readonly readingMs?: number
}

/** A client that can show forms, whose requests go to one replica after the other. */
async function clientOf(team: TeamHere, who: Who, { era = '2026-07-28', answer, readingMs = 1_000 }: Asking = {}) {
  const asked: ElicitRequest['params'][] = []
  const mode = era === '2026-07-28' ? { pin: era } : ('legacy' as const)
  const client = new Client(
    { name: 'form-client', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
  )
  client.setRequestHandler('elicitation/create', ({ params }) => {
    asked.push(params)
    team.clock.advance(readingMs)
    return answer ?? accept()
  })
  let requests = 0
  const fetch = (address: string | URL, init?: RequestInit) => {
    const via = team.vias[requests++ % team.vias.length] ?? ''
    return fetchVia(via, 'team.example', address, init)
  }
  const requestInit = { headers: { Authorization: `Bearer ${await issuer.token(people[who])}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${publicUrl}/mcp`), { requestInit, fetch }))
  onTestFinished(() => client.close())
  const update = async (args: JsonObject = BLOCK) =>
    envelopeOf(await client.callTool({ name: 'update_customer', arguments: args }))
  return { asked, update }
}

describe('with four eyes off, a form of the client', () => {
  test('takes the yes of an approver, asked by one replica and answered at another', async () => {
    const team = await startTeamHere({ issuer, env: ownAnswers, replicas: 2 })
    const { asked, update } = await clientOf(team, 'alex')
    expect(await update()).toMatchObject({
      status: 'updated',
      approval: { channel: 'form', answer: 'approved', by: 'Alex Approver' },
    })
    expect(asked.map((params) => String(params.message).split('\n')[0])).toEqual(['Block customer 4211, Jane Doe?'])
    expect(team.patches).toHaveLength(1)
  })

  test('takes their no', async () => {
    const team = await startTeamHere({ issuer, env: ownAnswers, replicas: 2 })
    const { update } = await clientOf(team, 'alex', { answer: decline() })
    expect(await update()).toMatchObject({
      status: 'declined',
      approval: { channel: 'form', answer: 'declined', by: 'Alex Approver' },
    })
    expect(team.patches).toEqual([])
  })

  test('that comes back faster than anybody reads goes to the inbox', async () => {
    const team = await startTeamHere({ issuer, env: ownAnswers })
    team.clock.hold()
    const { asked, update } = await clientOf(team, 'alex', { readingMs: 600 })
    expect(await update()).toMatchObject({ status: 'approval_pending', approval: { channel: 'inbox' } })
    expect([asked.length, team.patches]).toEqual([1, []])
  })

  test.each<[string, Who, Asking, JsonObject]>([
    ['by somebody who is no approver', 'sam', {}, BLOCK],
    ['by an application, whatever its groups', 'application', {}, BLOCK],
    ['by a client of 2025, which cannot be asked', 'alex', { era: '2025-11-25' }, BLOCK],
    ['about a password', 'alex', {}, { customerId: 4211, enterPrivately: ['password'] }],
  ])('is not shown for a change that is asked for %s', async (_, who, asking, args) => {
    const team = await startTeamHere({ issuer, env: ownAnswers })
    const { asked, update } = await clientOf(team, who, asking)
    expect(await update(args)).toMatchObject({ status: 'approval_pending', approval: { channel: 'inbox' } })
    expect([asked, team.patches]).toEqual([[], []])
  })

  test.each<[string, Who]>([
    ['another approver', 'robin'],
    ['somebody who is no approver', 'sam'],
  ])('is not answered by %s, though they hold its state', async (_, thief) => {
    const team = await startTeamHere({ issuer, env: ownAnswers })
    const question = await call(team, 'alex')
    expect(question.inputRequests).toMatchObject({ approve: { method: 'elicitation/create' } })
    // It is not in the inbox, where others would be asked the same.
    const robin = new Visitor(publicUrl, team.vias[0])
    await robin.signInAt(issuer, 'robin')
    expect((await robin.get('/approvals')).body).toContain('Nothing waits for you.')
    team.clock.advance(2_000)
    const answer = { requestState: question.requestState, inputResponses: { approve: { ...accept() } } }
    const stolen = await call(team, thief, answer)
    expect(stolen.structuredContent).not.toMatchObject({ status: 'updated' })
    expect(team.patches).toEqual([])
    expect(await call(team, 'alex', answer)).toMatchObject({ structuredContent: { status: 'updated' } })
    expect(team.patches).toHaveLength(1)
  })
})

test('under four eyes nobody is shown a form, and none is taken', async () => {
  const team = await startTeamHere({ issuer })
  const { asked, update } = await clientOf(team, 'alex')
  expect(await update()).toMatchObject({ status: 'approval_pending', approval: { channel: 'inbox' } })
  expect([asked, team.patches]).toEqual([[], []])
})

test('while the server is to end, no call waits for an answer, and its question stays', async () => {
  const team = await startTeamHere({ issuer, env: { AIFI_APPROVAL_WAIT_SECONDS: '40' } })
  team.clock.hold()
  const { update } = await clientOf(team, 'alex')
  team.drain()
  for (const _ of [1, 2]) {
    expect(await update()).toMatchObject({ status: 'approval_pending', approval: { channel: 'inbox' } })
  }
})

/** A call of {@link BLOCK} as a client of 2026-07-28 writes it; `extra` stands beside the arguments. */
async function call({ vias: [via] }: TeamHere, who: Who, extra: JsonObject = {}): Promise<JsonObject> {
  const _meta = {
    [PROTOCOL_VERSION_META_KEY]: '2026-07-28',
    [CLIENT_INFO_META_KEY]: { name: 'raw-client', version: '1.0.0' },
    [CLIENT_CAPABILITIES_META_KEY]: { elicitation: { form: {} } },
  }
  const params = { name: 'update_customer', arguments: BLOCK, _meta, ...extra }
  const headers = {
    Host: 'team.example',
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'MCP-Protocol-Version': '2026-07-28',
    'Mcp-Method': 'tools/call',
    'Mcp-Name': 'update_customer',
    Authorization: `Bearer ${await issuer.token(people[who])}`,
  }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const answer = await exchange(`${via}/mcp`, { method: 'POST', headers, body })
  const message: unknown = JSON.parse(answer.body.replace(/^[^{]*data: /, ''))
  return isJsonObject(message) && isJsonObject(message.result) ? message.result : expect.unreachable(answer.body)
}
