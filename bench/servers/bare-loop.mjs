// The floor for a call: on {"id", "params": {"method", "count"}} it makes that many requests, one after the other, and
// answers with how long each took, in milliseconds. No protocol, no check of anything.
import process from 'node:process'
import { createInterface } from 'node:readline'
import { Agent } from 'undici'
import { bareGet, barePatch } from '../bare-requests.mjs'

const agent = new Agent()
const url = `${process.env.AIFI_BASE_URL}/api/admin/v2/customers/1`

for await (const line of createInterface({ input: process.stdin })) {
  const { id, params } = JSON.parse(line)
  const result = []
  for (let i = 0; i < params.count; i++) {
    const start = performance.now()
    JSON.parse(await (params.method === 'GET' ? bareGet(agent, url) : barePatch(agent, url, { firstName: `A${i}` })))
    result.push(performance.now() - start)
  }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
}
process.exit()
