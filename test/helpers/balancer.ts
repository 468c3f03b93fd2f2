import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Certificate } from './fault-server.ts'
import type { Replica } from './replica.ts'

/** Between two looks at who is ready, milliseconds. */
const LOOK_MS = 100

export interface BalancerOptions {
  readonly port?: number
  /** Speaks TLS with it; without, plain HTTP. */
  readonly certificate?: Certificate
  /** Told of each request when a replica has been chosen for it. */
  readonly onPass?: (request: IncomingMessage, replica: Replica) => void
}

/**
 * Passes each request to the next replica that says it is ready, and nothing else: a request that reached one is not
 * repeated at another, and what breaks there is a 502 here.
 */
export class Balancer {
  readonly #replicas = new Map<Replica, { ready: boolean; open: number }>()
  readonly #options: BalancerOptions
  readonly #server: http.Server | https.Server
  readonly #agent = new http.Agent({ keepAlive: true })
  readonly #closing = new AbortController()
  #looking: Promise<void> = Promise.resolve()
  #turn = 0

  private constructor(options: BalancerOptions) {
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#pass(request, response)
    this.#options = options
    this.#server = options.certificate
      ? https.createServer({ ...options.certificate }, listener)
      : http.createServer(listener)
  }

  static async start(options: BalancerOptions = {}): Promise<Balancer> {
    const balancer = new Balancer(options)
    balancer.#server.listen(options.port ?? 0, '127.0.0.1')
    await new Promise((resolve) => balancer.#server.once('listening', resolve))
    balancer.#looking = balancer.#look()
    return balancer
  }

  get port(): number {
    const address = this.#server.address() as AddressInfo
    return address.port
  }

  /** Resolves when it takes its turn. */
  async add(replica: Replica): Promise<void> {
    const state = { ready: false, open: 0 }
    this.#replicas.set(replica, state)
    while (!state.ready && !this.#closing.signal.aborted) {
      if (!replica.runs) throw new Error(`Replica ${replica.name} has ended. ${replica.log}`)
      await sleep(LOOK_MS / 2)
    }
  }

  /** No request goes there any more; those that are there end as they may. */
  remove(replica: Replica): void {
    this.#replicas.delete(replica)
  }

  /** Requests that a replica has not answered. */
  open(replica: Replica): number {
    return this.#replicas.get(replica)?.open ?? 0
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#agent.destroy()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.#looking
  }

  async #look(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await Promise.all(
        [...this.#replicas].map(async ([replica, state]) => {
          state.ready = await replica.isReady()
        }),
      )
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  #next(): Replica | undefined {
    const ready = [...this.#replicas]
      .filter(([replica, { ready }]) => ready && replica.runs)
      .map(([replica]) => replica)
    this.#turn += 1
    return ready[this.#turn % Math.max(1, ready.length)]
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const replica = this.#next()
    const state = replica && this.#replicas.get(replica)
    if (!replica || !state) {
      outgoing.writeHead(503, { 'Retry-After': '1' }).end('No replica is ready.\n')
      return
    }
    this.#options.onPass?.(incoming, replica)
    state.open += 1
    const { method, url } = incoming
    const headers = endToEnd(incoming.headers)
    const onward = http.request(new URL(url ?? '/', replica.address), { agent: this.#agent, method, headers })
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers))
      answer.on('error', () => outgoing.destroy())
      answer.pipe(outgoing)
    })
    onward.on('error', () => {
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(502).end('The replica was lost.\n')
    })
    outgoing.on('close', () => {
      state.open -= 1
      onward.destroy()
    })
    incoming.pipe(onward)
  }
}

/** Without those that are about one connection. */
function endToEnd({ connection: _, 'keep-alive': __, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders {
  return headers
}
