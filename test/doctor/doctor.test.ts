import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { run } from '../../src/cli/command-line.ts'
import { settings } from '../../src/config/settings.ts'
import { doctorCommand } from '../../src/doctor/doctor.ts'
import { Report, stdioChecks, titles } from '../../src/doctor/report.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { server } from '../helpers/company-network.ts'
import { type Fault, fault } from '../helpers/fault.ts'
import type { FaultServer } from '../helpers/fault-server.ts'
import { runToEnd, script, temporaryFolder } from '../helpers/process.ts'
import { processWith } from '../helpers/process-io.ts'
import { TestClock } from '../helpers/test-clock.ts'

const CANARY = 'c4nary-Sup3rSecret'
const isWindows = process.platform === 'win32'
const isRoot = process.getuid?.() === 0

type Env = Readonly<Record<string, string>>
interface Found {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped'
  readonly found: string
  readonly remedy?: string
}
interface Json {
  readonly ok: boolean
  readonly version: string
  readonly checks: readonly Found[]
  readonly settings: readonly { name: string; from: string; value: string }[]
}

/** On a machine with a screen. */
function hostWith(env: Env, args: readonly string[], stop?: AbortSignal) {
  const { io, out, err } = processWith({ args, env: { DISPLAY: ':0', ...env }, ...(stop && { stop }) })
  return { host: io, output: () => out() + err() }
}

/** What `doctor` prints for people. */
async function lines(env: Env, ...args: string[]) {
  const { host, output } = hostWith(env, ['doctor', ...args])
  const code = await run(host)
  return { code, text: output() }
}

/** What it finds, by name of the check. */
async function examine(env: Env, ...args: string[]) {
  const { code, text } = await lines(env, '--json', ...args)
  const json: Json = JSON.parse(text)
  expect(code).toBe(json.ok ? 0 : 1)
  expect(json.ok).toBe(json.checks.every(({ status }) => status !== 'problem'))
  for (const check of json.checks) {
    expect('remedy' in check, check.name).toBe(check.status === 'warning' || check.status === 'problem')
  }
  const check = (name: keyof typeof titles): Found => {
    const found = json.checks.find((each) => each.name === name)
    if (!found) throw new Error(`no check ${name}`)
    return found
  }
  return { code, json, text, check }
}

const access = (aifi: { url: string }): Env => ({ AIFI_BASE_URL: aifi.url, AIFI_TOKEN: CANARY })
const application = (aifi: { url: string }): Env => ({
  AIFI_BASE_URL: aifi.url,
  AIFI_CLIENT_ID: 'app',
  AIFI_CLIENT_SECRET: CANARY,
  AIFI_TOKEN_URL: `${aifi.url}/token`,
})

/** An AiFi with nothing wrong, but for what `list` and `record` say. */
async function aifi({
  list,
  record,
  token,
}: {
  list?: Fault
  record?: Fault
  token?: Fault
} = {}): Promise<FaultServer> {
  const started = await server()
  started.always('GET', ({ path }) => {
    return path.includes('?')
      ? (list ?? fault.answer(200, []))
      : (record ?? fault.answer(200, { id: 4211, email: 'x' }))
  })
  started.always('POST', token ?? fault.answer(200, { access_token: 't', token_type: 'Bearer', expires_in: 300 }))
  return started
}

const jwt = (claims: object) =>
  ['{"alg":"none"}', JSON.stringify(claims), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.')

describe('doctor --sandbox', () => {
  test('finds everything in order, in one line for each check', async () => {
    const { code, text } = await lines({}, '--sandbox')
    expect(code).toBe(0)
    for (const title of stdioChecks.map((name) => titles[name]))
      expect(text).toMatch(new RegExp(`^(ok|skipped) +${title} {2,}\\S.*$`, 'm'))
    expect(text).toMatch(/^Everything is in order\.$/m)
    expect(text).toContain('customer 4211 can be read')
    expect(text).not.toMatch(/^(problem|warning)/m)
    expect(text).not.toContain('\u001b')
  })

  test('says the same to scripts, under keys that stay', async () => {
    const { code, json, check } = await examine({}, '--sandbox')
    expect(code).toBe(0)
    expect(Object.keys(json)).toEqual(['ok', 'version', 'checks', 'settings'])
    const names = ['node', 'settings', 'certificates', 'proxy', 'token', 'address', 'tls', 'customers', 'record']
    expect(json.checks.map(({ name }) => name)).toEqual([...names, 'browser', 'approval_page', 'audit'])
    expect(check('node').found).toContain(process.versions.node)
  })

  test('tells when the stand-in refuses to read one customer', async () => {
    const { code, check } = await examine({}, '--sandbox', '--no-get')
    expect(code).toBe(0)
    expect(check('record')).toMatchObject({ status: 'warning', found: expect.stringContaining('404') })
  })

  test('runs in the built program, and leaves nothing in the way of its end', async () => {
    const { code, stdout, stderr } = await runToEnd({ args: ['doctor', '--sandbox'], env: { AIFI_APPROVAL: 'form' } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Everything is in order.')
  })
})

describe('what leaves the machine', () => {
  test('is a request for a token, a search that can match nobody, and the reading of one customer', async () => {
    const requests: string[] = []
    const onRequest = ({ method, path }: { method: string; path: string }) => void requests.push(`${method} ${path}`)
    const sandbox = await startSandbox({ onRequest })
    onTestFinished(() => sandbox.close())
    const { baseUrl, clientId, clientSecret, tokenUrl } = sandbox
    const env = {
      AIFI_BASE_URL: baseUrl,
      AIFI_CLIENT_ID: clientId,
      AIFI_CLIENT_SECRET: clientSecret,
      AIFI_TOKEN_URL: tokenUrl,
      AIFI_AUDIT_LOG: join(temporaryFolder(), 'audit.jsonl'),
    }
    expect((await examine(env, '--customer', '77')).code).toBe(0)
    expect(requests).toEqual([
      `POST ${new URL(tokenUrl).pathname}`,
      expect.stringMatching(/^GET \/api\/admin\/v2\/customers\?externalId=no-customer-[0-9a-f-]{36}$/),
      'GET /api/admin/v2/customers/77',
    ])
  })

  test('is nothing at all without an address', async () => {
    const { code, check } = await examine({ AIFI_TOKEN: CANARY })
    expect(code).toBe(1)
    expect(check('settings')).toMatchObject({ status: 'problem', found: expect.stringContaining('AIFI_BASE_URL') })
    for (const name of ['address', 'customers', 'record', 'audit'] as const) expect(check(name).status).toBe('skipped')
    expect((await lines({ AIFI_TOKEN: CANARY })).text).toContain('Not checked because of that: Proxy, Token, Address')
  })

  test.each([fault.answer(500), fault.answer(401), fault.redirect(307, '/elsewhere')])(
    'is no change, whatever the answers are (%#)',
    async (answer) => {
      const upstream = await aifi({ list: answer, record: answer })
      await examine(application(upstream))
      const methods = new Set(
        [...upstream.received(), ...upstream.partial()].map(({ method, path }) => `${method} ${path.split('?')[0]}`),
      )
      expect([...methods].toSorted()).toEqual(['GET /api/admin/v2/customers', 'POST /token'])
    },
  )
})

describe('settings', () => {
  const originOf = ({ json }: { json: Json }, name: string) => json.settings.find((row) => row.name === name)

  test('are shown with where each comes from, and secrets only as set', async () => {
    const upstream = await aifi()
    const file = join(temporaryFolder(), 'token')
    writeFileSync(file, CANARY)
    const found = await examine({ AIFI_BASE_URL: upstream.url, AIFI_TOKEN_FILE: file, AIFI_TIMEOUT_MS: '9000' })
    expect(found.code).toBe(0)
    expect(found.json.settings.map(({ name }) => name)).toEqual(settings.map(({ name }) => name))
    const row = (name: string) => originOf(found, name)
    expect(row('AIFI_BASE_URL')).toEqual({ name: 'AIFI_BASE_URL', from: 'environment', value: upstream.url })
    expect(row('AIFI_TOKEN')).toEqual({ name: 'AIFI_TOKEN', from: 'file', value: 'not shown' })
    expect(row('AIFI_TOKEN_FILE')).toEqual({ name: 'AIFI_TOKEN_FILE', from: 'environment', value: file })
    expect(row('AIFI_TIMEOUT_MS')).toEqual({ name: 'AIFI_TIMEOUT_MS', from: 'environment', value: '9000' })
    expect(row('AIFI_APPROVAL')).toEqual({ name: 'AIFI_APPROVAL', from: 'default', value: 'auto' })
    expect(upstream.received('GET')[0]?.headers.authorization).toBe(`Bearer ${CANARY}`)
    const { text } = await lines({ AIFI_BASE_URL: upstream.url, AIFI_TOKEN_FILE: file })
    expect(text).toMatch(/AIFI_TOKEN +not shown \(file\)/)
  })

  test('that are wrong are all named, and nothing is sent', async () => {
    const upstream = await aifi()
    const env = { ...access(upstream), AIFI_APPROVAL: 'never', AIFI_TIMEOUT_MS: 'soon', AIFI_APROVAL_PORT: '1' }
    const { code, check } = await examine(env)
    expect(code).toBe(1)
    for (const name of ['AIFI_APPROVAL ', 'AIFI_TIMEOUT_MS', 'AIFI_APROVAL_PORT'])
      expect(check('settings').found).toContain(name)
    expect(upstream.connections().accepted).toBe(0)
  })

  test('that name a file show the path that was tried, and nothing of a secret that is no path', async () => {
    const upstream = await aifi()
    const valueIn = async (path: string) => {
      const found = await examine({ AIFI_BASE_URL: upstream.url, AIFI_TOKEN_FILE: path })
      expect(found.check('settings')).toMatchObject({ status: 'problem', found: expect.stringContaining('ENOENT') })
      expect(originOf(found, 'AIFI_TOKEN')?.value).toBe('none: the file cannot be read (ENOENT)')
      return originOf(found, 'AIFI_TOKEN_FILE')?.value
    }
    const path = join(temporaryFolder(), 'none')
    expect(await valueIn(path)).toBe(path)
    const folder = temporaryFolder()
    expect(await valueIn(join(folder, 'none', CANARY))).toBe(`${folder}: what follows is not there`)
    for (const secret of [CANARY, `/${CANARY}`, `/none/${CANARY}`]) expect(await valueIn(secret)).toBe('set, not shown')
  })

  test('without effect are a warning, as is approval by nobody', async () => {
    const upstream = await aifi()
    const env = { ...access(upstream), AIFI_COLOUR: 'red', AIFI_APPROVAL: 'dangerously-skip' }
    const { code, check } = await examine(env, '--customer', '4211')
    expect(code).toBe(0)
    const { status, found } = check('settings')
    expect(status).toBe('warning')
    for (const name of ['AIFI_COLOUR', 'dangerously-skip']) expect(found).toContain(name)
    expect((await lines(env)).text).toContain('It works, with')
  })

  test.skipIf(isWindows)('may name a pipe, which is read once', async () => {
    const upstream = await aifi()
    const pipe = join(temporaryFolder(), 'pipe')
    execFileSync('mkfifo', [pipe])
    spawn('sh', ['-c', `printf ${CANARY} > "$0"`, pipe])
    expect((await examine({ AIFI_BASE_URL: upstream.url, AIFI_TOKEN_FILE: pipe })).code).toBe(0)
    expect(upstream.received('GET')[0]?.headers.authorization).toBe(`Bearer ${CANARY}`)
  })

  test('never show a secret, wherever it was put by mistake', async () => {
    const upstream = await aifi()
    for (const { name } of settings) {
      // Names of fields are repeated where they are wrong.
      if (name === 'AIFI_APPROVAL_FIELDS') continue
      const env = { ...access(upstream), AIFI_TOKEN: '', AIFI_TOKEN_FILE: '', [name]: CANARY }
      const { text } = await lines(env)
      expect(text, name).toContain('Settings')
      expect(text + (await lines(env, '--json')).text, name).not.toContain(CANARY.slice(0, 6))
    }
  })

  test('never show a secret that is where it belongs, whatever becomes of it', async () => {
    const echo = fault.answerWith(({ headers, body }) => ({
      status: 400,
      body: { message: `${headers.authorization} ${body}`, error: CANARY },
    }))
    const upstream = await aifi({ list: echo, record: echo, token: echo })
    const proxy = { HTTPS_PROXY: `http://user:${CANARY}@127.0.0.1:9`, HTTP_PROXY: `http://user:${CANARY}@127.0.0.1:9` }
    for (const env of [
      access(upstream),
      { ...application(upstream), AIFI_TOKEN_PARAMS: `audience=${CANARY}` },
      { ...access({ url: 'https://aifi.invalid' }), ...proxy },
      { ...access(upstream), HTTPS_PROXY: `nonsense://${CANARY}` },
    ]) {
      const output = (await lines(env)).text + (await lines(env, '--json')).text
      expect(output).toContain('problem')
      expect(output).not.toContain(CANARY.slice(0, 6))
    }
  })
})

describe('what AiFi answers to the search', () => {
  test.each([
    [401, 'access token has ended'],
    [403, 'given the right'],
    [404, 'AIFI_BASE_URL'],
    [422, 'report it'],
    [429, 'Wait a minute'],
    [500, 'in a minute'],
    [503, 'in a minute'],
  ])('%i is a problem, with the remedy "%s"', async (status, words) => {
    const upstream = await aifi({ list: fault.answer(status) })
    const { code, check } = await examine(access(upstream))
    expect(code).toBe(1)
    expect(check('customers')).toMatchObject({
      status: 'problem',
      found: expect.stringContaining(`HTTP ${status}`),
      remedy: expect.stringContaining(words),
    })
    for (const name of ['token', 'address'] as const) expect(check(name).status).toBe('ok')
    expect(check('record').status).toBe('skipped')
  })

  test.each([
    ['a redirect', fault.redirect(302, 'https://sign-in.example')],
    ['a page of HTML', fault.answer(200, '<html>sign in</html>')],
    ['something else in JSON', fault.answer(200, { items: [] })],
  ])('%s is a problem', async (_, list) => {
    const { check } = await examine(access(await aifi({ list })))
    expect(check('customers')).toMatchObject({ status: 'problem', remedy: expect.stringContaining('sign-in page') })
  })

  test.each([
    ['customers', fault.answer(200, [{ id: 1, email: 'jane@example.com' }])],
    [
      'all customers',
      fault.answer(
        200,
        Array.from({ length: 5_000 }, (_, id) => ({ id, email: 'jane@example.com' })),
      ),
    ],
    ['no end of them', fault.endlessBody()],
  ])('%s, although none can match, are a warning, and none of them is shown', async (_, list) => {
    const { code, check, text } = await examine(access(await aifi({ list })))
    expect(code).toBe(0)
    expect(check('customers')).toMatchObject({ status: 'warning', found: expect.stringContaining('filter') })
    expect(text).not.toContain('jane')
  })

  test('an address where nobody is is a problem, and what needs it says so', async () => {
    const gone = await server()
    await gone.close()
    const { code, check } = await examine(access(gone))
    expect(code).toBe(1)
    expect(check('address')).toMatchObject({ status: 'problem', found: expect.stringContaining('ECONNREFUSED') })
    expect(check('customers').status).toBe('skipped')
    expect(check('token').status).toBe('ok')
  })

  test('a name that nobody knows is a problem of its own', async () => {
    const { check } = await examine({ AIFI_BASE_URL: `https://${randomUUID()}.invalid`, AIFI_TOKEN: CANARY })
    expect(check('address')).toMatchObject({ status: 'problem', found: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) })
  })

  test('plain HTTP where https is wanted is a problem with TLS', async () => {
    const upstream = await server()
    upstream.nextConnection('plain', 'plain')
    const { check } = await examine(access({ url: upstream.url.replace('http:', 'https:') }))
    expect(check('tls')).toMatchObject({ status: 'problem', found: expect.stringMatching(/secure connection/i) })
  })
})

describe('whether one customer can be read', () => {
  const e404 = fault.answer(404, { message: 'Customer not found', type: 'E_NOT_FOUND' })

  test('is not looked at unless a customer is named', async () => {
    const upstream = await aifi()
    expect((await examine(access(upstream))).check('record')).toMatchObject({
      status: 'skipped',
      found: expect.stringContaining('--customer'),
    })
    expect(upstream.received('GET')).toHaveLength(1)
  })

  test.each([
    ['a 405', fault.answer(405), 'does not offer'],
    ['a 501', fault.answer(501), 'does not offer'],
    ['a 403', fault.answer(403), 'HTTP 403'],
    ['an error', fault.answer(500), 'HTTP 500'],
  ])('is, after %s, a warning: everything works without', async (_, record, words) => {
    const { code, check } = await examine(access(await aifi({ record })), '--customer', '4211')
    expect(code).toBe(0)
    expect(check('record')).toMatchObject({ status: 'warning', found: expect.stringContaining(words) })
  })

  test('is told by a customer that exists, without anything of the record', async () => {
    const upstream = await aifi({ record: fault.answer(200, { id: 4211, email: 'jane@example.com', blocked: true }) })
    const { check, text } = await examine(access(upstream), '--customer', '4211')
    expect(check('record')).toMatchObject({
      status: 'ok',
      found: expect.stringMatching(/4211 can be read; .*firstName/),
    })
    expect(check('record').found).not.toContain('blocked')
    expect(text).not.toContain('jane')
  })

  test('is not told by one that is not there, or by the record of another', async () => {
    const missing = await examine(access(await aifi({ record: e404 })), '--customer', '4211')
    expect(missing.check('record').found).toContain('there is none, or')
    const other = await examine(access(await aifi({ record: fault.answer(200, { id: 1 }) })), '--customer', '4211')
    expect(other.check('record')).toMatchObject({ status: 'warning', found: expect.stringContaining('another') })
  })
})

describe('the token', () => {
  const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * 86_400

  test.each([
    ['long from now', jwt({ exp: inDays(90.5) }), 'ok', /ends at 2.* UTC$/],
    ['soon', jwt({ exp: inDays(2.5) }), 'warning', /ends at 2.* UTC$/],
    ['yesterday', jwt({ exp: inDays(-1) }), 'problem', /^ended at/],
    ['at no time', jwt({ iat: 1 }), 'ok', /does not say/],
    ['at no time that is one', jwt({ exp: 1e300 }), 'ok', /does not say/],
    ['nobody knows when', CANARY, 'ok', /does not say/],
  ] as const)('that is given and ends %s', async (_, token, status, words) => {
    const { check, text } = await examine({ ...access(await aifi()), AIFI_TOKEN: token })
    expect(check('token')).toMatchObject({ status, found: expect.stringMatching(words) })
    expect(text).not.toContain(token)
    expect(check('customers').status).toBe('ok')
  })

  test('that is fetched is obtained', async () => {
    const { check } = await examine(application(await aifi()))
    expect(check('token')).toMatchObject({ status: 'ok', found: expect.stringContaining('obtained from 127.0.0.1') })
  })

  test.each([
    ['refuses the client', fault.answer(401, { error: 'invalid_client' }), 'invalid_client'],
    ['is none', fault.answer(404), 'HTTP 404'],
    ['hangs up', fault.closeAfterBody(), 'connection ended'],
  ])('is a problem where the token endpoint %s', async (_, token, words) => {
    const { code, check } = await examine(application(await aifi({ token })))
    expect(code).toBe(1)
    expect(check('token')).toMatchObject({ status: 'problem', found: expect.stringContaining(words) })
    expect(check('customers').status).toBe('skipped')
  })

  test('is a problem where the token endpoint cannot be reached', async () => {
    const gone = await server()
    await gone.close()
    const { check } = await examine({ ...application(await aifi()), AIFI_TOKEN_URL: gone.url })
    expect(check('token')).toMatchObject({ status: 'problem', found: expect.stringContaining('ECONNREFUSED') })
    expect(check('address').status).toBe('skipped')
  })
})

test('a proxy that hangs up is a problem, and is not connected to again and again', async () => {
  const proxy = await server()
  proxy.always('CONNECT', fault.closeAfterBody())
  const env = { ...application({ url: 'https://aifi.invalid' }), HTTPS_PROXY: proxy.url }
  const { check } = await examine(env)
  expect(check('proxy').found).toContain(proxy.url)
  expect(check('token')).toMatchObject({ status: 'problem', found: expect.stringContaining('proxy') })
  expect(proxy.connections().accepted).toBeLessThan(10)
})

describe('the approval page', () => {
  test.each([
    [{ DISPLAY: '' }, 'auto', 'warning'],
    [{ DISPLAY: '' }, 'page', 'problem'],
    [{ DISPLAY: ':0' }, 'page', 'ok'],
    [{ DISPLAY: '' }, 'form', 'skipped'],
    [{ BROWSER: 'no-such-browser-anywhere' }, 'auto', 'warning'],
    [{ BROWSER: '/no/such/browser' }, 'page', 'problem'],
    [{ BROWSER: `${process.execPath} --new-window %s` }, 'page', 'ok'],
  ] as const)('with %j and AIFI_APPROVAL=%s: %s', async (env, approval, status) => {
    const { check } = await examine({ PATH: '/usr/bin', ...env, AIFI_APPROVAL: approval }, '--sandbox')
    expect(check('browser').status).toBe(status)
    expect(check('approval_page').status).toBe(approval === 'form' ? 'skipped' : 'ok')
  })

  test.skipIf(isWindows)('is not opened', async () => {
    const folder = temporaryFolder()
    const browser = script(folder, [`touch ${folder}/opened`])
    const { check } = await examine({ BROWSER: browser, AIFI_APPROVAL: 'page' }, '--sandbox')
    expect(check('browser').status).toBe('ok')
    expect(existsSync(join(folder, 'opened'))).toBe(false)
  })

  test('has its port, or another program has it', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = String(typeof address === 'object' && address ? address.port : 0)
    const env = { AIFI_APPROVAL_PORT: port }
    const refused = await examine(env, '--sandbox')
    expect(refused.check('approval_page')).toMatchObject({ status: 'problem', found: expect.stringContaining(port) })
    taken.close()
    await once(taken, 'close')
    expect((await examine(env, '--sandbox')).check('approval_page').status).toBe('ok')
    const again = createServer().listen(Number(port), '127.0.0.1')
    await once(again, 'listening')
    again.close()
  })

  test('wants a fixed port where somebody sits at another machine', async () => {
    const remote = { SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' }
    const { check } = await examine(remote, '--sandbox')
    expect(check('approval_page')).toMatchObject({
      status: 'warning',
      remedy: expect.stringContaining('AIFI_APPROVAL_PORT'),
    })
  })
})

describe('the audit file', () => {
  const audit = async (path: string) => (await examine({ AIFI_AUDIT_LOG: path }, '--sandbox')).check('audit')

  test('that is not there yet is not made', async () => {
    const folder = temporaryFolder()
    expect(await audit(join(folder, 'audit.jsonl'))).toMatchObject({ status: 'ok' })
    expect(readdirSync(folder)).toEqual([])
  })

  test('that is there stays as it is', async () => {
    const path = join(temporaryFolder(), 'audit.jsonl')
    writeFileSync(path, '{"a":1}', { mode: 0o600 })
    const before = statSync(path, { bigint: true })
    expect(await audit(path)).toMatchObject({ status: 'ok' })
    const { mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    expect({ mtimeNs, ctimeNs }).toEqual({ mtimeNs: before.mtimeNs, ctimeNs: before.ctimeNs })
    expect(readFileSync(path, 'utf8')).toBe('{"a":1}')
  })

  test.skipIf(isWindows)('that others may read is a warning, and is left so', async () => {
    const path = join(temporaryFolder(), 'audit.jsonl')
    writeFileSync(path, '')
    chmodSync(path, 0o644)
    expect(await audit(path)).toMatchObject({ status: 'warning' })
    expect(statSync(path).mode & 0o777).toBe(0o644)
  })

  test('is a problem where its folder is missing, where it is a folder, and where a link leads nowhere', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    expect(await audit(join(folder, 'none', 'audit.jsonl'))).toMatchObject({ status: 'problem' })
    expect(await audit(join(folder, 'file', 'audit.jsonl'))).toMatchObject({ status: 'problem' })
    expect(await audit(folder)).toMatchObject({ status: 'problem' })
    if (isWindows) return
    symlinkSync(join(folder, 'none', 'audit.jsonl'), join(folder, 'link'))
    expect(await audit(join(folder, 'link'))).toMatchObject({ status: 'problem' })
    execFileSync('mkfifo', [join(folder, 'pipe')])
    expect(await audit(join(folder, 'pipe'))).toMatchObject({ status: 'problem' })
    expect(existsSync(join(folder, 'audit.jsonl'))).toBe(false)
  })

  test('is a problem where this user may not write', async ({ skip }) => {
    skip(isWindows || isRoot, 'this user may write anywhere')
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'closed'), { mode: 0o500 })
    expect(await audit(join(folder, 'closed', 'audit.jsonl'))).toMatchObject({ status: 'problem' })
  })
})

describe('CA settings', () => {
  test.each([
    ['that is not there', (folder: string) => join(folder, 'none.pem'), 'ENOENT'],
    ['without a certificate', (folder: string) => write(join(folder, 'empty.pem'), 'hello'), 'no certificate'],
  ])('that name a file %s are a warning, since Node ignores it', async (_, file, words) => {
    const { code, check } = await examine({ NODE_EXTRA_CA_CERTS: file(temporaryFolder()) }, '--sandbox')
    expect(code).toBe(0)
    expect(check('certificates')).toMatchObject({ status: 'warning', found: expect.stringContaining(words) })
  })

  function write(path: string, text: string): string {
    writeFileSync(path, text)
    return path
  }

  test('that switch all checks off are a problem, and nothing is sent then', async () => {
    const upstream = await aifi()
    const { code, check } = await examine({ ...application(upstream), NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    expect(code).toBe(1)
    expect(check('settings')).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED'),
    })
    expect(upstream.connections().accepted).toBe(0)
  })
})

/** Runs `doctor` with a clock that is pushed on until it is done; says by how many seconds. */
async function pushed(clock: TestClock, env: Env) {
  const { host, output } = hostWith(env, [])
  let done = false
  const options = { json: false, sandbox: false, getById: true }
  const code = doctorCommand(host, options, clock).finally(() => {
    done = true
  })
  let seconds = 0
  for (; !done && seconds < 40; seconds++) {
    await new Promise((resolve) => setTimeout(resolve, 15))
    if (!done) clock.advance(1_000)
  }
  return { seconds, code: await code, text: output() }
}

describe('whatever hangs, it ends within thirty seconds:', () => {
  const patient = { AIFI_TIMEOUT_MS: '600000' }

  test.each<[string, (upstream: FaultServer) => void, (upstream: FaultServer) => Env]>([
    ['the search', (upstream) => upstream.always('GET', fault.silence()), access],
    ['its answer', (upstream) => upstream.always('GET', fault.slowBody()), access],
    ['the token endpoint', (upstream) => upstream.always('POST', fault.silence()), application],
    [
      'TLS',
      (upstream) => upstream.nextConnection('hang', 'hang', 'hang', 'hang'),
      ({ url }) => access({ url: url.replace('http:', 'https:') }),
    ],
    [
      'the proxy',
      (upstream) => upstream.always('CONNECT', fault.silence()),
      ({ url }) => ({ ...access({ url: 'https://aifi.invalid' }), HTTPS_PROXY: url }),
    ],
  ])('%s', async (_, hang, env) => {
    const upstream = await server()
    hang(upstream)
    const { seconds, code, text } = await pushed(new TestClock(), { ...patient, ...env(upstream) })
    expect(code).toBe(1)
    expect(seconds).toBeLessThanOrEqual(30)
    expect(text).toMatch(/^problem .*(in time|no complete list)/m)
    expect(text).toMatch(/^\w+ +Audit trail/m)
  })

  test('when it is asked to end, it does so at once', async () => {
    const upstream = await server()
    upstream.always('GET', fault.silence())
    const stop = new AbortController()
    const { host, output } = hostWith({ ...patient, ...access(upstream) }, ['doctor'], stop.signal)
    const ended = run(host)
    await expect.poll(() => upstream.received('GET').length).toBe(1)
    stop.abort()
    expect(await ended).toBe(1)
    expect(output()).not.toContain('Audit trail')
  })
})

describe('the lines', () => {
  const long = {
    name: 'address',
    status: 'problem',
    found: 'word '.repeat(40).trim(),
    remedy: 'do '.repeat(60).trim(),
  } as const

  test('are coloured on a terminal', () => {
    expect(new Report({ colour: true }).check(long)).toContain('\u001b[31mproblem\u001b[0m')
  })

  test('are plain elsewhere, with the remedy on the next', () => {
    expect(new Report({ colour: false }).check(long)).toMatch(/^problem Address +(word ?)+\n +do: (do ?)+\n$/)
  })
})

test.each([
  [['doctor', 'now'], 'no second word'],
  [['doctor', '--customer', CANARY], '--customer must be'],
  [['doctor', '--customer', '-1'], '--customer must be'],
  [['doctor', '--json=1'], '--json takes no value'],
  [['doctor', '--port', '1'], '--port belongs to'],
  [['doctor', '--no-get'], '--no-get belongs to'],
  [['--json'], '--json belongs to the command doctor'],
  [['sandbox', '--customer', '1'], '--customer belongs to the command doctor'],
])('%j is refused', async (args, words) => {
  const { host, output } = hostWith({}, args)
  expect(await run(host)).toBe(1)
  const text = output()
  expect(text).toContain(words)
  expect(text).not.toContain(CANARY)
})
