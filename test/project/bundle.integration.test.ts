import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { plainEnv } from '../helpers/plain-env.ts'
import { sandboxSettings, startServer } from '../helpers/process.ts'
import { mcpb, unpackBundle } from '../helpers/published.ts'
import { filesBelow, manifest, packageJson, root } from '../helpers/repository.ts'
import { type SpawnOptions, stdioClients } from '../helpers/stdio-clients.ts'

const run = promisify(execFile)

const work = mkdtempSync(join(tmpdir(), 'aifi-bundle-'))
let bundle = ''
let unpacked = ''
let entryPoint = ''

beforeAll(async () => {
  ;({ bundle, unpacked, entryPoint } = await unpackBundle(work))
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** The server as a bundle host starts it: what the user has not filled in, and has no default, stays as `${user_config.…}`. */
function asHostStarts(filledIn: Readonly<Record<string, string>>): SpawnOptions & { env: Record<string, string> } {
  const { command, args, env } = manifest.server.mcp_config
  const filled = (text: string) =>
    text
      .replace(/\$\{__dirname\}/, unpacked)
      .replace(/\$\{user_config\.(\w+)\}/g, (placeholder, name: string) =>
        String(filledIn[name] ?? manifest.user_config[name]?.default ?? placeholder),
      )
  return {
    command: command === 'node' ? process.execPath : command,
    args: args.map(filled),
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)])),
    answer: () => Promise.resolve('accept'),
  }
}

const change: JsonObject = { customerId: 4211, firstName: 'Janet' }

test('mcpb finds its manifest valid, and tells about the file', async () => {
  expect((await mcpb('validate', unpacked)).stdout).toContain('Manifest schema validation passes!')
  expect((await mcpb('info', bundle)).stdout).toContain(`File: ${packageJson.name}-${packageJson.version}.mcpb`)
})

test('it holds the built files but those for a team, what describes them and the licences, and nothing else', () => {
  const built = filesBelow(join(root, 'dist'))
  const held = filesBelow(join(unpacked, 'dist'))
  const left = built.filter((file) => !held.includes(file))
  expect(left).toContainEqual(expect.stringMatching(/^serve-http-/))
  const named = held.flatMap((file) => [
    ...readFileSync(join(unpacked, 'dist', file), 'utf8').matchAll(/"\.\/([\w.-]+\.js)"/g),
  ])
  const missing = named.map(([, name = '']) => name).filter((name) => built.includes(name) && !held.includes(name))
  expect([...new Set(missing)].map((name) => name.replace(/-\w+\.js$/, '')).toSorted()).toEqual([
    'audit',
    'http-doctor',
    'serve-http',
  ])
  const copied = [
    ...held.map((file) => `dist/${file}`),
    ...['LICENSE', 'README.md', 'THIRD_PARTY_NOTICES', 'assets/icon.png', 'manifest.json'],
  ]
  expect(filesBelow(unpacked)).toEqual(copied.toSorted())
  const altered = copied.filter((file) => !readFileSync(join(unpacked, file)).equals(readFileSync(join(root, file))))
  expect(altered).toEqual([])
})

test('its icon is a PNG of 512 × 512', () => {
  const icon = readFileSync(join(unpacked, manifest.icon))
  expect(icon.subarray(1, 4).toString()).toBe('PNG')
  expect([icon.readUInt32BE(16), icon.readUInt32BE(20)]).toEqual([512, 512])
})

describe.each(stdioClients)('unpacked where nothing is installed, with %s,', (_, connect) => {
  test('it serves the sandbox: lists its tools and makes a plain change', async () => {
    const client = await connect({
      command: process.execPath,
      args: [entryPoint, '--sandbox'],
      answer: () => Promise.resolve('decline'),
    })
    expect((await client.toolNames()).sort()).toEqual(manifest.tools.map(({ name }) => name).sort())
    expect(await client.update(change)).toMatchObject({ status: 'updated', customer: { id: 4211, firstName: 'Janet' } })
  })

  test('as its manifest starts it, what was left empty counts as not set, and secret arguments are refused', async () => {
    const sandbox = startServer({ args: ['sandbox'] })
    const { AIFI_BASE_URL = '', AIFI_TOKEN = '' } = await sandboxSettings(sandbox)
    const options = asHostStarts({ base_url: AIFI_BASE_URL, token: AIFI_TOKEN })
    expect(options.env.AIFI_CLIENT_ID).toMatch(/^\$\{user_config\.\w+\}$/)
    const client = await connect(options)
    expect(await client.update(change)).toMatchObject({ status: 'updated' })
    const secret = await client.update({ customerId: 4211, password: 'correct horse' })
    expect(secret).toMatchObject({ status: 'invalid', errors: [{ field: 'password' }] })
  })
})

test('as its manifest starts it, with nothing filled in, it says what is missing', async () => {
  const { command = '', args = [], env } = asHostStarts({})
  const ended = await run(command, [...args], { env: { ...plainEnv, ...env } }).catch((error: unknown) => error)
  expect(ended).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/AIFI_BASE_URL is .*(missing|not set|required)/i),
  })
  expect(ended).toMatchObject({ stderr: expect.not.stringContaining('user_config') })
})

test.each([
  ['http', '--sandbox'],
  ['doctor', 'http'],
  ['audit', 'verify'],
  ['audit', 'list'],
])('it says of "%s %s" that only the package has it', async (...args) => {
  const ended = await run(process.execPath, [entryPoint, ...args], { env: plainEnv }).catch((error: unknown) => error)
  const stderr = expect.stringMatching(/^aifi-customer-mcp: .*comes with the npm package, not with this bundle\.\n$/)
  expect(ended).toMatchObject({ code: 1, stdout: '', stderr })
})

test('the unpacked program can be executed', () => {
  const { mode } = statSync(entryPoint)
  expect(process.platform === 'win32' || (mode & 0o111) !== 0).toBe(true)
})
