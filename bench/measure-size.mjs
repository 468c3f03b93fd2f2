import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { McpProcess } from './mcp-process.mjs'

/** What a model reads of each tool, in o200k tokens. @param {import('./mcp-process.mjs').Server} server */
export async function measureTokens({ file, env }) {
  const server = new McpProcess(file, env)
  const tools = await server.open()
  await server.end()
  return Object.fromEntries(
    tools.map((/** @type {any} */ { name, description, inputSchema }) => [
      name,
      countTokens(JSON.stringify({ name, description, inputSchema })),
    ]),
  )
}

/**
 * Bytes of the bundle, made in the folder, and of dist/; and what installing this package brings besides it.
 *
 * @param {{ root: string, folder: string }} where
 */
export async function measureSize({ root, folder }) {
  await promisify(execFile)(process.execPath, [join(root, 'scripts', 'bundle.mjs'), folder], { cwd: root })
  const [bundle = ''] = (await readdir(folder)).filter((name) => name.endsWith('.mcpb'))
  const {
    dependencies = {},
    optionalDependencies = {},
    peerDependencies = {},
  } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const files = await readdir(join(root, 'dist'), { recursive: true, withFileTypes: true })
  const sizes = files.filter((each) => each.isFile()).map((each) => stat(join(each.parentPath ?? each.path, each.name)))
  return {
    bundleBytes: (await stat(join(folder, bundle))).size,
    distBytes: (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0),
    packages: Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }).length,
  }
}
