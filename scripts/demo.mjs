// The main job in a terminal, with a real MCP client and the built server, against the stand-in: npm run demo
import { existsSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { Network } from './demo/network.mjs'
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
/** A scripted answer takes as long as somebody who reads; the server takes a much faster one for no person's. */
const READING_MS = 1_000
/** What is answered when nobody sits at a terminal: to unblocking, to the new email, to deleting the card. */
const scripted = [true, true, false]

/** @type {StandIn | undefined} */
let standIn
const network = new Network()
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
  await sleep(READING_MS)
  line(`${INDENT}${question} [y/n] ${prepared ? 'y' : 'n'}   (scripted: nobody is asked without a terminal)`)
  return prepared
}

async function main() {
  if (!existsSync(PROGRAM)) throw new Error('dist/index.js is missing. Run "npm run build" first, or "npm run demo".')
  standIn = new StandIn(PROGRAM)
  await standIn.ready()
  await network.start(standIn.address)
  const before = await standIn.customer(CUSTOMER)
  introduce()
  await listTools()
  await lookup()
  await plainChange()
  await ownChecks()
  await sensitiveChange()
  await aifiRefuses()
  await aNoIsANo()
  await theNetworkFails()
  await thePage()
  await showRecord(before)
  whatNext()
}

function introduce() {
  line()
  line(`${styled('bold', 'aifi-customer-mcp')}: an assistant changes AiFi customers, a person approves.`)
  line()
  paragraph(
    `A real MCP client talks to the built server over stdio. AiFi is played by a stand-in, a process of its own, which the server reaches at ${network.address}.`,
  )
  paragraph(
    'You see the messages as they cross. “…” is where something is left out, such as the text of a result, which repeats its structured content.',
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
    env: { ...standIn?.settings, AIFI_BASE_URL: network.address, AIFI_APPROVAL: 'form', LOG_LEVEL: 'warn' },
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

async function lookup() {
  await nextStep('2', 'A lookup')
  paragraph('“jane@example.com says she can’t get in.” The assistant finds out who that is.')
  await call('find_customers', { email: 'jane@example.com' }, 'found')
}

async function plainChange() {
  await nextStep('3', 'A plain change')
  paragraph('A new telephone number needs nobody’s approval. The result says what changed, and how to undo it.')
  await change({ expectedEmail: 'jane@example.com', phone: '+1 555 0199' }, 'updated')
}

async function ownChecks() {
  await nextStep('4', 'Three mistakes, one answer')
  paragraph('The server’s own checks name every problem at once, and nothing goes out.')
  await change({ fristName: 'Janet', phone: 15550199, priority: 99 }, 'invalid')
}

async function sensitiveChange() {
  await nextStep('5', 'A sensitive change: a person decides')
  paragraph('“Unblock her.” The call waits until a person has answered.')
  await change({ blocked: false }, 'updated')
}

async function aifiRefuses() {
  await nextStep('6', 'AiFi has the last word')
  paragraph(
    'This email lacks its “.com”. The server leaves that to AiFi: approve it to see AiFi’s own error come back.',
  )
  await change({ email: 'jane@example' }, 'invalid')
}

async function aNoIsANo() {
  await nextStep('7', 'No is no')
  paragraph('Now the assistant wants to delete Jane’s payment card, which she never asked for.')
  const args = { cardToken: null }
  const { status } = await change(args, 'updated')
  if (status !== 'declined') return
  line()
  paragraph('If it tries once more, you are not asked again:')
  await change(args, 'declined')
}

async function theNetworkFails() {
  await nextStep('8', 'The truth, even when it is not known')
  paragraph(
    'The connection breaks just after this change was sent. Whether AiFi got it cannot be known for certain, and the assistant is told exactly that.',
  )
  network.losesNextChange = true
  await change({ lastName: 'Miller' }, 'unknown')
}

async function thePage() {
  await nextStep('9', 'The page')
  paragraph(
    'You answered in a form. A client without forms, and every password, gets a page in your browser instead. This is what it looks like:',
  )
  line()
  paragraph('docs/approval-page.png', 'bold')
  paragraph('docs/approval-page-password.png', 'bold')
}

/** @param {Record<string, any>} before */
async function showRecord(before) {
  await nextStep('10', 'What the stand-in now holds')
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

function whatNext() {
  line()
  line(styled('bold', 'What next?'))
  line()
  paragraph('Let your own assistant play with the stand-in. Claude Code, for example:')
  line()
  line(`${INDENT}  claude mcp add aifi-customers -- node "$PWD/dist/index.js" --sandbox`)
  line()
  paragraph('Connect it to your AiFi: README.md, “Set it up”. Every host is in docs/hosts.md.')
  paragraph('Show the person who will approve: docs/approve.md.')
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

/** @param {Record<string, unknown>} fields @param {string} expected */
function change(fields, expected) {
  return call('update_customer', { customerId: CUSTOMER, ...fields }, expected)
}

/**
 * Calls a tool and says what that came to at the stand-in. A no of the person is as good as the `expected` status.
 * @param {string} name
 * @param {Record<string, unknown>} args
 * @param {string} expected
 */
async function call(name, args, expected) {
  const earlier = await standIn?.requests()
  const askedEarlier = asked
  const result = await client.callTool({ name, arguments: args }, { timeout: PATIENCE_MS })
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
    network.stop()
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
