import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { NoPostgres, nativeFolder } from '../helpers/postgres.ts'
import { groupEnds, startInGroup } from '../helpers/process-group.ts'
import { root } from '../helpers/repository.ts'

const demo = join(root, 'scripts', 'demo-team.mjs')

describe.skipIf(!existsSync(join(root, 'dist', 'index.js')) || !hasPostgres())('the demo of a team', () => {
  test('without a terminal Alex answers, a replica is killed, and one PATCH is made', async () => {
    const { child, ended } = startInGroup(demo)
    const { code, stdout, stderr } = await ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    await groupEnds(child)

    expect(stdout).toContain('No terminal here: the demo answers by itself')
    expect(stdout).toMatch(/^ +MCP_URL=https:\/\/localhost:\d+\/mcp$/m)
    expect(stdout).toMatch(/^ +APPROVALS_URL=https:\/\/localhost:\d+\/approvals$/m)
    expect(stdout).toContain('│ Block Jane Doe?')
    const [, asked] = /Replica (\w) has put the question/.exec(stdout) ?? []
    const [, killed] = /kill -9 of replica (\w)/.exec(stdout) ?? []
    const [, found] = /Replica (\w) finds the question/.exec(stdout) ?? []
    expect([asked === killed, found !== killed]).toEqual([true, true])
    expect(stdout).toContain('← Error POSTing to endpoint: The replica was lost.')
    expect(stdout).toContain('← updated: AiFi accepted the change of customer 4211')
    expect(stdout.replace(/\s+/g, ' ')).toContain('asked by Sam Agent, approved by Alex Approver')
    expect(stdout).toContain('The audit is whole. The stand-in received 1 PATCH; customer 4211 is blocked.')

    // No colours, nothing wider than a terminal, and no secret.
    expect(stdout).not.toContain('\x1b')
    expect(stdout.split('\n').filter((each) => each.length > 80)).toEqual([])
    expect(stdout).not.toMatch(/sandbox-[\w-]{10,}|eyJ|Bearer/)
  })

  test.each([0, 1_500])('SIGINT %i ms after its first words leaves no process behind', async (ms) => {
    const { child, ended } = startInGroup(demo)
    if (child.stdout) await once(child.stdout, 'readable')
    await sleep(ms)
    child.kill('SIGINT')
    const { code, stderr } = await ended
    expect([code, stderr]).toEqual([130, ''])
    await groupEnds(child)
  })
})

function hasPostgres(): boolean {
  try {
    return existsSync(nativeFolder())
  } catch (error) {
    if (!(error instanceof NoPostgres)) throw error
    process.stderr.write(`LEFT OUT: the demo of a team. ${error.message}\n`)
    return false
  }
}
