import { randomBytes } from 'node:crypto'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { Balancer } from '../helpers/balancer.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { noChromiumFor, useChromium } from '../helpers/chromium.ts'
import { freePort } from '../helpers/free-port.ts'
import { AGENT, type IssuerVisitor, startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { fetchTrusting, Keeper, type OAuthClient, oauthV1, oauthV2, REDIRECT } from '../helpers/oauth-client.ts'
import { builtFile, reading } from '../helpers/process.ts'
import { Replica } from '../helpers/replica.ts'
import { describeWithPostgres } from '../helpers/team-database.ts'

const what = 'the whole way of a real client'
const certificate = selfSigned('localhost')

/** Each with what is its own: one registers itself, the issuer knows the other. */
const clients = [
  {
    name: '@modelcontextprotocol/sdk v1',
    create: oauthV1,
    clientId: AGENT,
    revision: '2025-11-25',
    customerId: 4211,
    title: 'Block Jane Doe?',
  },
  {
    name: '@modelcontextprotocol/client v2',
    create: oauthV2,
    clientId: undefined,
    revision: '2026-07-28',
    customerId: 77,
    title: 'Block Marcus Weber?',
  },
] as const

await describeWithPostgres(what, (postgres) => {
  describe.skipIf(noChromiumFor(what))('over three replicas', () => {
    const { newContext } = useChromium()
    const replicas: Replica[] = []
    const patches: string[] = []
    /** The replicas that a request was passed to. */
    const reached = new Set<Replica>()
    let aifi: Sandbox
    let issuer: TestIssuer
    let balancer: Balancer
    let publicUrl = ''

    beforeAll(async () => {
      aifi = await startSandbox({ onRequest: ({ method, path }) => void (method === 'PATCH' && patches.push(path)) })
      balancer = await Balancer.start({ certificate, onPass: (_, replica) => void reached.add(replica) })
      publicUrl = `https://localhost:${balancer.port}`
      issuer = await startIssuer({ publicUrl, agentRedirect: REDIRECT })
      const env = settings()
      for (const name of ['first', 'second', 'third']) {
        const replica = await Replica.start({ name, program: builtFile, env, port: await freePort() })
        replicas.push(replica)
        await balancer.add(replica)
      }
    })

    afterAll(async () => {
      await balancer?.close()
      await Promise.all(replicas.map((replica) => replica.end('SIGKILL')))
      await Promise.all([issuer?.close(), aifi?.close()])
    })

    function settings(): Record<string, string> {
      return {
        AIFI_BASE_URL: aifi.baseUrl,
        AIFI_TOKEN: aifi.token,
        ...issuer.settings,
        AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
        AIFI_STORE_URL: postgres().url,
        AIFI_APPROVAL_WAIT_SECONDS: '50',
      }
    }

    /** Does it, and once more after the user has signed in, if they were sent to. */
    async function asUser<Result>(client: OAuthClient, keeper: Keeper, sam: IssuerVisitor, act: () => Promise<Result>) {
      const before = keeper.sentTo.length
      await expect(act()).rejects.toThrow(/unauthorized/i)
      const sentTo = keeper.sentTo[before] ?? expect.unreachable('the user was sent nowhere')
      await client.finish(new URL(await sam.walk(sentTo.href, 'sam')))
      return { sentTo, result: await act() }
    }

    /** Alex, who has not signed in yet, opens the inbox. */
    async function openInbox(): Promise<Page> {
      const context = await newContext({ ignoreHTTPSErrors: true })
      // The issuer's pages ask for fonts from elsewhere.
      const isElsewhere = ({ hostname }: URL) => hostname !== '127.0.0.1' && hostname !== 'localhost'
      await context.route(isElsewhere, (route) => route.abort())
      const page = await context.newPage()
      await page.goto(`${publicUrl}/approvals`)
      expect(new URL(page.url()).origin).toBe(issuer.url)
      await page.fill('[name=login]', 'alex')
      await page.fill('[name=password]', 'any')
      await page.click('[type=submit]')
      await page.click('[type=submit]')
      await page.waitForURL(`${publicUrl}/approvals`)
      return page
    }

    test.each(clients)('$name: sign-in, reading, a step up, and what Alex decides in a browser', async (each) => {
      const { create, clientId, revision, customerId, title } = each
      const keeper = new Keeper(clientId)
      const client = create({ url: new URL(`${publicUrl}/mcp`), keeper, fetch: fetchTrusting(certificate.cert) })
      const sam = issuer.browser()
      issuer.allowed = ['customers.read']
      const first = await asUser(client, keeper, sam, () => client.connect())
      expect(client.revision()).toBe(revision)
      expect(first.sentTo.origin).toBe(issuer.url)
      expect(Object.fromEntries(first.sentTo.searchParams)).toMatchObject({
        resource: `${publicUrl}/mcp`,
        scope: 'customers.read customers.write',
        code_challenge_method: 'S256',
      })
      expect(keeper.tokens()?.scope).toBe('customers.read')
      expect(await client.call('find_customers', { customerId: 4211 })).toMatchObject({ status: 'found' })

      issuer.allowed = ['customers.read', 'customers.write']
      const args = { customerId, blocked: true }
      const before = patches.length
      const alex = await openInbox()
      const stepUp = asUser(client, keeper, sam, () => client.call('update_customer', args))
      stepUp.catch(() => undefined)
      await expect.poll(() => keeper.sentTo[1]?.searchParams.get('scope')).toContain('customers.write')
      const question = alex.getByRole('link', { name: title })
      await alex.getByRole('link', { name: 'There is something new. Show it.' }).click()
      await question.click()
      expect(await alex.locator('main').textContent()).toContain('Sam Agent, with oauth-client 3.0.0')
      expect(patches.length).toBe(before)
      await reading()
      await alex.locator('[value=approve]').click()
      await expect.poll(() => alex.locator('h1').textContent()).toBe('Done')

      const { result } = await stepUp
      expect(result).toMatchObject({
        status: 'updated',
        approval: { channel: 'inbox', answer: 'approved', by: 'Alex Approver' },
      })
      expect(patches.slice(before)).toEqual([`/api/admin/v2/customers/${customerId}`])
      expect(reached.size).toBe(replicas.length)
    })
  })
})
