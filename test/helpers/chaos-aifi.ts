import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../../src/lib/json.ts'

/** A stand-in for AiFi that counts what reaches it, by the email that each change brings with it. */
export interface ChaosAifi {
  readonly url: string
  readonly patches: Map<string, number>
  /** PATCHes of one customer that were under way at once. */
  overlaps(): number
  close(): void
}

export async function startChaosAifi(random: () => number): Promise<ChaosAifi> {
  const patches = new Map<string, number>()
  const records = new Map<number, JsonObject>()
  const underWay = new Map<number, number>()
  let overlaps = 0
  const server = createServer(async (request, response) => {
    const id = Number(request.url?.split('/').at(-1))
    let body = ''
    for await (const part of request) body += part
    const record = records.get(id) ?? { id, email: `${id}@example.com`, firstName: 'Jane', role: 'customer' }
    records.set(id, record)
    if (request.method === 'PATCH') {
      const { password: _, ...change }: JsonObject = JSON.parse(body)
      patches.set(String(change.email), (patches.get(String(change.email)) ?? 0) + 1)
      const atOnce = (underWay.get(id) ?? 0) + 1
      underWay.set(id, atOnce)
      if (atOnce > 1) overlaps += 1
      // Now and then longer than anybody waits for it.
      await sleep(random() < 0.05 ? 2_500 * random() : 60 * random())
      records.set(id, { ...record, ...change })
      underWay.set(id, (underWay.get(id) ?? 1) - 1)
    } else {
      await sleep(10 * random())
      // Somebody else changes what was shown.
      if (random() < 0.01) records.set(id, { ...record, firstName: `Jane ${Math.floor(1e6 * random())}` })
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(records.get(id)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    patches,
    overlaps: () => overlaps,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
