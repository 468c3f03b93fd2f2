import type { Asked } from '../change/change.ts'
import type { Config } from '../config/config.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import type { Call } from '../mcp/call.ts'
import type { Ask, Asker, Channel, ChannelDeps } from './channel.ts'
import { ChatChannel } from './channels/chat.ts'
import { FormChannel } from './channels/form.ts'
import { PageChannel } from './channels/page.ts'
import { SkipChannel } from './channels/skip.ts'

/** Who agrees to a sensitive change: a person, a person whose yes the assistant relays, or nobody. */
export type Agreement = 'person' | 'relayed' | 'nobody'

/** The ways to ask a person, tried from the first to the last. */
export class Ladder {
  readonly agreement: Agreement
  readonly #channels: readonly Channel[]
  readonly #remedy: string

  /** @param remedy what somebody can do when no channel works, as a sentence. */
  constructor(channels: readonly Channel[], remedy: string, agreement: Agreement = 'person') {
    this.#channels = channels
    this.#remedy = remedy
    this.agreement = agreement
  }

  /** Why nobody can be asked here, and the remedy; undefined when somebody can. */
  unavailable(request: ChangeRequest, call: Call): string | undefined {
    const reasons = this.#channels.map((channel) => channel.unavailable(request, call))
    if (reasons.includes(undefined)) return undefined
    return `${reasons.join(' ')} ${this.#remedy}`
  }

  /** Puts the question through the first channel that works, from the one that asks it now on. */
  async ask(change: Asked, asker: Asker): Promise<Ask> {
    const reasons: string[] = []
    let remedy = this.#remedy
    const channels = this.#from(change)
    const closed = channels.map((channel) => this.#closed(channel, change, asker.call))
    for (const [at, channel] of channels.entries()) {
      const reason = closed[at]
      const elsewhere = closed.slice(at + 1).includes(undefined)
      const ask: Ask = reason === undefined ? await channel.ask(change, asker, elsewhere) : { kind: 'cannot', reason }
      if (ask.kind !== 'cannot') return ask
      reasons.push(ask.reason)
      remedy = ask.remedy ?? remedy
    }
    return { kind: 'cannot', reason: `${reasons.join(' ')} ${remedy}` }
  }

  /** Why a channel is not to be tried for this question; undefined when it is. */
  #closed(channel: Channel, { asking, request }: Asked, call: Call): string | undefined {
    const passed = asking.passed.find(({ rung }) => channel.names.includes(rung.channel))
    return passed?.reason ?? channel.unavailable(request, call)
  }

  /** Reads the answer that came back with the call, to the rung with this handle. */
  async answer(change: Asked, call: Call, handle: string): Promise<void> {
    const { rung, passed } = change.asking
    const asked = [rung, ...passed.map((each) => each.rung)].find((each) => each?.handle === handle)
    if (!asked) return
    const channel = this.#channels.find(({ names }) => names.includes(asked.channel))
    await channel?.answer?.(change, call, asked)
  }

  #from({ asking: { rung } }: Asked): readonly Channel[] {
    const current = rung ? this.#channels.findIndex(({ names }) => names.includes(rung.channel)) : 0
    return this.#channels.slice(Math.max(0, current))
  }
}

/** The ways to ask a person for each value of `AIFI_APPROVAL`. */
export function ladderFor(mode: Config['approval']['mode'], deps: ChannelDeps): Ladder {
  const form = (fallback: boolean) => new FormChannel(deps, { fallback })
  const page = () => new PageChannel(deps)
  switch (mode) {
    case 'auto':
      return new Ladder(
        [form(true), page()],
        'Run the server on a desktop where it can open a browser, or name one in BROWSER.',
      )
    case 'form':
      return new Ladder(
        [form(false)],
        'AIFI_APPROVAL=form allows no other way; AIFI_APPROVAL=auto would also use a page in the browser.',
      )
    case 'page':
      return new Ladder([page()], 'AIFI_APPROVAL=page needs a browser on this machine; name one in BROWSER.')
    case 'chat':
      return new Ladder(
        [new ChatChannel(deps)],
        'Change it in AiFi itself, or have AIFI_APPROVAL set to auto on a desktop.',
        'relayed',
      )
    case 'dangerously-skip':
      return new Ladder([new SkipChannel(deps)], 'Have AIFI_APPROVAL set to auto on a desktop.', 'nobody')
  }
}
