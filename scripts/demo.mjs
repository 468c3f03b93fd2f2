// The main job in a terminal, with a real MCP client and the built server, against the stand-in: npm run demo
import { existsSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StandIn } from './demo/stand-in.mjs'
import {
  askYesOrNo,
  box,
  heading,
  INDENT,
  isInteractive,
  line,
  paragraph,
  pause,
  styled,
  table,
} from './demo/terminal.mjs'
import { ShownTransport } from './demo/wire.mjs'

const PROGRAM = fileURLToPath(new URL('../dist/index.js', import.meta.url))
const CUSTOMER = 4211
/** The questions of this server run out after ten minutes; the client waits a little longer. */
const PATIENCE_MS = 11 * 60_000
/** What is answered when nobody sits at a terminal: to unblocking, to the new email, to deleting the card. */
const scripted = [true, true, false]

/** @type {StandIn | undefined} */
let standIn
/** @type {ShownTransport | undefined} */
let transport
let serverLog = ''
let leaving = false
/** @type {Promise<void> | undefined} */
let cleanedUp
/** How many messages asked a person something. */
let asked = 0
/** @type {boolean | undefined} the latest answer */
let answer

const client = new Client(
  { name: 'aifi-demo', version: '1.0.0' },
  { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: 'legacy' } },
)
client.onerror = (error) => {
  if (!leaving) fail(error)
}
client.setRequestHandler('elicitation/create', async ({ params }) => {
  box('The client shows you what the server asks', params.message)
  answer = await answerOf(scripted[asked++] ?? false)
  if (answer === undefined) return { action: 'cancel' }
  return answer ? { action: 'accept', content: { approve: true } } : { action: 'decline' }
})

/** @param {boolean} prepared */
async function answerOf(prepared) {
  const question = 'Approve this change?'
  if (isInteractive) return askYesOrNo(question)
  line(`${INDENT}${question} [y/N] ${prepared ? 'y' : 'n'}   (scripted: nobody is asked without a terminal)`)
  // A yes that comes faster than anybody reads does not count.
  await new Promise((resolve) => setTimeout(resolve, 800))
  return prepared
}

async function main() {
  if (!existsSync(PROGRAM)) throw new Error('dist/index.js is missing. Run "npm run build" first, or "npm run demo".')
  standIn = new StandIn(PROGRAM)
  await standIn.ready()
  const before = await standIn.customer(CUSTOMER)
  introduce()
  await listTools()
  await plainChange()
  await ownChecks()
  await sensitiveChange()
  await aifiRefuses()
  await aNoIsANo()
  await showRecord(before)
}

function introduce() {
  line()
  line(`${styled('bold', 'aifi-customer-mcp')}: an assistant changes AiFi customers, a person approves.`)
  line()
  paragraph(
    `A real MCP client talks to the built server over stdio; AiFi is the stand-in, a process of its own on ${standIn?.address}.`,
  )
  paragraph(
    'You see the messages as they cross, with “…” where something is left out, such as the text of a result, which repeats its structured content.',
  )
  const colors = `${styled('cyan', '→ client to server')}   ${styled('magenta', '← server to client')}`
  line(`${INDENT}${colors}`)
  if (isInteractive) return
  line()
  const answers = scripted.map((each) => (each ? 'yes' : 'no')).join(', ')
  paragraph(`No terminal here: the ${scripted.length} questions get scripted answers: ${answers}.`, 'yellow')
}

async function listTools() {
  await nextStep('1', 'The tools')
  paragraph('The client starts the server and asks what it can do.')
  transport = new ShownTransport({
    command: process.execPath,
    args: [PROGRAM],
    // `form`: the question comes to this client or to nobody; no browser opens.
    env: { ...standIn?.settings, AIFI_APPROVAL: 'form', LOG_LEVEL: 'warn' },
    stderr: 'pipe',
  })
  transport.stderr?.on('data', (chunk) => {
    serverLog += chunk
  })
  await client.connect(transport)
  const { tools } = await client.listTools()
  const tool = tools.find(({ name }) => name === 'update_customer')
  if (!tool) throw new Error('The server does not offer update_customer.')
  const { properties = {}, required = [] } = tool.inputSchema
  paragraph(`${Object.keys(properties).length} arguments, required: ${required.join(', ')}.`, 'dim')
}

async function plainChange() {
  await nextStep('2', 'A plain change')
  paragraph('A new telephone number needs nobody’s approval. The result says what changed, and how to undo it.')
  await call({ expectedEmail: 'jane@example.com', phone: '+1 555 0199' }, 'updated')
}

async function ownChecks() {
  await nextStep('3', 'Three mistakes, one answer')
  paragraph('The server’s own checks name every problem at once, and nothing goes out.')
  await call({ fristName: 'Janet', phone: 15550199, priority: 99 }, 'invalid')
}

async function sensitiveChange() {
  await nextStep('4', 'A sensitive change: a person decides')
  paragraph('“Jane says she can’t get in, unblock her.” The call waits until a person has answered.')
  await call({ blocked: false }, 'updated')
}

async function aifiRefuses() {
  await nextStep('5', 'AiFi has the last word')
  paragraph(
    'This email lacks its “.com”. The server leaves that to AiFi: approve it to see AiFi’s own error come back.',
  )
  await call({ email: 'jane@example' }, 'invalid')
}

async function aNoIsANo() {
  await nextStep('6', 'No is no')
  paragraph('Now the assistant wants to delete Jane’s payment card, which nobody asked for.')
  const args = { cardToken: null }
  const { status } = await call(args, 'updated')
  if (status !== 'declined') return
  line()
  paragraph('Should it try once more, nobody is bothered again:')
  await call(args, 'declined')
}

/** @param {Record<string, any>} before */
async function showRecord(before) {
  await nextStep('7', 'What the stand-in now holds')
  const now = (await standIn?.customer(CUSTOMER)) ?? {}
  paragraph(`Customer ${CUSTOMER}, with what AiFi’s answers never show. * marks what has changed.`)
  line()
  const fields = [...Object.keys(before).filter((field) => field !== 'passwordIsSet'), 'password']
  const rows = fields.map((field) => [field, shownField(before, field), shownField(now, field)])
  table([['', 'before', 'now'], ...rows], ([, then, today]) => then !== today)
  line()
  const { GET = 0, PATCH = 0 } = (await standIn?.requests()) ?? {}
  paragraph(`In all the stand-in received ${GET} GET and ${PATCH} PATCH requests.`, 'dim')
}

/**
 * Secrets never: of a card its provider, of a password whether there is one.
 * @param {Record<string, any>} record
 * @param {string} field
 */
function shownField(record, field) {
  if (field === 'password') return record.passwordIsSet ? 'set' : 'none'
  if (field !== 'card')
    return shortened(typeof record[field] === 'string' ? record[field] : JSON.stringify(record[field]))
  return record.card ? `${record.card.provider}, token ${record.card.cardToken ? 'set' : 'none'}` : 'none'
}

/** @param {string} text */
function shortened(text) {
  return text.length > 26 ? `${text.slice(0, 25)}…` : text
}

/** @param {string} number @param {string} title */
async function nextStep(number, title) {
  await pause()
  heading(number, title)
}

/**
 * Calls the tool and says what that came to at the stand-in. A no of the person is as good as the `expected` status.
 * @param {Record<string, unknown>} change
 * @param {string} expected
 */
async function call(change, expected) {
  const earlier = await standIn?.requests()
  const askedEarlier = asked
  const params = { name: 'update_customer', arguments: { customerId: CUSTOMER, ...change } }
  const result = await client.callTool(params, { timeout: PATIENCE_MS })
  const { status } = /** @type {{ status?: string }} */ (result.structuredContent ?? {})
  const received = countedSince(earlier, await standIn?.requests())
  paragraph(`The stand-in received ${received}.`, 'dim')
  const saidNo = asked > askedEarlier && answer !== true
  if (status !== (saidNo ? 'declined' : expected)) {
    throw new Error(`This should have come out as ${saidNo ? 'declined' : expected}, not ${status}.`)
  }
  return { status }
}

/** @param {Record<string, number>} [earlier] @param {Record<string, number>} [now] */
function countedSince(earlier = {}, now = {}) {
  /** @param {string} method */
  const since = (method) => (now[method] ?? 0) - (earlier[method] ?? 0)
  const [reads, patches] = [since('GET'), since('PATCH')]
  if (reads + patches === 0) return 'nothing'
  return `${reads} GET and ${patches || 'no'} PATCH`
}

/** Ends both child processes; whoever calls it later waits for the same end. */
function cleanUp() {
  cleanedUp ??= (async () => {
    await transport?.close()
    await standIn?.stop()
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
  process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : error}\n${serverLog}`)
  await leave(1)
}

process.on('exit', () => standIn?.kill())
for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
  process.on(signal, () => {
    if (!leaving) line(`\n\n${INDENT}Stopped.`)
    leave(128 + number)
  })
}
// Whoever read this has gone (`npm run demo | head`).
process.stdout.on('error', () => leave(0))

try {
  await main()
  await cleanUp()
  if (serverLog) {
    line()
    paragraph('The server’s log:')
    for (const each of serverLog.trimEnd().split('\n')) paragraph(each, 'dim')
  }
  line()
} catch (error) {
  // When the children go first on Ctrl-C, that is not a failure.
  if (!leaving) await fail(error)
}
