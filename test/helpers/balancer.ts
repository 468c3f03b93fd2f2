import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:https'
import { Agent, fetch as undiciFetch } from 'undici'
import type { Certificate } from './fault-server.ts'

/** Stands before replicas, and hands each request to the next of them: nothing sticks. */
export interface Balancer {
  /** `https://localhost:PORT` */
  readonly url: string
  /** How many requests each replica has got. */
  readonly counts: readonly number[]
  /** As `fetch`, for clients that trust it. */
  readonly fetch: (address: string | URL, init?: RequestInit) => Promise<Response>
  close(): Promise<void>
}

/**
 * @param port where it listens, on loopback
 * @param replicas `http://127.0.0.1:PORT` each, may still grow
 * @param certificate for `localhost`
 */
export async function startBalancer(
  port: number,
  replicas: readonly string[],
  certificate: Certificate,
): Promise<Balancer> {
  const counts: number[] = []
  let next = 0
  const server = createServer(certificate, (incoming, response) => {
    const at = next++ % replicas.length
    counts[at] = (counts[at] ?? 0) + 1
    const { method = 'GET', url = '/', headers } = incoming
    const outgoing = request(new URL(url, replicas[at]), { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const dispatcher = new Agent({ connect: { ca: certificate.cert } })
  return {
    url: `https://localhost:${port}`,
    counts,
    fetch: (address, init) => fetchBy(dispatcher, address, init),
    async close() {
      await dispatcher.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Node's own `fetch` cannot be told whom to trust. What comes is passed on as it comes. */
async function fetchBy(dispatcher: Agent, address: string | URL, init: RequestInit = {}): Promise<Response> {
  const answer = await undiciFetch(address, {
    dispatcher,
    ...(init.method !== undefined && { method: init.method }),
    headers: [...new Headers(init.headers)],
    ...(init.body != null && { body: String(init.body) }),
    ...(init.signal && { signal: init.signal }),
    ...(init.redirect && { redirect: init.redirect }),
  })
  return new Response(answer.body, { status: answer.status, headers: [...answer.headers] })
}
