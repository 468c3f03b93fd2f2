// A team's server on real parts: three replicas, a PostgreSQL, an issuer, and one replica killed: npm run demo:team
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { box, heading, INDENT, isInteractive, line, paragraph, pause, styled } from './demo/terminal.mjs'
import { Agent } from './demo-team/agent.mjs'
import { Approver } from './demo-team/approver.mjs'
import { World } from './demo-team/world.mjs'
import { PROGRAM } from './team/parts.mjs'

const CHANGE = { customerId: 4211, blocked: true, reason: 'Ticket 1207' }
/** Seconds that the token of whoever tries it by hand is good for. */
const TOKEN_S = 60 * 60

/** @import { Running } from './demo-team/world.mjs' */

const world = new World()
/** @type {Agent | undefined} */
let agent
/** @type {string | undefined} */
let folder
let leaving = false
/** @type {Promise<void> | undefined} */
let cleanedUp
/** The replica that was last given a message of the agent. */
let holder = ''
/** The agent's call, which waits. @type {Promise<{ result?: Record<string, any>, error?: string }>} */
let call = Promise.resolve({})

async function main() {
  if (!existsSync(PROGRAM))
    throw new Error('dist/index.js is missing. Run "npm run build" first, or "npm run demo:team".')
  line()
  line(`${styled('bold', 'aifi-customer-mcp http')}: agents call, a person in the approvers’ group decides.`)
  line()
  if (!isInteractive) paragraph('No terminal here: the demo answers by itself, as Alex would.', 'yellow')
  const running = await world.start((request, replica) => {
    if (request.url === '/mcp') holder = replica.name
  })
  await introduce(running)
  await agentAsks(running)
  const approver = await signedIn(running)
  await replicaDies(running)
  const outcome = await decided(approver)
  await whatIsLeft(running, outcome)
  if (isInteractive) await tryIt(running)
}

/** @param {Running} running */
async function introduce({ publicUrl, postgres, issuer, replicas, standIn }) {
  const [{ version = '' } = {}] = await postgres.query("select current_setting('server_version') as version")
  line(`${INDENT}MCP_URL=${publicUrl}/mcp`)
  line(`${INDENT}APPROVALS_URL=${publicUrl}/approvals`)
  line()
  paragraph(
    `Behind these, a balancer and ${replicas.length} replicas (${replicas.map(({ name }) => name).join(', ')}), which share a PostgreSQL ${version}. AiFi is a stand-in at ${standIn.address}.`,
  )
  paragraph(
    `The issuer (oidc-provider, ${issuer.url}) knows Sam, an agent’s user, and Alex and Robin, who approve. Their logins are “sam”, “alex” and “robin”, with any password.`,
  )
}

/** The call, which waits for a person. @param {Running} running */
async function agentAsks({ publicUrl, ca, issuer, postgres }) {
  await step('1', 'An agent calls')
  agent = new Agent({ ca })
  const exp = Math.floor(Date.now() / 1000) + TOKEN_S
  await agent.connect(`${publicUrl}/mcp`, await issuer.token({ exp }))
  paragraph(`→ update_customer ${JSON.stringify(CHANGE)}`, 'cyan')
  call = settled(agent)
  while ((await postgres.query("select 1 from aifi_change where state = 'asked'")).length === 0) await soon()
  paragraph(`Replica ${holder} has put the question into the inbox, and the call waits there.`)
}

/** Scripted: Alex, who has the question open; undefined where a person does that. @param {Running} running */
async function signedIn(running) {
  await step('2', 'Alex opens the inbox')
  if (isInteractive) {
    paragraph(
      `Open ${running.publicUrl}/approvals in a browser. Its certificate was made for this demo, so the browser warns you. Sign in as “alex”, any password, and open the question. Do not answer it yet.`,
    )
    return undefined
  }
  const alex = new Approver(running)
  await alex.signIn('alex')
  const path = await alex.firstQuestion()
  const { title, email, effect, askedBy, button, token } = await alex.read(path)
  box('What Alex sees', `${title}\n${email}\n${effect}\nAsked by ${askedBy}`)
  return { button, press: () => alex.approve(path, token) }
}

/** The call goes on elsewhere. @param {Running} running */
async function replicaDies({ replicas, postgres }) {
  const victim = replicas.find(({ name }) => name === holder)
  if (!victim || !agent) throw new Error('No replica holds the call.')
  await step('3', `kill -9 of replica ${victim.name}, in the middle`)
  await victim.end('SIGKILL')
  const { error } = await call
  if (!error) throw new Error('The call should have broken.')
  paragraph(`← ${error}`, 'magenta')
  call = settled(agent)
  while (holder === victim.name) await soon()
  const [{ open } = {}] = await postgres.query("select count(*)::int as open from aifi_change where state = 'asked'")
  paragraph(
    `The agent makes the same call again. Replica ${holder} finds the question in the store (${open} open), and the call waits there.`,
  )
}

/** @param {{ button: string, press(): Promise<void> } | undefined} approver */
async function decided(approver) {
  await step('4', 'Alex decides')
  if (approver) {
    paragraph(`Alex presses “${approver.button}” on the page that was opened before.`)
    await approver.press()
  } else paragraph('Press the button in your browser. The call waits.')
  const { result, error } = await call
  if (!result) throw new Error(`The call broke: ${error}`)
  const { status, message, approval } = result
  paragraph(`← ${status}: ${message}${approval ? ` It was ${approval.answer} by ${approval.by}.` : ''}`, 'magenta')
  return { status, by: approval?.by }
}

/** @param {Running} running @param {{ status: string, by: string }} outcome */
async function whatIsLeft({ postgres, standIn, parts }, { status, by }) {
  await step('5', 'What is left')
  const rows = await postgres.query('select line from aifi_audit order by deployment, seq')
  const lines = rows.map((row) => `${row.line}\n`)
  for (const each of lines) {
    const text = auditText(JSON.parse(each))
    if (text) paragraph(text, 'dim')
  }
  const { problems, openAttempts } = parts.verifyAudit(lines.join(''))
  if (problems.length + openAttempts.length > 0) throw new Error('The audit is not whole.')
  const { PATCH = 0 } = await standIn.requests()
  const record = await standIn.customer(CHANGE.customerId)
  paragraph(
    `The audit is whole. The stand-in received ${PATCH} PATCH; customer ${CHANGE.customerId} is ${record.blocked ? 'blocked' : 'not blocked'}.`,
  )
  if (isInteractive) return
  if (status !== 'updated' || by !== 'Alex Approver' || PATCH !== 1 || !record.blocked)
    throw new Error('It should have been made, once.')
}

/** @param {Record<string, any>} entry of the audit */
function auditText({ event, customerId, fields, proposer, approval, status }) {
  if (event === 'attempt')
    return `audit: attempt, customer ${customerId}, ${fields.join(', ')}; asked by ${proposer?.name}, ${approval?.answer} by ${approval?.by?.name}`
  return event === 'outcome' ? `audit: outcome, customer ${customerId}, ${status}` : undefined
}

/** For whoever wants to go on by hand. @param {Running} running */
async function tryIt({ publicUrl, ca, issuer }) {
  await step('6', 'Your own client')
  folder = await mkdtemp(join(tmpdir(), 'demo-team-'))
  const file = join(folder, 'certificate.pem')
  await writeFile(file, ca)
  const token = await issuer.token({ exp: Math.floor(Date.now() / 1000) + TOKEN_S })
  paragraph('All goes on until you press Enter. A token of Sam’s, good for an hour:')
  line()
  line(`${INDENT}MCP_TOKEN=${token}`)
  line()
  paragraph('Claude Code, for example:')
  line()
  line(
    `${INDENT}claude mcp add --transport http aifi-team ${publicUrl}/mcp --header "Authorization: Bearer $MCP_TOKEN"`,
  )
  line(`${INDENT}NODE_EXTRA_CA_CERTS=${file} claude`)
  await pause()
}

/** @param {string} number @param {string} title */
async function step(number, title) {
  await pause()
  if (leaving) throw new Error('The demo is over.')
  heading(number, title)
}

/**
 * Makes the call, again as long as it is told that nobody has answered yet; never rejects.
 * @param {Agent} caller
 * @returns {Promise<{ result?: Record<string, any>, error?: string }>}
 */
async function settled(caller) {
  try {
    for (;;) {
      const result = await caller.update(CHANGE)
      if (result.status !== 'approval_pending') return { result }
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

function soon() {
  return new Promise((resolve) => setTimeout(resolve, 50))
}

/** Ends every process that was started; whoever calls it later waits for the same end. */
function cleanUp() {
  cleanedUp ??= (async () => {
    await agent?.close()
    await world.end()
    if (folder) await rm(folder, { recursive: true, force: true })
  })()
  return cleanedUp
}

/** @param {number} code */
async function leave(code) {
  if (leaving) return
  leaving = true
  await cleanUp()
  process.exit(code)
}

/** @param {unknown} error */
async function fail(error) {
  if (leaving) return
  process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : error}\n`)
  await leave(1)
}

for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
  process.on(signal, () => {
    if (!leaving) line(`\n\n${INDENT}Stopped.`)
    leave(128 + number)
  })
}
// Whoever read this has gone (`npm run demo:team | head`).
process.stdout.on('error', () => leave(0))
process.on('uncaughtException', fail)

try {
  await main()
  await cleanUp()
  line()
} catch (error) {
  await fail(error)
}
