import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { plainEnv } from '../helpers/plain-env.ts'
import { builtFile } from '../helpers/process.ts'
import { installPackage } from '../helpers/published.ts'
import { filesBelow, packageJson } from '../helpers/repository.ts'
import { stdioClients } from '../helpers/stdio-clients.ts'

const work = mkdtempSync(join(tmpdir(), 'aifi-package-'))
let installed: Awaited<ReturnType<typeof installPackage>>

beforeAll(async () => {
  installed = await installPackage(work)
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

test('npm pack takes the built files, what describes them and the licences, and nothing else', () => {
  const built = filesBelow(join(builtFile, '..')).map((file) => `dist/${file}`)
  const expected = [...built, 'LICENSE', 'README.md', 'THIRD_PARTY_NOTICES', 'package.json'].sort()
  expect(installed.packed.toSorted()).toEqual(expected)
  const folder = join(installed.modules, packageJson.name)
  expect(filesBelow(folder)).toEqual(expected)
  expect(readFileSync(join(folder, 'dist', 'index.js')).equals(readFileSync(builtFile))).toBe(true)
})

test('npm builds before it packs', () => {
  expect(packageJson.scripts.prepack).toBe('npm run --silent build')
  expect(packageJson.scripts.build).toBe('node scripts/build.mjs')
})

test('it installs without a network and brings no other package', () => {
  const packages = readdirSync(installed.modules).filter((name) => !name.startsWith('.'))
  expect(packages).toEqual([packageJson.name])
})

test('its command tells its version', async () => {
  const { stdout } = await promisify(execFile)(installed.bin, ['--version'], {
    env: plainEnv,
    shell: process.platform === 'win32',
  })
  expect(stdout).toBe(`${packageJson.version}\n`)
})

test.each(stdioClients)('its command serves %s', async (_, connect) => {
  const client = await connect({
    command: installed.bin,
    args: ['--sandbox'],
    answer: () => Promise.resolve('decline'),
  })
  expect(await client.toolNames()).toContain('update_customer')
  const changed = await client.update({ customerId: 4211, firstName: 'Janet' })
  expect(changed).toMatchObject({ status: 'updated', customer: { id: 4211, firstName: 'Janet' } })
})
