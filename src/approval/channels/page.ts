import { type InputRequests, inputResponse } from '@modelcontextprotocol/server'
import type { ChangeRequest } from '../../customer/fields.ts'
import type { Signal } from '../../lib/signal.ts'
import type { Call } from '../../mcp/call.ts'
import type { Approval } from '../approval.ts'
import type { Channel, Put, Round } from '../channel.ts'
import type { Browser } from '../page/browser.ts'
import type { PageServer } from '../page/page-server.ts'

/** A page that nobody fetched is opened this often in all. */
const OPENINGS = 3
const KEY = 'page'

interface Opening {
  openings: number
  /** It was added to a page that another question had opened; aborted if that one did not open. */
  joined: Signal | undefined
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
  readonly #server: PageServer
  readonly #browser: Browser
  readonly #openings = new WeakMap<Approval, Opening>()

  constructor(server: PageServer, browser: Browser) {
    this.#server = server
    this.#browser = browser
  }

  unavailable(_request: ChangeRequest, call: Call): string | undefined {
    return call.canUrl ? undefined : this.#browser.unavailable()
  }

  async put(approval: Approval, { call, alone }: Round): Promise<Put> {
    try {
      await this.#server.start()
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      const why = isTaken ? ': its port (AIFI_APPROVAL_PORT) is taken' : ' on this machine'
      return { kind: 'cannot', reason: `The approval page cannot be served${why}.` }
    }
    const opening = this.#opening(approval)
    if (this.#server.seen(approval)) {
      return asked('The approval page was opened in a browser. If it was closed, open it again from the history.')
    }
    if (opening.joined?.aborted) {
      // The page that it was to appear on did not open.
      opening.joined = undefined
      opening.openings = 0
    }
    if (opening.accepted || (opening.openings > 0 && !alone && !opening.turnedDown)) {
      opening.accepted = false
      return asked('The approval page is being opened in a browser.')
    }
    const until = opening.openings === 0 ? this.#server.joinOpenVisit(approval) : undefined
    if (until) {
      opening.openings = 1
      opening.joined = until
      return asked('The question was added to the approval page that is open in the browser.', until)
    }
    if (opening.openings >= OPENINGS) {
      return { kind: 'cannot', reason: `The approval page was opened ${OPENINGS} times and nobody looked at it.` }
    }
    opening.openings += 1
    // The client's own way first; if nobody came that way, the browser.
    const byClient = call.canUrl && !opening.turnedDown && (!opening.withClient || this.#browser.unavailable())
    return byClient ? this.#askClient(approval, call) : this.#openBrowser(approval)
  }

  take(approval: Approval, call: Call): void {
    const opening = this.#opening(approval)
    const response = inputResponse(call.answers, KEY)
    opening.accepted = response.kind === 'elicit' && response.action === 'accept'
    if (opening.accepted) return
    // Turned down unseen, it is put another way; once it was seen, that is the answer.
    if (!this.#server.seen(approval)) {
      opening.turnedDown = true
      return
    }
    const cancelled = response.kind === 'elicit' && response.action === 'cancel'
    approval.decide({ answer: cancelled ? 'cancelled' : 'declined', channel: 'url' })
  }

  async #askClient(approval: Approval, call: Call): Promise<Put> {
    this.#opening(approval).withClient = true
    const url = await this.#server.newVisit(approval, 'url')
    const { customer } = approval.question
    const message = `Approve or decline the change of AiFi customer ${customer.id} on this page. It is on this computer.`
    // 2025-era clients need the id to be told that the page is done; the SDK's builder has no place for it.
    const params = { mode: 'url' as const, message, url, elicitationId: approval.id }
    const requests: InputRequests = { [KEY]: { method: 'elicitation/create', params } }
    void approval.decided.then(() => call.connection.completed(approval.id))
    return { kind: 'client_asks', channel: 'url', requests }
  }

  async #openBrowser(approval: Approval): Promise<Put> {
    const unavailable = this.#browser.unavailable()
    if (unavailable) return { kind: 'cannot', reason: unavailable }
    const address = await this.#server.newVisit(approval, 'page')
    if (await this.#browser.open(address))
      return asked('A page opened in your browser. Press Approve or Decline there.')
    this.#server.notOpened(approval)
    return { kind: 'cannot', reason: 'No browser could be opened on this machine.' }
  }

  #opening(approval: Approval): Opening {
    const opening = this.#openings.get(approval) ?? {
      openings: 0,
      joined: undefined,
      withClient: false,
      turnedDown: false,
      accepted: false,
    }
    this.#openings.set(approval, opening)
    return opening
  }
}

function asked(waitingFor: string, until?: Signal): Put {
  return { kind: 'asked', channel: 'page', waitingFor, ...(until && { until }) }
}
