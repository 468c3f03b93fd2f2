// Runs the tests on other versions of Node, each from the npm package `node`:
//   node scripts/test-nodes.mjs [version ...] [-- what `vitest run` is to run]
// Without arguments it takes all versions and tests that matter, starts the program on versions that are too old, and
// writes docs/runtimes.md. Needs dist/ (npm run build).
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/**
 * What happened on one version of Node: `said` is the program's own line, on one that is too old.
 * @typedef {{ exact: string, passed?: number, failed: string[], skipped: string[], said?: string }} Found
 */

const VERSIONS = ['20.18.1', '22', '24', '26']
/** The newest ones of which each is too old. */
const TOO_OLD = ['12', '14', '16', '18', '20.18.0']

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, 'node_modules', '.cache', 'nodes')

const args = process.argv.slice(2)
const split = args.includes('--') ? args.indexOf('--') : args.length
const given = { versions: args.slice(0, split), tests: args.slice(split + 1) }
/** What `vitest run` is given, one run after the other. */
const runs = given.tests.length > 0 ? [given.tests] : [[], ['--config', 'vitest.published.config.ts']]

const tested = await each(given.versions.length > 0 ? given.versions : VERSIONS, testOn)
if (args.length === 0) await writeFile(join(root, 'docs', 'runtimes.md'), report(tested, await each(TOO_OLD, startOn)))

/**
 * What `how` finds on these versions, one after the other. A version that cannot be had counts as a failure.
 * @param {readonly string[]} versions
 * @param {(node: string) => Promise<Found>} how
 */
async function each(versions, how) {
  /** @type {Found[]} */
  const found = []
  for (const version of versions) {
    const node = await install(version)
    /** @type {Found} */
    const result = node
      ? await how(node)
      : { exact: version, passed: 0, failed: ['could not be installed'], skipped: [] }
    if (result.failed.length > 0) process.exitCode = 1
    console.log(`Node ${result.exact}: ${result.said ?? `${result.passed} passed, ${result.failed.length} failed`}`)
    for (const name of result.failed) console.log(`  failed: ${name}`)
    for (const name of result.skipped) console.log(`  skipped: ${name}`)
    found.push(result)
  }
  return found
}

/** @param {string} node @returns {Promise<Found>} */
async function testOn(node) {
  const exact = await versionOf(node)
  /** @type {Found[]} */
  const results = []
  for (const tests of runs) results.push(await runTests(node, join(cache, exact), tests))
  return {
    exact,
    passed: results.reduce((sum, { passed = 0 }) => sum + passed, 0),
    failed: results.flatMap(({ failed }) => failed),
    skipped: results.flatMap(({ skipped }) => skipped),
  }
}

/**
 * How they end; all that vitest says is kept beside it.
 * @param {string} node
 * @param {string} name
 * @param {readonly string[]} tests
 * @returns {Promise<Found>}
 */
async function runTests(node, name, tests) {
  const file = `${name}.json`
  await rm(file, { force: true })
  const script = join(root, 'scripts', 'nodes', 'run-tests.mjs')
  // The tests find this Node under its name, too.
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` }
  const options = { cwd: root, env, maxBuffer: 2 ** 28 }
  const { code = 0, stdout, stderr } = await run(node, [script, file, ...tests], options).catch((error) => error)
  await writeFile(`${name}.log`, `${stdout}\n${stderr}`)
  const notRun = { exact: basename(name), passed: 0, failed: [`did not run to the end: see ${name}.log`], skipped: [] }
  const result = await readFile(file, 'utf8').then(JSON.parse, () => notRun)
  return code !== 0 && result.failed.length === 0 ? notRun : result
}

/**
 * What the program says on a Node that is too old: one line with the version that is needed, and nothing else.
 * @param {string} node
 * @returns {Promise<Found>}
 */
async function startOn(node) {
  const exact = await versionOf(node)
  const { code, stdout, stderr } = await run(node, [join(root, 'dist', 'index.js')]).catch((error) => error)
  const said = `${stderr}`.trim()
  const isRight = code === 1 && stdout === '' && /^.* needs Node\.js [\d.]+ or newer; this is [\d.]+\.\n$/.test(stderr)
  return { exact, said, failed: isRight ? [] : ['it does not say which version is needed, in one line'], skipped: [] }
}

/** @param {readonly Found[]} tested @param {readonly Found[]} tooOld */
function report(tested, tooOld) {
  const skipped = tested.flatMap(({ exact, skipped }) => skipped.map((name) => `- ${exact}: ${name}`))
  return `# Runtimes

Written by \`npm run test:nodes\` on ${new Date().toISOString().slice(0, 10)}, from what really happened: all tests of \`npm run test:all\` and
\`npm run test:published\`, with the runner, the server's processes and everything else on that Node, a binary of the npm
package \`node\` (${process.platform}, ${process.arch}).

| Node | tests passed | failed | skipped |
| --- | --- | --- | --- |
${tested.map(({ exact, passed, failed, skipped }) => `| ${exact} | ${passed} | ${failed.length} | ${skipped.length} |`).join('\n')}

${skipped.length > 0 ? `Skipped:\n\n${skipped.join('\n')}\n\n` : ''}On older ones the program starts, says this in one line on stderr, and ends:

| Node | |
| --- | --- |
${tooOld.map(({ exact, said, failed }) => `| ${exact} | ${said ?? failed.join()} |`).join('\n')}
`
}

/** The path of the binary; undefined when it cannot be had. @param {string} version */
async function install(version) {
  const folder = join(cache, version)
  const node = join(folder, 'node_modules', 'node', 'bin', 'node')
  const works = () => versionOf(node).then(Boolean, () => false)
  if (await works()) return node
  await mkdir(folder, { recursive: true })
  await run('npm', ['install', '--silent', '--no-save', '--prefix', folder, `node@${version}`]).catch(() => undefined)
  return (await works()) ? node : undefined
}

/** Its exact version. @param {string} node */
async function versionOf(node) {
  const { stdout } = await run(node, ['--version'])
  return stdout.trim().slice(1)
}
