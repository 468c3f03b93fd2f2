// Writes THIRD_PARTY_NOTICES: the licence of every package whose code is in the bundle.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The folder of the package that a bundled file belongs to, as `node_modules/…/name`. */
function packageFolder(input) {
  const start = input.lastIndexOf('node_modules/')
  if (start < 0) return undefined
  const [scopeOrName, name] = input.slice(start + 'node_modules/'.length).split('/')
  return `${input.slice(0, start)}node_modules/${scopeOrName?.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName}`
}

async function notice(folder) {
  const { name, version, license, author } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file))
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  const by = typeof author === 'string' ? author : author?.name
  // Some packages ship no licence file; package.json then is all that they say.
  const text = texts.length > 0 ? texts.join('\n\n').trim() : `Licence: ${license}${by ? `. Author: ${by}` : ''}.`
  return `${name} ${version} (${license})\n\n${text}\n`
}

/** @param metafile what esbuild says it bundled. */
export async function writeNotices(metafile, target) {
  const folders = new Set(Object.keys(metafile.inputs).map(packageFolder).filter(Boolean))
  const notices = await Promise.all([...folders].sort().map(notice))
  const rule = `\n${'-'.repeat(80)}\n\n`
  const head = 'The built files of aifi-customer-mcp contain code of these packages:\n'
  await writeFile(target, [head, ...notices].join(rule))
}
