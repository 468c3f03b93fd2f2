// Puts each client through the same calls and prints what it saw, one JSON line per client:
//   drive.mjs FOLDER NODE  (the folder of the clients' packages, and the Node that the server runs on)
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StandIn } from '../demo/stand-in.mjs'
import { drivers } from './drivers.mjs'

/** @typedef {import('./drivers.mjs').Driver} Driver */

const [folder = '', serverNode = ''] = process.argv.slice(2)
const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url))
const program = path('../../dist/index.js')
/** A form answered within 0.7 s was answered by nobody, as the server sees it. */
const READING_MS = 1_000

const plain = { customerId: 4211, firstName: 'Janet', expectedEmail: 'jane@example.com' }
const wrong = { customerId: 4211, email: 'no address', phonee: '1', blocked: true }
const block = { customerId: 4211, blocked: true }
const promote = { customerId: 77, role: 'employee' }
const password = { customerId: 77, enterPrivately: ['password'] }

const scratch = await mkdtemp(join(tmpdir(), 'aifi-clients-'))
const browser = join(scratch, 'browser.sh')
await writeFile(browser, `#!/bin/sh\nexec "${process.execPath}" "${path('person.mjs')}" "$1"\n`)
await chmod(browser, 0o755)
try {
  for (const driver of await drivers(folder)) process.stdout.write(`${JSON.stringify(await put(driver))}\n`)
} finally {
  await rm(scratch, { recursive: true, force: true })
}

/** @param {Driver} driver */
async function put(driver) {
  const wire = join(scratch, 'wire')
  await rm(wire, { force: true })
  const standIn = new StandIn(program)
  await standIn.ready()
  const attempt = attempts(driver, standIn, wire)
  const calls = {
    tools: await attempt({}, (client) => client.tools()),
    plain: await attempt({}, (client) => client.call(plain)),
    invalid: await attempt({}, (client) => client.call(wrong)),
    ...(driver.form && {
      approved: await attempt({ answer: true }, (client) => client.call(block)),
      declined: await attempt({ answer: false }, (client) => client.call(promote)),
    }),
    page: await attempt({ env: { BROWSER: browser } }, (client) => client.call({ ...block, blocked: false })),
    typed: await attempt({ env: { BROWSER: browser } }, (client) => client.call(password)),
    nobody: await attempt({}, (client) => client.call(promote)),
  }
  await standIn.stop()
  return { ...driver, protocol: await protocolIn(wire), calls }
}

/** A connection of its own for each call. @param {Driver} driver @param {StandIn} standIn @param {string} wire */
function attempts(driver, standIn, wire) {
  /**
   * @template Result
   * @param {{ answer?: boolean, env?: Record<string, string> }} situation
   * @param {(client: import('./drivers.mjs').Connection) => Promise<Result>} act
   */
  return async ({ answer, env = {} }, act) => {
    let asked = 0
    const person = async () => {
      asked += 1
      await pause(READING_MS)
      return answer === true
    }
    const before = await standIn.requests()
    const server = {
      command: process.execPath,
      args: [path('tap.mjs'), wire, serverNode, program],
      env: { PATH: process.env.PATH ?? '', ...standIn.settings, ...env },
    }
    const client = await driver.connect(server, answer === undefined ? undefined : person)
    const result = await act(client).catch((error) => ({ error: String(error) }))
    await client.close()
    const changes = ((await standIn.requests()).PATCH ?? 0) - (before.PATCH ?? 0)
    return { result, asked, changes }
  }
}

/** The revisions that the messages themselves name. @param {string} wire */
async function protocolIn(wire) {
  const lines = (await readFile(wire, 'utf8')).split('\n').filter((line) => line.startsWith('{'))
  const named = lines.flatMap((line) => {
    const { method, params, result } = JSON.parse(line)
    const modern = method === 'tools/call' ? params?._meta?.['io.modelcontextprotocol/protocolVersion'] : undefined
    return [modern, result?.protocolVersion].filter(Boolean)
  })
  return [...new Set(named)]
}
