// Packages that are too heavy, or need too new a Node, for the main installation: into a cache folder, once per version.
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cache = fileURLToPath(new URL('../node_modules/.cache', import.meta.url))

/** The Node that what needs a newer one than this program runs on. */
export const NEWER_NODE = '24.21.0'

/**
 * Installs packages of these exact versions, unless they are there.
 * @param {string} name of the cache folder
 * @param {Readonly<Record<string, string>>} packages
 * @returns {Promise<string>} the folder
 */
export async function installed(name, packages) {
  const folder = join(cache, name)
  if (await hasAll(folder, packages)) return folder
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }))
  // What is imported by a module in this folder is looked for in this folder.
  await writeFile(join(folder, 'load.mjs'), 'export const load = (specifier) => import(specifier)\n')
  const wanted = Object.entries(packages).map(([each, version]) => `${each}@${version}`)
  await run('npm', ['install', '--silent', '--save-exact', '--prefix', folder, ...wanted], { cwd: folder })
  if (await hasAll(folder, packages)) return folder
  throw new Error(`The packages could not be installed: ${wanted.join(' ')}`)
}

/** The Node that `installed` put into a folder. @param {string} folder */
export const nodeIn = (folder) => join(folder, 'node_modules', 'node', 'bin', 'node')

/** @param {string} folder @param {Readonly<Record<string, string>>} packages */
async function hasAll(folder, packages) {
  const found = await Promise.all(Object.keys(packages).map((each) => versionIn(folder, each)))
  const works = !packages.node || (await run(nodeIn(folder), ['--version']).then(Boolean, () => false))
  return works && Object.values(packages).every((version, index) => found[index] === version)
}

/** The version of a package in a folder; undefined if it is not there. @param {string} folder @param {string} name */
export async function versionIn(folder, name) {
  const file = join(folder, 'node_modules', name, 'package.json')
  return readFile(file, 'utf8').then(
    (text) => JSON.parse(text).version,
    () => undefined,
  )
}
