// Runs tests on the Node that runs this file, and writes how they ended to a file:
//   node scripts/nodes/run-tests.mjs FILE [what `vitest run` takes ...]
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { parseCLI, startVitest } from 'vitest/node'

const [file, ...args] = process.argv.slice(2)
const { filter, options } = parseCLI(['vitest', 'run', ...args])
const vitest = await startVitest('test', filter, { ...options, watch: false })
const modules = vitest.state.getTestModules()
const tests = modules
  .flatMap((module) => [...module.children.allTests()])
  .map((test) => ({ name: `${test.module.relativeModuleId} > ${test.fullName}`, ...test.result() }))
const inState = (wanted) => tests.filter(({ state }) => state === wanted)
// A file that cannot be loaded has no tests; an error outside of any test is none of theirs.
const errors = [...modules.flatMap((module) => module.errors()), ...vitest.state.getUnhandledErrors()]
const result = {
  passed: inState('passed').length,
  failed: [
    ...inState('failed').map(({ name, errors }) => `${name}: ${errors?.[0]?.message}`),
    ...errors.map(({ message }) => `outside of a test: ${message}`),
  ],
  skipped: inState('skipped').map(({ name, note }) => `${name}: ${note ?? 'no reason given'}`),
}
await writeFile(file, JSON.stringify(result))
await vitest.close()
