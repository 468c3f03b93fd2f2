import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { run } from '../../src/cli/command-line.ts'
import { httpDoctorCommand, publicUrlFinding } from '../../src/doctor/http-doctor.ts'
import { httpChecks } from '../../src/doctor/report.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { createAuthority, server } from '../helpers/company-network.ts'
import { fault } from '../helpers/fault.ts'
import { freePort } from '../helpers/free-port.ts'
import { startIssuer, type TestIssuer } from '../helpers/issuer.ts'
import { runToEnd, startServer } from '../helpers/process.ts'
import { processWith } from '../helpers/process-io.ts'
import { asOldServer, describeWithPostgres } from '../helpers/team-database.ts'
import { TestClock } from '../helpers/test-clock.ts'

/** Nobody listens there. */
const publicUrl = `https://127.0.0.1:${await freePort()}`
const AIFI_SECRET_KEY = randomBytes(32).toString('base64')

type Env = Readonly<Record<string, string>>
interface Found {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped'
  readonly found: string
  readonly remedy?: string
}

function hostWith(env: Env, input: string, args: readonly string[]) {
  const { io, out, err } = processWith({ args: ['doctor', 'http', ...args], env, input })
  return { host: io, output: () => out() + err() }
}

/** What it finds, by name of the check. With tokens, they are on stdin. */
async function examine(env: Env, tokens: readonly string[] = [], clock?: Clock) {
  const args = ['--json', ...(tokens.length > 0 ? ['--stdin'] : [])]
  const { host, output } = hostWith(env, tokens.join('\n'), args)
  const options = { json: true, stdin: tokens.length > 0, customerId: undefined }
  const code = clock ? await httpDoctorCommand(host, options, clock) : await run(host)
  const text = output()
  for (const token of tokens) expect(text.includes(token.split('.')[1] ?? token)).toBe(false)
  const json: { ok: boolean; checks: readonly Found[]; settings: readonly { name: string; value: string }[] } =
    JSON.parse(text)
  expect(code).toBe(json.ok ? 0 : 1)
  expect(json.checks.map(({ name }) => name).toSorted()).toEqual(httpChecks.toSorted())
  const check = (name: string) => json.checks.find((each) => each.name === name) ?? expect.unreachable(name)
  return { code, json, text, check }
}

const says = (status: Found['status'], found: string, remedy?: string) => ({
  status,
  found: expect.stringContaining(found),
  ...(remedy !== undefined && { remedy: expect.stringContaining(remedy) }),
})

let issuer: TestIssuer
let aifi: Sandbox

beforeAll(async () => {
  issuer = await startIssuer({ publicUrl })
  aifi = await startSandbox()
  return async () => {
    await issuer.close()
    await aifi.close()
  }
})

function complete(): Record<string, string> {
  return {
    AIFI_BASE_URL: aifi.baseUrl,
    AIFI_TOKEN: aifi.token,
    ...issuer.settings,
    AIFI_SECRET_KEY,
  }
}

/** An ID token of Alex, with other claims over those that are right. */
function idToken(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const right = { sub: 'alex', aud: issuer.clientId, nonce: 'n', scope: undefined, groups: ['staff', 'approvers'] }
  return issuer.token({ ...right, ...claims })
}

const accessToken = (claims: Readonly<Record<string, unknown>> = {}) => issuer.token({ sub: 'alex', ...claims })

describe('settings', () => {
  test('all right, without a database: everything is in order, and no secret is shown', async () => {
    const { code, text, json, check } = await examine(complete(), [await accessToken(), await idToken()])
    expect(json.checks.filter(({ status }) => status === 'problem' || status === 'warning')).toEqual([])
    expect(code).toBe(0)
    expect(check('database')).toMatchObject(says('skipped', 'memory of one process'))
    expect(check('record')).toMatchObject(says('skipped', 'doctor --customer'))
    for (const secret of [AIFI_SECRET_KEY, issuer.clientSecret, aifi.token]) expect(text).not.toContain(secret)
    expect(json.settings).toContainEqual({ name: 'AIFI_PUBLIC_URL', from: 'environment', value: publicUrl })
    expect(json.settings.filter(({ name }) => name === 'AIFI_APPROVAL')).toHaveLength(1)
  })

  test.each([
    ['AIFI_SECRET_KEY', '', 'is not set'],
    ['AIFI_SECRET_KEY', 'c2hvcnQ=', 'not one or two keys of 32 bytes'],
    ['AIFI_STORE_URL', 'postgres://u:hidden-word@db.example/aifi', 'no sslmode=verify-full'],
    ['AIFI_STORE_URL', 'postgres://u:hidden-word@db.example/aifi?sslmode=require', 'no sslmode=verify-full'],
    ['AIFI_APPROVER_GROUP', '', 'is not set'],
  ])('%s=%s is a problem that names it', async (name, value, why) => {
    const { check, text } = await examine({ ...complete(), [name]: value })
    expect(check('settings')).toMatchObject(says('problem', why, 'environment of this server'))
    expect(check('settings').found).toContain(name)
    expect(check('issuer').status).toBe('skipped')
    expect(text).not.toContain('hidden-word')
  })

  test('an audit file beside a database is one too', async () => {
    const env = { ...complete(), AIFI_STORE_URL: 'postgres://u@127.0.0.1/x', AIFI_AUDIT_LOG: '/nowhere/audit.jsonl' }
    expect((await examine(env)).check('settings')).toMatchObject(says('problem', 'leave AIFI_AUDIT_LOG out'))
  })
})

describe('the issuer', () => {
  test('that nobody runs, or at another path, or under another name', async () => {
    const away = await examine({ ...complete(), AIFI_OIDC_ISSUER: `http://127.0.0.1:${await freePort()}` })
    expect(away.check('issuer')).toMatchObject(says('problem', 'ECONNREFUSED', 'AIFI_OIDC_ISSUER'))
    // What does not depend on it is checked all the same.
    expect([away.check('client').status, away.check('customers').status]).toEqual(['skipped', 'ok'])
    const path = await examine({ ...complete(), AIFI_OIDC_ISSUER: `${issuer.url}/realms/other` })
    expect(path.check('issuer')).toMatchObject(says('problem', 'no discovery document', 'AIFI_OIDC_ISSUER'))
    const name = await examine({ ...complete(), AIFI_OIDC_ISSUER: issuer.url.replace('127.0.0.1', 'localhost') })
    expect(name.check('issuer')).toMatchObject(says('problem', `calls itself ${issuer.url}`, 'AIFI_OIDC_ISSUER'))
  })

  test('that names no keys, or has none', async () => {
    const empty = await server()
    const metadata = {
      issuer: empty.url,
      authorization_endpoint: `${empty.url}/auth`,
      token_endpoint: `${empty.url}/token`,
    }
    const env = { ...complete(), AIFI_OIDC_ISSUER: empty.url }
    empty.always('GET', fault.answer(200, metadata))
    expect((await examine(env)).check('issuer')).toMatchObject(says('problem', 'jwks_uri'))
    empty.always('GET', ({ path }) =>
      path === '/keys'
        ? fault.answer(200, { keys: [] })
        : fault.answer(200, { ...metadata, jwks_uri: `${empty.url}/keys` }),
    )
    const { check } = await examine(env, [await accessToken()])
    expect(check('issuer_keys')).toMatchObject(says('problem', 'none to check tokens with'))
    expect(check('access_token').status).toBe('skipped')
  })

  test.each([
    ['AIFI_OIDC_CLIENT_ID', 'nobody'],
    ['AIFI_OIDC_CLIENT_SECRET', 'wrong-secret'],
    ['AIFI_OIDC_CLIENT_SECRET', ''],
  ])('that does not take %s=%s', async (name, value) => {
    const { check, text } = await examine({ ...complete(), [name]: value })
    expect(check('client')).toMatchObject(says('problem', 'invalid_client', 'AIFI_OIDC_CLIENT_ID'))
    expect(text).not.toContain('wrong-secret')
  })

  test('that does not know the redirect address', async () => {
    const other = `https://127.0.0.1:${await freePort()}`
    const { check } = await examine({ ...complete(), AIFI_PUBLIC_URL: other })
    expect(check('client').status).toBe('ok')
    expect(check('redirect')).toMatchObject(
      says('problem', `${other}/approvals/callback`, 'redirect addresses of the client'),
    )
  })
})

describe('the public address', () => {
  test('that nobody answers at yet is left out', async () => {
    expect((await examine(complete())).check('public_url')).toMatchObject(
      says('skipped', 'cannot be reached from here'),
    )
  })

  test('that leads here, by a certificate that is trusted, or to a proxy that hands on another Host', async (context) => {
    const authority = createAuthority()
    if (!authority) return context.skip()
    onTestFinished(() => authority.remove())
    const tls = authority.issue(['127.0.0.1'])
    const [here, other] = [await server({ tls }), await server({ tls })]
    here.always('GET', fault.answer(200, { resource: `${here.url}/mcp` }))
    other.always('GET', fault.answer(421))
    const untrusted = await examine({ ...complete(), AIFI_PUBLIC_URL: here.url })
    expect(untrusted.check('public_url')).toMatchObject(says('problem', 'does not trust', 'NODE_EXTRA_CA_CERTS'))
    const outputs = [here, other].map(async ({ url }) => {
      const env = { ...complete(), AIFI_PUBLIC_URL: url, NODE_EXTRA_CA_CERTS: authority.file }
      return (await runToEnd({ args: ['doctor', 'http'], env })).stdout
    })
    expect(await outputs[0]).toMatch(/^ok +Public URL +this server answers at https/m)
    expect(await outputs[1]).toMatch(/^problem +Public URL +what is in front of this server hands on another Host/m)
  })

  test.each([
    [502, {}, 'warning', 'the proxy at 127.0.0.1'],
    [404, {}, 'problem', 'something else answers'],
    [200, { resource: 'https://other.example/mcp' }, 'problem', 'something else answers'],
  ] as const)('where HTTP %i with %j comes', async (status, body, kind, found) => {
    const front = await server()
    front.always('GET', fault.answer(status, body))
    expect(await publicUrlFinding(front.url, { proxy: {}, clock: systemClock })).toMatchObject(says(kind, found))
  })
})

describe('a sample access token', () => {
  test.each([
    ['for another audience', { aud: 'https://other.example/mcp' }, 'aud is https://other.example/mcp', 'AIFI_AUDIENCE'],
    ['for nobody', { aud: undefined }, 'aud is missing', 'AIFI_AUDIENCE'],
    ['of another issuer', { iss: 'https://sts.example/tenant/' }, 'iss is https://sts.example', 'AIFI_OIDC_ISSUER'],
    ['without a scope', { scope: 'openid' }, 'customers.read', 'Define these two'],
    ['without an end', { exp: undefined }, 'does not say when it expires', 'at the issuer'],
  ])('%s', async (_, claims, found, remedy) => {
    const { check } = await examine(complete(), [await accessToken(claims)])
    expect(check('access_token')).toMatchObject(says('problem', found, remedy))
  })

  test('without the person claim, signed by somebody else, or no JWT', async () => {
    const noPerson = await examine({ ...complete(), AIFI_PERSON_CLAIM: 'oid' }, [await accessToken()])
    expect(noPerson.check('access_token')).toMatchObject(says('problem', 'its claim oid (AIFI_PERSON_CLAIM)'))
    const forger = await startIssuer({ publicUrl, ownKey: true })
    onTestFinished(() => forger.close())
    const forged = await examine(complete(), [await forger.token({ iss: issuer.url })])
    expect(forged.check('access_token')).toMatchObject(says('problem', 'by no key of the issuer'))
    const opaque = await examine(complete(), ['2YotnFZFEjr1zCsicMWpAA'])
    expect(opaque.check('access_token')).toMatchObject(says('problem', 'no JWT', 'AIFI_AUDIENCE'))
  })

  test('that is over is a warning, once everything else is right', async () => {
    const over = { exp: Math.floor(Date.now() / 1000) - 600 }
    const { code, check } = await examine(complete(), [await accessToken(over)])
    expect([code, check('access_token')]).toMatchObject([0, says('warning', 'has expired')])
    const both = await examine(complete(), [await accessToken({ ...over, aud: 'x' })])
    expect(both.check('access_token')).toMatchObject(says('problem', 'aud is x'))
  })

  test('may be in the answer of a token endpoint, and of an application', async () => {
    const answer = JSON.stringify({ access_token: await accessToken({ sub: 'the-agent' }), token_type: 'Bearer' })
    const { host, output } = hostWith(complete(), answer, ['--stdin'])
    expect(await run(host)).toBe(0)
    expect(output()).toMatch(/^ok +Access token +would be taken: of application the-agent/m)
  })
})

describe('a sample ID token', () => {
  test.each([
    ['of another client', { aud: 'other-client' }, 'aud is other-client', 'AIFI_OIDC_CLIENT_ID'],
    ['without groups', { groups: undefined }, 'its claim groups (AIFI_APPROVER_CLAIM) is missing', 'into the ID token'],
    ['with them elsewhere', { groups: undefined, roles: ['approvers'] }, 'missing', 'AIFI_APPROVER_CLAIM to roles'],
    ['with one as a text', { groups: 'approvers' }, 'is no list', 'as a list'],
    ['with too many', { _claim_names: { groups: 'src1' } }, 'only a pointer', 'Entra'],
    ['with a path', { groups: ['/staff', '/approvers'] }, 'AIFI_APPROVER_GROUP (approvers)', 'It lists /approvers.'],
    ['with ids', { groups: ['6b6cd1d2-0000-4000-8000-3f1f7a1c2b3d'] }, 'not among them', 'ids, not names'],
    ['without a person', { sub: undefined }, 'its claim sub (AIFI_PERSON_CLAIM)', 'access and ID tokens'],
  ])('%s', async (_, claims, found, remedy) => {
    const { check } = await examine(complete(), [await idToken(claims)])
    expect(check('id_token')).toMatchObject(says('problem', found, remedy))
    expect(check('access_token').status).toBe('skipped')
  })

  test('that names its person otherwise than the access token does: the claims that do not are named', async () => {
    const oid = '6b6cd1d2-0000-4000-8000-3f1f7a1c2b3d'
    const tokens = [await accessToken({ sub: 'pairwise-1', oid }), await idToken({ sub: 'pairwise-2', oid })]
    const wrong = await examine(complete(), tokens)
    expect(wrong.check('person')).toMatchObject(says('problem', 'sub (AIFI_PERSON_CLAIM) differs', 'in both: oid.'))
    expect(wrong.text).not.toContain('pairwise')
    const right = await examine({ ...complete(), AIFI_PERSON_CLAIM: 'oid' }, tokens)
    expect(right.check('person')).toMatchObject(says('ok', 'oid'))
  })
})

describe('the clock', () => {
  test('of this computer, a minute off either way', async () => {
    for (const [ms, found] of [
      [61_000, 'ahead of the issuer'],
      [-61_000, 'behind the issuer'],
    ] as const) {
      const clock = new TestClock()
      clock.advance(ms)
      const { check } = await examine(complete(), [], clock)
      expect(check('clock')).toMatchObject(says('problem', found, 'begin with this computer'))
    }
  })

  test('that agrees, and one that nobody’s can be compared with', async () => {
    expect((await examine(complete())).check('clock')).toMatchObject(says('ok', 'agrees with the issuer'))
    const away = await examine({ ...complete(), AIFI_OIDC_ISSUER: `http://127.0.0.1:${await freePort()}` })
    expect(away.check('clock').status).toBe('skipped')
  })
})

describe('as a process', () => {
  test('tokens on stdin end with the input, and the rest is still checked', async () => {
    const started = startServer({ args: ['doctor', 'http', '--stdin'], env: complete() })
    started.write(`${await accessToken()}\n${await idToken()}\n`)
    started.child.stdin?.end()
    expect(await started.ended).toEqual({ code: 0, signal: null })
    const text = started.stdout.toString()
    expect(text).toMatch(/^ok +One person/m)
    expect(text).toMatch(/^ok +Customers/m)
    expect(text).toContain('Everything is in order.')
  })
})

await describeWithPostgres('the database', (postgres) => {
  const withStore = (url: string) => ({ ...complete(), AIFI_STORE_URL: url })
  const at = (change: (url: URL) => void) => {
    const url = new URL(postgres().url)
    change(url)
    return withStore(url.href)
  }

  test('as it should be, with a clock that agrees', async () => {
    const { code, check } = await examine(withStore(postgres().url))
    expect(code).toBe(0)
    expect(check('database')).toMatchObject(says('ok', 'without TLS on this machine'))
    expect(check('tables')).toMatchObject(says('ok', 'at step'))
    expect(check('audit')).toMatchObject(says('ok', 'in the database'))
    expect(check('clock')).toMatchObject(says('ok', 'agrees with the issuer and the database'))
  })

  test('away, without TLS, of another name, or closed to its user', async () => {
    const port = String(await freePort())
    const faults: [Env, string, string][] = [
      [at((url) => (url.port = port)), 'cannot be reached (ECONNREFUSED)', 'AIFI_STORE_URL'],
      [at((url) => url.searchParams.set('sslmode', 'verify-full')), 'offers no TLS', 'ssl=on'],
      [at((url) => (url.pathname = '/nowhere')), 'has no database of the name', 'create database'],
      [at((url) => (url.username = 'stranger')), 'lets nobody in', 'pg_hba.conf'],
    ]
    for (const [env, found, remedy] of faults) {
      const { check } = await examine(env)
      expect(check('database')).toMatchObject(says('problem', found, remedy))
      expect(check('tables').status).toBe('skipped')
      expect(check('customers').status).toBe('ok')
    }
  })

  test('without its tables, with newer ones, or with a user who may not make them', async () => {
    await postgres().query('create database fresh')
    await postgres().query('create role reader login')
    const fresh = at((url) => (url.pathname = '/fresh'))
    expect((await examine(fresh)).check('tables')).toMatchObject(says('warning', 'a migration is missing', 'replica'))
    const reader = at((url) => {
      url.pathname = '/fresh'
      url.username = 'reader'
    })
    expect((await examine(reader)).check('tables')).toMatchObject(says('problem', 'may not make them', 'Grant'))
    const other = at((url) => (url.username = 'reader'))
    expect((await examine(other)).check('tables')).toMatchObject(says('problem', 'cannot be read (42501)', 'grant'))
    await postgres().query('insert into aifi_migration (version) values (999)')
    onTestFinished(async () => void (await postgres().query('delete from aifi_migration where version = 999')))
    expect((await examine(withStore(postgres().url))).check('tables')).toMatchObject(says('warning', 'newer'))
  })

  test('too old, or only to be read', async () => {
    const old = withStore(await asOldServer(postgres()))
    expect((await examine(old)).check('database')).toMatchObject(says('problem', '14.12', 'Upgrade'))
    await postgres().query('create role standby login')
    await postgres().query('alter role standby set default_transaction_read_only = on')
    const standby = at((url) => (url.username = 'standby'))
    expect((await examine(standby)).check('database')).toMatchObject(says('problem', 'may only be read', 'primary'))
  })

  test('tells whose clock is wrong', async () => {
    const clock = new TestClock()
    clock.advance(61_000)
    const here = await examine(withStore(postgres().url), [], clock)
    expect(here.check('clock')).toMatchObject(says('problem', 'ahead of the database', 'begin with this computer'))
    const fast = await startIssuer({ publicUrl, aheadMs: 61_000 })
    onTestFinished(() => fast.close())
    const there = await examine({ ...withStore(postgres().url), AIFI_OIDC_ISSUER: fast.url })
    expect(there.check('clock')).toMatchObject(says('problem', 's behind the issuer', 'begin with the issuer'))
  })
})
