import { once } from 'node:events'
import type { Server } from 'node:http'
import type { ChannelName } from '../../change/envelope.ts'
import type { PageDeps } from './item.ts'
import { LiveTab } from './live-tab.ts'
import { Visit } from './visits.ts'

const HOST = '127.0.0.1'
/** Without a question and without a visitor for this long the server stops, milliseconds. */
const IDLE_MS = 2 * 60_000

/** Whether somebody has a question in front of them. */
type Whereabouts =
  /** On a screen, or at least given to a browser without scripts. */
  | 'shown'
  /** On a page that a browser has fetched; nothing says that somebody sees it, and its tab may be gone. */
  | 'unseen'
  /** On no page that a browser has fetched. */
  | 'nowhere'

/** The local web server of the approval page: started when first needed, stopped when idle. */
export class PageServer {
  readonly #deps: PageDeps
  readonly #port: number
  readonly #visits = new Map<string, Visit>()
  readonly #tab = new LiveTab<Visit>()
  #running: Promise<Server> | undefined
  #stopTimer: (() => void) | undefined

  /** @param port a fixed one, for SSH and container forwarding; 0: a free one. */
  constructor(deps: PageDeps, port: number) {
    this.#deps = deps
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
   * A page for the question about this change and all others that wait, and the address that opens it once. It takes the
   * place of the pages with this question that nobody fetched.
   */
  async newVisit(id: string, channel: ChannelName, onAnswered?: (id: string) => void): Promise<string> {
    const server = await this.#running
    const waiting = new Set([...this.#visits.values()].flatMap(({ items }) => items.filter(({ waits }) => waits)))
    for (const visit of this.#unfetched(id)) this.#drop(visit)
    const visit = new Visit(channel, this.#deps, onAnswered)
    this.#visits.set(visit.token, visit)
    for (const { changeId } of waiting) await visit.add(changeId)
    await visit.add(id)
    visit.onMoved = () => this.#tab.renew(visit)
    return `http://${HOST}:${portOf(server)}/${visit.token}`
  }

  /** The page with this question could not be opened: it is void. The changes whose questions are on no page now. */
  notOpened(id: string): string[] {
    const unopened = this.#unfetched(id)
    const ids = unopened.flatMap(({ items }) => items.map(({ changeId }) => changeId))
    for (const visit of unopened) this.#drop(visit)
    return ids.filter((each) => each !== id && this.whereabouts(each) === 'nowhere')
  }

  /** Shows the question on a page that is open or being opened; false when there is none. */
  async joinOpenVisit(id: string): Promise<boolean> {
    for (const visit of this.#visits.values()) await visit.refresh()
    const visits = [...this.#visits.values()]
    const open = visits.filter((visit) => this.#tab.isOf(visit))
    const visit = [...open, ...visits.filter(({ mayBeOpen }) => mayBeOpen)][0]
    await visit?.add(id)
    return visit !== undefined
  }

  whereabouts(id: string): Whereabouts {
    const visits = [...this.#visits.values()].filter((visit) => visit.fetched && visit.has(id))
    if (visits.length === 0) return 'nowhere'
    const isShown = visits.some((visit) => (this.#tab.isOf(visit) || visit.mayBeOpen) && visit.hasShown(id))
    return isShown ? 'shown' : 'unseen'
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#stopTimer?.()
    const running = this.#running
    this.#running = undefined
    for (const visit of [...this.#visits.values()]) this.#drop(visit)
    const server = await running?.catch(() => undefined)
    server?.close()
    server?.closeAllConnections()
  }

  #drop(visit: Visit): void {
    this.#visits.delete(visit.token)
    this.#tab.close(visit)
    visit.close()
  }

  #unfetched(id: string): Visit[] {
    return [...this.#visits.values()].filter((visit) => !visit.fetched && visit.has(id))
  }

  async #listen(): Promise<Server> {
    const hosts = (): readonly string[] => [`${HOST}:${portOf(server)}`, `localhost:${portOf(server)}`]
    const visit = (token: string) => this.#visits.get(token)
    const { createHttpServer } = await import('./http.ts')
    const server: Server = createHttpServer({ ...this.#deps, hosts, visit, tab: this.#tab })
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
    this.#stopTimer = this.#deps.clock.after(IDLE_MS, () => void this.#stopIfIdle())
  }

  async #stopIfIdle(): Promise<void> {
    for (const visit of [...this.#visits.values()]) {
      await visit.refresh()
      if (visit.idleFor(IDLE_MS)) this.#drop(visit)
    }
    if (this.#visits.size > 0) this.#stopWhenIdle()
    else await this.close()
  }
}

function portOf(server: Server | undefined): number {
  const address = server?.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}
