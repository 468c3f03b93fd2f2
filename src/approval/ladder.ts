import type { Asked } from '../change/change.ts'
import type { Changes } from '../change/changes.ts'
import type { Config } from '../config/config.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Call } from '../mcp/call.ts'
import type { Ask, Asker, Channel } from './channel.ts'
import { ChatChannel } from './channels/chat.ts'
import { FormChannel } from './channels/form.ts'
import { PageChannel } from './channels/page.ts'
import { SkipChannel } from './channels/skip.ts'
import type { Browser } from './page/browser.ts'
import type { PageServer } from './page/server.ts'
import type { Deployment } from './question.ts'

/** The ways to ask a person, tried from the first to the last. */
export class Ladder {
  readonly #channels: readonly Channel[]
  readonly #remedy: string

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

  /** Puts the question through the first channel that works, from the one that asks it now on. */
  async ask(change: Asked, asker: Asker): Promise<Ask> {
    const reasons: string[] = []
    for (const channel of this.#from(change)) {
      const passed = change.asking.passed.find(({ rung }) => channel.names.includes(rung.channel))
      const reason = passed?.reason ?? channel.unavailable(change.request, asker.call)
      const ask: Ask = reason === undefined ? await channel.ask(change, asker) : { kind: 'cannot', reason }
      if (ask.kind !== 'cannot') return ask
      reasons.push(ask.reason)
    }
    return { kind: 'cannot', reason: `${reasons.join(' ')} ${this.#remedy}` }
  }

  /** Reads the answer that came back with the call, to the rung with this handle. */
  async answer(change: Asked, call: Call, handle: string): Promise<void> {
    const { rung, passed } = change.asking
    const asked = [...passed.map((each) => each.rung), ...(rung ? [rung] : [])].find((each) => each.handle === handle)
    const channel = asked && this.#channels.find(({ names }) => names.includes(asked.channel))
    await channel?.answer?.(change, call, handle)
  }

  #from({ asking: { rung } }: Asked): readonly Channel[] {
    const current = rung ? this.#channels.findIndex(({ names }) => names.includes(rung.channel)) : 0
    return this.#channels.slice(Math.max(0, current))
  }
}

/** What the channels are made of. */
export interface LadderParts {
  readonly changes: Changes
  readonly deployment: Deployment
  readonly pages: PageServer
  readonly browser: Browser
  readonly clock: Clock
  readonly logger: Logger
}

/** The ways to ask a person for each value of `AIFI_APPROVAL`. */
export function ladderFor(mode: Config['approval']['mode'], parts: LadderParts): Ladder {
  const { changes, deployment, pages, browser, clock, logger } = parts
  const form = (fallback: boolean) => new FormChannel(changes, deployment, clock, { fallback })
  const page = () => new PageChannel(changes, pages, browser, clock)
  switch (mode) {
    case 'auto':
      return new Ladder(
        [form(true), page()],
        'Use a client that supports MCP elicitation, or run the server on a desktop where it can open a browser, or name one in BROWSER.',
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
        [new ChatChannel(changes, deployment)],
        'Change it in AiFi itself, or have AIFI_APPROVAL set to auto on a desktop.',
      )
    case 'dangerously-skip':
      return new Ladder([new SkipChannel(changes, logger)], 'Have AIFI_APPROVAL set to auto on a desktop.')
  }
}
