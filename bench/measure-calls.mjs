import { McpProcess } from './mcp-process.mjs'
import { forEach, interleaved } from './statistics.mjs'

/** Calls before anything is counted: code is compiled, connections are open. */
const WARM_UP = 300

/** @import { Server, Servers } from './mcp-process.mjs' */

/**
 * One call after the other: milliseconds per call, beside a loop of bare requests in a process of its own.
 *
 * @param {{ servers: Servers, bareLoop: Server, rounds: number, callsPerRound: number }} what
 */
export async function measureCalls({ servers, bareLoop, rounds, callsPerRound }) {
  const loop = new McpProcess(bareLoop.file, bareLoop.env)
  /** @param {string} method */
  const bare = (method) => () => loop.request('bare', { method, count: callsPerRound })
  const runs = { barePatch: bare('PATCH'), bareGet: bare('GET') }
  await loop.request('bare', { method: 'PATCH', count: WARM_UP })
  const opened = await open(servers)
  const calls = forEach(opened, (server) => sequential(server, callsPerRound))
  const measured = await interleaved(rounds, { ...runs, ...calls })
  await Promise.all([loop, ...Object.values(opened)].map((each) => each.end()))
  return measured
}

/**
 * Calls per second with many in flight, each for a customer of its own.
 *
 * @param {{ servers: Servers, rounds: number, callsPerRound: number, inFlight: number }} what
 */
export async function measureThroughput({ servers, rounds, callsPerRound, inFlight }) {
  const opened = await open(servers)
  /** @param {McpProcess} server */
  const run = async (server) => {
    const start = performance.now()
    await concurrent(server, callsPerRound, inFlight)
    return (callsPerRound / (performance.now() - start)) * 1000
  }
  const measured = await interleaved(rounds, forEach(opened, run))
  await Promise.all(Object.values(opened).map((each) => each.end()))
  return measured
}

/**
 * Makes this many changes, as many at a time as asked for.
 *
 * @param {McpProcess} server
 * @param {number} calls
 * @param {number} inFlight
 */
export async function concurrent(server, calls, inFlight) {
  let made = 0
  /** @param {number} customerId */
  const work = async (customerId) => {
    while (made < calls) {
      made += 1
      await server.update(customerId, `Name${made}`)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, i) => work(i + 1)))
}

/** @param {McpProcess} server @param {number} calls */
async function sequential(server, calls) {
  const durations = []
  for (let i = 0; i < calls; i++) {
    const start = performance.now()
    await server.update(1, `Name${i}`)
    durations.push(performance.now() - start)
  }
  return durations
}

/** @param {Servers} servers */
async function open(servers) {
  /** @type {Record<string, McpProcess>} */
  const opened = {}
  for (const [name, { file, env }] of Object.entries(servers)) {
    const server = new McpProcess(file, env)
    opened[name] = server
    await server.open()
    await sequential(server, WARM_UP)
  }
  return opened
}
