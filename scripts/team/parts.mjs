// What the tests put a team's server together with, for the demo and the benchmark of a team.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, stop } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Below node_modules, so that what is not bundled is found. */
const cache = join(root, 'node_modules', '.cache')

/** The built server. */
export const PROGRAM = join(root, 'dist', 'index.js')

/**
 * @typedef {typeof import('../../test/helpers/balancer.ts')
 *   & typeof import('../../test/helpers/certificate.ts')
 *   & typeof import('../../test/helpers/free-port.ts')
 *   & typeof import('../../test/helpers/issuer.ts')
 *   & typeof import('../../test/helpers/postgres.ts')
 *   & typeof import('../../test/helpers/replica.ts')
 *   & typeof import('../../test/helpers/visitor.ts')
 *   & typeof import('../../test/helpers/verify-audit.ts')} Parts
 */
const FILES = [
  './test/helpers/balancer.ts',
  './test/helpers/certificate.ts',
  './test/helpers/free-port.ts',
  './test/helpers/issuer.ts',
  './test/helpers/postgres.ts',
  './test/helpers/replica.ts',
  './test/helpers/visitor.ts',
  './test/helpers/verify-audit.ts',
]

/** @returns {Promise<Parts>} */
export function loadParts() {
  return load(FILES)
}

/**
 * What these modules export, all together.
 *
 * @param {readonly string[]} files from the root of the project.
 * @returns {Promise<any>}
 */
export async function load(files) {
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'team-'))
  const outfile = join(folder, 'parts.mjs')
  try {
    await build({
      stdin: { contents: files.map((file) => `export * from '${file}'`).join('\n'), resolveDir: root, loader: 'ts' },
      outfile,
      bundle: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20.18',
      absWorkingDir: root,
      logLevel: 'warning',
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    await stop()
    await rm(folder, { recursive: true, force: true })
  }
}
