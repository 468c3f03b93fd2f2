// Compares this server with minimal ones on the v1 and the v2 SDK and with bare floors, all in one run:
//   node bench/bench.mjs [--quick] [--json [file]]
// Needs dist/ (npm run bench builds it). It judges and never fails: the exit code says nothing about speed.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { installed } from '../scripts/installed.mjs'
import { measureCalls, measureThroughput } from './measure-calls.mjs'
import { measureGrowth, measureMemory } from './measure-memory.mjs'
import { measureFirstCall, measureStart } from './measure-start.mjs'
import { table } from './table.mjs'
import { judge } from './targets.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' } },
  allowPositionals: true,
})
const run = promisify(execFile)
const FULL = { starts: 30, firstCalls: 10, rounds: 12, calls: 200, memory: 5, few: 1_000, many: 10_000, growths: 3 }
const QUICK = { starts: 2, firstCalls: 1, rounds: 2, calls: 50, memory: 1, few: 100, many: 300, growths: 1 }
const times = values.quick ? QUICK : FULL
/** A generic bridge from OpenAPI to MCP, for the start: what one would use in place of this server. */
const BRIDGE = { name: '@ivotoby/openapi-mcp-server', version: '1.16.1' }
const say = (/** @type {string} */ text) => process.stderr.write(`${text}\n`)

const folder = await mkdtemp(join(tmpdir(), 'aifi-bench-'))
// Where Node can keep compiled code, it does so below this; that of this copy is of no use afterwards.
process.env.HOME = folder
const upstream = spawn(process.execPath, [join(root, 'bench', 'upstream.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
try {
  const [port] = await once(createInterface({ input: upstream.stdout }), 'line')
  const servers = await prepare(`http://127.0.0.1:${port}`)
  const figures = await measure(servers)
  const { version, arch, platform } = process
  const machine = { node: version, platform, arch, cores: cpus().length }
  const rows = judge(figures, Number(version.slice(1).split('.')[0]))
  const report = { date: new Date().toISOString(), machine, times, rows, figures }
  if (positionals[0] !== undefined) await writeFile(positionals[0], `${JSON.stringify(report, null, 2)}\n`)
  const name = `Node ${version}, ${platform} ${arch}, ${machine.cores} cores, ${report.date.slice(0, 10)}`
  console.log(values.json && positionals.length === 0 ? JSON.stringify(report, null, 2) : `${name}\n\n${table(rows)}`)
} finally {
  upstream.stdin.end()
  await rm(folder, { recursive: true, force: true })
}

/** Everything that is compared, minified the same way, and where nobody builds over it. @param {string} address */
async function prepare(address) {
  await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await run(process.execPath, [join(root, 'bench', 'build-servers.mjs'), folder])
  const access = { AIFI_BASE_URL: address, AIFI_TOKEN: 'bench-token' }
  const settings = { ...access, AIFI_MAX_CHANGES_PER_MINUTE: '1000000', AIFI_READ_BACK: 'off', LOG_LEVEL: 'silent' }
  const ours = join(folder, 'dist', 'index.js')
  return {
    ours: { file: ours, env: settings },
    oursReading: { file: ours, env: { ...settings, AIFI_READ_BACK: 'auto' } },
    oursLogging: { file: ours, env: { ...settings, LOG_LEVEL: 'info' } },
    minimalV1: { file: join(folder, 'minimal-v1.js'), env: access },
    minimalV2: { file: join(folder, 'minimal-v2.js'), env: access },
    lineLoop: { file: join(folder, 'line-loop.js'), env: {} },
    bareLoop: { file: join(folder, 'bare-loop.js'), env: access },
    ...(!values.quick && { bridge: await bridgeTo(address) }),
  }
}

/** Installed from the registry, once. @param {string} address */
async function bridgeTo(address) {
  const modules = join(await installed('bridge', { [BRIDGE.name]: BRIDGE.version }), 'node_modules')
  const spec = join(root, 'bench', 'servers', 'customers.openapi.json')
  return {
    file: join(modules, BRIDGE.name, 'bin', 'mcp-server.js'),
    env: { API_BASE_URL: address, OPENAPI_SPEC_PATH: spec },
  }
}

/** @param {Awaited<ReturnType<typeof prepare>>} servers */
async function measure({ ours, oursReading, oursLogging, minimalV1, minimalV2, lineLoop, bareLoop, bridge }) {
  const { starts, firstCalls, rounds, calls, memory, few, many, growths } = times
  const compared = { ours, minimalV2, minimalV1 }
  say('start-up')
  const start = await measureStart({ servers: { ...compared, oursLogging, ...(bridge && { bridge }) }, rounds: starts })
  say('first call')
  const firstCall = await measureFirstCall({ servers: { ours, minimalV2 }, rounds: firstCalls, warmCalls: 50 })
  say('calls, one after the other')
  const called = { ...compared, oursReading, oursLogging }
  const call = await measureCalls({ servers: called, bareLoop, rounds, callsPerRound: calls })
  say('calls, 64 in flight')
  const throughput = await measureThroughput({ servers: called, rounds, callsPerRound: calls * 5, inFlight: 64 })
  say('memory')
  const idle = await measureMemory({ servers: { ...compared, oursLogging, lineLoop }, rounds: memory })
  const growth = await measureGrowth({ servers: { oursLogging, minimalV2 }, rounds: growths, few, many })
  say('size')
  // Only now: what a process has loaded, and a tokenizer is large, makes each start of another from it slower.
  const { measureSize, measureTokens } = await import('./measure-size.mjs')
  const tokens = await measureTokens(ours)
  const size = await measureSize({ root, folder })
  return { start, firstCall, call, throughput, memory: idle, growth: { few, many, ...growth }, tokens, size }
}
