import type { InputRequests } from '@modelcontextprotocol/server'
import type { Asked, Rung } from '../change/change.ts'
import type { Changes } from '../change/changes.ts'
import type { ChannelName } from '../change/envelope.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Call } from '../mcp/call.ts'
import type { Browser } from './page/browser.ts'
import type { PageServer } from './page/server.ts'
import { type Deployment, isWhole } from './question.ts'
import { questionAbout } from './question-about.ts'

/**
 * A way to put a question to a person. However the answer comes, it ends in `Changes.decide`. A new way (a team's
 * approval service, say) is one more file that implements this, and its place in `ladderFor` (`ladder.ts`).
 */
export interface Channel {
  /** Of the rungs that it puts: an answer that comes back with a call goes to the channel of the rung that asked. */
  readonly names: readonly ChannelName[]
  /** Why it cannot be used for this request by this caller, as a sentence; undefined when it can. No side effects. */
  unavailable(request: ChangeRequest, call: Call): string | undefined
  /**
   * Puts the question, or notices that it is put already. Returns soon, and never rejects.
   *
   * @param elsewhere a later channel can be used: what this one shows badly is for that one.
   */
  ask(change: Asked, asker: Asker, elsewhere: boolean): Promise<Ask>
  /**
   * Reads what came back with the call, if this channel's answers come that way; maybe too late, the question decided.
   *
   * @param rung the one that it answers, which may have been passed meanwhile.
   */
  answer?(change: Asked, call: Call, rung: Rung): Promise<void>
}

/** What channels are made of. */
export interface ChannelDeps {
  readonly changes: Changes
  readonly deployment: Deployment
  readonly pages: PageServer
  readonly browser: Browser
  readonly clock: Clock
  readonly logger: Logger
}

/** Why a call no longer waits: nobody has answered the question. */
export const RAN_OUT = 'the question ran out'

/** The call on whose behalf a question is put. */
export interface Asker {
  readonly call: Call
  /** As this call has it: equal to that of the change but for what makes no difference to it. */
  readonly request: ChangeRequest
  /** No other call of this process waits for the same answer. */
  readonly alone: boolean
  /**
   * Aborts when the call no longer waits for this: it was answered or cancelled, or the question moved on. The reason is
   * {@link RAN_OUT} when nobody answered in time.
   */
  readonly over: AbortSignal
}

export type Ask =
  /** `waitingFor` tells the assistant what the person has to do. */
  | {
      readonly kind: 'asked'
      readonly channel: ChannelName
      readonly waitingFor: string
      /** The client shows it inside this call, which is held open until this aborts. */
      readonly shown?: AbortSignal
    }
  /** The client asks: this goes out as the answer to this round of the call. */
  | {
      readonly kind: 'client_asks'
      readonly handle: string
      readonly requests: InputRequests
    }
  /** The assistant shows `words` to the person and calls again with the code. */
  | { readonly kind: 'code'; readonly code: string; readonly words: string }
  /** The code that came with this call is not the one; the question stays open. */
  | { readonly kind: 'wrong_code'; readonly triesLeft: number }
  /** The answer came, but another change of the customer is being sent; the question stays open. */
  | { readonly kind: 'busy' }
  /** The change has moved on meanwhile: look at it again. */
  | { readonly kind: 'moved' }
  /** Not this way, after all; the next one may do. `remedy`: what helps against this very reason. Both are sentences. */
  | { readonly kind: 'cannot'; readonly reason: string; readonly remedy?: string }

/** For a channel that shows the question on a page. Undefined when all of it can be shown: nobody may agree to what is not. */
export function tooLongForPage(
  change: Asked,
  { deployment, clock }: Pick<ChannelDeps, 'deployment' | 'clock'>,
): Ask | undefined {
  if (isWhole(questionAbout(change, deployment, clock.now()))) return undefined
  return {
    kind: 'cannot',
    reason: 'The change is too long to be shown whole to a person, together with what is there today.',
    remedy: 'Ask for fewer or shorter changes in a call, or change it in AiFi itself.',
  }
}
