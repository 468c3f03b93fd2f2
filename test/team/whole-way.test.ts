import { randomBytes } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { type Balancer, startBalancer } from '../helpers/balancer.ts'
import { hasChromium, launchChromium, newContext } from '../helpers/chromium.ts'
import { selfSignedCertificate } from '../helpers/fault-server.ts'
import { freePort } from '../helpers/free-port.ts'
import { AGENT, type IssuerVisitor, startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { Keeper, type OAuthClient, oauthV1, oauthV2, REDIRECT } from '../helpers/oauth-client.ts'
import { reading, type Server, startServer } from '../helpers/process.ts'
import { anyPorts, operationsOf } from '../helpers/team.ts'
import { describeWithPostgres } from '../helpers/team-database.ts'

const REPLICAS = 3
const what = 'the whole way of a real client'
const certificate = selfSignedCertificate()
if (!certificate) process.emitWarning(`SKIPPED: ${what}. There is no openssl.`)

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
  describe.skipIf(!hasChromium(what) || !certificate)('over three replicas', () => {
    let browser: Browser
    let aifi: Sandbox
    let issuer: TestIssuer
    let balancer: Balancer
    const replicas: Server[] = []
    const patches: string[] = []

    beforeAll(async () => {
      browser = await launchChromium()
      aifi = await startSandbox({ onRequest: ({ method, path }) => void (method === 'PATCH' && patches.push(path)) })
      const addresses: string[] = []
      balancer = await startBalancer(await freePort(), addresses, certificate ?? expect.unreachable())
      issuer = await startIssuer({ publicUrl: balancer.url, agentRedirect: REDIRECT })
      const env = settings()
      for (let count = 0; count < REPLICAS; count += 1) {
        const port = await freePort()
        replicas.push(startServer({ shared: true, args: ['http'], env: { ...env, AIFI_LISTEN: `127.0.0.1:${port}` } }))
        addresses.push(`http://127.0.0.1:${port}`)
      }
      await Promise.all(replicas.map(operationsOf))
    }, 60_000)

    afterAll(async () => {
      for (const { child } of replicas) child.kill('SIGKILL')
      await Promise.all([browser?.close(), issuer?.close(), aifi?.close(), balancer?.close()])
    })

    function settings(): Record<string, string> {
      return {
        ...anyPorts,
        AIFI_BASE_URL: aifi.baseUrl,
        AIFI_TOKEN: aifi.token,
        AIFI_PUBLIC_URL: balancer.url,
        AIFI_OIDC_ISSUER: issuer.url,
        AIFI_OIDC_CLIENT_ID: issuer.clientId,
        AIFI_OIDC_CLIENT_SECRET: issuer.clientSecret,
        AIFI_APPROVER_GROUP: 'approvers',
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
      const context = await newContext(browser, { ignoreHTTPSErrors: true })
      const page = await context.newPage()
      await page.goto(`${balancer.url}/approvals`)
      expect(new URL(page.url()).origin).toBe(issuer.url)
      await page.fill('[name=login]', 'alex')
      await page.fill('[name=password]', 'any')
      await page.click('[type=submit]')
      await page.click('[type=submit]')
      await page.waitForURL(`${balancer.url}/approvals`)
      return page
    }

    test.each(clients)('$name: sign-in, reading, a step up, and what Alex decides in a browser', async (each) => {
      const { create, clientId, revision, customerId, title } = each
      const keeper = new Keeper(clientId)
      const client = create({ url: new URL(`${balancer.url}/mcp`), keeper, fetch: balancer.fetch })
      const sam = issuer.browser()
      issuer.allowed = ['customers.read']
      const first = await asUser(client, keeper, sam, () => client.connect())
      expect(client.revision()).toBe(revision)
      expect(first.sentTo.origin).toBe(issuer.url)
      expect(Object.fromEntries(first.sentTo.searchParams)).toMatchObject({
        resource: `${balancer.url}/mcp`,
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
      expect(balancer.counts.map((count) => count > 0)).toEqual([true, true, true])
    })
  })
})
