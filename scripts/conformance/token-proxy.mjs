// The suite sends no bearer token, and calls tools of its own example server. This stands before the server under test,
// adds the token, and writes a call of ours over such a call; everything else, both ways, is what was sent.
import { once } from 'node:events'
import { createServer, request as send } from 'node:http'

/** @typedef {{ name: string, arguments: Record<string, unknown> }} Call */

/**
 * @param {object} to
 * @param {string} to.address `127.0.0.1:PORT` of the server
 * @param {string} to.host what it is called by those who mean it
 * @param {string} to.token
 * @param {Readonly<Record<string, Call>>} stands calls of ours by the name of the tool whose place they take
 */
export async function startTokenProxy({ address, host, token }, stands) {
  const server = createServer(async (request, response) => {
    const ownHost = new RegExp(`^(http://)?(127\\.0\\.0\\.1|localhost):${request.socket.localPort}$`)
    const meant = (/** @type {string} */ text) =>
      text.replace(ownHost, (_, scheme) => (scheme ? 'https://' : '') + host)
    const chunks = await request.toArray()
    const { body, call } = standingFor(Buffer.concat(chunks).toString(), stands)
    /** @type {import('node:http').OutgoingHttpHeaders} */
    const headers = { ...request.headers, authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(body) }
    for (const name of ['host', 'origin']) if (headers[name]) headers[name] = meant(String(headers[name]))
    if (call && headers['mcp-name']) headers['mcp-name'] = call.name
    const { method = 'GET', url = '/' } = request
    const out = send(`http://${address}${url}`, { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    out.on('error', () => response.destroy())
    response.on('close', () => out.destroy())
    out.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** @param {string} body @param {Readonly<Record<string, Call>>} stands @returns {{ body: string, call?: Call }} */
function standingFor(body, stands) {
  const name = Object.keys(stands).find((each) => body.includes(`"${each}"`))
  const call = name === undefined ? undefined : stands[name]
  if (!call) return { body }
  const message = JSON.parse(body)
  if (message.method !== 'tools/call' || message.params?.name !== name) return { body }
  return { body: JSON.stringify({ ...message, params: { ...message.params, ...call } }), call }
}
