// Makes aifi-customer-mcp-<version>.mcpb, which a host such as Claude Desktop installs: node scripts/bundle.mjs [folder]
// Needs dist/ and THIRD_PARTY_NOTICES (npm run build). Only what is listed here gets in.
import { cp, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { packExtension } from '@anthropic-ai/mcpb'

const CONTENT = ['dist', 'manifest.json', 'assets/icon.png', 'README.md', 'LICENSE', 'THIRD_PARTY_NOTICES']

const root = join(import.meta.dirname, '..')
const { name, version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
const target = join(resolve(process.argv[2] ?? root), `${name}-${version}.mcpb`)

await mkdir(join(root, 'node_modules', '.cache'), { recursive: true })
const staging = await mkdtemp(join(root, 'node_modules', '.cache', 'bundle-'))
try {
  for (const path of CONTENT) {
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
