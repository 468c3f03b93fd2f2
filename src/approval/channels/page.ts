import { randomUUID } from 'node:crypto'
import { type InputRequests, inputResponse } from '@modelcontextprotocol/server'
import type { Asked } from '../../change/change.ts'
import type { ChangeRequest } from '../../customer/fields.ts'
import { type Instant, remainingMs } from '../../lib/clock.ts'
import { errorCode } from '../../lib/error-facts.ts'
import type { Call } from '../../mcp/call.ts'
import { type Ask, type Asker, type Channel, type ChannelDeps, tooLongForPage } from '../channel.ts'
import { UNREAD_MS } from '../question.ts'

/** A page that nobody looked at is opened this often in all. */
const OPENINGS = 3
/** A question that was added to a page is in front of somebody within this long, milliseconds, or gets a new page. */
const ARRIVAL_MS = 4_000
const KEY = 'page'

const SHOWN = 'The user was shown a page in their browser; only they may decide there.'

/** What was done to bring one question to a browser. */
interface Opening {
  /** Until then the question may be open. */
  readonly until: Instant
  openings: number
  /** When the client was asked to open the address, monotonic milliseconds; absent when it was not. */
  withClientSince?: number
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
  readonly #deps: ChannelDeps
  /** By change. */
  readonly #openings = new Map<string, Opening>()

  constructor(deps: ChannelDeps) {
    this.#deps = deps
  }

  unavailable(_request: ChangeRequest, call: Call): string | undefined {
    return call.canUrl ? undefined : this.#deps.browser.unavailable()
  }

  async ask(change: Asked, asker: Asker): Promise<Ask> {
    const tooLong = tooLongForPage(change, this.#deps)
    if (tooLong) return tooLong
    try {
      await this.#deps.pages.start()
    } catch (error) {
      const isTaken = errorCode(error) === 'EADDRINUSE'
      const why = isTaken ? ': its port (AIFI_APPROVAL_PORT) is taken' : ' on this machine'
      const remedy = isTaken && 'Set another AIFI_APPROVAL_PORT, or end the program that has this one.'
      return { kind: 'cannot', reason: `The approval page cannot be served${why}.`, ...(remedy && { remedy }) }
    }
    const { rung } = change.asking
    if (!rung) {
      const standing = { channel: 'page', handle: randomUUID(), standing: true } as const
      if (!(await this.#deps.changes.put(change, standing))) return { kind: 'moved' }
    }
    return this.#bring(change, asker)
  }

  async answer(change: Asked, call: Call): Promise<void> {
    const response = inputResponse(call.answers, KEY)
    await this.#take(change, this.#openingOf(change), response.kind === 'elicit' ? response.action : undefined)
  }

  /** Sees to it that somebody has the question in front of them. */
  async #bring(change: Asked, asker: Asker): Promise<Ask> {
    const opening = this.#openingOf(change)
    const place = this.#deps.pages.whereabouts(change.id)
    if (place === 'shown') return asked(SHOWN)
    if (place !== 'nowhere' && opening.openings >= OPENINGS)
      return asked('The approval page was opened in a browser. If it was closed, open it again from the history.')
    if (opening.accepted || (opening.openings > 0 && change.asking.rung && !asker.alone && !opening.turnedDown)) {
      opening.accepted = false
      return asked('The approval page is being opened in a browser.')
    }
    if (opening.openings === 0 && (await this.#deps.pages.joinOpenVisit(change.id))) {
      opening.openings = 1
      this.#deps.clock.after(ARRIVAL_MS, () => void this.#openUnlessSeen(change.id))
      return asked(SHOWN)
    }
    if (opening.openings >= OPENINGS)
      return this.#cannot(change, `The approval page was opened ${OPENINGS} times and nobody looked at it.`)
    opening.openings += 1
    // The client's own way first; if nobody came that way, the browser.
    const wasAsked = opening.withClientSince !== undefined
    const byClient = asker.call.canUrl && !opening.turnedDown && (!wasAsked || this.#deps.browser.unavailable())
    return byClient ? this.#askClient(change, asker, opening) : this.#openBrowser(change)
  }

  /** Nobody has it in front of them on the page that it was added to: that tab is hidden, or gone. */
  async #openUnlessSeen(id: string): Promise<void> {
    const change = await this.#deps.changes.get(id)
    const place = this.#deps.pages.whereabouts(id)
    const opening = this.#openings.get(id)
    if (change?.state !== 'asked' || !opening || this.#deps.browser.unavailable()) return
    if (place === 'shown' || place === 'nowhere') return
    opening.openings += 1
    await this.#deps.browser.open(await this.#deps.pages.newVisit(id, 'page'))
  }

  async #askClient(change: Asked, { call, over }: Asker, opening: Opening): Promise<Ask> {
    opening.withClientSince = this.#deps.clock.monotonic()
    const { id, customerId } = change
    const url = await this.#deps.pages.newVisit(id, 'url', () => call.connection.completed(id))
    const message = `Approve or decline the change of AiFi customer ${customerId} on this page. It is on this computer.`
    // 2025-era clients need the id to be told that the page is done; the SDK's builder has no place for it.
    const params = { mode: 'url' as const, message, url, elicitationId: id }
    const now = await this.#deps.changes.get(id)
    const rung = now?.state === 'asked' ? now.asking.rung : undefined
    if (now?.state !== 'asked' || !rung) return { kind: 'moved' }
    if (!call.elicit) {
      if (!(await this.#deps.changes.put(now, { ...rung, channel: 'url', withClient: true }))) return { kind: 'moved' }
      const requests: InputRequests = { [KEY]: { method: 'elicitation/create', params } }
      return { kind: 'client_asks', handle: rung.handle, requests }
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

  /** What the client says of the address. A yes to the question itself comes from the page only. */
  async #take({ id, asking }: Asked, opening: Opening, action: string | undefined): Promise<void> {
    const now = await this.#deps.changes.get(id)
    const rung = now?.state === 'asked' && now.asking.round === asking.round ? now.asking.rung : undefined
    if (!rung) return
    opening.accepted = action === 'accept'
    if (opening.accepted) return
    const tookMs = this.#deps.clock.monotonic() - (opening.withClientSince ?? 0)
    // Turned down by nobody, it is put another way.
    if (action === undefined || tookMs < UNREAD_MS) {
      opening.turnedDown = true
      return
    }
    const answer = action === 'cancel' ? 'cancelled' : 'declined'
    await this.#deps.changes.decide(id, { round: asking.round, handle: rung.handle, answer, channel: 'url' })
  }

  async #openBrowser(change: Asked): Promise<Ask> {
    const unavailable = this.#deps.browser.unavailable()
    if (unavailable) return this.#cannot(change, unavailable)
    const address = await this.#deps.pages.newVisit(change.id, 'page')
    if (await this.#deps.browser.open(address)) return asked(SHOWN)
    for (const other of this.#deps.pages.notOpened(change.id)) await this.#putAnew(other)
    return this.#cannot(change, 'No browser could be opened on this machine.')
  }

  /** The question has moved on by having been put: what is said of it has to be said of what it is now. */
  async #cannot({ id }: Asked, reason: string): Promise<Ask> {
    const now = await this.#deps.changes.get(id)
    if (now?.state === 'asked' && now.asking.rung) await this.#deps.changes.handOn(id, now.asking.rung.handle, reason)
    return { kind: 'moved' }
  }

  /** It was to appear on a page that did not open. */
  async #putAnew(id: string): Promise<void> {
    const opening = this.#openings.get(id)
    if (opening) opening.openings = 0
    const change = await this.#deps.changes.get(id)
    const rung = change?.state === 'asked' ? change.asking.rung : undefined
    if (rung) await this.#deps.changes.release(id, rung.handle)
  }

  #openingOf({ id, asking }: Asked): Opening {
    for (const [each, { until }] of this.#openings)
      if (remainingMs(this.#deps.clock, until) === 0) this.#openings.delete(each)
    const opening = this.#openings.get(id) ?? {
      until: asking.expiresAt,
      openings: 0,
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
