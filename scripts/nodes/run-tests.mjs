// Runs tests on the Node that runs this file, and writes how they ended to a file:
//   node scripts/nodes/run-tests.mjs FILE [what `vitest run` takes ...]
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { parseCLI, startVitest } from 'vitest/node'

const [file = '', ...args] = process.argv.slice(2)
const { filter, options } = parseCLI(['vitest', 'run', ...args])
const vitest = await startVitest('test', filter, { ...options, watch: false })
const modules = vitest.state.getTestModules()
const tests = modules
  .flatMap((module) => [...module.children.allTests()])
  .map((test) => ({ name: `${test.module.relativeModuleId} > ${test.fullName}`, ...test.result() }))
/** @param {import('vitest/node').TestState} wanted */
const inState = (wanted) => tests.filter(({ state }) => state === wanted)
// A file that cannot be loaded has no tests; an error outside of any test is none of theirs.
const errors = [...modules.flatMap((module) => module.errors()), ...vitest.state.getUnhandledErrors()]
const result = {
  passed: inState('passed').length,
  failed: [
    ...inState('failed').map(({ name, errors }) => `${name}: ${errors?.[0]?.message}`),
    ...errors.map((error) => `outside of a test: ${messageOf(error)}`),
  ],
  skipped: tests.flatMap((test) => (test.state === 'skipped' ? `${test.name}: ${test.note ?? 'no reason given'}` : [])),
}
await writeFile(file, JSON.stringify(result))
await vitest.close()

/** @param {unknown} error What vitest hands on of an error is an object like one. */
function messageOf(error) {
  return typeof error === 'object' && error !== null && 'message' in error ? error.message : error
}
