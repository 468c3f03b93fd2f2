import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { plainEnv } from '../helpers/plain-env.ts'
import { groupEnds, startInGroup } from '../helpers/process-group.ts'

const root = join(import.meta.dirname, '..', '..')
const isBuilt = existsSync(join(root, 'dist', 'index.js'))

/** The demo through pipes. */
function startDemo(folder = root) {
  return startInGroup(join(folder, 'scripts', 'demo.mjs'))
}

// `npm run test:all` builds first; this only skips when vitest is started by hand in a fresh checkout.
describe.skipIf(!isBuilt)(`the demo${isBuilt ? '' : ' (SKIPPED: run "npm run build" first)'}`, () => {
  test('without a terminal it runs through with scripted answers and shows the real messages', async () => {
    const { child, ended } = startDemo()
    const { code, stdout, stderr } = await ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    await groupEnds(child)
    expect(stdout).toContain('No terminal here: the 3 questions get scripted answers: yes, yes, no.')

    expect(stdout).toContain('→ tools/call update_customer { "customerId": 4211, "blocked": false }')
    expect(stdout).toContain('← elicitation/create')
    expect(stdout).toContain('│ Blocked: Unknown → No')
    expect(stdout).toContain('→ result { "action": "accept", "content": { "approve": true } }')
    expect(stdout).toContain('→ result { "action": "decline" }')
    const statuses = [...stdout.matchAll(/^ +"status": "(\w+)",$/gm)].map(([, status]) => status)
    const changes = ['updated', 'invalid', 'updated', 'invalid', 'declined', 'declined', 'unknown']
    expect(statuses).toStrictEqual(['found', ...changes])
    expect(stdout).toContain('"customers": [{ "id": 4211, "email": "jane@example.com", … }]')
    expect(stdout).toContain('"rule": "object.unknown"')
    expect(stdout).toContain('"http": { "status": 422, "type": "E_INVALID_BODY" }')
    expect(stdout).toContain('The stand-in received nothing.')
    expect(stdout).toContain('The stand-in received 1 GET and no PATCH.')

    expect(stdout).toMatch(/^ +\* phone +\+1 555 0142 +\+1 555 0199$/m)
    expect(stdout).toMatch(/^ +\* blocked +true +false$/m)
    expect(stdout).toMatch(/^ +card +STRIPE, token set +STRIPE, token set$/m)
    expect(stdout).toMatch(/^ +email +jane@example\.com +jane@example\.com$/m)
    expect(stdout).toMatch(/^ +lastName +Doe +Doe$/m)
    expect(stdout).toMatch(/In all the stand-in received \d+ GET and 3 PATCH requests\./)

    for (const picture of stdout.match(/\bdocs\/[\w.-]+\.png/g) ?? [])
      expect(existsSync(join(root, picture)), picture).toBe(true)
    expect(stdout.match(/\bdocs\/[\w.-]+\.png/g)).toHaveLength(2)
    expect(stdout.slice(stdout.indexOf('What next?'))).toContain('node "$PWD/dist/index.js" --sandbox\n')

    // No colours, nothing wider than a terminal, and no secret of the stand-in.
    expect(stdout).not.toContain('\x1b')
    expect(stdout.split('\n').filter((each) => each.length > 80)).toStrictEqual([])
    expect(stdout).not.toMatch(/sandbox-[\w-]{10,}|pm_sandbox|Bearer/)
  })

  test.each([0, 150, 500])('SIGINT %i ms after the start leaves no process behind', async (ms) => {
    const { child, ended } = startDemo()
    if (child.stdout) await once(child.stdout, 'readable')
    await sleep(ms)
    child.kill('SIGINT')
    const { code, stdout, stderr } = await ended
    expect(stderr).toBe('')
    // On a fast machine it may have come to its end before, or so near to it that Node listens to no signal any more.
    const isThrough = stdout.includes('In all the stand-in received')
    expect(isThrough ? [130, 0, null] : [130]).toContain(code)
    await groupEnds(child)
  })

  test('without the built server it says what to run', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    const { code, stdout, stderr } = await startDemo(folder).ended
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toBe('\nThe demo failed: dist/index.js is missing. Run "npm run build" first, or "npm run demo".\n')
  })
})

describe('a question of the demo', () => {
  /** The question in a process of its own, which prints the answer that it took. */
  function askedInTerminal() {
    const terminal = JSON.stringify(join(root, 'scripts', 'demo', 'terminal.mjs'))
    const code = `const { askYesOrNo } = await import(${terminal}); console.log('took', await askYesOrNo('Well?'))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env: plainEnv })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    /** Types a line once the question stands there for the `times`th time. */
    const type = async (line: string, times: number) => {
      await expect.poll(() => output.split('Well? [y/n] ').length - 1).toBe(times)
      child.stdin.write(line)
    }
    const end = async () => {
      await once(child, 'close')
      return output
    }
    return { child, type, end }
  }

  test.each([
    ['y', 'true'],
    ['no', 'false'],
  ])('is asked again after Enter alone or another word, and takes "%s"', async (answer, taken) => {
    const { type, end } = askedInTerminal()
    await type('\n', 1)
    await type('maybe\n', 2)
    await type(`${answer}\n`, 3)
    expect(await end()).toMatch(new RegExp(`Please type y or n[^]*Please type y or n[^]*took ${taken}\n$`))
  })

  test('has no answer when the input ends', async () => {
    const { child, type, end } = askedInTerminal()
    await type('\n', 1)
    await type('', 2)
    child.stdin.end()
    expect(await end()).toMatch(/took undefined\n$/)
  })
})
