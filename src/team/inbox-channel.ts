import { randomUUID } from 'node:crypto'
import { type Ask, type Asker, type Channel, type ChannelDeps, tooLongForPage } from '../approval/channel.ts'
import type { Asked } from '../change/change.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import type { Call } from '../mcp/call.ts'

const channel = 'inbox'

/** The address of one question. It is no capability: whoever opens it has to sign in, and be in the group to decide. */
export function questionAddress(publicUrl: string, id: string): string {
  return `${publicUrl}/approvals/${id}`
}

export interface InboxChannelDeps extends Pick<ChannelDeps, 'changes' | 'deployment' | 'clock'> {
  readonly publicUrl: string
  /** The claim that would say who asks. */
  readonly personClaim: string
  /** Told of each question once, when it is put. */
  readonly onPut: (change: Asked) => void
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
      onPut(change)
    }
    return { kind: 'asked', channel, waitingFor: `An approver decides at ${questionAddress(publicUrl, change.id)}.` }
  }
}
