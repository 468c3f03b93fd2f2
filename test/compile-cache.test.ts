import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { plainEnv } from './helpers/plain-env.ts'
import { builtFile, startServer, temporaryFolder } from './helpers/process.ts'
import { filesBelow } from './helpers/repository.ts'

/** Node 22.1 and newer. */
const canKeep = 'enableCompileCache' in nodeModule

/** An environment in which everything that belongs to a user is in this folder. */
function userIn(folder: string): Record<string, string> {
  return { ...plainEnv, XDG_CACHE_HOME: '', HOME: folder, LOCALAPPDATA: folder }
}

/** Runs `--version`, and returns what it printed. */
const version = async (env: Record<string, string>, cwd: string) =>
  promisify(execFile)(process.execPath, [builtFile, '--version'], { env, cwd })

describe('the code that is kept compiled', () => {
  test('is in a folder of its own in the cache folder of the user, where this Node can keep it', async () => {
    const home = temporaryFolder()
    await version(userIn(home), home)
    const files = filesBelow(home)
    expect(files.length > 0).toBe(canKeep)
    expect(files.filter((file) => !/^(\.cache|Library\/Caches)?\/?aifi-customer-mcp\//.test(file))).toEqual([])
  })

  test.each([
    ['Node is told to keep none', { NODE_DISABLE_COMPILE_CACHE: '1' }],
    ['the home folder is no absolute path', { HOME: 'here', LOCALAPPDATA: 'here' }],
  ])('is none when %s', async (_, env) => {
    const home = temporaryFolder()
    await version({ ...userIn(home), ...env }, home)
    expect(filesBelow(home)).toEqual([])
  })

  test('is no condition: where nothing can be written the program runs, and says nothing of it', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const { stdout, stderr } = await version(userIn(file), folder)
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(stderr).toBe('')
  })

  test('holds nothing of settings, arguments and answers', async () => {
    const home = temporaryFolder()
    const server = startServer({ args: ['--sandbox'], env: { ...userIn(home), AIFI_TOKEN: 'canary-token-1' } })
    await server.initialize()
    const call = server.call('update_customer', { customerId: 4211, firstName: 'canary-name-1' })
    expect(await server.result(call)).toMatchObject({ status: 'updated', customer: { email: 'jane@example.com' } })
    server.child.stdin?.end()
    await server.ended
    const kept = filesBelow(home).map((file) => readFileSync(join(home, file), 'latin1'))
    expect(kept.length > 0).toBe(canKeep)
    expect(kept.filter((content) => /canary-(token|name)-1/.test(content))).toEqual([])
  })
})
