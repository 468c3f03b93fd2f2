import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { start } from '../../helpers/harness.ts'
import { asNobody, asNobodyMeanwhile, canBecomeNobody, nodeForNobody } from '../../helpers/other-user.ts'
import { askOnPage, BLOCK, expectStillOpen, openedAddress, PageVisitor } from '../../helpers/page-visitor.ts'

if (!canBecomeNobody) process.emitWarning('SKIPPED: another user of this machine. These tests need root on Linux.')

/** Everything it writes, up to its end. */
async function outputOf(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout?.on('data', (chunk) => {
    text += chunk
  })
  await once(child, 'close')
  return text
}

describe.skipIf(!canBecomeNobody)('another user of this machine', () => {
  beforeAll(nodeForNobody)

  test('who takes the address from a launcher’s arguments first is refused, and the person’s browser still works', async () => {
    const opened: string[] = []
    const open = async (address: string) => {
      const launcher = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)', address], { stdio: 'ignore' })
      onTestFinished(() => void launcher.kill('SIGKILL'))
      await once(launcher, 'spawn')
      const thief = `
        const { readFileSync } = require('node:fs')
        const [address] = readFileSync('/proc/${launcher.pid}/cmdline', 'utf8').split('\\0').slice(-2)
        fetch(address).then((answer) => answer.text(), (error) => 'refused ' + error.cause?.code)
          .then((text) => console.log(JSON.stringify({ address, text })))`
      stolen.push(JSON.parse(await outputOf(asNobody(thief))))
      opened.push(address)
      return true
    }
    const stolen: unknown[] = []
    const harness = await start({ browser: { opened, open } })
    const { update } = await harness.connect()
    const answer = update(BLOCK)
    await expect.poll(() => opened.length).toBe(1)
    const address = await openedAddress(harness)
    expect(stolen).toEqual([{ address, text: expect.stringMatching(/^refused/) }])
    const person = new PageVisitor(address)
    expect((await person.press('approve')).body).toContain('Done')
    expect(await answer).toMatchObject({ status: 'updated', approval: { channel: 'page', answer: 'approved' } })
  })

  test('who sends everything and is gone before anybody looks is refused all the same', async () => {
    const asked = await askOnPage()
    const { port, host, pathname } = new URL(asked.address)
    const hasty = `
      const socket = require('node:net').connect(${port}, '127.0.0.1', () => {
        socket.write('GET ${pathname} HTTP/1.1\\r\\nHost: ${host}\\r\\n\\r\\n')
        process.kill(process.pid, 'SIGKILL')
      })`
    // The server looks only after the other one has gone.
    asNobodyMeanwhile(hasty)
    await expectStillOpen(asked)
  })

  test('does not fill the places of those who may come', async () => {
    const asked = await askOnPage()
    const port = new URL(asked.address).port
    const flood = asNobody(`
      const { connect } = require('node:net')
      let open = 0
      for (let i = 0; i < 200; i++) {
        connect(${port}, '127.0.0.1', () => ++open === 200 && console.log('open')).on('error', () => {})
      }
      setInterval(() => {}, 60_000)`)
    await once(flood.stdout ?? flood, 'data')
    await expectStillOpen(asked)
  })
})

test('a flood of this user’s own does not stand in the way of the page for ever', async () => {
  const asked = await askOnPage()
  const sockets = Array.from({ length: 100 }, () => connect(Number(new URL(asked.address).port), '127.0.0.1'))
  for (const socket of sockets) socket.on('error', () => undefined)
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
  await expectStillOpen(asked)
})
