import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type BrowserOptions, browserCommands, systemBrowser } from '../../../src/approval/page/browser.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { TestClock } from '../../helpers/test-clock.ts'

const ADDRESS = 'http://127.0.0.1:1/token?a=b&c=d;$(touch x)`touch y` %PATH% "\'\\'

interface Dump {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly pid: number
}

/** A program that writes down how it was started, beside itself, and then does what `then` says. */
function program(then = '', name = 'browser') {
  const folder = mkdtempSync(join(tmpdir(), 'browser-launch-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  const dump = 'JSON.stringify({ args: process.argv.slice(2), env: process.env, pid: process.pid })'
  const lines = [
    `#!${process.execPath}`,
    `const fs = require('node:fs')`,
    `fs.writeFileSync(__filename + '.part', ${dump})`,
    `fs.renameSync(__filename + '.part', __filename + '.json')`,
    then,
  ]
  writeFileSync(path, lines.join('\n'))
  chmodSync(path, 0o755)
  const started = () => existsSync(`${path}.json`)
  const seen = (): Dump => JSON.parse(readFileSync(`${path}.json`, 'utf8'))
  return { folder, path, started, seen }
}

function browserFor(command: string | undefined, options: Partial<BrowserOptions> = {}) {
  return systemBrowser({ command, platform: process.platform, env: {}, clock: systemClock, ...options })
}

describe.skipIf(process.platform === 'win32')('the program that BROWSER names', () => {
  test('gets the address as its only argument and exactly the environment it is meant to have', async () => {
    vi.stubEnv('AIFI_TOKEN', 'secret')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { path, seen } = program()
    const env = { PATH: '/usr/bin', LANG: 'C' }
    expect(await browserFor(path, { env }).open(ADDRESS)).toBe(true)
    expect(seen().args).toEqual([ADDRESS])
    expect(seen().env).toEqual(env)
  })

  test('is found by its name, in the path', async () => {
    const { folder, seen } = program('', 'my-browser')
    expect(await browserFor('my-browser', { env: { PATH: folder } }).open(ADDRESS)).toBe(true)
    expect(seen().args).toEqual([ADDRESS])
  })

  test('is one program, spaces and semicolons and all: nothing goes through a shell', async () => {
    const { path, seen, folder } = program('', '; touch pwned; $(touch pwned) "x" &/my browser')
    expect(await browserFor(path, { env: { PATH: folder } }).open(ADDRESS)).toBe(true)
    expect(seen().args).toEqual([ADDRESS])
    for (const name of ['pwned', 'x', 'y']) {
      expect(existsSync(join(folder, name)) || existsSync(name), name).toBe(false)
    }
  })

  test.each([
    ['--new-window', ['--new-window', ADDRESS]],
    ['--new-window %s --quiet', ['--new-window', ADDRESS, '--quiet']],
    ['--app="%s" \'a  b\' "', [`--app=${ADDRESS}`, 'a  b', '"']],
    ['; touch pwned', [';', 'touch', 'pwned', ADDRESS]],
    ['| sh && true', ['|', 'sh', '&&', 'true', ADDRESS]],
  ])('gets its arguments, and no shell sees them: %s', async (rest, args) => {
    const { path, seen } = program()
    expect(await browserFor(`${path} ${rest}`).open(ADDRESS)).toBe(true)
    expect(seen().args).toEqual(args)
    expect(existsSync('pwned')).toBe(false)
  })

  test('is the first of a list that opens something', async () => {
    const [failing, working, later] = [program('process.exit(1)'), program(), program()]
    const list = ['no-such-browser-anywhere', failing.path, '', `${working.path} --tab %s`, later.path].join(':')
    expect(await browserFor(list).open(ADDRESS)).toBe(true)
    expect(failing.started()).toBe(true)
    expect(working.seen().args).toEqual(['--tab', ADDRESS])
    expect(later.started()).toBe(false)
  })

  test.skipIf(process.platform !== 'linux')('is followed by the system’s browser where there is a screen', async () => {
    const [failing, system] = [program('process.exit(1)'), program()]
    vi.stubEnv('BROWSER', system.path)
    vi.stubEnv('DISPLAY', '')
    vi.stubEnv('WAYLAND_DISPLAY', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const address = 'http://127.0.0.1:1/some-token_x'
    expect(await browserFor(failing.path).open(address)).toBe(false)
    expect(system.started()).toBe(false)
    expect(await browserFor(failing.path, { env: { DISPLAY: ':0' } }).open(address)).toBe(true)
    expect(system.seen().args).toEqual([address])
  })

  test.each([
    ['exits with an error', 'process.exit(1)'],
    ['is ended by a signal', `process.kill(process.pid, 'SIGKILL')`],
  ])('has opened nothing when it %s', async (_, then) => {
    const { path, started } = program(then)
    expect(await browserFor(path).open(ADDRESS)).toBe(false)
    expect(started()).toBe(true)
  })

  test('has opened nothing when there is none, or none that runs', async () => {
    const { folder } = program()
    writeFileSync(join(folder, 'text'), 'no program')
    for (const command of [join(folder, 'none'), join(folder, 'text'), folder, 'no-such-browser-anywhere', '\0']) {
      expect(await browserFor(command).open(ADDRESS), command).toBe(false)
    }
  })

  test('has opened something when it still runs after two seconds', async () => {
    const { path, started, seen } = program('setTimeout(() => {}, 60_000)')
    const clock = new TestClock()
    const opened = browserFor(path, { clock }).open(ADDRESS)
    await expect.poll(started).toBe(true)
    onTestFinished(() => void process.kill(seen().pid, 'SIGKILL'))
    let answered = false
    void opened.then(() => {
      answered = true
    })
    clock.advance(1_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(answered).toBe(false)
    clock.advance(1_000)
    expect(await opened).toBe(true)
  })
})

describe.skipIf(process.platform !== 'linux')('the system’s browser', () => {
  test('has not opened anything when its launcher fails', async () => {
    for (const [name, value] of Object.entries({ BROWSER: '/no/such/browser', DISPLAY: '', WAYLAND_DISPLAY: '' })) {
      vi.stubEnv(name, value)
    }
    vi.stubEnv('PATH', '/usr/bin:/bin')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await browserFor(undefined).open('http://127.0.0.1:1/token')).toBe(false)
  })

  test('is opened by a launcher that gets the address as it is', async () => {
    const { path, seen } = program()
    vi.stubEnv('BROWSER', path)
    vi.stubEnv('DISPLAY', '')
    vi.stubEnv('WAYLAND_DISPLAY', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    const address = 'http://127.0.0.1:1/some-token_x'
    expect(await browserFor(undefined).open(address)).toBe(true)
    expect(seen().args).toEqual([address])
  })
})

test('a list on Windows is joined by semicolons, since a colon follows the drive', () => {
  expect(browserCommands('C:\\b.exe --tab; "C:\\Program Files\\c.exe" %s', 'win32')).toEqual([
    { program: 'C:\\b.exe', args: ['--tab', '%s'] },
    { program: 'C:\\Program Files\\c.exe', args: ['%s'] },
  ])
})

describe('a machine', () => {
  test.each([
    ['linux', {}, false],
    ['linux', { DISPLAY: '' }, false],
    ['linux', { SSH_CONNECTION: '1', TERM: 'xterm' }, false],
    ['linux', { DISPLAY: ':0' }, true],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, true],
    ['linux', { WSL_DISTRO_NAME: 'Debian' }, true],
    ['linux', { WSL_INTEROP: '/run/x' }, true],
    ['darwin', {}, true],
    ['win32', {}, true],
  ] as const)('of %s with %j can open a browser: %s', (platform, env, can) => {
    expect(browserFor(undefined, { platform, env }).unavailable() === undefined).toBe(can)
    expect(browserFor('program', { platform, env }).unavailable()).toBeUndefined()
  })
})
