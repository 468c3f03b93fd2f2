import type { ChangeRequest } from '../customer/fields.ts'
import type { Call } from '../mcp/call.ts'
import type { Approval } from './approval.ts'
import type { Channel, Put, Round } from './channel.ts'

/** The ways to ask a person, tried from the first to the last. */
export class Ladder {
  readonly #channels: readonly Channel[]
  readonly #remedy: string
  /** The channel that a question was put through last. */
  readonly #current = new WeakMap<Approval, Channel>()
  /** The channels that left it with a client: an answer goes to the one that asked, whatever was tried since. */
  readonly #withClient = new WeakMap<Approval, Map<'form' | 'url', Channel>>()

  /** @param remedy what somebody can do when no channel works, as a sentence. */
  constructor(channels: readonly Channel[], remedy: string) {
    this.#channels = channels
    this.#remedy = remedy
  }

  /** Why nobody can be asked here, and the remedy; undefined when somebody can. */
  unavailable(request: ChangeRequest, call: Call): string | undefined {
    const reasons = this.#channels.map((channel) => channel.unavailable(request, call))
    if (reasons.includes(undefined)) return undefined
    return `${reasons.join(' ')} ${this.#remedy}`
  }

  /** Puts the question through the first channel that works. */
  async put(approval: Approval, round: Round): Promise<Put> {
    const reasons: string[] = []
    for (const channel of this.#channels) {
      const reason = channel.unavailable(round.request, round.call)
      const put: Put = reason === undefined ? await channel.put(approval, round) : { kind: 'cannot', reason }
      if (put.kind !== 'cannot') {
        this.#note(approval, channel, put)
        return put
      }
      reasons.push(put.reason)
    }
    return { kind: 'cannot', reason: `${reasons.join(' ')} ${this.#remedy}` }
  }

  /** Reads the answer that came back with the call. */
  take(approval: Approval, call: Call): void {
    const channel = call.state?.valid ? this.#withClient.get(approval)?.get(call.state.channel) : undefined
    channel?.take?.(approval, call)
  }

  waitedInVain(approval: Approval): void {
    this.#current.get(approval)?.waitedInVain?.(approval)
  }

  #note(approval: Approval, channel: Channel, put: Exclude<Put, { kind: 'cannot' }>): void {
    this.#current.set(approval, channel)
    if (put.kind === 'asked' || put.kind === 'client_asks') approval.askedBy = put.channel
    else approval.askedBy = 'chat'
    if (put.kind !== 'client_asks') return
    const asking = this.#withClient.get(approval) ?? new Map<'form' | 'url', Channel>()
    this.#withClient.set(approval, asking.set(put.channel, channel))
  }
}
