import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { connectionOptions } from '../../src/team/database.ts'
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
const issued = authority?.issue(['127.0.0.1', 'localhost'])
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
      AIFI_PUBLIC_URL: publicUrl,
      AIFI_OIDC_ISSUER: issuer.url,
      AIFI_OIDC_CLIENT_ID: issuer.clientId,
      AIFI_OIDC_CLIENT_SECRET: issuer.clientSecret,
      AIFI_APPROVER_GROUP: 'approvers',
      AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
      AIFI_STORE_URL,
      ...(trusted && { NODE_EXTRA_CA_CERTS: trusted.file }),
    }
  }

  /** What `http` says when it does not start, and `doctor http` of the database. */
  async function refusals(env: Record<string, string>) {
    const [started, examined] = await Promise.all([
      runToEnd({ args: ['http'], env }),
      runToEnd({ args: ['doctor', 'http', '--json'], env }),
    ])
    expect([started.code, examined.code]).toEqual([1, 1])
    expect(started.stderr).toContain('cannot start')
    const { checks } = JSON.parse(examined.stdout) as { checks: { name: string; found: string; remedy?: string }[] }
    const check = checks.find(({ name }) => name === 'database') ?? expect.unreachable()
    return { stderr: started.stderr, found: check.found, remedy: check.remedy }
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
    const { stderr, found, remedy } = await refusals(settings(address(postgres), foreign))
    expect(stderr).toContain('from an authority that this computer does not trust; NODE_EXTRA_CA_CERTS can name it')
    expect(found).toContain('from an authority that this computer does not trust')
    expect(remedy).toContain('NODE_EXTRA_CA_CERTS')
  })

  test('of another host is refused, whoever issued it', async () => {
    const elsewhere = await startPostgres({ tls: authority?.issue(['db.example']) ?? expect.unreachable() })
    onTestFinished(() => elsewhere.stop())
    const { stderr, found, remedy } = await refusals(settings(address(elsewhere, 'localhost'), authority))
    expect(stderr).toContain('is for another host than AIFI_STORE_URL names')
    expect(found).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(remedy).toContain('as its certificate does')
  })

  test('is never spoken to in the clear where TLS was asked for', async () => {
    const plain = await startPostgres()
    onTestFinished(() => plain.stop())
    const { stderr, found } = await refusals(settings(address(plain), authority))
    expect(stderr).toContain('offers no TLS, and nothing is sent to it in the clear')
    expect(found).toContain('offers no TLS')
  })

  test('is refused where its address asks for less', async () => {
    const { stderr, found } = await refusals(settings(address(postgres, '127.0.0.1', 'require'), authority))
    expect(stderr).toContain('no parameter but sslmode=verify-full')
    expect(found).toContain('no parameter but sslmode=verify-full')
  })

  test.each(['require', 'prefer', 'allow', 'verify-ca', 'no-verify', 'disable'])(
    'is refused elsewhere with sslmode=%s',
    (sslmode) => {
      const env = settings(address(postgres, 'db.example', sslmode))
      const result = readConfig(env, { http: true, readFile: () => Buffer.alloc(0) })
      expect(result).toMatchObject({ ok: false, problems: [expect.stringContaining('no sslmode=verify-full')] })
      if (sslmode !== 'disable')
        expect(() => connectionOptions(address(postgres, '127.0.0.1', sslmode))).toThrow('sslmode')
    },
  )
})
