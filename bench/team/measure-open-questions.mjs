import { randomUUID } from 'node:crypto'
import { load } from '../../scripts/team/parts.mjs'
import { Caller } from './caller.mjs'
import { PUBLIC_URL } from './world.mjs'

/** Open questions that each of those who ask may have. */
const OF_A_CALLER = 100
const AT_ONCE = 8

/** @import { World } from './world.mjs' */

/**
 * Milliseconds of a call that asks a question and does not wait for the answer, and of looking at the inbox: while hardly
 * anything is open, and while very much is.
 *
 * @param {World} world
 * @param {{ open: number, proposals: number, looks: number }} how
 */
export async function measureOpenQuestions(world, { open, proposals, looks }) {
  const server = await world.replica({ AIFI_STORE_URL: world.postgres.url, AIFI_APPROVAL_WAIT_SECONDS: '0' })
  const caller = new Caller(server)
  const alex = new world.parts.Visitor(PUBLIC_URL, server.address)
  const start = await alex.get('/approvals')
  const back = new URL(await world.issuer.signIn(String(start.headers.location), 'alex'))
  await alex.get(back.pathname + back.search)
  const measure = async (/** @type {string} */ name) => ({
    proposals: await propose(caller, await world.tokens(proposals, name), name),
    looks: await look(alex, looks),
  })
  await measure('warm-up')
  await world.postgres.query("delete from aifi_change where state = 'asked'")
  const empty = await measure('empty')
  await fill(world, open)
  const full = await measure('full')
  await caller.close()
  return { open, empty, full }
}

/** @param {Caller} caller @param {readonly string[]} tokens @param {string} name */
async function propose(caller, tokens, name) {
  const durations = []
  for (const [i, token] of tokens.entries()) {
    const start = performance.now()
    const status = await caller.update(token, { customerId: 500_000 + i, email: `${name}-${i}@example.com` })
    durations.push(performance.now() - start)
    if (status !== 'approval_pending') throw new Error(`A question was not asked: ${status}`)
  }
  return durations
}

/** @param {import('../../test/helpers/visitor.ts').Visitor} visitor @param {number} times */
async function look(visitor, times) {
  const durations = []
  for (let i = 0; i < times; i += 1) {
    const start = performance.now()
    const { status } = await visitor.get('/approvals')
    durations.push(performance.now() - start)
    if (status !== 200) throw new Error(`The inbox was answered with ${status}.`)
  }
  return durations
}

/** Questions that stand in the inbox, put there by the store itself. @param {World} world @param {number} open */
async function fill(world, open) {
  /**
   * @type {typeof import('../../src/team/postgres/store.ts') & typeof import('../../src/team/postgres/database.ts')
   *   & typeof import('../../src/team/seal.ts') & typeof import('../../src/lib/clock.ts')
   *   & Pick<typeof import('../../src/change/change.ts'), 'asked'>}
   */
  const parts = await load([
    './src/team/postgres/store.ts',
    './src/team/postgres/database.ts',
    './src/team/seal.ts',
    './src/lib/clock.ts',
    './src/change/change.ts',
  ])
  const { asked, instantIn, systemClock: clock } = parts
  const store = new parts.PostgresStore(new parts.Database(world.postgres.url), {
    address: world.upstream,
    limits: { open: OF_A_CALLER + 1, onePerCustomer: true, pauses: false },
    seal: parts.createSeals([Buffer.from(world.secretKey, 'base64')])('change'),
    clock,
    logger: { error: () => undefined },
  })
  let made = 0
  const work = async () => {
    while (made < open) {
      const customerId = ++made
      const subject = `filler-${Math.floor(customerId / OF_A_CALLER)}`
      const caller = { client: 'bench 1', person: { issuer: world.issuer.url, subject, name: subject } }
      const changes = { email: `filled-${customerId}@example.com` }
      const request = { customerId, changes, enterPrivately: [], dryRun: false }
      const draft = {
        id: randomUUID(),
        key: randomUUID(),
        customerId,
        fields: /** @type {const} */ (['email']),
        caller,
        request,
      }
      const shown = { record: { id: customerId, email: `${customerId}@example.com`, firstName: 'Jane' } }
      const rung = { channel: /** @type {const} */ ('inbox'), handle: randomUUID(), standing: true }
      const expiresAt = instantIn(clock, 8 * 60 * 60_000)
      const added = await store.add(asked(draft, { round: 1, shown, expiresAt, passed: [], rung }))
      if (added.kind !== 'added') throw new Error(`A question could not be put there: ${added.kind}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  await store.close()
}
