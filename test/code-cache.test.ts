import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, expect, test } from 'vitest'
import { type CodeCacheHost, loadProgram } from '../src/code-cache.ts'
import { plainEnv } from './helpers/plain-env.ts'
import { startServer, temporaryFolder } from './helpers/process.ts'
import { filesBelow } from './helpers/repository.ts'

const isWindows = process.platform === 'win32'

/** A user whose cache folder is this one. */
function userOf(folder: string, env: CodeCacheHost['env'] = {}): CodeCacheHost {
  const { platform, arch, versions } = process
  const folders = { XDG_CACHE_HOME: folder, HOME: folder, LOCALAPPDATA: folder }
  return { env: { ...folders, ...env }, platform, arch, v8: versions.v8, uid: process.getuid?.() }
}

/** Where the code of a user's programs is kept. */
const cacheOf = (folder: string) =>
  join(folder, ...(process.platform === 'darwin' ? ['Library', 'Caches'] : []), 'aifi-customer-mcp')

/** A program of this code. */
function programOf(code: string): string {
  const file = join(temporaryFolder(), 'program.js')
  writeFileSync(file, `(function (exports, require, module, __filename, __dirname) { ${code}\n})\n`)
  return file
}

/** A program that exports this word. */
const wordOf = (word: string) => programOf(`module.exports = { word: '${word}' }`)

/** Runs it as a user, keeps its code, and returns the file that holds it. */
function kept(file: string, folder: string): string {
  const before = new Set(filesBelow(folder))
  loadProgram(file, userOf(folder)).keepCode()
  const [added = '', ...more] = filesBelow(folder).filter((path) => !before.has(path))
  expect(added).not.toBe('')
  expect(more).toEqual([])
  return join(folder, added)
}

/** A program that exports `one`, and kept code that makes it export `two`, if it is used. */
function exchanged() {
  const folder = temporaryFolder()
  const cache = kept(wordOf('one'), folder)
  copyFileSync(kept(wordOf('two'), folder), cache)
  // The same in another place: what V8 has compiled once, it does not compile again in the same process.
  const file = wordOf('one')
  return { file, folder, cache, load: () => loadProgram(file, userOf(folder)) }
}

describe('a program', () => {
  test('runs as if it were required', () => {
    const file = programOf(
      `exports.at = [__filename, __dirname, require('./neighbour.json').is, module.exports === exports]`,
    )
    writeFileSync(join(file, '..', 'neighbour.json'), '{ "is": "near" }')
    const { at } = loadProgram(file, userOf(temporaryFolder())).exports as Record<string, unknown>
    expect(at).toEqual([file, join(file, '..'), 'near', true])
  })

  test('throws what it throws, at its place, and that it is missing', () => {
    const missing = join(temporaryFolder(), 'program.js')
    expect(() => loadProgram(missing, userOf(temporaryFolder()))).toThrow('ENOENT')
    const file = programOf("\n  throw new Error('its own')")
    const error = (() => {
      try {
        return loadProgram(file, userOf(temporaryFolder()))
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toMatchObject({ message: 'its own', stack: expect.stringContaining(`${file}:2:9`) })
  })
})

describe('its compiled code', () => {
  test('is what runs at the next start', () => {
    expect(exchanged().load().exports).toEqual({ word: 'two' })
  })

  test('is kept once', () => {
    const folder = temporaryFolder()
    const file = wordOf('one')
    const cache = kept(file, folder)
    utimesSync(cache, 1, 1)
    loadProgram(file, userOf(folder)).keepCode()
    expect(statSync(cache).mtimeMs).toBe(1000)
    expect(filesBelow(folder)).toHaveLength(1)
  })

  test('belongs to the user alone', () => {
    const cache = kept(wordOf('one'), temporaryFolder())
    expect([statSync(cache).mode & 0o777, statSync(join(cache, '..')).mode & 0o777]).toEqual(
      isWindows ? expect.anything() : [0o600, 0o700],
    )
  })

  test.skipIf(isWindows)('is not used where others could have written it', () => {
    const { cache, load } = exchanged()
    chmodSync(cache, 0o622)
    const program = load()
    expect(program.exports).toEqual({ word: 'one' })
    program.keepCode()
    expect(statSync(cache).mode & 0o777).toBe(0o600)
    expect(load().exports).toEqual({ word: 'one' })
  })

  test.skipIf(isWindows)('is not used when it is of another user', () => {
    const { file, folder } = exchanged()
    expect(loadProgram(file, { ...userOf(folder), uid: 12345 }).exports).toEqual({ word: 'one' })
  })

  test.each([
    ['one bit', (content: Buffer) => content.fill((content.at(100) ?? 0) ^ 1, 100, 101)],
    ['a missing end', (content: Buffer) => content.subarray(0, -8)],
    ['everything missing', () => Buffer.alloc(0)],
    ['something else in its place', () => Buffer.from('no code at all, and longer than a checksum')],
  ])('is not used when it is damaged: %s', (_, damage) => {
    const { cache, load } = exchanged()
    writeFileSync(cache, damage(readFileSync(cache)))
    const program = load()
    expect(program.exports).toEqual({ word: 'one' })
    program.keepCode()
    expect(load().exports).toEqual({ word: 'one' })
  })

  test('is not used for another version of the program, of V8 or another architecture', () => {
    const folder = temporaryFolder()
    const file = wordOf('one')
    kept(file, folder)
    for (const other of [{ v8: '1.2.3' }, { arch: 'other' }])
      loadProgram(file, { ...userOf(folder), ...other }).keepCode()
    kept(wordOf('two'), folder)
    expect(filesBelow(folder)).toHaveLength(4)
  })

  test('is removed when newer code of eight others is there', () => {
    const folder = temporaryFolder()
    const first = kept(wordOf('first'), folder)
    utimesSync(first, 1, 1)
    for (let i = 1; i < 8; i++) kept(wordOf(`other ${i}`), folder)
    expect(readdirSync(cacheOf(folder))).toHaveLength(8)
    kept(wordOf('the last'), folder)
    expect(readdirSync(cacheOf(folder))).toHaveLength(8)
    expect(statSync(first, { throwIfNoEntry: false })).toBeUndefined()
  })

  test.each([
    ['it is turned off', { NODE_DISABLE_COMPILE_CACHE: '1' }],
    ['no folder is known', { XDG_CACHE_HOME: undefined, HOME: undefined, LOCALAPPDATA: '' }],
    ['the folder is no absolute path', { XDG_CACHE_HOME: 'here', HOME: 'here', LOCALAPPDATA: 'here' }],
  ])('is kept nowhere when %s', (_, env) => {
    const folder = temporaryFolder()
    const file = wordOf('one')
    const program = loadProgram(file, userOf(folder, env))
    program.keepCode()
    expect(program.exports).toEqual({ word: 'one' })
    expect([...filesBelow(folder), ...filesBelow(join(file, '..'))]).toEqual(['program.js'])
  })

  test('is no condition: where nothing can be written the program runs without', () => {
    const occupied = join(temporaryFolder(), 'file')
    writeFileSync(occupied, '')
    const program = loadProgram(wordOf('one'), userOf(occupied))
    expect(program.exports).toEqual({ word: 'one' })
    expect(() => program.keepCode()).not.toThrow()
  })

  test('leaves nothing unfinished behind', () => {
    const folder = temporaryFolder()
    const file = wordOf('one')
    const cache = kept(file, folder)
    const program = loadProgram(file, { ...userOf(folder), uid: isWindows ? undefined : 12345 })
    const other = temporaryFolder()
    const blocked = loadProgram(file, userOf(other))
    mkdirSync(join(cacheOf(other), cache.split(/[\\/]/).at(-1) ?? ''), { recursive: true })
    blocked.keepCode()
    program.keepCode()
    expect(filesBelow(other)).toEqual([])
    expect(filesBelow(folder)).toHaveLength(1)
  })
})

describe('the server', () => {
  /** Serves, and ends when its code is kept. */
  async function serveIn(home: string, env: Record<string, string> = {}) {
    const own = { ...plainEnv, XDG_CACHE_HOME: '', HOME: home, LOCALAPPDATA: home, ...env }
    const server = startServer({ args: ['--sandbox'], env: own })
    await server.initialize()
    await server.answer(server.send('tools/list'))
    const call = server.call('update_customer', { customerId: 4211, firstName: 'canary-name-1' })
    expect(await server.result(call)).toMatchObject({ status: 'updated', customer: { email: 'jane@example.com' } })
    await expect.poll(() => filesBelow(home), { timeout: 10_000 }).toHaveLength(1)
    server.child.stdin?.end()
    await server.ended
    return { files: filesBelow(home), stderr: server.stderr }
  }

  test('keeps its code in a folder of its own in the cache folder of the user, and says nothing of it', async () => {
    const home = temporaryFolder()
    const first = await serveIn(home)
    expect(first.files).toEqual([expect.stringMatching(/^(\.cache\/|Library\/Caches\/)?aifi-customer-mcp\/\w+\.bin$/)])
    const { mtimeMs } = statSync(join(home, first.files[0] ?? ''))
    const second = await serveIn(home)
    expect(second.files).toEqual(first.files)
    expect(statSync(join(home, first.files[0] ?? '')).mtimeMs).toBe(mtimeMs)
    expect(second.stderr).not.toMatch(/cache/i)
  })

  test('keeps nothing of settings, arguments and answers', async () => {
    const home = temporaryFolder()
    const { files } = await serveIn(home, { AIFI_TOKEN: 'canary-token-1' })
    const content = readFileSync(join(home, files[0] ?? ''), 'latin1')
    expect(content).toContain('update_customer')
    expect(content).not.toMatch(/canary-(token|name)-1/)
    expect(content).not.toContain(home)
  })
})
