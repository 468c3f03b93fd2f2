import { once } from 'node:events'
import { McpProcess, startNode } from './mcp-process.mjs'
import { forEach, interleaved, summary } from './statistics.mjs'

/** @import { Server, Servers } from './mcp-process.mjs' */

/**
 * From spawning a process to its answer to `tools/list`, against `node -e 0` from spawn to exit; milliseconds.
 *
 * @param {{ servers: Servers, rounds: number }} what
 */
export async function measureStart({ servers, rounds }) {
  const runs = { node: untilNodeHasEnded, ...forEach(servers, untilTools) }
  // Files into the page cache, and compiled code where a server keeps it: the second start is what counts.
  await interleaved(1, runs)
  return interleaved(rounds, runs)
}

async function untilNodeHasEnded() {
  const start = performance.now()
  await once(startNode(['-e', '0']), 'exit')
  return performance.now() - start
}

/** @param {Server} server */
async function untilTools({ file, env }) {
  const start = performance.now()
  const server = new McpProcess(file, env)
  await server.open()
  const ms = performance.now() - start
  await server.end()
  return ms
}

/**
 * The first call, sent as soon as the tools are there, and the median of those after it; milliseconds.
 *
 * @param {{ servers: Servers, rounds: number, warmCalls: number }} what
 */
export async function measureFirstCall({ servers, rounds, warmCalls }) {
  /** @type {Map<string, number[]>} */
  const warm = new Map(Object.keys(servers).map((name) => [name, []]))
  /** @param {Server} server @param {string} name */
  const run = async ({ file, env }, name) => {
    const server = new McpProcess(file, env)
    await server.open()
    const first = await timed(() => server.update(1, 'First'))
    for (let i = 0; i < warmCalls; i++) warm.get(name)?.push(await timed(() => server.update(1, `Next${i}`)))
    await server.end()
    return first
  }
  const first = await interleaved(rounds, forEach(servers, run))
  return Object.fromEntries(
    Object.keys(servers).map((name) => [name, { first: first[name], warm: summary(warm.get(name) ?? []) }]),
  )
}

/** @param {() => Promise<unknown>} act */
async function timed(act) {
  const start = performance.now()
  await act()
  return performance.now() - start
}
