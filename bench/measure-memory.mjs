import { setTimeout } from 'node:timers/promises'
import { McpProcess } from './mcp-process.mjs'
import { concurrent } from './measure-calls.mjs'
import { forEach, interleaved, summary } from './statistics.mjs'

/** After this long whatever a server loads in the background is there; after this long V8 has tidied up, milliseconds. */
const LOADED_MS = 2_000
const QUIET_MS = 12_000
const IN_FLIGHT = 16

/** @import { Server, Servers } from './mcp-process.mjs' */

/**
 * Resident bytes when `tools/list` has just been answered, when all is loaded, and when all has been quiet for a while.
 * The line loop answers it too. The servers of a round wait together.
 *
 * @param {{ servers: Servers, rounds: number }} what
 */
export async function measureMemory({ servers, rounds }) {
  const when = () => ({ atOnce: numbers(), loaded: numbers(), quiet: numbers() })
  const measured = Object.entries(servers).map(([name, server]) => ({ name, ...server, bytes: when() }))
  for (let round = 0; round < rounds; round++) {
    const opened = []
    for (const { file, env, bytes } of measured) {
      const server = new McpProcess(file, env)
      await server.open()
      /** @param {keyof typeof bytes} moment */
      const note = (moment) => bytes[moment].push(server.memory() ?? Number.NaN)
      note('atOnce')
      opened.push({ server, note })
    }
    await setTimeout(LOADED_MS)
    for (const { note } of opened) note('loaded')
    await setTimeout(QUIET_MS - LOADED_MS)
    for (const { note } of opened) note('quiet')
    await Promise.all(opened.map(({ server }) => server.end()))
  }
  return Object.fromEntries(
    measured.map(({ name, bytes: { atOnce, loaded, quiet } }) => [
      name,
      { atOnce: summary(atOnce), loaded: summary(loaded), quiet: summary(quiet) },
    ]),
  )
}

/** @returns {number[]} */
function numbers() {
  return []
}

/**
 * Resident bytes after many calls of one process, divided by those after few.
 *
 * @param {{ servers: Servers, rounds: number, few: number, many: number }} what
 */
export async function measureGrowth({ servers, rounds, few, many }) {
  /** @param {Server} server */
  const grow = async ({ file, env }) => {
    const server = new McpProcess(file, env)
    await server.open()
    await concurrent(server, few, IN_FLIGHT)
    const before = server.memory() ?? Number.NaN
    await concurrent(server, many - few, IN_FLIGHT)
    const after = server.memory() ?? Number.NaN
    await server.end()
    return after / before
  }
  return interleaved(rounds, forEach(servers, grow))
}
