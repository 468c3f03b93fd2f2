import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { server } from '../helpers/company-network.ts'
import { fault } from '../helpers/fault.ts'
import { builtFile, temporaryFolder } from '../helpers/process.ts'
import { runHere } from '../helpers/run-here.ts'

const CANARY = 'c4nary-Sup3rSecret'

interface Found {
  readonly status: string
  readonly found: string
}
interface Entry {
  readonly name: string
  readonly place: string
  readonly start: Found
  readonly environment?: Found
  readonly doctor?: { readonly ok: boolean; readonly checks: readonly (Found & { readonly name: string })[] }
}
interface Result {
  readonly ok: boolean
  readonly configuration?: Found
  readonly entries: readonly Entry[]
}

/** `doctor --config` of a file with this content, by the built program. */
async function examine(name: string, content: string | object, env: Readonly<Record<string, string>> = {}) {
  const file = join(temporaryFolder(), name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return { ...(await doctor(file, env)), file }
}

async function doctor(file: string, env: Readonly<Record<string, string>>) {
  const print = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHere(['doctor', '--config', file, ...args], env)
    return { code, text: stdout + stderr }
  }
  const { code, text } = await print('--json')
  const json: Result = JSON.parse(text)
  expect(code).toBe(json.ok ? 0 : 1)
  expect(text).not.toContain(CANARY)
  return { json, print }
}

/** An AiFi that finds nobody, and remembers the tokens that it was shown. */
async function aifi() {
  const started = await server()
  started.always('GET', fault.answer(200, []))
  const tokens = () => started.received('GET').map(({ headers }) => headers.authorization)
  return { url: started.url, tokens }
}

const entry = (env: object, more: object = {}) => ({ command: 'node', args: [builtFile], env, ...more })
/** A variable as hosts write it. */
const variable = (name: string) => `\${${name}}`
const other = { command: 'npx', args: ['-y', 'another-server'], env: { TOKEN: CANARY } }

describe('each format', () => {
  test.each([
    [
      'Claude Desktop',
      'claude_desktop_config.json',
      (env: object) => ({ mcpServers: { other, aifi: entry(env) } }),
      {},
    ],
    [
      'Claude Code, a project’s',
      '.mcp.json',
      (env: object) => ({ mcpServers: { aifi: entry({ ...env, AIFI_TOKEN: variable('MY_TOKEN:-none') }) } }),
      { MY_TOKEN: CANARY },
    ],
    [
      'Claude Code, a user’s',
      '.claude.json',
      (env: object) => ({ numStartups: 3, projects: { '/home/sam/shop': { mcpServers: { aifi: entry(env) } } } }),
      {},
    ],
    [
      'VS Code',
      '.vscode/mcp.json',
      (env: object) =>
        `{ // the token is asked for\n"inputs": [{"type": "promptString", "id": "aifi-token", "password": true}],
        /* "servers": {} */ "servers": {"aifi": ${JSON.stringify(entry({ ...env, AIFI_TOKEN: variable('input:aifi-token') }))},}}`,
      { AIFI_TOKEN: CANARY },
    ],
    [
      'Cursor',
      '.cursor/mcp.json',
      (env: object) => ({ mcpServers: { aifi: entry({ ...env, AIFI_TOKEN: variable('env:MY_TOKEN') }) } }),
      { MY_TOKEN: CANARY },
    ],
    [
      'Codex',
      'config.toml',
      (env: object) =>
        `model = "x"\n[mcp_servers.aifi]\ncommand = "node"\nargs = [${JSON.stringify(builtFile)}]\n[mcp_servers.aifi.env]\n${Object.entries(
          env,
        )
          .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
          .join('\n')}`,
      {},
    ],
  ])('%s: its entry is checked with its environment', async (_, name, config, shell) => {
    const { url, tokens } = await aifi()
    const { json } = await examine(name, config({ AIFI_BASE_URL: url, AIFI_TOKEN: CANARY }), shell)
    expect(json.entries).toMatchObject([{ name: 'aifi', start: { status: 'ok' }, doctor: { ok: true } }])
    expect(json.entries[0]?.doctor?.checks).toContainEqual(expect.objectContaining({ name: 'customers', status: 'ok' }))
    expect(tokens()).toEqual([`Bearer ${CANARY}`])
  })
})

test('the report for people names the file and each check, and no secret', async () => {
  const { url } = await aifi()
  const env = { AIFI_BASE_URL: url, AIFI_TOKEN: CANARY }
  const { print, file } = await examine('claude_desktop_config.json', { mcpServers: { aifi: entry(env) } })
  const { text } = await print()
  expect(text).toContain(file)
  expect(text).toMatch(/^ok +Customers /m)
  expect(text).not.toContain(CANARY)
})

describe('says in one sentence', () => {
  const right = { mcpServers: { aifi: entry({}) } }
  test.each([
    [
      'a misspelt key',
      'claude_desktop_config.json',
      { mcpserver: right.mcpServers },
      'it has “mcpserver”, which must read “mcpServers”',
    ],
    [
      'the key of another host',
      '.vscode/mcp.json',
      right,
      'VS Code reads “servers”, and this file has “mcpServers” instead',
    ],
    ['no servers at all', 'claude_desktop_config.json', { globalShortcut: '' }, 'there is no “mcpServers” in it'],
    [
      'no entry',
      'claude_desktop_config.json',
      { mcpServers: { other } },
      'no entry under “mcpServers” starts this server',
    ],
    ['no JSON', 'claude_desktop_config.json', `{"mcpServers": ${CANARY}}`, 'it is not JSON'],
    ['no TOML', 'config.toml', `[mcp_servers.aifi]\nenv = ${CANARY}\n`, 'it is not TOML (line 2'],
    [
      'comments where the host has none',
      'claude_desktop_config.json',
      `{"mcpServers": {} // ${CANARY}\n}`,
      'it has comments or a comma',
    ],
  ])('%s', async (_, name, content, words) => {
    const { json, print, file } = await examine(name, content)
    expect(json.ok).toBe(false)
    expect(json.configuration?.found).toContain(words)
    expect(json.configuration?.found).toContain(file)
    const { code, text } = await print()
    expect(code).toBe(1)
    expect(text).toContain(words)
    expect(text).not.toContain(CANARY)
  })

  test('a file that is not there, by the path that was tried', async () => {
    const file = join(temporaryFolder(), 'none.json')
    const { json } = await doctor(file, {})
    expect(json.configuration?.found).toBe(`${file} cannot be read (ENOENT)`)
  })

  const token = { AIFI_TOKEN: CANARY }
  test.each([
    [
      'settings in the wrong place',
      { command: 'node', args: [builtFile], environment: token },
      'its settings stand under “environment”',
    ],
    [
      'a misspelt member',
      { comand: 'node', args: [builtFile], env: token },
      'it has “comand”, which must read “command”',
    ],
    ['arguments in one text', { command: 'node', args: builtFile, env: token }, '“args” is not a list'],
    [
      'a command that is not there',
      entry(token, { command: 'nodejs-of-mine/node' }),
      'nodejs-of-mine/node is not there',
    ],
    [
      'a file that is not there',
      entry(token, { args: ['/none/aifi/dist/index.js'] }),
      '/none/aifi/dist/index.js is not there',
    ],
    [
      'a command that is misspelt',
      entry(token, { command: 'noed', args: [builtFile] }),
      'noed is in no folder of PATH',
    ],
    [
      'a command that serves nothing',
      entry(token, { args: [builtFile, 'doctor'] }),
      'its arguments do not start the server',
    ],
    ['another program', entry(token, { command: 'env', args: ['-i', 'aifi-customer-mcp'] }), 'started through env'],
  ])('%s', async (_, members, words) => {
    const { json } = await examine('claude_desktop_config.json', { mcpServers: { aifi: members } })
    expect(json.entries[0]?.start.found).toContain(words)
  })

  test('what the host asks for, instead of a guess about it', async () => {
    const config = {
      inputs: [{ id: 'aifi-token' }],
      servers: {
        a: entry({ AIFI_TOKEN: variable('input:aifi-token') }),
        aifi2: entry({ AIFI_TOKEN: variable('input:nothing') }),
      },
    }
    const { json } = await examine('.vscode/mcp.json', config)
    expect(json.entries).toMatchObject([
      { environment: { status: 'skipped', found: expect.stringContaining('AIFI_TOKEN is asked for by VS Code') } },
      { environment: { status: 'problem', found: expect.stringContaining('does not declare') } },
    ])
    expect(json.entries.some((each) => each.doctor)).toBe(false)
  })
})

test('a setting of this shell counts only where the host passes it on', async () => {
  const { url } = await aifi()
  const config = { mcpServers: { aifi: entry({ AIFI_BASE_URL: url }) } }
  const shell = { AIFI_TOKEN: CANARY }
  const code = await examine('.mcp.json', config, shell)
  expect(code.json.entries).toMatchObject([
    { environment: { found: expect.stringContaining('AIFI_TOKEN: from this shell') }, doctor: { ok: true } },
  ])
  const desktop = await examine('claude_desktop_config.json', config, shell)
  expect(desktop.json.entries).toMatchObject([{ doctor: { ok: false } }])
})

test('nothing of a configuration is run: not its command, nor what Node would load', async () => {
  const folder = temporaryFolder()
  const trap = join(folder, 'trap.mjs')
  const sprung = join(folder, 'sprung')
  writeFileSync(trap, `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(sprung)}, '')`)
  const command = join(folder, 'node')
  writeFileSync(command, `#!/bin/sh\ntouch ${sprung}\n`, { mode: 0o755 })
  const { json } = await examine('.mcp.json', {
    mcpServers: {
      one: entry({ NODE_OPTIONS: `--import ${trap}` }, { args: [builtFile, '--sandbox'] }),
      two: entry({}, { args: ['--import', trap, builtFile, '--sandbox'] }),
      three: entry({}, { command, args: [builtFile, '--sandbox'] }),
    },
  })
  expect(json.entries.map(({ name }) => name)).toEqual(['one', 'two', 'three'])
  expect(json.entries[0]?.environment).toMatchObject({
    status: 'warning',
    found: expect.stringContaining('NODE_OPTIONS'),
  })
  expect(json.entries[1]?.start.status).toBe('skipped')
  expect(json.entries[2]?.doctor?.ok).toBe(true)
  expect(existsSync(sprung)).toBe(false)
})

test('authorities of the entry count, since Node reads them at its start', async () => {
  const file = join(temporaryFolder(), 'ca.pem')
  writeFileSync(file, '-----BEGIN CERTIFICATE-----\n')
  const { json } = await examine('.mcp.json', {
    mcpServers: { aifi: entry({ NODE_EXTRA_CA_CERTS: file }, { args: [builtFile, '--sandbox'] }) },
  })
  const check = json.entries[0]?.doctor?.checks.find(({ name }) => name === 'certificates')
  expect(check?.found).toContain('1 from NODE_EXTRA_CA_CERTS')
})
