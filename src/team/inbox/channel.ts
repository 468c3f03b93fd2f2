import { randomUUID } from 'node:crypto'
import { type Http, targetOf } from '../../aifi/exchange.ts'
import { type Ask, type Asker, type Channel, type ChannelDeps, tooLongForPage } from '../../approval/channel.ts'
import { askedBy } from '../../approval/question-about.ts'
import type { Asked } from '../../change/change.ts'
import { type ChangeRequest, fieldFacts } from '../../customer/fields.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Secret } from '../../lib/secret.ts'
import { listed } from '../../lib/text.ts'
import type { Call } from '../../mcp/call.ts'

const channel = 'inbox'

export interface InboxChannelDeps extends Pick<ChannelDeps, 'changes' | 'deployment' | 'clock'> {
  readonly publicUrl: string
  /** The claim that would say who asks. */
  readonly personClaim: string
  /** Told of each question once, when it is put. */
  readonly onPut: ((change: Asked) => void) | undefined
}

/** The question stands in the inbox, where approvers sign in. */
export class InboxChannel implements Channel {
  readonly names = [channel] as const
  readonly #deps: InboxChannelDeps

  constructor(deps: InboxChannelDeps) {
    this.#deps = deps
  }

  /** Of somebody who is not known, nobody could tell whether they approve their own request. */
  unavailable(_request: ChangeRequest, { principal }: Call): string | undefined {
    if (principal?.person || principal?.application !== undefined) return undefined
    return `The token of this call does not say who asks (claim ${this.#deps.personClaim}).`
  }

  async ask(change: Asked, _asker: Asker): Promise<Ask> {
    const { changes, publicUrl, onPut } = this.#deps
    const tooLong = tooLongForPage(change, this.#deps)
    if (tooLong) return tooLong
    if (!change.asking.rung) {
      if (!(await changes.put(change, { channel, handle: randomUUID(), standing: true }))) return { kind: 'moved' }
      onPut?.(change)
    }
    return { kind: 'asked', channel, waitingFor: `An approver decides at ${questionAddress(publicUrl, change.id)}.` }
  }
}

/** The address of one question. It is no capability: whoever opens it has to sign in, and be in the group to decide. */
function questionAddress(publicUrl: string, id: string): string {
  return `${publicUrl}/approvals/${id}`
}

export interface NotifyDeps {
  readonly url: Secret
  readonly publicUrl: string
  readonly http: Http
  readonly logger: Logger
}

/**
 * Tells the team's chat that a question waits: one POST of `{"text": …}`, as Slack, Mattermost and Teams take it. It names
 * the customer's number, the fields and who asks, never a value. A webhook that fails is logged and harms nothing.
 */
export function createNotify({ url, publicUrl, http, logger }: NotifyDeps): (change: Asked) => void {
  return (change) => {
    const body = JSON.stringify({ text: notification(change, publicUrl) })
    const headers = { 'Content-Type': 'application/json' }
    void http.exchange({ method: 'POST', ...targetOf(url.reveal()), headers, body }).then((exchange) => {
      const status = exchange.kind === 'answered' ? exchange.http.status : undefined
      if (status === undefined || status >= 300)
        logger.warn({ changeId: change.id, outcome: status ?? exchange.kind }, 'the webhook was not told of a question')
    })
  }
}

function notification({ id, customerId, fields, caller }: Asked, publicUrl: string): string {
  const what = listed(fields.map((field) => fieldFacts[field].label))
  return `Approval needed: ${what} of customer ${customerId}, asked by ${asCode(askedBy(caller))} ${questionAddress(publicUrl, id)}`
}

/**
 * As code, in which Slack, Mattermost and Teams look for no mention and no link: nobody's name may become a link or a call
 * to everybody. Slack reads three characters as its own even there.
 */
function asCode(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `\`${escaped.replaceAll('`', "'")}\``
}
