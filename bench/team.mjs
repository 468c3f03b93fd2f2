// A team's server beside a minimal one over HTTP, and what its store takes; all in one run, on loopback:
//   node bench/team.mjs [--quick] [--json [file]]
// Needs dist/ (npm run bench:team builds it). It judges and never fails: the exit code says nothing about speed.
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { table } from './table.mjs'
import { measureCalls, measureMemory } from './team/measure-calls.mjs'
import { measureDecisions } from './team/measure-decisions.mjs'
import { measureOpenQuestions } from './team/measure-open-questions.mjs'
import { judgeTeam } from './team/targets.mjs'
import { World } from './team/world.mjs'

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' } },
  allowPositionals: true,
})
const IN_FLIGHT = 32
const FULL = {
  calls: { rounds: 4, calls: 80, inFlight: IN_FLIGHT },
  decisions: { questions: 80, atOnce: 10 },
  questions: { open: 10_000, proposals: 150, looks: 10 },
  memory: { few: 500, many: 10_000, inFlight: IN_FLIGHT, ms: 90_000 },
}
const QUICK = {
  calls: { rounds: 2, calls: 40, inFlight: IN_FLIGHT },
  decisions: { questions: 10, atOnce: 5 },
  questions: { open: 500, proposals: 30, looks: 3 },
  memory: { few: 100, many: 300, inFlight: IN_FLIGHT, ms: 20_000 },
}
const times = values.quick ? QUICK : FULL
const say = (/** @type {string} */ text) => process.stderr.write(`${text}\n`)

say('starting')
const world = await World.start()
try {
  const figures = await measure()
  const { version, arch, platform } = process
  const machine = { node: version, platform, arch, cores: cpus().length }
  const report = { date: new Date().toISOString(), machine, times, rows: judgeTeam(figures), figures }
  if (positionals[0] !== undefined) await writeFile(positionals[0], `${JSON.stringify(report, null, 2)}\n`)
  const name = `Node ${version}, ${platform} ${arch}, ${machine.cores} cores, ${report.date.slice(0, 10)}`
  const isJson = values.json && positionals.length === 0
  console.log(isJson ? JSON.stringify(report, null, 2) : `${name}\n\n${table(report.rows)}`)
} finally {
  await world.end()
}

async function measure() {
  const { url } = world.postgres
  const postgres = await world.replica({ AIFI_STORE_URL: url })
  const servers = { minimal: await world.minimal(), memory: await world.replica({}), postgres }
  say('plain calls')
  const calls = await measureCalls(world, servers, times.calls)
  say('decisions')
  const decisions = await measureDecisions(world, times.decisions)
  say('open questions')
  const questions = await measureOpenQuestions(world, times.questions)
  say('memory')
  const memory = await measureMemory(world, postgres, times.memory)
  return { calls, memory, decisions, questions }
}
