import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { startChaosAifi } from '../helpers/chaos-aifi.ts'
import { exchange } from '../helpers/exchange.ts'
import { freePort } from '../helpers/free-port.ts'
import { startIssuer } from '../helpers/issuer.ts'
import { builtFile } from '../helpers/process.ts'
import { Replica } from '../helpers/replica.ts'
import { Visitor } from '../helpers/visitor.ts'

const publicUrl = 'https://team.example'

test('of very many questions the inbox shows those that run out first, and says how many wait behind them', async () => {
  const aifi = await startChaosAifi(() => 0.5)
  onTestFinished(() => aifi.close())
  const issuer = await startIssuer({ publicUrl })
  onTestFinished(() => issuer.close())
  const env = {
    AIFI_BASE_URL: aifi.url,
    AIFI_TOKEN: 'a-token-of-the-test',
    ...issuer.settings,
    AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
    AIFI_MAX_CHANGES_PER_MINUTE: '1000',
    AIFI_APPROVAL_WAIT_SECONDS: '0',
  }
  const replica = await Replica.start({ name: 'replica', program: builtFile, env, port: await freePort() })
  onTestFinished(async () => void (await replica.end('SIGKILL')))

  const token = await issuer.token()
  for (let customerId = 1; customerId <= 53; customerId += 1) {
    const args = { customerId, externalId: `many-${customerId}` }
    const params = { name: 'update_customer', arguments: args }
    const answer = await exchange(`${replica.address}/mcp`, {
      method: 'POST',
      headers: {
        Host: new URL(publicUrl).host,
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    })
    expect(answer.body).toContain('approval_pending')
  }
  const alex = new Visitor(publicUrl, replica.address)
  await alex.signInAt(issuer, 'alex')

  const shown = async () => {
    const { body } = await alex.get('/approvals')
    const paths = [...body.matchAll(/href="(\/approvals\/[\da-f-]{36})"/g)].map(([, path = '']) => path)
    const customers = [...body.matchAll(/customer (\d+),/g)].map(([, id]) => Number(id))
    return { paths, customers, more: /(\d+) more wait/.exec(body)?.[1] }
  }
  const first = await shown()
  expect([first.customers.length, first.customers.at(0), first.customers.at(-1), first.more]).toEqual([50, 1, 50, '3'])
  for (const path of first.paths.slice(0, 3)) await alex.decide(path, 'decline')
  const next = await shown()
  expect([next.customers.at(0), next.customers.at(49), next.more]).toEqual([4, 53, undefined])
  const metrics = await exchange(`${replica.operations}/metrics`)
  expect(metrics.body).toContain('aifi_customer_mcp_open_questions 50')
})
