// AiFi for the benchmark, in a process of its own: reads a customer and changes it, as fast as Node can.
import { createServer } from 'node:http'
import process from 'node:process'

const names = new Map()

const server = createServer((request, response) => {
  const id = Number(request.url.slice(request.url.lastIndexOf('/') + 1))
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    if (request.method === 'PATCH') names.set(id, JSON.parse(Buffer.concat(chunks)).firstName)
    const customer = { id, email: `${id}@example.com`, firstName: names.get(id) ?? 'Nobody', role: 'customer' }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(customer))
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
process.stdin.resume()
process.stdin.on('end', () => process.exit())
