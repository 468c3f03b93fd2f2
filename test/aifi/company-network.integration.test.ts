import { networkInterfaces } from 'node:os'
import * as nodeTls from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import {
  AUTHORITY,
  type Authority,
  aifiServer,
  companyProxy,
  createAuthority,
  portOf,
  server,
} from '../helpers/company-network.ts'
import { fault } from '../helpers/fault.ts'
import type { Certificate, FaultServer } from '../helpers/fault-server.ts'
import { runToEnd, startServer } from '../helpers/process.ts'
import { runHere } from '../helpers/run-here.ts'

const PASSWORD = 'c4nary p@ss'
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
const loopback6 = { subject: {}, subjectaltname: 'IP Address:0:0:0:0:0:0:0:1' }
const checksIpv6 = Reflect.apply(nodeTls.checkServerIdentity, undefined, ['::1', loopback6]) === undefined
const authority = createAuthority()
let certificate: Certificate
let trusted: Readonly<Record<string, string>>

beforeAll(() => {
  certificate = ca().issue(['aifi.test', 'auth.test', 'localhost', '127.0.0.1', '::1'])
  trusted = { NODE_EXTRA_CA_CERTS: ca().file }
})
afterAll(() => authority?.remove())

function ca(): Authority {
  if (!authority) throw new Error('no openssl')
  return authority
}

type Env = Readonly<Record<string, string>>

/** What a change of customer 4211 comes to in a process of its own, and everything that the process wrote. */
async function changeIn(env: Env, before?: string): Promise<{ result: JsonObject; output: string }> {
  const started = startServer({ env: { AIFI_READ_BACK: 'off', ...env }, ...(before && { before }) })
  await started.initialize()
  const result = await started.result(started.call('update_customer', { customerId: 4211, firstName: 'Janet' }))
  started.child.stdin?.end()
  await started.ended
  return { result, output: started.stdout.toString() + started.stderr }
}

/** The checks of `doctor` by name, and its exit code; in a process of its own where Node is told something at its start. */
async function doctorIn(given: Env) {
  const args = ['doctor', '--json', '--customer', '4211']
  const env = { AIFI_APPROVAL: 'form', ...given }
  const isForNode = Object.keys(given).some((name) => /^(NODE|SSL)_/.test(name))
  const { code, stdout, stderr } = await (isForNode ? runToEnd({ args, env }) : runHere(args, env))
  const report: { checks: { name: string; status: string; found: string; remedy?: string }[] } = JSON.parse(stdout)
  return {
    code,
    output: stdout + stderr,
    checks: Object.fromEntries(report.checks.map((check) => [check.name, check])),
  }
}

const token = (aifi: { url: string } | string): Env => ({
  AIFI_BASE_URL: typeof aifi === 'string' ? aifi : aifi.url,
  AIFI_TOKEN: 'token',
})
const application = (aifi: { url: string } | string, tokenUrl: string): Env => ({
  AIFI_BASE_URL: typeof aifi === 'string' ? aifi : aifi.url,
  AIFI_CLIENT_ID: 'app',
  AIFI_CLIENT_SECRET: 'app-secret',
  AIFI_TOKEN_URL: tokenUrl,
})
const updated = { status: 'updated', http: { status: 200 } }

describe.skipIf(!authority)('a certificate of the authority of a company', () => {
  test('is refused without that authority, before anything is sent, and the answer says what to do', async () => {
    const aifi = await aifiServer(certificate)
    const [{ result }, { code, checks }] = await Promise.all([changeIn(token(aifi)), doctorIn(token(aifi))])
    expect(result).toMatchObject({ status: 'failed', message: expect.stringContaining('NODE_EXTRA_CA_CERTS') })
    expect(code).toBe(1)
    expect(checks.address).toMatchObject({ status: 'ok' })
    expect(checks.tls).toMatchObject({
      status: 'problem',
      found: expect.stringContaining(`“${AUTHORITY}” (Example Corp)`),
    })
    expect(checks.tls?.remedy).toContain('NODE_EXTRA_CA_CERTS')
    for (const name of ['customers', 'record']) expect(checks[name]?.status).toBe('skipped')
    expect(aifi.received()).toEqual([])
  })

  test('is accepted with NODE_EXTRA_CA_CERTS', async () => {
    const aifi = await aifiServer(certificate)
    const env = { ...token(aifi), ...trusted }
    const [{ result }, { code, checks }] = await Promise.all([changeIn(env), doctorIn(env)])
    expect(result).toMatchObject(updated)
    expect(code).toBe(0)
    expect(checks.certificates).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('1 from NODE_EXTRA_CA_CERTS'),
    })
    expect(checks.tls).toMatchObject({ status: 'ok', found: expect.stringContaining(AUTHORITY) })
    expect(checks.customers).toMatchObject({ status: 'ok' })
    // To look at a certificate, nothing is sent.
    const methods = [...aifi.received(), ...aifi.partial()].map(({ method }) => method)
    expect(methods.toSorted()).toEqual(['GET', 'GET', 'PATCH'])
  })

  test('is refused and accepted in the same way at the token endpoint', async () => {
    const aifi = await aifiServer()
    const auth = await aifiServer(certificate)
    const env = application(aifi, `${auth.url}/token`)
    const [{ result }, refused] = await Promise.all([changeIn(env), doctorIn(env)])
    expect(result).toMatchObject({ status: 'failed', message: expect.stringContaining('NODE_EXTRA_CA_CERTS') })
    expect(refused.checks.token).toMatchObject({ status: 'problem', found: expect.stringContaining(AUTHORITY) })
    expect([...auth.received(), ...aifi.received()]).toEqual([])
    const trusting = { ...env, ...trusted }
    const [change, { checks }] = await Promise.all([changeIn(trusting), doctorIn(trusting)])
    expect(change.result).toMatchObject(updated)
    expect(aifi.received('PATCH')[0]?.headers.authorization).toBe('Bearer fetched')
    expect(checks.token).toMatchObject({ status: 'ok' })
  })

  test('of another host is refused for that, although the authority is known', async () => {
    const aifi = await aifiServer(ca().issue(['elsewhere.test']))
    const env = { ...token(aifi), ...trusted }
    const [{ result }, { checks }] = await Promise.all([changeIn(env), doctorIn(env)])
    expect(result).toMatchObject({ status: 'failed' })
    expect(checks.tls).toMatchObject({ status: 'problem', found: expect.stringContaining('elsewhere.test') })
    expect(aifi.received()).toEqual([])
  })

  test('is accepted when the system knows the authority, with the remedy that doctor names for this Node', async ({
    skip,
  }) => {
    skip(process.platform !== 'linux', 'the store of this system cannot be set from here')
    skip(!('getCACertificates' in nodeTls), 'this Node cannot take the certificates of the system')
    const aifi = await aifiServer(certificate)
    // On Linux, the system's store is where OpenSSL looks.
    const system = { SSL_CERT_FILE: ca().file }
    const { checks } = await doctorIn({ ...token(aifi), ...system })
    const option = /set (NODE_OPTIONS)=(--use-system-ca)/.exec(checks.tls?.remedy ?? '')
    expect(option).not.toBeNull()
    const followed = { ...token(aifi), ...system, [option?.[1] ?? '']: option?.[2] ?? '' }
    expect((await changeIn(followed)).result).toMatchObject(updated)
  })

  test('that is not accepted is no reason for NODE_TLS_REJECT_UNAUTHORIZED=0: nothing is sent then', async () => {
    const aifi = await aifiServer(certificate)
    const env = { ...token(aifi), NODE_TLS_REJECT_UNAUTHORIZED: '0' }
    expect(await runToEnd({ env })).toMatchObject({ code: 1, stdout: '' })
    expect((await doctorIn(env)).checks.settings).toMatchObject({ status: 'problem' })
    expect(aifi.received()).toEqual([])
  })
})

describe.skipIf(!authority)('a proxy', () => {
  /** A network in which the names of AiFi are known to the proxy only. */
  async function network(): Promise<{ aifi: FaultServer; auth: FaultServer; proxy: FaultServer; env: Env }> {
    const aifi = await aifiServer(certificate)
    const auth = await aifiServer(certificate)
    const proxy = await companyProxy({ 'aifi.test:443': aifi, 'auth.test:8443': auth })
    const env = {
      ...application('https://aifi.test', 'https://auth.test:8443/token'),
      ...trusted,
      HTTPS_PROXY: proxy.url,
    }
    return { aifi, auth, proxy, env }
  }
  const withLogin = (url: string) => url.replace('://', `://user:${encodeURIComponent(PASSWORD)}@`)
  const asked = (proxy: FaultServer) => [...proxy.partial('CONNECT'), ...proxy.received('CONNECT')]

  test('leads to AiFi and to the token endpoint', async () => {
    const { aifi, auth, proxy, env } = await network()
    expect((await changeIn(env)).result).toMatchObject(updated)
    expect(
      asked(proxy)
        .map(({ path }) => path)
        .toSorted(),
    ).toEqual(['aifi.test:443', 'auth.test:8443'])
    expect([aifi.received('PATCH').length, auth.received('POST').length]).toEqual([1, 1])
    const { code, checks } = await doctorIn(env)
    expect(code).toBe(0)
    expect(checks.proxy?.found).toContain(`http://127.0.0.1:${portOf(proxy)}`)
    expect(checks.address).toMatchObject({ status: 'ok', found: expect.stringContaining('aifi.test:443') })
    for (const name of ['tls', 'token', 'customers', 'record'])
      expect(checks[name], name).toMatchObject({ status: 'ok' })
  })

  test('that inspects TLS is not trusted without its authority, and doctor names it', async () => {
    const { aifi, auth, proxy, env } = await network()
    const { NODE_EXTRA_CA_CERTS: _, ...untrusting } = env
    expect((await changeIn(untrusting)).result).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    })
    const [byApplication, byToken] = await Promise.all([
      doctorIn(untrusting),
      doctorIn({ ...token('https://aifi.test'), HTTPS_PROXY: proxy.url }),
    ])
    expect(byApplication.checks.token).toMatchObject({ status: 'problem', found: expect.stringContaining(AUTHORITY) })
    expect(byToken.checks.tls).toMatchObject({ status: 'problem', found: expect.stringContaining(AUTHORITY) })
    expect([...aifi.received(), ...auth.received()]).toEqual([])
  })

  test('gets the user name and password of its address, which appear nowhere', async () => {
    const { proxy, env } = await network()
    const login = { ...env, HTTPS_PROXY: withLogin(proxy.url), LOG_LEVEL: 'trace' }
    const [{ result, output }, diagnosis] = await Promise.all([changeIn(login), doctorIn(login)])
    expect(result).toMatchObject(updated)
    expect(diagnosis.code).toBe(0)
    expect(asked(proxy).length).toBeGreaterThan(2)
    for (const { headers } of asked(proxy))
      expect(headers['proxy-authorization']).toBe(`Basic ${btoa(`user:${PASSWORD}`)}`)
    expectNoPassword(output + diagnosis.output)
  })

  test.each([
    [403, 'allow CONNECT to aifi.test:443'],
    [407, 'http://user:password@host:port'],
    [502, 'NO_PROXY'],
  ])('that refuses with %i is named with the status, and not with its password', async (status, remedy) => {
    const { aifi, auth, proxy } = await network()
    proxy.always('CONNECT', fault.answer(status, 'a page of words', { 'proxy-authenticate': 'Basic realm="x"' }))
    const login = { ...token('https://aifi.test'), HTTPS_PROXY: withLogin(proxy.url), LOG_LEVEL: 'trace' }
    const [{ result, output }, diagnosis] = await Promise.all([changeIn(login), doctorIn(login)])
    expect(result).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(new RegExp(`proxy.* HTTP ${status}`)),
    })
    expect(diagnosis.code).toBe(1)
    const found = expect.stringContaining(`HTTP ${status}`)
    expect(diagnosis.checks.proxy).toMatchObject({
      status: 'problem',
      found,
      remedy: expect.stringContaining(remedy),
    })
    expectNoPassword(output + diagnosis.output)
    expect([...aifi.received(), ...auth.received()]).toEqual([])
  })

  test('that is not there is named, and nothing goes around it', async () => {
    const gone = await server()
    await gone.close()
    const aifi = await aifiServer(certificate)
    const env = { ...token(`https://aifi.test:${portOf(aifi)}`), ...trusted, HTTPS_PROXY: withLogin(gone.url) }
    const { result, output } = await changeIn(env, resolving('aifi.test'))
    expect(result).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('proxy could not be used (ECONNREFUSED)'),
    })
    const diagnosis = await doctorIn(env)
    expect(diagnosis.checks.proxy).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('ECONNREFUSED'),
    })
    expectNoPassword(output + diagnosis.output)
    expect(aifi.connections().accepted).toBe(0)
  })

  test.for([
    ['a name', 'localhost'],
    ['an IPv4 address', '127.0.0.1'],
    ['an IPv6 address', '[::1]'],
  ])('that speaks TLS itself, at %s, has to be trusted as well', async ([, host = ''], { skip }) => {
    if (host === '[::1]') {
      skip(!hasIpv6, 'no IPv6 on this machine')
      skip(!checksIpv6, 'this Node does not know an IPv6 address again in a certificate (nodejs/node#64144)')
    }
    const aifi = await aifiServer(certificate)
    const proxy = await companyProxy({ 'aifi.test:443': aifi }, certificate, host)
    const env = { ...token('https://aifi.test'), HTTPS_PROXY: withLogin(proxy.url) }
    const change = await changeIn(env)
    expect(change.result).toMatchObject({ status: 'failed', message: expect.stringContaining('proxy') })
    const refused = await doctorIn(env)
    expect(refused.checks.proxy).toMatchObject({
      status: 'problem',
      remedy: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    })
    expect(proxy.partial('CONNECT')).toEqual([])
    const trusting = await changeIn({ ...env, ...trusted })
    expect(trusting.result).toMatchObject(updated)
    expect((await doctorIn({ ...env, ...trusted })).code).toBe(0)
    expect(change.output + trusting.output).not.toContain('Warning')
  })

  test.each(['other.example, .test', '*'])('is left out where NO_PROXY is "%s"', async (noProxy) => {
    const aifi = await aifiServer(certificate)
    const proxy = await companyProxy({})
    const env = {
      ...token(`https://aifi.test:${portOf(aifi)}`),
      ...trusted,
      HTTPS_PROXY: withLogin(proxy.url),
      NO_PROXY: noProxy,
    }
    expect((await changeIn(env, resolving('aifi.test'))).result).toMatchObject(updated)
    expect(proxy.connections().accepted).toBe(0)
  })
})

/** Text of a module that makes a host name known to the process. */
function resolving(host: string): string {
  return `import dns from 'node:dns'
    import { syncBuiltinESMExports } from 'node:module'
    const { lookup } = dns
    dns.lookup = (name, options, done) => lookup(name === ${JSON.stringify(host)} ? '127.0.0.1' : name, options, done)
    syncBuiltinESMExports()`
}

function expectNoPassword(output: string): void {
  for (const form of [PASSWORD, encodeURIComponent(PASSWORD), btoa(`user:${PASSWORD}`), 'c4nary']) {
    expect(output).not.toContain(form)
  }
}
