import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import * as z from 'zod'
import { plainEnv } from './plain-env.ts'
import { manifest, packageJson, root } from './repository.ts'

/** How a program is started; the arguments of a call come after `args`. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
}

declare module 'vitest' {
  interface ProvidedContext {
    program?: Program
  }
}

const run = promisify(execFile)
const isWindows = process.platform === 'win32'

/** npm as a user runs it, whatever has started the tests. */
const npm = (cwd: string, ...args: string[]) => run('npm', args, { cwd, env: plainEnv, shell: isWindows })

/** The command line of `mcpb`. */
export const mcpb = (...args: string[]) =>
  run(process.execPath, [join(root, 'node_modules', '@anthropic-ai', 'mcpb', 'dist', 'cli', 'cli.js'), ...args])

const packed = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })])

/** Packs the package, and installs it without a network where nothing else is. */
export async function installPackage(folder: string) {
  // Without its scripts: they would build anew under the feet of the other tests.
  const { stdout } = await npm(root, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
  const [tarball] = packed.parse(JSON.parse(stdout))
  const elsewhere = join(folder, 'elsewhere')
  mkdirSync(elsewhere)
  await npm(elsewhere, 'install', '--offline', '--no-audit', '--no-fund', join(folder, tarball.filename))
  const modules = join(elsewhere, 'node_modules')
  return {
    /** What npm says that it packed. */
    packed: tarball.files.map(({ path }) => path),
    /** The `node_modules` into which it went. */
    modules,
    /** Its command, as npm has put it there. */
    bin: join(modules, '.bin', isWindows ? `${packageJson.name}.cmd` : packageJson.name),
  }
}

/** Makes the bundle in `folder`; returns its path. */
export async function makeBundle(folder: string): Promise<string> {
  await run(process.execPath, [join(root, 'scripts', 'bundle.mjs'), folder])
  return join(folder, `${packageJson.name}-${packageJson.version}.mcpb`)
}

/** Makes the bundle, and unpacks it where nothing else is. */
export async function unpackBundle(folder: string) {
  const bundle = await makeBundle(folder)
  const unpacked = join(folder, 'unpacked')
  await mcpb('unpack', bundle, unpacked)
  return { bundle, unpacked, entryPoint: join(unpacked, manifest.server.entry_point) }
}
