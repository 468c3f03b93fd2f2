// Runs the tests on other versions of Node, each from the npm package `node`, and prints one line per version:
//   node scripts/test-nodes.mjs [version ...] [-- what `vitest run` is to run]
// Without versions it takes all that matter, and writes docs/runtimes.md, too. Needs dist/ (npm run build).
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, 'node_modules', '.cache', 'nodes')

const args = process.argv.slice(2)
const split = args.includes('--') ? args.indexOf('--') : args.length
const versions = split > 0 ? args.slice(0, split) : ['20.18.1', '22', '24', '26']
/** @type {string[]} rows of the report */
const rows = []
for (const version of versions) console.log(`Node ${version}: ${await verdict(version, args.slice(split + 1))}`)
if (split === 0) await writeFile(join(root, 'docs', 'runtimes.md'), report(new Date()))

async function verdict(version, tests) {
  const node = await install(version)
  if (node === undefined) return 'could not be installed, left out'
  const report = join(cache, `${version}.json`)
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const options = ['--reporter=json', `--outputFile=${report}`]
  // The tests find this Node under its name, too.
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` }
  await rm(report, { force: true })
  const { failure } = await run(node, [vitest, 'run', ...options, ...tests], {
    cwd: root,
    env,
    maxBuffer: 2 ** 28,
  }).catch((error) => ({ failure: error }))
  if (failure) process.exitCode = 1
  const result = await readFile(report, 'utf8').then(JSON.parse, () => undefined)
  if (!result) return `did not run: ${failure?.stderr}`
  const { stdout } = await run(node, ['--version'])
  const { numTotalTests, numPassedTests, numFailedTests } = result
  const skipped = numTotalTests - numPassedTests - numFailedTests
  rows.push(`| ${stdout.trim().slice(1)} | ${numPassedTests} | ${numFailedTests} | ${skipped} |`)
  return summary(result)
}

/** @param {Date} date */
function report(date) {
  const tests = args.slice(split + 1).map((each) => `\`${each}\``)
  return `# Runtimes

Written by \`npm run test:nodes\` on ${date.toISOString().slice(0, 10)}, from what really happened: ${tests.join(', ') || 'all tests of `npm test`'}, with the runner, the server's
processes and everything else on that Node, a binary of the npm package \`node\` (${process.platform}, ${process.arch}).

| Node | tests passed | failed | skipped |
| --- | --- | --- | --- |
${rows.join('\n')}

Older ones: the program says in one line on stderr that it needs Node 20.18.1, and ends; \`test/process.test.ts\` shows it.
`
}

function summary({ numPassedTests, numFailedTests, testResults }) {
  const files = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  const tests = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed'),
  )
  const failed = [...files.map(({ name, message }) => `${name}: ${message}`), ...tests.map(({ fullName }) => fullName)]
  return [`${numPassedTests} passed, ${numFailedTests + files.length} failed`, ...failed].join('\n  ')
}

/** The path of the binary; undefined when it cannot be had. */
async function install(version) {
  const folder = join(cache, version)
  const node = join(folder, 'node_modules', 'node', 'bin', 'node')
  const works = () =>
    run(node, ['--version']).then(
      () => true,
      () => false,
    )
  if (await works()) return node
  await mkdir(folder, { recursive: true })
  await run('npm', ['install', '--silent', '--no-save', '--prefix', folder, `node@${version}`]).catch(() => undefined)
  return (await works()) ? node : undefined
}
