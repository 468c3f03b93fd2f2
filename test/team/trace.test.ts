import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { respondAsAifi } from '../helpers/company-network.ts'
import { exchange } from '../helpers/exchange.ts'
import { startFaultServer } from '../helpers/fault-server.ts'
import { freePort } from '../helpers/free-port.ts'
import { startIssuer } from '../helpers/issuer.ts'
import { auditRecords, startServer } from '../helpers/process.ts'
import { anyPorts, operationsOf } from '../helpers/team.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`

async function startTeam() {
  const issuer = await startIssuer({ publicUrl })
  const aifi = await startFaultServer()
  respondAsAifi(aifi)
  const folder = mkdtempSync(join(tmpdir(), 'trace-'))
  const audit = join(folder, 'audit.jsonl')
  const port = await freePort()
  const server = startServer({
    shared: true,
    args: ['http'],
    env: {
      ...anyPorts,
      AIFI_LISTEN: `127.0.0.1:${port}`,
      AIFI_BASE_URL: aifi.url,
      AIFI_TOKEN: 'aifi-token',
      ...issuer.settings,
      AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
      AIFI_APPROVAL_WAIT_SECONDS: '0',
      AIFI_AUDIT_LOG: audit,
    },
  })
  await operationsOf(server)
  const via = `http://127.0.0.1:${port}`
  const token = await issuer.token()
  const call = async (name: string, args: JsonObject, from: { header?: string; meta?: unknown }) => {
    const headers = {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      Host: new URL(publicUrl).host,
      Authorization: `Bearer ${token}`,
      ...(from.header !== undefined && { traceparent: from.header }),
    }
    const params = { name, arguments: args, ...('meta' in from && { _meta: { traceparent: from.meta } }) }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    return exchange(`${via}/mcp`, { method: 'POST', headers, body })
  }
  const traced = () => server.stderr.split('\n').filter((line) => line.includes(`"traceId":"${traceId}"`)).length
  const end = async () => {
    server.child.kill('SIGKILL')
    await Promise.all([server.ended, issuer.close(), aifi.close()])
    rmSync(folder, { recursive: true })
  }
  return { issuer, aifi, server, via, call, traced, records: () => auditRecords(audit), end }
}

let team: Awaited<ReturnType<typeof startTeam>>
beforeAll(async () => {
  team = await startTeam()
  return () => team.end()
})

test('a call’s place in a trace goes on to AiFi, and its id stands in the log and in the audit', async () => {
  const { issuer, aifi, via, call, traced, records } = team
  await call('find_customers', { customerId: 4211 }, { header: traceparent })
  expect(aifi.received('GET').map(({ headers }) => headers.traceparent)).toEqual([traceparent])
  expect(traced()).toBe(1)
  // What the message says of itself is nearer to the call than the connection.
  await call(
    'update_customer',
    { customerId: 4211, blocked: true },
    { header: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-00`, meta: traceparent },
  )
  expect(traced()).toBe(2)
  const alex = new Visitor(publicUrl, via)
  const begun = await alex.get('/approvals')
  const back = new URL(await issuer.signIn(String(begun.headers.location), 'alex'))
  await alex.get(back.pathname + back.search)
  const [, path = ''] = /href="(\/approvals\/[\w-]+)"/.exec((await alex.get('/approvals')).body) ?? []
  await alex.decide(path, 'approve')
  await expect.poll(() => aifi.received('PATCH').map(({ headers }) => headers.traceparent)).toEqual([traceparent])
  await expect
    .poll(() => records().map(({ event, traceId: id }) => [event, id]))
    .toEqual([
      ['start', undefined],
      ['lookup', traceId],
      ['attempt', traceId],
      ['outcome', traceId],
    ])
})

test.each([
  ['another version', `01-${traceId}-00f067aa0ba902b7-01`],
  ['no trace', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ['no parent', `00-${traceId}-${'0'.repeat(16)}-01`],
  ['capitals', traceparent.toUpperCase()],
  ['something more', `${traceparent}-x`],
  ['a line more', `${traceparent}\nX-Injected: 1`],
  ['no text', { toString: traceparent }],
])('what is no traceparent (%s) goes nowhere, and harms nothing', async (_, hostile) => {
  const { aifi, server, call, records } = team
  const [received, logged, recorded] = [aifi.received('GET').length, server.stderr.length, records().length]
  const from =
    typeof hostile === 'string' && !hostile.includes('\n') ? { header: hostile, meta: hostile } : { meta: hostile }
  expect((await call('find_customers', { customerId: 4211 }, from)).body).toContain('"status":"found"')
  const sent = aifi.received('GET').slice(received)
  expect(sent.map(({ headers }) => [headers.traceparent, headers['x-injected']])).toEqual([[undefined, undefined]])
  expect(server.stderr.slice(logged)).not.toContain('traceId')
  const lookups = records().slice(recorded)
  expect(lookups).toMatchObject([{ event: 'lookup' }])
  expect(lookups[0]).not.toHaveProperty('traceId')
})
