import { randomUUID } from 'node:crypto'
import { acceptedContent, inputRequired, inputResponse } from '@modelcontextprotocol/server'
import * as z from 'zod'
import type { Asked, GivenAnswer, Rung } from '../../change/change.ts'
import type { Changes } from '../../change/changes.ts'
import type { ChangeRequest } from '../../customer/fields.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Call, ClientAnswer } from '../../mcp/call.ts'
import { type Ask, type Asker, type Channel, RAN_OUT } from '../channel.ts'
import type { Deployment } from '../question.ts'
import { questionText } from '../question-text.ts'
import { questionAbout } from '../words.ts'

/** No person reads and answers a question in less, milliseconds. A client that does has not asked one. */
const UNREAD_MS = 700

const KEY = 'approve'
const channel = 'form'
const ASKS_NOBODY = 'This client answers forms without asking a person.'
const UNANSWERED = 'The client did not answer the form.'
/** Approved is this and nothing else: hosts send empty content, and apply defaults by themselves. */
const approved = z.object({ approve: z.literal(true) })

/** `default: false`, since some hosts preselect Yes otherwise. */
const requestedSchema = {
  type: 'object' as const,
  properties: {
    approve: {
      type: 'boolean' as const,
      title: 'Approve this change',
      description: 'Yes makes the change in AiFi at once.',
      default: false,
    },
  },
  required: ['approve'],
}

/** When the form of a question was handed out: monotonic milliseconds, by the handle of its rung. */
type HandedOut = Map<string, number>

/**
 * Form elicitation: the client shows the question as a form of its own (MCP elicitation, 2025-06-18 onwards; returned as
 * `input_required` on 2026-07-28).
 */
export class FormChannel implements Channel {
  readonly names = [channel] as const
  readonly #changes: Changes
  readonly #deployment: Deployment
  readonly #clock: Clock
  readonly #fallback: boolean
  readonly #handedOut: HandedOut = new Map()

  /** @param fallback there is another way after this one: then a client that does not ask people is passed over. */
  constructor(changes: Changes, deployment: Deployment, clock: Clock, { fallback }: { fallback: boolean }) {
    this.#changes = changes
    this.#deployment = deployment
    this.#clock = clock
    this.#fallback = fallback
  }

  unavailable(request: ChangeRequest, call: Call): string | undefined {
    if (!call.canForm) return 'This client cannot show a form.'
    if (request.enterPrivately.length > 0) return 'A secret must not be typed into a form of the client.'
    if (this.#fallback && !call.connection.asksPeople) return ASKS_NOBODY
    return undefined
  }

  async ask(change: Asked, { call, over }: Asker): Promise<Ask> {
    const { rung } = change.asking
    if (rung) {
      // An answer without the state that belongs to it counts for nothing, and the client will not do better next time.
      const dropsState = call.answers !== undefined && call.state === undefined
      if (!rung.waitedInVain && !dropsState) {
        return { kind: 'asked', channel, waitingFor: 'The client shows the question as a form. Answer it there.' }
      }
      if (this.#fallback) {
        call.connection.asksPeople = false
        await this.#changes.handOn(change.id, rung.handle, UNANSWERED)
        return { kind: 'moved' }
      }
    }
    const message = questionText(questionAbout(change, this.#deployment))
    if (message === undefined) return { kind: 'cannot', reason: 'The change is too long to be shown whole in a form.' }
    const put: Rung = { channel, handle: randomUUID(), standing: false, ...(!call.elicit && { withClient: true }) }
    if (!(await this.#changes.put(change, put))) return { kind: 'moved' }
    this.#handedOut.set(put.handle, this.#clock.monotonic())
    if (call.elicit) return this.#askWithin(call, change, put, message, over)
    const requests = { [KEY]: inputRequired.elicit({ message, requestedSchema }) }
    return { kind: 'client_asks', channel, handle: put.handle, requests }
  }

  async answer(change: Asked, call: Call, handle: string): Promise<void> {
    const response = inputResponse(call.answers, KEY)
    const action = response.kind === 'elicit' ? response.action : 'cancel'
    const yes = acceptedContent(call.answers, KEY, approved) !== undefined
    await this.#take(change, call, handle, { action, yes })
  }

  /** A 2025-era client answers inside the call that asks. */
  #askWithin(call: Call, change: Asked, { handle }: Rung, message: string, over: AbortSignal): Ask {
    const shown = new AbortController()
    const params = { mode: 'form' as const, message, requestedSchema }
    void call
      .elicit?.(params, over)
      .then((answer) => this.#take(change, call, handle, given(answer)))
      .catch(() => this.#failed(call, change.id, handle, over))
      .finally(() => shown.abort())
    const waitingFor = 'The client shows the question as a form. Answer it there.'
    return { kind: 'asked', channel, waitingFor, shown: shown.signal }
  }

  /** The client could not show the form, or nobody waits for it any longer. */
  async #failed(call: Call, id: string, handle: string, over: AbortSignal): Promise<void> {
    this.#handedOut.delete(handle)
    // Given up after that long, it is a sign that nobody saw the form; cancelled earlier, it is none.
    const gaveUp = !over.aborted || over.reason === RAN_OUT || (call.cancelled.aborted && call.deadline.passed)
    if (gaveUp) call.connection.asksPeople = false
    if (over.aborted) await this.#changes.release(id, handle)
    else await this.#changes.handOn(id, handle, UNANSWERED)
  }

  async #take(change: Asked, call: Call, handle: string, answer: { action: string; yes: boolean }): Promise<void> {
    const { id, asking } = change
    const tookMs = this.#clock.monotonic() - (this.#handedOut.get(handle) ?? 0)
    this.#handedOut.delete(handle)
    if (answer.action !== 'accept' && this.#fallback && tookMs < UNREAD_MS) {
      call.connection.asksPeople = false
      return this.#changes.handOn(id, handle, ASKS_NOBODY)
    }
    const said = saidBy(answer)
    const verdict = await this.#changes.decide(id, { round: asking.round, handle, answer: said, channel })
    if (verdict.kind === 'busy') await this.#changes.release(id, handle)
  }
}

function saidBy({ action, yes }: { action: string; yes: boolean }): GivenAnswer {
  if (action === 'accept') return yes ? 'approved' : 'not_approved'
  return action === 'decline' ? 'declined' : 'cancelled'
}

function given({ action, content }: ClientAnswer): { action: string; yes: boolean } {
  return { action, yes: approved.safeParse(content).success }
}
