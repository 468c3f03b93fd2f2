// Writes THIRD_PARTY_NOTICES: the licence of every package whose code is in the built files. Fails when one has none.
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'

const LICENCE_FILE = /^(licen[cs]e|notice|copying)/i
/** Code of others that a package carries without saying so in a way that could be read here. */
const CARRIED = [{ folder: 'undici/lib/llhttp/', heading: 'llhttp (MIT)', licence: 'scripts/licences/llhttp.txt' }]
const RULE = `\n${'-'.repeat(80)}\n\n`

/**
 * @param {Pick<import('esbuild').Metafile, 'outputs'>} metafile what it bundled, paths relative to the working directory.
 * @param {string} target the file to write.
 */
export async function writeNotices(metafile, target) {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs))
  const bundled = new Set(
    inputs.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 && file.includes('node_modules/') ? [file] : [])),
  )
  const licences = new Map()
  for (const file of bundled) for (const [heading, folder] of await packagesIn(file)) licences.set(heading, folder)
  const packagesByText = new Map()
  for (const [heading, source] of [...licences].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = await licenceText(source)
    if (text === '') throw new Error(`${heading}: no licence text in ${source}`)
    packagesByText.set(text, [...(packagesByText.get(text) ?? []), heading])
  }
  const notices = [...packagesByText].map(([text, headings]) => `${headings.join('\n')}\n\n${text}\n`)
  const head = 'The built files of aifi-customer-mcp contain code of these packages, under these licences.\n'
  await writeFile(`${target}.${process.pid}`, [head, ...notices].join(RULE))
  await rename(`${target}.${process.pid}`, target)
}

/**
 * The package that a bundled file belongs to, and those whose code it carries: heading and where the licence is.
 *
 * @param {string} file
 */
async function packagesIn(file) {
  const folder = packageFolder(file)
  /** @type {[heading: string, folder: string][]} */
  const found = [await described(folder)]
  for (let inner = dirname(file); inner !== folder; inner = dirname(inner)) {
    if ((await licenceFiles(inner)).length > 0) found.push([inner.slice(inner.indexOf('node_modules/') + 13), inner])
  }
  for (const { folder, heading, licence } of CARRIED) if (file.includes(folder)) found.push([heading, licence])
  // What a package's own bundler has put into its files stands between comments that say where it came from.
  for (const [origin] of (await readFile(file, 'utf8')).matchAll(/^\/\/#region .*node_modules\/.*$/gm)) {
    const name = packageFolder(origin).split('node_modules/').at(-1) ?? ''
    const [, version = ''] = /\.pnpm\/[^/]+?@(\d[^_/]*)/.exec(origin) ?? []
    found.push(await described(join('node_modules', name), version))
  }
  return found
}

/** `…/node_modules/@scope/name` or `…/node_modules/name`. @param {string} file */
function packageFolder(file) {
  const [folder = file] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []
  return folder
}

/** @param {string} folder @param {string} [carriedVersion] @returns {Promise<[heading: string, folder: string]>} */
async function described(folder, carriedVersion) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  return [`${name} ${carriedVersion || version} (${license})`, folder]
}

/** @param {string} folder */
async function licenceFiles(folder) {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name))
    .map(({ name }) => join(folder, name))
}

/** @param {string} source a licence, or a folder with licences. */
async function licenceText(source) {
  const files = source.endsWith('.txt') ? [source] : await licenceFiles(source)
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  if (files.length === 0) texts.push(await licenceInReadme(source))
  return texts.map((text) => text.replaceAll('\r\n', '\n').trim()).join('\n\n')
}

/** Where a package has it in its README alone, under a heading of that name. @param {string} folder */
async function licenceInReadme(folder) {
  const text = await readFile(join(folder, 'README.md'), 'utf8').catch(() => '')
  const [, section = ''] = /^#+ *licen[cs]e\s*$([\s\S]*?)(?=^#|$(?![\s\S]))/im.exec(text) ?? []
  return /permission is hereby granted/i.test(section) ? section : ''
}
