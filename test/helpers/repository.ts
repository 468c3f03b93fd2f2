import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'

/** Where package.json is. */
export const root = join(import.meta.dirname, '..', '..')

export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

const packageSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  mcpName: z.string(),
  license: z.string(),
  engines: z.object({ node: z.string() }),
  scripts: z.record(z.string(), z.string()),
})

export const packageJson = packageSchema.parse(JSON.parse(textOf('package.json')))

const variable = z.strictObject({
  type: z.string(),
  title: z.string(),
  description: z.string(),
  default: z.union([z.string(), z.boolean()]).optional(),
  sensitive: z.boolean().default(false),
  required: z.boolean(),
})
const manifestSchema = z.looseObject({
  name: z.string(),
  display_name: z.string(),
  version: z.string(),
  description: z.string(),
  license: z.string(),
  icon: z.string(),
  server: z.object({
    entry_point: z.string(),
    mcp_config: z.object({ command: z.string(), args: z.array(z.string()), env: z.record(z.string(), z.string()) }),
  }),
  tools: z.array(z.object({ name: z.string(), description: z.string() })),
  compatibility: z.object({ runtimes: z.object({ node: z.string() }) }),
  user_config: z.record(z.string(), variable),
})

export const manifest = manifestSchema.parse(JSON.parse(textOf('manifest.json')))

/** Every file below a folder, as paths relative to it, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
}
