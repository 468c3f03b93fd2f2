import type { InputRequests } from '@modelcontextprotocol/server'
import type { ChannelName } from '../change/envelope.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import type { Signal } from '../lib/signal.ts'
import type { Call } from '../mcp/call.ts'
import type { Approval } from './approval.ts'

/**
 * A way to put a question to a person. A new way (a team's approval service, say) is one more file that implements
 * this, and its place in `createLadder` (`app.ts`).
 */
export interface Channel {
  /** Why it cannot be used for this request by this caller, as a sentence; undefined when it can. No side effects. */
  unavailable(request: ChangeRequest, call: Call): string | undefined
  /** Puts the question, or notices that it is put already. Returns soon, and never rejects. */
  put(approval: Approval, round: Round): Promise<Put>
  /**
   * Reads what came back with the call, if this channel's answers come that way; maybe too late, the question decided.
   * A question that stays open afterwards is answered elsewhere, or is put the next way.
   */
  take?(approval: Approval, call: Call): void
  /** A call has waited its whole time for the answer in vain. */
  waitedInVain?(approval: Approval): void
}

/** The call on whose behalf a question is put. */
export interface Round {
  readonly call: Call
  readonly request: ChangeRequest
  /** No other open call waits for the same answer. */
  readonly alone: boolean
}

export type Put =
  /**
   * The answer comes to the approval by itself; `waitingFor` tells the assistant what the person has to do. When
   * `until` aborts without an answer, nobody is being asked any more, and the question is put again.
   */
  | { kind: 'asked'; channel: ChannelName; waitingFor: string; until?: Signal }
  /** The client asks: this goes out as the answer to this round of the call. */
  | { kind: 'client_asks'; channel: 'form' | 'url'; requests: InputRequests }
  /** The assistant shows `words` to the person and calls again with the code. */
  | { kind: 'code'; code: string; words: string }
  /** The code that came with this call is not the one; the question stays open. */
  | { kind: 'wrong_code'; triesLeft: number }
  /** Not this way, after all; the next one may do. */
  | { kind: 'cannot'; reason: string }
