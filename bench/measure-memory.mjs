import { setTimeout } from 'node:timers/promises'
import { McpProcess } from './mcp-process.mjs'
import { concurrent } from './measure-calls.mjs'
import { forEach, interleaved, summary } from './statistics.mjs'

/** After this long whatever a server loads in the background is there, milliseconds. */
const SETTLED_MS = 2_000
const IN_FLIGHT = 16

/** Resident bytes when `tools/list` has just been answered, and once all is quiet; the line loop answers it too. */
export async function measureMemory({ servers, rounds }) {
  const atOnce = Object.fromEntries(Object.keys(servers).map((name) => [name, []]))
  const run = async ({ file, env }, name) => {
    const server = new McpProcess(file, env)
    await server.open()
    atOnce[name].push(server.memory() ?? Number.NaN)
    await setTimeout(SETTLED_MS)
    const bytes = server.memory()
    await server.end()
    return bytes ?? Number.NaN
  }
  const settled = await interleaved(rounds, forEach(servers, run))
  const names = Object.keys(servers)
  return Object.fromEntries(names.map((name) => [name, { atOnce: summary(atOnce[name]), settled: settled[name] }]))
}

/** Resident bytes after many calls of one process, divided by those after few. */
export async function measureGrowth({ servers, rounds, few, many }) {
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
