// Runs the official conformance suite against the built server over HTTP, and writes what it found to
// docs/conformance.md: npm run test:conformance
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { report } from './conformance/report.mjs'
import { applicable, reasonAgainst } from './conformance/scenarios.mjs'
import { startServer } from './conformance/server.mjs'
import { startTokenProxy } from './conformance/token-proxy.mjs'
import { installed, NEWER_NODE, nodeIn } from './installed.mjs'

/**
 * @typedef {object} Check
 * @property {string} id
 * @property {'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'} status
 * @property {string} [errorMessage]
 *
 * @typedef {object} Run
 * @property {string} scenario
 * @property {string} revision
 * @property {Check[]} checks
 */

const VERSION = '0.2.0-alpha.12'
const revisions = ['2025-11-25', '2026-07-28']
const run = promisify(execFile)

const folder = await installed('conformance', { node: NEWER_NODE, '@modelcontextprotocol/conformance': VERSION })
const suite = join(folder, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js')
const output = await mkdtemp(join(tmpdir(), 'conformance-'))
/** @type {Run[]} */
const runs = []
/** @type {{ scenario: string, revision: string, reason: string }[]} */
const leftOut = []
/** @type {string[]} */
const surprises = []

try {
  for (const revision of revisions) {
    for (const scenario of await scenariosOf(revision)) {
      const reason = reasonAgainst(scenario)
      if (reason) leftOut.push({ scenario, revision, reason })
      else if (Object.hasOwn(applicable, scenario)) runs.push(await settled(scenario, revision))
      else surprises.push(`${scenario}, ${revision}: a scenario that nobody has looked at yet`)
    }
  }
} finally {
  await rm(output, { recursive: true, force: true })
}
surprises.push(...runs.flatMap(surprisesIn), ...metAfterAll())
const versions = { suite: VERSION, suiteNode: NEWER_NODE, serverNode: process.versions.node }
await writeFile(new URL('../docs/conformance.md', import.meta.url), report(runs, leftOut, versions, new Date()))
for (const { scenario, revision, checks } of runs) {
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length
  console.log(`${revision} ${scenario}: ${passed} of ${checks.length} checks passed`)
}
console.log(surprises.length === 0 ? 'Everything as expected.' : surprises.join('\n'))
if (surprises.length > 0) process.exitCode = 1

/** @param {string} revision */
async function scenariosOf(revision) {
  const { stdout } = await run(nodeIn(folder), [suite, 'list', '--server', '--spec-version', revision])
  return [...stdout.matchAll(/^ +- (\S+)/gm)].map(([, name = '']) => name)
}

/** Once more where it surprised: on a busy machine the suite gives up before it has its answer. @param {string} scenario @param {string} revision */
async function settled(scenario, revision) {
  const first = await put(scenario, revision)
  return surprisesIn(first).length === 0 ? first : put(scenario, revision)
}

/** @param {string} scenario @param {string} revision @returns {Promise<Run>} */
async function put(scenario, revision) {
  const { stands = {}, settings } = applicable[scenario] ?? {}
  const server = await startServer(settings)
  const proxy = await startTokenProxy(server, stands)
  const results = await mkdtemp(join(output, 'run-'))
  const args = ['server', '--url', proxy.url, '--scenario', scenario, '--spec-version', revision, '-o', results]
  // A failed check makes an exit code, too: what counts is what was written.
  const { stdout, stderr } = await run(nodeIn(folder), [suite, ...args]).catch((error) => error)
  proxy.close()
  await server.close()
  const files = await readdir(results, { recursive: true }).catch(() => [])
  const file = files.find((each) => each.endsWith('checks.json'))
  if (!file) throw new Error(`${scenario} did not run: ${stdout} ${stderr}`)
  return { scenario, revision, checks: JSON.parse(await readFile(join(results, file), 'utf8')) }
}

/** What came out otherwise than `applicable` says. @param {Run} each @returns {string[]} */
function surprisesIn({ scenario, revision, checks }) {
  const apart = applicable[scenario]?.apart ?? {}
  const failed = checks.filter(({ status, id }) => ['FAILURE', 'WARNING'].includes(status) && !(id in apart))
  return failed.map(({ id, errorMessage }) => `${scenario}, ${revision}: ${id}: ${errorMessage}`)
}

/** What is set apart, and was met in every revision. @returns {string[]} */
function metAfterAll() {
  return Object.entries(applicable).flatMap(([scenario, { apart = {} }]) => {
    const checks = runs.filter((each) => each.scenario === scenario).flatMap((each) => each.checks)
    const met = Object.keys(apart).filter(
      (id) => !checks.some((check) => check.id === id && check.status !== 'SUCCESS'),
    )
    return met.map((id) => `${scenario}: ${id} is set apart, and passed or is gone`)
  })
}
