/**
 * @typedef {object} Attempt
 * @property {any} result
 * @property {number} asked how often the client asked its user
 * @property {number} [changes] PATCH requests that reached the stand-in, where they can be counted
 *
 * @typedef {object} Client
 * @property {string} name
 * @property {string} version
 * @property {string} package
 * @property {string} [mode]
 * @property {string[]} revisions
 * @property {boolean} [validates]
 * @property {boolean} [fallsBack]
 * @property {Record<string, Attempt>} calls
 */

/** What each call is, and what has to come of it: status, channel, PATCH requests. */
const situations = /** @type {const} */ ({
  plain: ['a plain change', 'updated', undefined, 1],
  wrong: ['wrong arguments', 'invalid', undefined, 0],
  nothing: ['no change in it', 'invalid', undefined, 0],
  approved: ['sensitive, form: yes', 'updated', 'form', 1],
  declined: ['sensitive, form: no', 'declined', 'form', 0],
  link: ['password, link', 'updated', 'url', 1],
  page: ['sensitive, page', 'updated', 'page', 1],
  typed: ['password, page', 'updated', 'page', 1],
  nobody: ['sensitive, nobody to ask', 'approval_unavailable', undefined, 0],
  inbox: ['sensitive, inbox', 'updated', 'inbox', 1],
  private: ['password, inbox', 'updated', 'inbox', 1],
})
const tools = ['update_customer', 'find_customers']

/** What did not come out as it has to. @param {Client} client @returns {string[]} */
export function shortfalls({ calls, revisions, validates, fallsBack }) {
  const listed = JSON.stringify(calls.tools?.result) === JSON.stringify(tools) ? [] : ['the tools were not listed']
  const agreed =
    revisions.length === 1 || (fallsBack && revisions.length === 2)
      ? []
      : [`revisions: ${revisions.join(', ') || 'none'}`]
  const failed = Object.entries(situations).flatMap(([id, [title, status, channel, changes]]) => {
    const call = calls[id]
    if (!call) return []
    const { envelope, error } = call.result
    // A client that checks the arguments itself has not called at all.
    const kept = validates && error !== undefined && id === 'wrong'
    const right = kept || (envelope?.status === status && envelope?.approval?.channel === channel)
    return right && (call.changes ?? changes) === changes
      ? []
      : [`${title}: ${envelope?.status ?? error}, ${call.changes ?? '?'} PATCH`]
  })
  return [...listed, ...agreed, ...failed]
}

/**
 * The page of all clients.
 * @param {readonly Client[]} clients
 * @param {{ clients: string, server: string }} runtimes
 * @param {Date} date
 */
export function report(clients, runtimes, date) {
  const titles = Object.values(situations).map(([title]) => title)
  const head = ['client', 'protocol', 'tools', ...titles]
  const rows = clients.map((client) => {
    const { calls, revisions } = client
    const named = [`${client.name} ${client.version}`, `\`${client.package}\``, client.mode]
      .filter(Boolean)
      .join('<br>')
    const listed = Array.isArray(calls.tools?.result) ? String(calls.tools.result.length) : 'error'
    return [
      named,
      revisions.join(', '),
      listed,
      ...Object.keys(situations).map((id) => cell(calls[id], client.validates)),
    ]
  })
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  return `# Clients

Written by \`npm run test:clients\` on ${date.toISOString().slice(0, 10)}, from what really happened: each client started the built server over stdio by its own means,
and reached \`http --sandbox\` by its address with the token as a header (clients on Node ${runtimes.clients}, server on Node ${runtimes.server}, AiFi played by the stand-in). The protocol is what stood in the messages. A cell is the
\`status\` that the client handed to its program and, where a person was asked, \`approval.channel\`; PATCH is how many requests to
change a customer reached the stand-in, where it can be asked: not over HTTP.

${table}

- *sensitive*: \`blocked\` or \`role\`; *password*: \`enterPrivately: ["password"]\`, typed by the person. *form*: the client asks by form elicitation and its user
  answers after a second. *link*: the client declares URL elicitation alone and its user follows the link. *page*: a client that declares
  nothing; the program in \`BROWSER\` fetches the page and presses Approve. *nobody to ask*: neither elicitation nor a browser.
  *inbox*: over HTTP, a second person signs in, reads the question, and approves it (and types the password) while the call waits.
- –: not over stdio, or not over HTTP; or the client has no such elicitation (or none that a program can use).
- ${places(clients)}
- *refused by the client*: it checks arguments against the advertised schema itself, and did not call.
- Two revisions: the client goes back to 2025-11-25 when the first answer takes more than a second, which it does on a busy machine.

What this does not show: what a host with a user interface makes of it.
`
}

/** @param {Attempt | undefined} attempt @param {boolean} [validates] */
function cell(attempt, validates) {
  if (!attempt) return '–'
  const { result, changes } = attempt
  const patches = changes === undefined ? '' : `, ${changes} PATCH`
  if (!result.envelope) return validates && !changes ? 'refused by the client' : `error${patches}`
  const { status, approval } = result.envelope
  const channel = approval ? `, ${approval.channel}` : ''
  return `\`${status}\`${channel}${patches}`
}

/** Where each client found the envelope. @param {readonly Client[]} clients */
function places(clients) {
  const found = clients.map(({ name, calls }) => {
    const hows = Object.values(calls).map(({ result }) => result.how?.replace(', isError', ''))
    return /** @type {const} */ ([name, [...new Set(hows.filter(Boolean))].join(', or ')])
  })
  const each = [...new Map(found)].map(([name, how]) => `${name}: ${how}`)
  return `Where the result was: ${each.join('; ')}.`
}
