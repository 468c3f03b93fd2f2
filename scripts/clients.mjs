// Drives the client libraries that hosts are made of against the built server, each for real, and writes what each of
// them saw to docs/clients.md: npm run test:clients
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { report, shortfalls } from './clients/report.mjs'
import { installed, NEWER_NODE, nodeIn, versionIn } from './installed.mjs'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

const folder = await installed('clients', {
  node: NEWER_NODE,
  '@ai-sdk/mcp': '2.0.99',
  '@langchain/mcp-adapters': '1.1.4',
  '@langchain/core': '1.4.0',
  '@langchain/langgraph': '1.7.3',
  '@modelcontextprotocol/inspector': '2.12.0',
  zod: '4.6.7',
})
const script = fileURLToPath(new URL('clients/drive.mjs', import.meta.url))
const { stdout } = await run(nodeIn(folder), [script, folder, process.execPath], { maxBuffer: 2 ** 26 })
const lines = stdout.trim().split('\n')
const clients = await Promise.all(
  lines.map(async (line) => {
    const client = JSON.parse(line)
    const version = (await versionIn(root, client.package)) ?? (await versionIn(folder, client.package))
    return { ...client, version }
  }),
)
const runtimes = { clients: NEWER_NODE, server: process.versions.node }
await writeFile(new URL('../docs/clients.md', import.meta.url), report(clients, runtimes, new Date()))
for (const client of clients) {
  const { name, version, mode, revisions } = client
  const missed = shortfalls(client)
  const title = [`${name} ${version}`, mode, ...revisions].filter(Boolean).join(', ')
  console.log(`${title}: ${missed.join('; ') || 'as it has to be'}`)
  if (missed.length > 0) process.exitCode = 1
}
