import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { settings } from '../../src/config/settings.ts'
import { fault } from '../helpers/fault.ts'
import { type FaultServer, startFaultServer } from '../helpers/fault-server.ts'
import { freePort } from '../helpers/free-port.ts'
import {
  auditRecords,
  runToEnd,
  type Server,
  sandboxSettings,
  script,
  startServer,
  temporaryFolder,
} from '../helpers/process.ts'
import { runHere } from '../helpers/run-here.ts'
import { type SpawnedClient, type SpawnOptions, stdioClients } from '../helpers/stdio-clients.ts'

const CANARY = 'c4nary-Sup3rSecret'
const isWindows = process.platform === 'win32'
/** A deadline of AiFi that no test waits for, milliseconds: what ends before has not waited for it. */
const NEVER_MS = '600000'

async function mainJob(client: SpawnedClient) {
  expect(await client.toolNames()).toContain('update_customer')
  const plain = await client.update({ customerId: 4211, phone: '+1 555 0199' })
  expect(plain).toMatchObject({ status: 'updated', customer: { id: 4211, phone: '+1 555 0199' } })
  const wrong = await client.update({ customerId: 4211, email: 'no address', blocked: 'yes' })
  expect(wrong).toMatchObject({ status: 'invalid', errors: [{ field: 'email' }, { field: 'blocked' }] })
  const no = await client.update({ customerId: 4211, role: 'employee' })
  expect(no).toMatchObject({ status: 'declined', approval: { channel: 'form', answer: 'declined' } })
  const yes = await client.update({ customerId: 4211, blocked: false })
  expect(yes).toMatchObject({ status: 'updated', approval: { channel: 'form', answer: 'approved' } })
}

const answer: SpawnOptions['answer'] = async (message) => {
  expect(message.split('\n').slice(0, 3).join('\n')).toContain('4211')
  return message.includes('role') ? 'decline' : 'accept'
}

describe.each(stdioClients)('%s', (_, connect) => {
  test('does the main job against --sandbox, and reads nothing but JSON-RPC on stdout', async () => {
    const client = await connect({ args: ['--sandbox'], env: { LOG_LEVEL: 'trace' }, answer })
    await mainJob(client)
    await client.close()
    const lines = client.stdout().toString().split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.length).toBeGreaterThan(5)
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' })
    expect(client.stderr()).toContain('"msg":"serving"')
  })
})

test('the main job is done against a sandbox of its own as well, with the settings that it prints', async () => {
  const [[, connect] = expect.unreachable()] = stdioClients
  const sandbox = startServer({ args: ['sandbox'] })
  const { AIFI_BASE_URL = '', AIFI_TOKEN = '', ...oauth } = await sandboxSettings(sandbox)
  const client = await connect({ env: { AIFI_BASE_URL, AIFI_TOKEN, AIFI_APPROVAL: 'form' }, answer })
  await mainJob(client)
  const { AIFI_CLIENT_ID = '', AIFI_CLIENT_SECRET = '', AIFI_TOKEN_URL = '', ...rest } = oauth
  expect(rest).toEqual({})
  const env = { AIFI_BASE_URL, AIFI_CLIENT_ID, AIFI_CLIENT_SECRET, AIFI_TOKEN_URL }
  const second = await connect({ env, answer })
  expect(await second.update({ customerId: 77, lastName: 'Lo' })).toMatchObject({ status: 'updated' })
})

test('a start that cannot succeed ends with exit code 1, one readable message on stderr, nothing on stdout', async () => {
  const env = { AIFI_BASE_URL: `https://me:${CANARY}@aifi.example`, AIFI_TOKN: CANARY, LOG_LEVEL: 'trace' }
  const { code, stdout, stderr } = await runToEnd({ env })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^aifi-customer-mcp cannot start:\n(?: {2}- \S.*\n)+$/)
  expect(stderr).toContain('did you mean AIFI_TOKEN?')
  expect(stderr).not.toContain(CANARY)
})

describe('a command that cannot be carried out ends with exit code 1, one line on stderr, nothing on stdout:', () => {
  test('an unknown one', async () => {
    const { code, stdout, stderr } = await runToEnd({ args: ['sandbocks'] })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^aifi-customer-mcp: unknown command "sandbocks".*\n$/)
  })

  test('a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const port = String(portOf(taken))
    const { code, stdout, stderr } = await runToEnd({ args: ['sandbox', '--port', port] })
    taken.close()
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^aifi-customer-mcp: .*${port}.*in use.*\n$`))
  })

  test.each(['18.0.0', '20.18.0', '8.17.0'])('Node %s', async (version) => {
    const before = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
    const { code, stdout, stderr } = await runToEnd({ before, args: ['--help'] })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe(`aifi-customer-mcp needs Node.js 20.18.1 or newer; this is ${version}.\n`)
  })
})

test.each(['20.18.1', '22.0.0', '100.0.0'])('Node %s is new enough', async (version) => {
  const before = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  expect(await runToEnd({ before, args: ['--version'] })).toMatchObject({ code: 0, stderr: '' })
})

test('--version prints the version of the package, and --help every setting, on stdout', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(await runToEnd({ args: ['--version'] })).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  const { code, stdout, stderr } = await runToEnd({ args: ['--help'] })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const { name } of settings) expect(stdout).toContain(name)
})

describe.skipIf(isWindows)('the folder in which Node is told to keep compiled code', () => {
  /** What a Node that can keep code is told; this one may be too old for it. */
  const before = `
    import module from 'node:module'
    module.enableCompileCache = (folder) => process.stderr.write('cache: ' + folder)`

  async function chosen(env: Readonly<Record<string, string>>): Promise<string> {
    return (await runToEnd({ before, args: ['--version'], env: { HOME: '', XDG_CACHE_HOME: '', ...env } })).stderr
  }

  test('is below the cache folder of the user, and nowhere else', async () => {
    const [HOME, cache] = [temporaryFolder(), temporaryFolder()]
    expect(await chosen({ HOME })).toBe(`cache: ${join(HOME, '.cache', 'aifi-customer-mcp')}`)
    expect(await chosen({ HOME, XDG_CACHE_HOME: cache })).toBe(`cache: ${join(cache, 'aifi-customer-mcp')}`)
    expect(readdirSync(HOME)).toEqual([])
  })

  test('is not one that is missing, is relative, is a file, or into which others may write', async () => {
    const shared = temporaryFolder()
    chmodSync(shared, 0o777)
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    for (const HOME of ['', '/proc/nowrite', '.', file, shared]) expect(await chosen({ HOME })).toBe('')
    const HOME = temporaryFolder()
    const elsewhere = await chosen({ HOME, XDG_CACHE_HOME: shared })
    expect(elsewhere).toBe(`cache: ${join(HOME, '.cache', 'aifi-customer-mcp')}`)
  })

  test.runIf(process.getuid?.() === 0)('is not that of another user', async () => {
    const HOME = temporaryFolder()
    chownSync(HOME, 12_345, 12_345)
    expect(await chosen({ HOME })).toBe('')
  })
})

test('unknown settings that resemble nothing are warned about, and the start goes on', async () => {
  const { code, stderr } = await runToEnd({ args: ['--sandbox'], env: { AIFI_COLOUR_OF_THE_SHED: CANARY } })
  expect(code).toBe(0)
  expect(stderr).toMatch(/^aifi-customer-mcp: AIFI_COLOUR_OF_THE_SHED .*\n/)
  expect(stderr).not.toContain(CANARY)
})

/** The ways in which a process is told to end. */
const ends: readonly [string, (server: Server) => void][] = [
  ['the end of its input', ({ child }) => void child.stdin?.end()],
  ...(isWindows ? [] : (['SIGTERM', 'SIGINT', 'SIGHUP'] as const)).map((signal): [string, (server: Server) => void] => [
    signal,
    ({ child }) => void child.kill(signal),
  ]),
  [
    'an output that nobody reads any more',
    (server) => {
      server.child.stdout?.destroy()
      server.send('ping')
    },
  ],
  [
    'its input and right after it a signal, twice',
    ({ child }) => {
      child.stdin?.end()
      child.kill()
      setTimeout(() => child.kill(), 100)
    },
  ],
]

describe.each(ends)('at %s', (_, end) => {
  test('an idle process ends, with exit code 0', async () => {
    const server = startServer({ args: ['--sandbox'] })
    await server.initialize()
    end(server)
    expect(await server.ended).toEqual({ code: 0, signal: null })
    expect(server.stderr).toMatch(/"msg":"ending"}\n$/)
  })

  test('a change that was sent is not waited for, and is unknown in the audit', async () => {
    const aifi = await silentAifi()
    const audit = join(temporaryFolder(), 'audit.jsonl')
    const access = { AIFI_BASE_URL: aifi.url, AIFI_TOKEN: CANARY, AIFI_TIMEOUT_MS: NEVER_MS }
    const server = startServer({ env: { ...access, AIFI_AUDIT_LOG: audit } })
    await server.initialize()
    server.call('update_customer', { customerId: 4211, firstName: 'Janet' })
    server.call('update_customer', { customerId: 77, firstName: 'Lu' })
    await arrived(aifi, 2)
    end(server)
    expect(await server.ended).toEqual({ code: 0, signal: null })
    const records = auditRecords(audit).filter(({ event }) => event !== 'start')
    const attempts = records.filter(({ event }) => event === 'attempt').map(({ changeId }) => changeId)
    const outcomes = records.filter(({ event }) => event === 'outcome')
    expect(attempts).toHaveLength(2)
    expect(outcomes.map(({ changeId }) => changeId).toSorted()).toEqual(attempts.toSorted())
    expect(outcomes.map(({ status }) => status)).toEqual(['unknown', 'unknown'])
    expect(await runHere(['audit', 'verify', audit])).toMatchObject({ code: 0 })
    expect(aifi.received('PATCH')).toHaveLength(2)
    await aifi.close()
  })
})

test.skipIf(isWindows)('a change whose answer still comes in time after SIGTERM is told to the client', async () => {
  const aifi = await silentAifi()
  aifi.next('PATCH', {
    after: 'body',
    act: ({ socket }) =>
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"id":4211}'), 300),
  })
  const server = startServer({ env: { AIFI_BASE_URL: aifi.url, AIFI_TOKEN: 'token' } })
  await server.initialize()
  const id = server.call('update_customer', { customerId: 4211, firstName: 'Janet' })
  await arrived(aifi, 1)
  server.child.kill()
  expect(await server.result(id)).toMatchObject({ status: 'updated' })
  expect(await server.ended).toEqual({ code: 0, signal: null })
  await aifi.close()
})

test.skipIf(isWindows)(
  'at its end an open question is void, its port is free, and the browser is left alone',
  async () => {
    const folder = temporaryFolder()
    const pidFile = join(folder, 'pid')
    const browser = script(folder, ['sleep 30 &', `echo $! >${pidFile}`])
    const port = await freePort()
    const audit = join(folder, 'audit.jsonl')
    const env = { BROWSER: browser, AIFI_APPROVAL_PORT: String(port), AIFI_AUDIT_LOG: audit }
    const server = startServer({ args: ['--sandbox'], env })
    await server.initialize()
    const id = server.call('update_customer', { customerId: 4211, blocked: false })
    await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n')).toBe(true)
    server.child.kill()
    expect(await server.ended).toMatchObject({ code: 0 })
    expect(await server.result(id)).toMatchObject({ status: 'declined', approval: { answer: 'withdrawn' } })
    expect(auditRecords(audit).map(({ event }) => event)).toEqual(['start', 'outcome'])
    const next = createServer().listen(port, '127.0.0.1')
    await once(next, 'listening')
    next.close()
    const browserPid = Number(readFileSync(pidFile, 'utf8'))
    expect(process.kill(browserPid, 0)).toBe(true)
    process.kill(browserPid)
  },
)

test.skipIf(isWindows)('a sandbox of its own ends at SIGTERM, whoever is connected to it', async () => {
  const sandbox = startServer({ args: ['sandbox'] })
  const { AIFI_BASE_URL = '' } = await sandboxSettings(sandbox)
  expect((await fetch(AIFI_BASE_URL, { keepalive: true })).status).toBe(404)
  sandbox.child.kill()
  expect(await sandbox.ended).toMatchObject({ code: 0 })
  expect(sandbox.stderr).toBe('')
})

test('what was asked before the input ended is answered', async () => {
  const server = startServer({ args: ['--sandbox'] })
  server.send('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  })
  server.notify('notifications/initialized')
  for (let i = 0; i < 50; i++) server.send('tools/list')
  server.child.stdin?.end()
  expect(await server.ended).toEqual({ code: 0, signal: null })
  expect(server.messages.map(({ id }) => id)).toEqual(Array.from({ length: 51 }, (_, i) => i + 1))
})

test.skipIf(isWindows)('no program that it starts gets a setting of ours', async () => {
  const folder = temporaryFolder()
  const dump = join(folder, 'env')
  const browser = script(folder, [`env >${dump}.part`, `mv ${dump}.part ${dump}`])
  const env = { BROWSER: browser, AIFI_APPROVAL: 'page', AIFI_COLOUR: CANARY, AIFI_TOKEN: CANARY, TELLTALE: 'here' }
  const server = startServer({ args: ['--sandbox'], env })
  await server.initialize()
  server.call('update_customer', { customerId: 4211, blocked: false })
  await expect.poll(() => existsSync(dump)).toBe(true)
  const seen = readFileSync(dump, 'utf8')
  expect(seen).toContain('TELLTALE=here')
  expect(seen).not.toMatch(/^AIFI/im)
  expect(seen).not.toContain(CANARY)
})

describe.skipIf(isWindows)('an error that nobody caught', () => {
  // The text of this module would be part of the place.
  const thrown = `Object.assign(new TypeError(${JSON.stringify([...CANARY])}.join('')), { code: 'EODD' })`

  test('outside of any call ends the process in good order, with exit code 1 and no message of the error', async () => {
    const aifi = await silentAifi()
    const audit = join(temporaryFolder(), 'audit.jsonl')
    const server = startServer({
      before: `process.on('SIGUSR2', () => { throw ${thrown} })`,
      env: { AIFI_BASE_URL: aifi.url, AIFI_TOKEN: 'token', AIFI_TIMEOUT_MS: NEVER_MS, AIFI_AUDIT_LOG: audit },
    })
    await server.initialize()
    server.call('update_customer', { customerId: 4211, firstName: 'Janet' })
    await arrived(aifi, 1)
    server.child.kill('SIGUSR2')
    expect(await server.ended).toMatchObject({ code: 1 })
    expect(auditRecords(audit).at(-1)).toMatchObject({ event: 'outcome', status: 'unknown' })
    expect(server.stderr).toMatch(/^aifi-customer-mcp: ends because .*: TypeError EODD at .*\n/m)
    expect(server.stderr).not.toContain(CANARY)
    await aifi.close()
  })

  test('in a promise that nobody awaited is logged the same way, and the process goes on', async () => {
    const before = `process.on('SIGUSR2', () => Promise.reject(${thrown}))`
    const server = startServer({ args: ['--sandbox'], before })
    await server.initialize()
    server.child.kill('SIGUSR2')
    await server.until(() => server.stderr.includes('TypeError EODD at '), 'a line about it')
    expect(await server.answer(server.send('ping'))).toMatchObject({ result: {} })
    expect(server.stderr).not.toContain(CANARY)
  })
})

test('a closed stderr does not matter', async () => {
  const server = startServer({ args: ['--sandbox'], env: { LOG_LEVEL: 'trace' } })
  await server.initialize()
  server.child.stderr?.destroy()
  for (let i = 0; i < 5; i++) {
    const id = server.call('update_customer', { customerId: 4211, firstName: `Jane ${i}` })
    expect(await server.result(id)).toMatchObject({ status: 'updated' })
  }
  server.child.stdin?.end()
  expect(await server.ended).toEqual({ code: 0, signal: null })
})

test('two processes at once write one audit file that verifies', async () => {
  const audit = join(temporaryFolder(), 'audit.jsonl')
  const env = { AIFI_AUDIT_LOG: audit }
  const servers = [startServer({ args: ['--sandbox'], env }), startServer({ args: ['--sandbox'], env })]
  await Promise.all(
    servers.map(async (server) => {
      await server.initialize()
      const calls = Array.from({ length: 10 }, (_, i) =>
        server.call('update_customer', { customerId: i % 2 ? 4211 : 77, firstName: `Name ${i}` }),
      )
      for (const id of calls) expect(await server.result(id)).toMatchObject({ status: 'updated' })
      server.child.stdin?.end()
      await server.ended
    }),
  )
  expect(auditRecords(audit)).toHaveLength(2 * (1 + 10 * 2))
  const report = await runToEnd({ args: ['audit', 'verify', audit] })
  expect(report).toMatchObject({ code: 0, stderr: '' })
  writeFileSync(audit, readFileSync(audit, 'utf8').replace('"Name', '"Game').replace('firstName', 'lastName'))
  expect(await runHere(['audit', 'verify', audit])).toMatchObject({ code: 1 })
})

/** An AiFi that shows every customer and never answers a change. */
async function silentAifi(): Promise<FaultServer> {
  const aifi = await startFaultServer()
  aifi.always('GET', fault.answer(404))
  aifi.always('PATCH', fault.silence())
  return aifi
}

async function arrived(aifi: FaultServer, changes: number): Promise<void> {
  await expect.poll(() => aifi.received('PATCH').length).toBe(changes)
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
