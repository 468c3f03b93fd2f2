// Stands between a client and a server over HTTP, passes everything on, and notes the messages.
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createServer, request as send } from 'node:http'

/** @param {string} file @param {string} serverUrl */
export async function startHttpTap(file, serverUrl) {
  const { origin, host, pathname } = new URL(serverUrl)
  const notes = createWriteStream(file, { flags: 'a' })
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    notes.write(`${body}\n`)
    const headers = { ...request.headers, host }
    const options = { method: request.method ?? 'GET', headers, agent: false }
    const out = send(origin + request.url, options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('data', (chunk) => notes.write(String(chunk).replaceAll(/^data: /gm, '')))
      answer.on('end', () => notes.write('\n'))
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
    url: `http://127.0.0.1:${port}${pathname}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await new Promise((resolve) => notes.end(resolve))
    },
  }
}
