import { type InputRequiredResult, inputRequired } from '@modelcontextprotocol/server'
import type { Ask, RAN_OUT } from '../approval/channel.ts'
import type { Ladder } from '../approval/ladder.ts'
import type { Asked } from '../change/change.ts'
import type { Changes } from '../change/changes.ts'
import type { UpdateEnvelope } from '../change/envelope.ts'
import { inProgress, pendingCode, wrongCode } from '../change/unsent.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import type { Call } from '../mcp/call.ts'
import type { RequestStates } from '../mcp/request-state.ts'

export interface AskingDeps {
  readonly changes: Changes
  readonly ladder: Ladder
  readonly states: RequestStates
}

export type Answer = UpdateEnvelope | InputRequiredResult

/** How one call puts the question of its change to a person: once in each round. */
export class AskingOnce {
  /** How it was put last; undefined when it is put to nobody, or by another call. */
  latest: Extract<Ask, { kind: 'asked' }> | undefined
  readonly #call: Call
  readonly #request: ChangeRequest
  readonly #deps: AskingDeps
  #round = 0
  #over: AbortController | undefined

  constructor(call: Call, request: ChangeRequest, deps: AskingDeps) {
    this.#call = call
    this.#request = request
    this.#deps = deps
  }

  /** It has not been put by this call, is put to nobody, or the client has closed what it showed. */
  isDue({ asking }: Asked): boolean {
    return asking.round !== this.#round || !asking.rung || this.latest?.shown?.aborted === true
  }

  /**
   * Puts it. @param alone no other call of this process waits for the same answer.
   *
   * @returns what the call is answered; undefined when it goes on watching.
   */
  async put(change: Asked, alone: boolean): Promise<Answer | undefined> {
    this.#over?.abort()
    this.#over = new AbortController()
    this.#round = change.asking.round
    this.latest = undefined
    const asker = { call: this.#call, request: this.#request, alone, over: this.#over.signal }
    return this.#take(await this.#deps.ladder.ask(change, asker), change)
  }

  async #take(ask: Ask, change: Asked): Promise<Answer | undefined> {
    const { changes, states } = this.#deps
    switch (ask.kind) {
      case 'asked':
        this.latest = ask
        return undefined
      case 'client_asks': {
        const { id, asking } = change
        const requestState = await states.seal({ changeId: id, round: asking.round, handle: ask.handle })
        return inputRequired({ inputRequests: ask.requests, requestState })
      }
      case 'code':
        return pendingCode(this.#request, ask)
      case 'wrong_code':
        return wrongCode(this.#request, ask.triesLeft)
      case 'busy':
        return inProgress(this.#request, 'answer_not_taken')
      case 'moved':
        this.#round = 0
        return undefined
      case 'cannot':
        await changes.nobodyToAsk(change, ask.reason)
        return undefined
    }
  }

  /** The client shows the question inside this call. */
  get isShown(): boolean {
    return this.latest?.shown?.aborted === false
  }

  get waitingFor(): string {
    return this.latest?.waitingFor ?? 'Waiting for AiFi.'
  }

  /** What ends the waiting besides the change itself. */
  get signals(): readonly AbortSignal[] {
    return this.latest?.shown && this.isShown ? [this.latest.shown] : []
  }

  /** The call waits for this no longer. */
  end(reason?: typeof RAN_OUT): void {
    this.#over?.abort(reason)
  }
}
