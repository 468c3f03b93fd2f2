import { readFileSync } from 'node:fs'
import { Agent } from 'undici'
import { barePatch } from '../bare-requests.mjs'
import { forEach, interleaved } from '../statistics.mjs'
import { Caller } from './caller.mjs'

const WARM_UP = 300

/** @import { Server, World } from './world.mjs' */

/**
 * Plain changes, which nobody has to approve: milliseconds of one after the other, and of a bare PATCH; calls per second
 * with many in flight, each for a customer of its own.
 *
 * @param {World} world
 * @param {Record<string, Server>} servers
 * @param {{ rounds: number, calls: number, inFlight: number }} how
 */
export async function measureCalls(world, servers, { rounds, calls, inFlight }) {
  const [token = ''] = await world.tokens(1, 'bench')
  const callers = Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, new Caller(server)]))
  for (const caller of Object.values(callers)) await concurrent(caller, token, WARM_UP, inFlight)
  const agent = new Agent()
  const bare = () =>
    timed(calls, () => barePatch(agent, `${world.upstream}/api/admin/v2/customers/1`, { firstName: 'x' }))
  const one = forEach(callers, (caller) => timed(calls, (count) => change(caller, token, 1, count)))
  const sequential = await interleaved(rounds, { bare, ...one })
  const throughput = await interleaved(
    rounds,
    forEach(callers, async (caller) => {
      const start = performance.now()
      await concurrent(caller, token, calls * 4, inFlight)
      return (calls * 4 * 1000) / (performance.now() - start)
    }),
  )
  await Promise.all([agent.close(), ...Object.values(callers).map((each) => each.close())])
  return { sequential, throughput }
}

/**
 * Resident bytes of a server after few calls, and after many, or as many as there was time for.
 *
 * @param {World} world
 * @param {Server} server
 * @param {{ few: number, many: number, inFlight: number, ms: number }} how
 */
export async function measureMemory(world, server, { few, many, inFlight, ms }) {
  const [token = ''] = await world.tokens(1, 'memory')
  const caller = new Caller(server)
  await concurrent(caller, token, few, inFlight)
  const afterFew = memory(server)
  const made = few + (await concurrent(caller, token, many - few, inFlight, ms))
  const afterMany = memory(server)
  await caller.close()
  return { few, many: made, afterFew, afterMany }
}

/**
 * Resolves with the number of calls that were made.
 *
 * @param {Caller} caller
 * @param {string} token
 * @param {number} calls
 * @param {number} inFlight
 * @param {number} ms that it takes at the most
 */
async function concurrent(caller, token, calls, inFlight, ms = Number.POSITIVE_INFINITY) {
  const until = performance.now() + ms
  let made = 0
  const work = async (/** @type {number} */ customerId) => {
    while (made < calls && performance.now() < until) {
      made += 1
      await change(caller, token, customerId, made)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, i) => work(i + 1)))
  return made
}

/** @param {Caller} caller @param {string} token @param {number} customerId @param {number} count */
async function change(caller, token, customerId, count) {
  // Never the name that is there: nothing would be sent.
  const status = await caller.update(token, { customerId, firstName: `Name ${count} ${performance.now()}` })
  if (status !== 'updated') throw new Error(`A change was not made: ${status}`)
}

/** @param {number} times @param {(count: number) => Promise<unknown>} act */
async function timed(times, act) {
  const durations = []
  for (let count = 0; count < times; count += 1) {
    const start = performance.now()
    await act(count)
    durations.push(performance.now() - start)
  }
  return durations
}

/** Where the system does not tell: not a number. @param {Server} server */
function memory({ pid }) {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kilobytes) * 1024
  } catch {
    return Number.NaN
  }
}
