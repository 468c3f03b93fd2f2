import { createServer, connect as dial } from 'node:net'
import { Caller } from './caller.mjs'
import { PUBLIC_URL } from './world.mjs'

const LISTENING = Buffer.from('listen "aifi_customer_mcp"')
const DEAF = Buffer.from('listen "aifi_customer_xyz"')

/** @import { World } from './world.mjs' */

/**
 * Milliseconds until a call that waits at one replica is answered: from the press of the button at another one, which
 * contains taking the decision, and from when whoever pressed it was answered.
 *
 * @param {World} world
 * @param {{ questions: number, atOnce: number }} how
 */
export async function measureDecisions(world, { questions, atOnce }) {
  const { url } = world.postgres
  const pooler = await startDeafPooler(url)
  const deafUrl = url.replace(/:\d+\//, `:${pooler.port}/`)
  const settings = { AIFI_APPROVAL_WAIT_SECONDS: '50' }
  const deciding = await world.replica({ ...settings, AIFI_STORE_URL: url })
  const listening = await world.replica({ ...settings, AIFI_STORE_URL: url })
  const polling = await world.replica({ ...settings, AIFI_STORE_URL: deafUrl })
  const alex = new world.parts.Visitor(PUBLIC_URL, deciding.address)
  const start = await alex.get('/approvals')
  const back = new URL(await world.issuer.signIn(String(start.headers.location), 'alex'))
  await alex.get(back.pathname + back.search)
  const how = { questions, atOnce, alex }
  const measured = {
    listen: await learned(world, listening, { ...how, name: 'listen' }),
    poll: await learned(world, polling, { ...how, name: 'poll' }),
  }
  pooler.close()
  return measured
}

/**
 * @param {World} world
 * @param {import('./world.mjs').Server} server
 * @param {{ questions: number, atOnce: number, name: string, alex: import('../../test/helpers/visitor.ts').Visitor }} how
 */
async function learned(world, server, { questions, atOnce, name, alex }) {
  const caller = new Caller(server)
  const tokens = await world.tokens(atOnce, name)
  /** @type {{ fromPress: number[], fromTaken: number[] }} */
  const durations = { fromPress: [], fromTaken: [] }
  while (durations.fromPress.length < questions) {
    const round = durations.fromPress.length
    const answeredAt = new Map()
    const calls = tokens.map(async (token, i) => {
      const customerId = 1_000 + i
      const status = await caller.update(token, { customerId, email: `${name}-${round}-${i}@example.com` })
      if (status !== 'declined') throw new Error(`A decision was not learned: ${status}`)
      answeredAt.set(customerId, performance.now())
    })
    const paths = await openQuestions(world, atOnce)
    const pressed = []
    for (const { id, customerId } of paths) {
      const path = `/approvals/${id}`
      const token = await alex.tokenOf(path)
      const at = performance.now()
      await alex.post(path, { token, decision: 'decline' })
      pressed.push({ customerId, at, takenAt: performance.now() })
    }
    await Promise.all(calls)
    for (const { customerId, at, takenAt } of pressed) {
      durations.fromPress.push(answeredAt.get(customerId) - at)
      durations.fromTaken.push(Math.max(0, answeredAt.get(customerId) - takenAt))
    }
  }
  await caller.close()
  return durations
}

/** The questions, once there are so many. @param {World} world @param {number} count */
async function openQuestions({ postgres }, count) {
  for (;;) {
    const rows = await postgres.query("select id, customer_id from aifi_change where state = 'asked' and version > 1")
    if (rows.length === count)
      return rows.map(({ id, customer_id }) => ({ id: String(id), customerId: Number(customer_id) }))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Passes everything on, but that somebody listens: as behind a pooler, no notification comes. @param {string} url */
async function startDeafPooler(url) {
  const target = Number(new URL(url).port)
  const server = createServer((client) => {
    const onward = dial(target, '127.0.0.1')
    client.on('data', (chunk) => {
      const at = chunk.indexOf(LISTENING)
      if (at >= 0) DEAF.copy(chunk, at)
      onward.write(chunk)
    })
    onward.pipe(client)
    client.on('close', () => onward.destroy())
    onward.on('close', () => client.destroy())
    for (const socket of [client, onward]) socket.setNoDelay(true).on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', () => resolve(undefined)))
  const address = server.address()
  return { port: typeof address === 'object' && address ? address.port : 0, close: () => server.close() }
}
