import { randomUUID } from 'node:crypto'
import { type InputRequests, inputResponse } from '@modelcontextprotocol/server'
import type { Asked } from '../../change/change.ts'
import type { Changes } from '../../change/changes.ts'
import type { ChangeRequest } from '../../customer/fields.ts'
import { type Clock, type Instant, remainingMs } from '../../lib/clock.ts'
import type { Call } from '../../mcp/call.ts'
import type { Ask, Asker, Channel } from '../channel.ts'
import type { Browser } from '../page/browser.ts'
import type { PageServer } from '../page/server.ts'

/** A page that nobody fetched is opened this often in all. */
const OPENINGS = 3
const KEY = 'page'

/** What was done to bring one question to a browser. */
interface Opening {
  /** Until then the question may be open. */
  readonly until: Instant
  openings: number
  /** The client was asked to open the address. */
  withClient: boolean
  /** The client did not open the address when it was asked to. */
  turnedDown: boolean
  /** The client has just said that it opens the address. */
  accepted: boolean
}

/**
 * A page on this machine that shows the question and takes the answer. The client opens it where it can (URL
 * elicitation), otherwise this server opens the person's browser. Its address goes to the browser, or to the client's
 * URL elicitation, and nowhere else: whoever knows it first can answer.
 */
export class PageChannel implements Channel {
  readonly names = ['page', 'url'] as const
  readonly #changes: Changes
  readonly #server: PageServer
  readonly #browser: Browser
  readonly #clock: Clock
  /** By change. */
  readonly #openings = new Map<string, Opening>()

  constructor(changes: Changes, server: PageServer, browser: Browser, clock: Clock) {
    this.#changes = changes
    this.#server = server
    this.#browser = browser
    this.#clock = clock
  }

  unavailable(_request: ChangeRequest, call: Call): string | undefined {
    return call.canUrl ? undefined : this.#browser.unavailable()
  }

  async ask(change: Asked, asker: Asker): Promise<Ask> {
    try {
      await this.#server.start()
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      const why = isTaken ? ': its port (AIFI_APPROVAL_PORT) is taken' : ' on this machine'
      return { kind: 'cannot', reason: `The approval page cannot be served${why}.` }
    }
    const { rung } = change.asking
    if (!rung) {
      const standing = { channel: 'page', handle: randomUUID(), standing: true } as const
      if (!(await this.#changes.put(change, standing))) return { kind: 'moved' }
    }
    const opening = this.#openingOf(change)
    if (this.#server.seen(change.id)) {
      return asked('The approval page was opened in a browser. If it was closed, open it again from the history.')
    }
    if (opening.accepted || (opening.openings > 0 && rung && !asker.alone && !opening.turnedDown)) {
      opening.accepted = false
      return asked('The approval page is being opened in a browser.')
    }
    if (opening.openings === 0 && (await this.#server.joinOpenVisit(change.id))) {
      opening.openings = 1
      return asked('The question was added to the approval page that is open in the browser.')
    }
    if (opening.openings >= OPENINGS) {
      return { kind: 'cannot', reason: `The approval page was opened ${OPENINGS} times and nobody looked at it.` }
    }
    opening.openings += 1
    // The client's own way first; if nobody came that way, the browser.
    const byClient = asker.call.canUrl && !opening.turnedDown && (!opening.withClient || this.#browser.unavailable())
    return byClient ? this.#askClient(change, asker, opening) : this.#openBrowser(change)
  }

  async answer(change: Asked, call: Call): Promise<void> {
    const response = inputResponse(call.answers, KEY)
    await this.#take(change, this.#openingOf(change), response.kind === 'elicit' ? response.action : undefined)
  }

  async #askClient(change: Asked, { call, over }: Asker, opening: Opening): Promise<Ask> {
    opening.withClient = true
    const { id, customerId } = change
    const url = await this.#server.newVisit(id, 'url', () => call.connection.completed(id))
    const message = `Approve or decline the change of AiFi customer ${customerId} on this page. It is on this computer.`
    // 2025-era clients need the id to be told that the page is done; the SDK's builder has no place for it.
    const params = { mode: 'url' as const, message, url, elicitationId: id }
    const now = await this.#changes.get(id)
    const rung = now?.state === 'asked' ? now.asking.rung : undefined
    if (now?.state !== 'asked' || !rung) return { kind: 'moved' }
    if (!call.elicit) {
      if (!(await this.#changes.put(now, { ...rung, channel: 'url', withClient: true }))) return { kind: 'moved' }
      const requests: InputRequests = { [KEY]: { method: 'elicitation/create', params } }
      return { kind: 'client_asks', channel: 'url', handle: rung.handle, requests }
    }
    const shown = new AbortController()
    void call
      .elicit(params, over)
      .then(({ action }) => this.#take(change, opening, action))
      .catch(() => this.#take(change, opening, undefined))
      .finally(() => shown.abort())
    const waitingFor = 'The client asks whether to open the approval page.'
    return { kind: 'asked', channel: 'page', waitingFor, shown: shown.signal }
  }

  /** What the client says of the address. The answer to the question itself comes from the page. */
  async #take({ id, asking }: Asked, opening: Opening, action: string | undefined): Promise<void> {
    const now = await this.#changes.get(id)
    const rung = now?.state === 'asked' && now.asking.round === asking.round ? now.asking.rung : undefined
    if (!rung) return
    opening.accepted = action === 'accept'
    if (opening.accepted) return
    // Turned down unseen, it is put another way; once it was seen, that is the answer.
    if (!this.#server.seen(id)) {
      opening.turnedDown = true
      return
    }
    const answer = action === 'cancel' ? 'cancelled' : 'declined'
    await this.#changes.decide(id, { round: asking.round, handle: rung.handle, answer, channel: 'url' })
  }

  async #openBrowser({ id }: Asked): Promise<Ask> {
    const unavailable = this.#browser.unavailable()
    if (unavailable) return { kind: 'cannot', reason: unavailable }
    const address = await this.#server.newVisit(id, 'page')
    if (await this.#browser.open(address))
      return asked('A page opened in your browser. Press Approve or Decline there.')
    for (const other of this.#server.notOpened(id)) await this.#putAnew(other)
    return { kind: 'cannot', reason: 'No browser could be opened on this machine.' }
  }

  /** It was to appear on a page that did not open. */
  async #putAnew(id: string): Promise<void> {
    const opening = this.#openings.get(id)
    if (opening) opening.openings = 0
    const change = await this.#changes.get(id)
    const rung = change?.state === 'asked' ? change.asking.rung : undefined
    if (rung) await this.#changes.release(id, rung.handle)
  }

  #openingOf({ id, asking }: Asked): Opening {
    for (const [each, { until }] of this.#openings)
      if (remainingMs(this.#clock, until) === 0) this.#openings.delete(each)
    const opening = this.#openings.get(id) ?? {
      until: asking.expiresAt,
      openings: 0,
      withClient: false,
      turnedDown: false,
      accepted: false,
    }
    this.#openings.set(id, opening)
    return opening
  }
}

function asked(waitingFor: string): Ask {
  return { kind: 'asked', channel: 'page', waitingFor }
}
