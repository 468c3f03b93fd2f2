// AiFi for the benchmark, in a process of its own: reads a customer and changes it, as fast as Node can.
import { createServer } from 'node:http'
import process from 'node:process'

/** @type {Map<number, unknown>} */
const names = new Map()

const server = createServer((request, response) => {
  const { url = '' } = request
  const id = Number(url.slice(url.lastIndexOf('/') + 1))
  /** @type {Buffer[]} */
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    if (request.method === 'PATCH') names.set(id, JSON.parse(Buffer.concat(chunks).toString()).firstName)
    const customer = { id, email: `${id}@example.com`, firstName: names.get(id) ?? 'Nobody', role: 'customer' }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(customer))
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object') process.stdout.write(`${address?.port}\n`)
})
process.stdin.resume()
process.stdin.on('end', () => process.exit())
