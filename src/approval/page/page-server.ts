import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ChannelName } from '../../change/envelope.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Signal } from '../../lib/signal.ts'
import type { Approval } from '../approval.ts'
import { Visit } from './visits.ts'

const HOST = '127.0.0.1'
/** Without a question and without a visitor for this long the server stops, milliseconds. */
const IDLE_MS = 2 * 60_000

/** The local web server of the approval page: started when first needed, stopped when idle. */
export class PageServer {
  readonly #clock: Clock
  readonly #port: number
  readonly #visits = new Map<string, Visit>()
  #running: Promise<Server> | undefined
  #stopTimer: (() => void) | undefined

  /** @param port a fixed one, for SSH and container forwarding; 0: a free one. */
  constructor(clock: Clock, port: number) {
    this.#clock = clock
    this.#port = port
  }

  /** Starts listening, if it does not yet. Rejects when the port cannot be had. */
  async start(): Promise<void> {
    this.#running ??= this.#listen()
    try {
      await this.#running
    } catch (error) {
      this.#running = undefined
      throw error
    }
    this.#stopWhenIdle()
  }

  /**
   * A page for this question, and the address that opens it once. It takes the place of the pages with this question
   * that nobody fetched.
   */
  async newVisit(approval: Approval, channel: ChannelName): Promise<string> {
    const server = await this.#running
    const replaced = this.#unfetched(approval)
    for (const { token } of replaced) this.#visits.delete(token)
    const visit = new Visit(channel, this.#clock)
    for (const item of replaced.flatMap(({ items }) => items)) visit.add(item.approval)
    visit.add(approval)
    this.#visits.set(visit.token, visit)
    return `http://${HOST}:${portOf(server)}/${visit.token}`
  }

  /** The page with this question could not be opened: it is void, and its other questions are on no page. */
  notOpened(approval: Approval): void {
    for (const visit of this.#unfetched(approval)) {
      this.#visits.delete(visit.token)
      visit.notOpened.abort()
    }
  }

  /**
   * Shows the question on a page that is open or being opened; the signal aborts when that page could not be opened
   * after all. Undefined when there is none.
   */
  joinOpenVisit(approval: Approval): Signal | undefined {
    const open = [...this.#visits.values()].filter((visit) => visit.open)
    const visit = open.find((each) => each.has(approval)) ?? open[0]
    visit?.add(approval)
    return visit?.notOpened.signal
  }

  /** The question has been in a browser since it was put. */
  seen(approval: Approval): boolean {
    return [...this.#visits.values()].some((visit) => visit.shown(approval))
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#stopTimer?.()
    const running = this.#running
    this.#running = undefined
    this.#visits.clear()
    const server = await running?.catch(() => undefined)
    server?.close()
    server?.closeAllConnections()
  }

  #unfetched(approval: Approval): Visit[] {
    return [...this.#visits.values()].filter((visit) => !visit.fetched && visit.has(approval))
  }

  async #listen(): Promise<Server> {
    const hosts = (): readonly string[] => [`${HOST}:${portOf(server)}`, `localhost:${portOf(server)}`]
    const visit = (token: string) => this.#visits.get(token)
    const { createHttpServer } = await import('./http-server.ts')
    const server: Server = createHttpServer({ clock: this.#clock, hosts, visit })
    server.listen(this.#port, HOST)
    // The input of the process keeps it alive, not this.
    server.unref()
    await once(server, 'listening')
    // A connection that cannot be accepted concerns that visitor only.
    server.on('error', () => undefined)
    return server
  }

  #stopWhenIdle(): void {
    this.#stopTimer?.()
    this.#stopTimer = this.#clock.after(IDLE_MS, () => {
      for (const [token, visit] of this.#visits) if (visit.idleFor(IDLE_MS)) this.#visits.delete(token)
      if (this.#visits.size > 0) this.#stopWhenIdle()
      else void this.close()
    })
  }
}

function portOf(server: Server | undefined): number {
  const address = server?.address()
  return isAddressInfo(address) ? address.port : 0
}

function isAddressInfo(address: unknown): address is AddressInfo {
  return typeof address === 'object' && address !== null && 'port' in address
}
