// Makes aifi-customer-mcp-<version>.mcpb, which a host such as Claude Desktop installs: node scripts/bundle.mjs [folder]
// Needs dist/ and THIRD_PARTY_NOTICES (npm run build). Only what is listed here gets in.
import { cp, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { packExtension } from '@anthropic-ai/mcpb'

/** Only the commands for a team need them; a bundle serves one desk. */
const TEAM_ENTRIES = [
  'later:src/cli/serve-http.ts',
  'later:src/team/postgres/audit.ts',
  'later:src/doctor/http-doctor.ts',
]
const CONTENT = ['dist/package.json', 'manifest.json', 'assets/icon.png', 'README.md', 'LICENSE', 'THIRD_PARTY_NOTICES']

const root = join(import.meta.dirname, '..')
const { name, version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
const target = join(resolve(process.argv[2] ?? root), `${name}-${version}.mcpb`)

await mkdir(join(root, 'node_modules', '.cache'), { recursive: true })
const staging = await mkdtemp(join(root, 'node_modules', '.cache', 'bundle-'))
try {
  for (const path of [...(await deskFiles()), ...CONTENT]) {
    await mkdir(dirname(join(staging, path)), { recursive: true })
    await cp(join(root, path), join(staging, path), { recursive: true })
  }
  // Checks the manifest first, and says what is wrong with it.
  if (await packExtension({ extensionPath: staging, outputPath: target })) {
    console.log(`${(await stat(target)).size} bytes`)
  } else {
    process.exitCode = 1
  }
} finally {
  await rm(staging, { recursive: true, force: true })
}

/**
 * The built files that are reached without the commands for a team.
 * @returns {Promise<string[]>}
 */
async function deskFiles() {
  /** @type {import('esbuild').Metafile} */
  const { outputs } = JSON.parse(await readFile(join(root, 'node_modules', '.cache', 'metafile.json'), 'utf8'))
  const byName = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]))
  const reached = new Set(['index.js', 'program.js'])
  for (const name of reached) {
    for (const { path } of byName.get(name)?.imports ?? []) {
      const imported = basename(path)
      if (byName.has(imported) && !TEAM_ENTRIES.includes(byName.get(imported)?.entryPoint ?? '')) reached.add(imported)
    }
  }
  return [...reached].map((name) => join('dist', name))
}
