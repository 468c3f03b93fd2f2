// Puts each client through the same calls and prints what it saw, one JSON line per client:
//   drive.mjs FOLDER NODE  (the folder of the clients' packages, and the Node that the server runs on)
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { StandIn } from '../demo/stand-in.mjs'
import { drivers } from './drivers.mjs'
import { startHttpTap } from './http-tap.mjs'
import { startTeam } from './team.mjs'

/**
 * @typedef {import('./drivers.mjs').Driver} Driver
 * @typedef {import('./drivers.mjs').Connection} Connection
 * @typedef {import('./drivers.mjs').Person} Person
 */

const [folder = '', serverNode = ''] = process.argv.slice(2)
const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url))
const program = path('../../dist/index.js')
/** A form that is answered within 0.7 s was put to nobody, as the server sees it. */
const READING_MS = 1_000

const plain = { customerId: 4211, firstName: 'Janet', expectedEmail: 'jane@example.com' }
const wrong = { customerId: 4211, email: 'no address', phonee: '1', blocked: true }
const nothing = { customerId: 4211 }
const block = { customerId: 4211, blocked: true }
const unblock = { customerId: 4211, blocked: false }
const promote = { customerId: 77, role: 'employee' }
const password = { customerId: 77, enterPrivately: ['password'] }

const scratch = await mkdtemp(join(tmpdir(), 'aifi-clients-'))
const browser = join(scratch, 'browser.sh')
await writeFile(browser, `#!/bin/sh\nexec "${process.execPath}" "${path('person.mjs')}" "$1"\n`)
await chmod(browser, 0o755)
const run = promisify(execFile)

/** @type {Person} */
const approving = { mode: 'form', answer: () => pause(READING_MS, /** @type {const} */ ('accept')) }
/** @type {Person} */
const declining = { mode: 'form', answer: () => pause(READING_MS, /** @type {const} */ ('decline')) }
/** @type {Person} follows the link */
const visiting = {
  mode: 'url',
  answer: async ({ url }) => {
    void run(process.execPath, [path('person.mjs'), url])
    return 'accept'
  },
}

try {
  for (const driver of await drivers(folder)) {
    for (const put of [overStdio, overHttp]) process.stdout.write(`${JSON.stringify(await put(driver))}\n`)
  }
} finally {
  await rm(scratch, { recursive: true, force: true })
}

/** @param {Driver} driver */
async function overStdio(driver) {
  const wire = join(scratch, 'wire')
  await rm(wire, { force: true })
  const standIn = new StandIn(program)
  await standIn.ready()
  const attempt = attempts(driver, standIn, wire)
  const form = driver.elicitation.includes('form')
  const call = (/** @type {Record<string, unknown>} */ args) => (/** @type {Connection} */ client) => client.call(args)
  const calls = {
    tools: await attempt({}, (client) => client.tools()),
    plain: await attempt({}, call(plain)),
    wrong: await attempt({}, call(wrong)),
    nothing: await attempt({}, call(nothing)),
    ...(form && { approved: await attempt({ person: approving }, call(block)) }),
    ...(form && { declined: await attempt({ person: declining }, call(promote)) }),
    ...(driver.elicitation.includes('url') && { link: await attempt({ person: visiting }, call(password)) }),
    page: await attempt({ BROWSER: browser }, call(unblock)),
    typed: await attempt({ BROWSER: browser }, call(password)),
    nobody: await attempt({}, call(promote)),
  }
  await standIn.stop()
  return { ...driver, revisions: await revisionsIn(wire), calls }
}

/** The server is there, and Alex approves in its inbox; what its stand-in for AiFi gets, nobody sees. @param {Driver} driver */
async function overHttp(driver) {
  const wire = join(scratch, 'wire')
  await rm(wire, { force: true })
  const team = await startTeam(serverNode, program)
  const tap = await startHttpTap(wire, team.url)
  const attempt = async (/** @type {(client: Connection) => Promise<unknown>} */ act) => {
    const client = await driver.connect({ url: tap.url, token: team.token }, undefined)
    const result = await act(client).catch((error) => ({ error: String(error) }))
    await client.close()
    return { result, asked: 0 }
  }
  const call = (/** @type {Record<string, unknown>} */ args) => (/** @type {Connection} */ client) => client.call(args)
  const calls = {
    tools: await attempt((client) => client.tools()),
    plain: await attempt(call(plain)),
    wrong: await attempt(call(wrong)),
    nothing: await attempt(call(nothing)),
    inbox: await attempt(call(block)),
    private: await attempt(call(password)),
  }
  await tap.close()
  await team.close()
  const mode = [driver.mode, 'over HTTP'].filter(Boolean).join(', ')
  return { ...driver, mode, revisions: await revisionsIn(wire), calls }
}

/** A connection of its own for each call. @param {Driver} driver @param {StandIn} standIn @param {string} wire */
function attempts(driver, standIn, wire) {
  /**
   * @param {{ person?: Person, BROWSER?: string }} situation
   * @param {(client: Connection) => Promise<unknown>} act
   */
  return async ({ person, ...env }, act) => {
    let asked = 0
    const counted = person && {
      ...person,
      answer: (/** @type {unknown} */ params) => {
        asked += 1
        return person.answer(params)
      },
    }
    const changes = async () => (await standIn.requests()).PATCH ?? 0
    const before = await changes()
    const server = {
      command: process.execPath,
      args: [path('tap.mjs'), wire, serverNode, program],
      env: { PATH: process.env.PATH ?? '', ...standIn.settings, ...env },
    }
    const client = await driver.connect(server, counted)
    const result = await act(client).catch((error) => ({ error: String(error) }))
    await client.close()
    return { result, asked, changes: (await changes()) - before }
  }
}

/** The protocol revisions that the messages themselves name. @param {string} wire */
async function revisionsIn(wire) {
  const lines = (await readFile(wire, 'utf8')).split('\n').filter((line) => line.startsWith('{'))
  const named = lines.flatMap((line) => {
    const { method, params, result } = JSON.parse(line)
    const ofCall = method === 'tools/call' ? params?._meta?.['io.modelcontextprotocol/protocolVersion'] : undefined
    return [ofCall, result?.protocolVersion].filter(Boolean)
  })
  return [...new Set(named)]
}
