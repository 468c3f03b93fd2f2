import { setTimeout } from 'node:timers/promises'
import { McpProcess } from './mcp-process.mjs'
import { concurrent } from './measure-calls.mjs'
import { interleaved } from './statistics.mjs'

/** After this long whatever a server loads in the background is there, milliseconds. */
const SETTLED_MS = 2_000
const IN_FLIGHT = 16

/** Resident bytes once `tools/list` has been answered and all is quiet; the line loop answers it too. */
export async function measureMemory({ servers, rounds }) {
  return interleaved(
    rounds,
    Object.fromEntries(
      Object.entries(servers).map(([name, { file, env }]) => [
        name,
        async () => {
          const server = new McpProcess(file, env)
          await server.open()
          await setTimeout(SETTLED_MS)
          const bytes = server.memory()
          await server.end()
          return bytes ?? Number.NaN
        },
      ]),
    ),
  )
}

/** Resident bytes after few and after many calls of one process. */
export async function measureGrowth({ server: { file, env }, rounds, few, many }) {
  const bytes = { afterFew: [], afterMany: [] }
  const grow = async () => {
    const server = new McpProcess(file, env)
    await server.open()
    await concurrent(server, few, IN_FLIGHT)
    bytes.afterFew.push(server.memory() ?? Number.NaN)
    await concurrent(server, many - few, IN_FLIGHT)
    bytes.afterMany.push(server.memory() ?? Number.NaN)
    await server.end()
    return bytes.afterMany.at(-1) / bytes.afterFew.at(-1)
  }
  const { ratio } = await interleaved(rounds, { ratio: grow })
  return { ratio, ...bytes }
}
