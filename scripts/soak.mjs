// Thousands of changes against an AiFi that fails in every way it can, and then the question whether every answer was
// true, whether the audit is whole, and whether memory stayed flat.
//
//     node scripts/soak.mjs [--calls=20000] [--seed=1] [--at-once=16]
//
// Ends with 1 if anything contradicts anything. The same seed draws the same numbers; what meets what is up to time.
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { nextCase, random } from './soak/calls.mjs'
import { auditRecords, buildParts, startProgram } from './soak/parts.mjs'
import { auditContradictions, contradictions } from './soak/truth.mjs'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '16' },
  },
})
const CALLS = Number(values.calls)
const AT_ONCE = Number(values['at-once'])
/** Calls before memory is measured first: caches fill, code is compiled. */
const WARM_UP = Math.min(1_000, CALLS / 10)
/** The heap may be so much larger at the end than after the warm-up, bytes: what a cancelled call has not heard is kept for 10 minutes. */
const HEAP_GROWTH_LIMIT = 8_000_000
/** The program keeps 16; those that are closing still count on AiFi's side while their successors open. */
const CONNECTIONS_LIMIT = 32
const FIRST_CUSTOMER = 100_001

/** @import { Case, Draw } from './soak/calls.mjs' */
/** @import { Model } from './soak/parts.mjs' */
/** @typedef {Map<string, number>} Tally */

/** @param {Tally} map @param {string} key */
const tally = (map, key) => map.set(key, (map.get(key) ?? 0) + 1)

/** An AiFi that mostly answers, and otherwise does what the tests' fault server can do. @param {Model} parts @param {Draw} draw */
async function startAifi(parts, { pick, next }) {
  /** @type {Tally} */
  const met = new Map()
  /** @type {[string, Model['acceptedEndings']][]} */
  const groups = [
    ['accepted', parts.acceptedEndings],
    ['refused', parts.refusedEndings],
    ['lost, cut off, senseless or 5xx', parts.unclearEndings],
    ['no answer until the deadline', parts.slowEndings],
  ]
  const model = new parts.ModelAifi({
    ending() {
      const [name, endings] = pick(groups, [60, 15, 24, 1])
      tally(met, name)
      return pick(endings)
    },
    view: () => (next() < 0.9 ? 'shown' : pick(parts.views)),
  })
  const server = await parts.startFaultServer()
  let tokens = 0
  server.always('GET', model.get)
  server.always('PATCH', model.patch)
  server.always('POST', () => {
    tokens += 1
    return parts.fault.answer(200, { access_token: `token-${tokens}`, token_type: 'Bearer', expires_in: 10 })
  })
  return { server, model, met, tokens: () => tokens }
}

/** @param {string} url @param {string} auditFile */
const settings = (url, auditFile) => ({
  AIFI_BASE_URL: url,
  AIFI_CLIENT_ID: 'soak',
  AIFI_CLIENT_SECRET: 'canary-secret',
  AIFI_TOKEN_URL: `${url}/token`,
  AIFI_AUDIT_LOG: auditFile,
  AIFI_APPROVAL: 'form',
  AIFI_TIMEOUT_MS: '800',
  AIFI_MAX_CHANGES_PER_MINUTE: '1000000',
  LOG_LEVEL: 'error',
})

/** Asks, hears, and compares with what became of it. */
class Assistant {
  calls = 0
  customer = FIRST_CUSTOMER - 1
  mostOpen = 0
  /** @type {Tally} */
  said = new Map()
  /** @type {string[]} */
  wrong = []

  /**
   * @param {import('@modelcontextprotocol/client').Client} client
   * @param {Awaited<ReturnType<typeof startAifi>>} aifi
   * @param {Draw} draw
   */
  constructor(client, aifi, draw) {
    this.client = client
    this.aifi = aifi
    this.draw = draw
  }

  /** @param {number} limit */
  async work(limit) {
    while (this.calls < limit) {
      const each = nextCase(this.draw)
      this.customer += 1
      const customerId = this.customer
      const statuses = await Promise.all(each.calls.map((one) => this.call(customerId, one)))
      this.mostOpen = Math.max(this.mostOpen, this.aifi.server.connections().open)
      for (const status of statuses) tally(this.said, status)
      // Nobody knows when a cancelled change is over; the audit is compared in the end.
      if (each.kind === 'cancelled') continue
      const { model } = this.aifi
      const facts = { arrived: model.arrived(customerId), processed: model.processed(customerId) }
      const found = contradictions({ kind: each.kind, statuses, ...facts })
      this.wrong.push(...found.map((text) => `customer ${customerId} (${each.kind}): ${text}`))
    }
  }

  /** One call; the status of its answer. @param {number} customerId @param {Case['calls'][number]} one */
  async call(customerId, { args, cancelAfterMs }) {
    this.calls += 1
    const signal = cancelAfterMs === undefined ? undefined : AbortSignal.timeout(cancelAfterMs)
    const params = { name: 'update_customer', arguments: { customerId, ...args } }
    try {
      const options = { timeout: 120_000, ...(signal && { signal }) }
      /** @type {{ structuredContent?: any }} */
      const { structuredContent } = await this.client.callTool(params, options)
      if (JSON.stringify(structuredContent).includes('canary')) this.wrong.push(`customer ${customerId}: a secret`)
      return structuredContent.status
    } catch (error) {
      if (signal?.aborted) return 'cancelled'
      this.wrong.push(`customer ${customerId}: ${error instanceof Error ? error.message : error}`)
      return 'threw'
    }
  }
}

/** @param {Awaited<ReturnType<typeof import('./soak/parts.mjs').buildParts>>} parts */
async function soak(parts) {
  const draw = random(Number(values.seed))
  const aifi = await startAifi(parts.model, draw)
  // Always yes: after three no's, nobody would be asked for ten minutes.
  const answer = async () => {
    // A yes that comes faster than anybody reads does not count.
    await new Promise((resolve) => setTimeout(resolve, 800))
    return { action: 'accept', content: { approve: true } }
  }
  const env = settings(aifi.server.url, parts.auditFile)
  const running = await startProgram({ program: parts.program, env, answer })
  const assistant = new Assistant(running.client, aifi, draw)
  const startedAt = performance.now()
  /** @type {{ heapUsed: number, rss: number }[]} */
  const memory = []
  for (const limit of [WARM_UP, CALLS / 2, CALLS]) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => assistant.work(limit)))
    memory.push(await running.memory())
    process.stderr.write(`${assistant.calls} calls …\n`)
  }
  const seconds = (performance.now() - startedAt) / 1000
  await running.close()
  await aifi.server.close()

  const { model, met, tokens } = aifi
  const customers = Array.from(
    { length: assistant.customer + 1 - FIRST_CUSTOMER },
    (_, index) => FIRST_CUSTOMER + index,
  )
  const audit = parts.model.verifyAudit(await readFile(parts.auditFile))
  const records = await auditRecords(parts.auditFile)
  const [first, , last] = memory
  const grown = (last?.heapUsed ?? Number.NaN) - (first?.heapUsed ?? Number.NaN)
  const wrong = [
    ...assistant.wrong,
    ...auditContradictions(records, customers, model),
    ...audit.problems.map(({ line, text }) => `audit line ${line} ${text}`),
    ...audit.openAttempts.map(({ line }) => `audit line ${line}: an attempt without an outcome`),
    ...(JSON.stringify(records).includes('canary') ? ['a secret in the audit'] : []),
    ...running.log().map((line) => `logged: ${line}`),
    ...(grown > HEAP_GROWTH_LIMIT ? ['the heap has grown'] : []),
    ...(assistant.mostOpen > CONNECTIONS_LIMIT ? ['too many connections'] : []),
  ]
  /** @param {(customerId: number) => number} count */
  const total = (count) => customers.reduce((sum, id) => sum + count(id), 0)
  /** @param {'heapUsed' | 'rss'} key */
  const megabytes = (key) => memory.map((each) => (each[key] / 1e6).toFixed(1)).join(' → ')
  show({
    calls: `${assistant.calls} in ${seconds.toFixed(0)} s, ${AT_ONCE} at once, seed ${values.seed}`,
    answers: list(assistant.said),
    PATCH: `${total((id) => model.arrived(id))} arrived, ${total((id) => model.processed(id))} processed`,
    'they met': list(met),
    tokens: `${tokens()} fetched`,
    connections: `${assistant.mostOpen} at a time at most`,
    audit: `${audit.attempts} attempts, ${audit.outcomes} outcomes, ${audit.openAttempts.length} open, ${audit.problems.length} problems`,
    'heap, MB': `${megabytes('heapUsed')} (after ${WARM_UP} calls, half, all; garbage collected)`,
    'resident, MB': megabytes('rss'),
    contradictions: String(wrong.length),
  })
  for (const text of wrong.slice(0, 20)) console.log(`  ${text}`)
  return wrong.length > 0 ? 1 : 0
}

/** @param {Tally} map */
function list(map) {
  const entries = [...map].sort(([, a], [, b]) => b - a)
  return entries.map(([name, count]) => `${name} ${count}`).join(', ')
}

/** @param {Record<string, string>} rows */
function show(rows) {
  for (const [name, text] of Object.entries(rows)) console.log(`${name.padEnd(16)}${text}`)
}

const parts = await buildParts()
try {
  process.exitCode = await soak(parts)
} finally {
  await parts.remove()
}
