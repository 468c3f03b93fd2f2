import { type Http, targetOf } from '../aifi/exchange.ts'
import { askedBy } from '../approval/words.ts'
import type { Asked } from '../change/change.ts'
import { fieldFacts } from '../customer/fields.ts'
import type { Logger } from '../lib/logger.ts'
import type { Secret } from '../lib/secret.ts'
import { listed } from '../lib/text.ts'
import { questionAddress } from './inbox/channel.ts'

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
    const request = {
      method: 'POST',
      ...targetOf(url.reveal()),
      headers: { 'Content-Type': 'application/json' },
      body,
    } as const
    void http.exchange(request).then((exchange) => {
      const status = exchange.kind === 'answered' ? exchange.http.status : undefined
      if (status === undefined || status >= 300)
        logger.warn({ changeId: change.id, outcome: status ?? exchange.kind }, 'the webhook was not told of a question')
    })
  }
}

function notification({ id, customerId, fields, caller }: Asked, publicUrl: string): string {
  const what = listed(fields.map((field) => fieldFacts[field].label))
  return `${escaped(`Approval needed: ${what} of customer ${customerId}, asked by ${askedBy(caller)}`)} ${questionAddress(publicUrl, id)}`
}

/** Slack reads these three as its own; nobody's name may become a link or a call to everybody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
