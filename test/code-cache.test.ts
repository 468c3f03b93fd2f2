import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type CodeCacheHost, loadProgram, type Program } from '../src/cli/code-cache.ts'
import { plainEnv } from './helpers/plain-env.ts'
import { builtFile, startServer, temporaryFolder } from './helpers/process.ts'
import { filesBelow } from './helpers/repository.ts'

/** Belongs to nobody. */
const absent = join(tmpdir(), `aifi-absent-${randomUUID()}`)
const isWindows = process.platform === 'win32'

/** A user whose cache folder is this one. */
function userOf(folder: string, env: CodeCacheHost['env'] = {}): CodeCacheHost {
  const { platform } = process
  const folders = { XDG_CACHE_HOME: folder, HOME: folder, LOCALAPPDATA: folder }
  return { env: { ...folders, ...env }, platform, engine: 'this one', uid: process.getuid?.() }
}

/** Where the code of a user's programs is kept. */
const cacheOf = (folder: string) => {
  if (isWindows) return join(folder, 'aifi-customer-mcp', 'Cache')
  return join(folder, ...(process.platform === 'darwin' ? ['Library', 'Caches'] : []), 'aifi-customer-mcp')
}

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
  const code = readFileSync(kept(wordOf('two'), folder)).subarray(32)
  const sum = createHash('sha256').update(basename(cache)).update(code).digest()
  writeFileSync(cache, Buffer.concat([sum, code]))
  // The same in another place: what V8 has compiled once, it does not compile again in the same process.
  const load = (user: Partial<CodeCacheHost> = {}) => loadProgram(wordOf('one'), { ...userOf(folder), ...user })
  return { folder, cache, load }
}

/** Gives it another name, and returns that. */
function moved(path: string): string {
  renameSync(path, `${path}-moved`)
  return `${path}-moved`
}

/** What is kept for a program is whole, and used: the program would not keep it anew. */
function expectUsed(cache: string, load: () => Program) {
  utimesSync(cache, 1, 1)
  load().keepCode()
  expect(statSync(cache).mtimeMs).toBe(1000)
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
    const cache = kept(wordOf('one'), folder)
    expectUsed(cache, () => loadProgram(wordOf('one'), userOf(folder)))
    expect(filesBelow(folder)).toHaveLength(1)
  })

  test.skipIf(isWindows)('belongs to the user alone', () => {
    const cache = kept(wordOf('one'), temporaryFolder())
    expect([statSync(cache).mode & 0o777, statSync(join(cache, '..')).mode & 0o777]).toEqual([0o600, 0o700])
  })

  test.each([
    ['one bit', (content: Buffer) => content.fill((content.at(100) ?? 0) ^ 1, 100, 101)],
    ['a missing end', (content: Buffer) => content.subarray(0, -8)],
    ['everything missing', () => Buffer.alloc(0)],
    ['something else in its place', () => Buffer.from('no code at all, and longer than a checksum')],
  ])('is not used when it is damaged, and kept anew: %s', (_, damage) => {
    const { cache, load } = exchanged()
    writeFileSync(cache, damage(readFileSync(cache)))
    const program = load()
    expect(program.exports).toEqual({ word: 'one' })
    program.keepCode()
    expectUsed(cache, load)
  })

  test('is not used when it is that of another program', () => {
    const { folder, cache, load } = exchanged()
    copyFileSync(kept(wordOf('six'), folder), cache)
    expect(load().exports).toEqual({ word: 'one' })
  })

  test.skipIf(isWindows)('is not used when others could have written it, and kept anew', () => {
    const { cache, load } = exchanged()
    chmodSync(cache, 0o622)
    const program = load()
    expect(program.exports).toEqual({ word: 'one' })
    program.keepCode()
    expect(statSync(cache).mode & 0o777).toBe(0o600)
    expectUsed(cache, load)
  })

  test.skipIf(isWindows).each([
    ['is a link', (cache: string) => symlinkSync(moved(cache), cache)],
    ['is a folder', (cache: string) => moved(cache) && mkdirSync(cache)],
  ])('is not used when what has its name %s', (_, replace) => {
    const { cache, load } = exchanged()
    replace(cache)
    expect(load().exports).toEqual({ word: 'one' })
  })

  test.skipIf(isWindows).each([
    ['of another user', (_folder: string) => ({ uid: 12345 })],
    ['one that others can write into', (folder: string) => chmodSync(folder, 0o770) ?? {}],
    ['a link to one', (folder: string) => symlinkSync(moved(folder), folder) ?? {}],
  ])('is neither used nor kept, and nothing removed, when its folder is %s', (_, make) => {
    const { cache, load } = exchanged()
    const before = readFileSync(cache)
    const program = load(make(join(cache, '..')))
    program.keepCode()
    expect(program.exports).toEqual({ word: 'one' })
    expect(readFileSync(cache).equals(before)).toBe(true)
  })

  test.skipIf(isWindows)('makes no folder where another user is at home', () => {
    const home = temporaryFolder()
    const { platform, engine } = userOf(home)
    loadProgram(wordOf('one'), { env: { HOME: home }, platform, engine, uid: 12345 }).keepCode()
    expect(readdirSync(home)).toEqual([])
  })

  test('is not used for another version of the program, and by no other engine', () => {
    const folder = temporaryFolder()
    const file = wordOf('one')
    kept(file, folder)
    loadProgram(file, { ...userOf(folder), engine: 'another' }).keepCode()
    kept(wordOf('two'), folder)
    expect(filesBelow(folder)).toHaveLength(3)
  })

  test('is removed when newer code of eight others is there, and nothing else is', () => {
    const folder = temporaryFolder()
    const first = kept(wordOf('first'), folder)
    const others = ['token', 'notes.bin', `${'0'.repeat(32)}.bin.bak`].map((name) => join(first, '..', name))
    for (const other of others) writeFileSync(other, '')
    for (const old of [first, ...others]) utimesSync(old, 1, 1)
    for (let i = 1; i < 8; i++) kept(wordOf(`other ${i}`), folder)
    expect(readdirSync(cacheOf(folder))).toHaveLength(8 + others.length)
    kept(wordOf('the last'), folder)
    expect(readdirSync(cacheOf(folder))).toHaveLength(8 + others.length)
    expect([first, ...others].map((path) => existsSync(path))).toEqual([false, ...others.map(() => true)])
  })

  test.each([
    ['it is turned off', { NODE_DISABLE_COMPILE_CACHE: '1' }],
    ['no folder is known', { XDG_CACHE_HOME: undefined, HOME: undefined, LOCALAPPDATA: '' }],
    ['there is no such folder', { XDG_CACHE_HOME: absent, HOME: absent, LOCALAPPDATA: absent }],
    ['the folder is no absolute path', { XDG_CACHE_HOME: 'here', HOME: 'here', LOCALAPPDATA: 'here' }],
  ])('is kept nowhere when %s', (_, env) => {
    const folder = temporaryFolder()
    const here = readdirSync('.')
    const file = wordOf('one')
    const program = loadProgram(file, userOf(folder, env))
    program.keepCode()
    expect(program.exports).toEqual({ word: 'one' })
    expect([...filesBelow(folder), ...filesBelow(join(file, '..'))]).toEqual(['program.js'])
    expect(readdirSync('.')).toEqual(here)
    expect(existsSync(absent)).toBe(false)
  })

  test('is no condition: where nothing can be written the program runs without', () => {
    const occupied = join(temporaryFolder(), 'file')
    writeFileSync(occupied, '')
    const program = loadProgram(wordOf('one'), userOf(occupied))
    expect(program.exports).toEqual({ word: 'one' })
    expect(() => program.keepCode()).not.toThrow()
  })

  test('leaves nothing unfinished behind when its place is taken', () => {
    const folder = temporaryFolder()
    const name = basename(kept(wordOf('one'), temporaryFolder()))
    mkdirSync(join(cacheOf(folder), name), { recursive: true, mode: 0o700 })
    chmodSync(cacheOf(folder), 0o700)
    loadProgram(wordOf('one'), userOf(folder)).keepCode()
    expect(readdirSync(cacheOf(folder))).toEqual([name])
  })
})

describe('the server', () => {
  /** Serves, and ends when its code is kept. */
  async function serveIn(home: string, env: Record<string, string> = {}) {
    const own = { ...plainEnv, XDG_CACHE_HOME: '', HOME: home, LOCALAPPDATA: home, ...env }
    const server = startServer({ args: ['--sandbox'], env: own })
    await server.initialize()
    const call = server.call('update_customer', { customerId: 4211, firstName: 'canary-name-1' })
    expect(await server.result(call)).toMatchObject({ status: 'updated', customer: { email: 'jane@example.com' } })
    // After the call, so that whatever it might leave behind is there.
    await server.answer(server.send('tools/list'))
    await expect.poll(() => filesBelow(home), { timeout: 10_000 }).toHaveLength(1)
    server.child.stdin?.end()
    await server.ended
    return { files: filesBelow(home), stderr: server.stderr }
  }

  test('keeps its code in a folder of its own in the cache folder of the user, and says nothing of it', async () => {
    const home = temporaryFolder()
    const first = await serveIn(home)
    expect(first.files).toEqual([
      expect.stringMatching(/^(\.cache\/|Library\/Caches\/)?aifi-customer-mcp\/(Cache\/)?\w+\.bin$/),
    ])
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

  test.skipIf(isWindows)('does not wait for a pipe that has the name of its code', async () => {
    const home = temporaryFolder()
    const { files } = await serveIn(home)
    const cache = join(home, files[0] ?? '')
    rmSync(cache)
    execFileSync('mkfifo', [cache])
    const env = { ...plainEnv, XDG_CACHE_HOME: '', HOME: home }
    const { stdout } = await promisify(execFile)(process.execPath, [builtFile, '--version'], { env, timeout: 10_000 })
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
