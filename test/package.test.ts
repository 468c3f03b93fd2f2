import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { builtFile, plainEnv } from './helpers/process.ts'
import { filesBelow, packageJson, root } from './helpers/repository.ts'
import { stdioClients } from './helpers/stdio-clients.ts'

/** npm as a user runs it, whatever has started the tests. */
const npm = (cwd: string, ...args: string[]) =>
  promisify(execFile)('npm', args, { cwd, env: plainEnv, shell: process.platform === 'win32' })

const packed = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })])

const work = mkdtempSync(join(tmpdir(), 'aifi-package-'))
const elsewhere = join(work, 'elsewhere')
const installed = join(elsewhere, 'node_modules', packageJson.name)
const bin = join(
  elsewhere,
  'node_modules',
  '.bin',
  process.platform === 'win32' ? 'aifi-customer-mcp.cmd' : 'aifi-customer-mcp',
)
let files: string[] = []

beforeAll(async () => {
  // Without its scripts: they would build anew under the feet of the other tests.
  const { stdout } = await npm(root, 'pack', '--ignore-scripts', '--json', '--pack-destination', work)
  const [tarball] = packed.parse(JSON.parse(stdout))
  files = tarball.files.map(({ path }) => path)
  mkdirSync(elsewhere)
  await npm(elsewhere, 'install', '--offline', '--no-audit', '--no-fund', join(work, tarball.filename))
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

test('npm pack takes the built files, what describes them and the licences, and nothing else', () => {
  const built = filesBelow(join(builtFile, '..')).map((file) => `dist/${file}`)
  const expected = [...built, 'LICENSE', 'README.md', 'THIRD_PARTY_NOTICES', 'package.json'].sort()
  expect([...files].sort()).toEqual(expected)
  expect(filesBelow(installed)).toEqual(expected)
  expect(readFileSync(join(installed, 'dist', 'index.js')).equals(readFileSync(builtFile))).toBe(true)
})

test('npm builds before it packs', () => {
  expect(packageJson.scripts.prepack).toBe('npm run --silent build')
  expect(packageJson.scripts.build).toBe('node scripts/build.mjs')
})

test('it installs without a network and brings no other package', () => {
  const packages = readdirSync(join(elsewhere, 'node_modules')).filter((name) => !name.startsWith('.'))
  expect(packages).toEqual([packageJson.name])
})

test('its command tells its version', async () => {
  const { stdout } = await promisify(execFile)(bin, ['--version'], {
    env: plainEnv,
    shell: process.platform === 'win32',
  })
  expect(stdout).toBe(`${packageJson.version}\n`)
})

test.each(stdioClients)('its command serves %s', async (_, connect) => {
  const client = await connect({ command: bin, args: ['--sandbox'], answer: () => Promise.resolve('decline') })
  expect(await client.toolNames()).toContain('update_customer')
  const changed = await client.update({ customerId: 4211, firstName: 'Janet' })
  expect(changed).toMatchObject({ status: 'updated', customer: { id: 4211, firstName: 'Janet' } })
})
