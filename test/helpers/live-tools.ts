import * as z from 'zod'
import { startServer } from './process.ts'

const listedTools = z.object({
  tools: z.array(
    z.looseObject({
      name: z.string(),
      description: z.string(),
      inputSchema: z.looseObject({ properties: z.record(z.string(), z.unknown()) }),
    }),
  ),
})

/** The tools as the built program lists them, with these settings. */
export async function liveTools(env: Readonly<Record<string, string>> = {}) {
  const server = startServer({ args: ['--sandbox'], env })
  await server.initialize()
  const { result } = await server.answer(server.send('tools/list'))
  return listedTools.parse(result).tools
}
