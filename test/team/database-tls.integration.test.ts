import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { type Authority, createAuthority } from '../helpers/company-network.ts'
import { exchange } from '../helpers/exchange.ts'
import { freePort } from '../helpers/free-port.ts'
import { startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { NoPostgres, type Postgres, startPostgres } from '../helpers/postgres.ts'
import { runToEnd, startServer } from '../helpers/process.ts'
import { anyPorts, operationsOf } from '../helpers/team.ts'

/** Nobody listens there. */
const publicUrl = `https://127.0.0.1:${await freePort()}`
const authority = createAuthority()
const issued = authority?.issue(['127.0.0.1'])
const postgres = issued && (await startPostgres({ tls: issued }).catch(unlessNone))

function unlessNone(err: unknown): undefined {
  if (!(err instanceof NoPostgres)) throw err
  process.stderr.write(`LEFT OUT: TLS to the database. ${err.message}\n`)
}

describe.skipIf(!authority || !postgres)('the database, over TLS', () => {
  let aifi: Sandbox
  let issuer: TestIssuer

  beforeAll(async () => {
    issuer = await startIssuer({ publicUrl })
    aifi = await startSandbox()
  })
  afterAll(async () => {
    await issuer.close()
    await aifi.close()
    await postgres?.stop()
    authority?.remove()
  })

  /** `postgres://…` with TLS demanded. */
  function address(given: Postgres | undefined, host = '127.0.0.1', sslmode = 'verify-full'): string {
    const url = new URL(given?.url ?? '')
    url.hostname = host
    url.searchParams.set('sslmode', sslmode)
    return url.href
  }

  function settings(AIFI_STORE_URL: string, trusted?: Authority): Record<string, string> {
    return {
      ...anyPorts,
      AIFI_BASE_URL: aifi.baseUrl,
      AIFI_TOKEN: aifi.token,
      ...issuer.settings,
      AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
      AIFI_STORE_URL,
      ...(trusted && { NODE_EXTRA_CA_CERTS: trusted.file }),
    }
  }

  /** What `http` says when it does not start. */
  async function refusal(env: Record<string, string>): Promise<string> {
    const { code, stderr } = await runToEnd({ args: ['http'], env })
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot start')])
    return stderr
  }

  test('with an authority of one’s own is used, every connection of it encrypted', async () => {
    const env = settings(address(postgres), authority)
    const server = startServer({ args: ['http'], env })
    const operations = await operationsOf(server)
    expect(JSON.parse((await exchange(`${operations}/readyz`)).body)).toMatchObject({ ready: true, store: true })
    const connections = await postgres?.query(
      "select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'aifi-customer-mcp'",
    )
    expect(connections).toEqual([{ ssl: true }])
    const { code, stdout } = await runToEnd({ args: ['doctor', 'http'], env })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ok +Database .*over TLS, its certificate verified$/m)
    expect(await runToEnd({ args: ['audit', 'verify'], env })).toMatchObject({ code: 0, stderr: '' })
  })

  test('of an authority that nobody named is refused', async () => {
    const foreign = createAuthority('Somebody Else CA') ?? expect.unreachable()
    onTestFinished(() => foreign.remove())
    const env = settings(address(postgres), foreign)
    const said = 'from an authority that this computer does not trust; NODE_EXTRA_CA_CERTS can name it'
    expect(await refusal(env)).toContain(said)
    const { code, stdout } = await runToEnd({ args: ['doctor', 'http', '--json'], env })
    const { checks } = JSON.parse(stdout) as { checks: { name: string; found: string; remedy?: string }[] }
    expect([code, checks.find(({ name }) => name === 'database')]).toEqual([
      1,
      expect.objectContaining({
        found: expect.stringMatching(said),
        remedy: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      }),
    ])
  })

  test('of another host is refused, whoever issued it', async () => {
    const stderr = await refusal(settings(address(postgres, 'localhost'), authority))
    expect(stderr).toContain('is for another host than AIFI_STORE_URL names')
  })

  test('is never spoken to in the clear where TLS was asked for', async () => {
    const plain = await startPostgres()
    onTestFinished(() => plain.stop())
    const stderr = await refusal(settings(address(plain), authority))
    expect(stderr).toContain('offers no TLS, and nothing is sent to it in the clear')
  })
})
