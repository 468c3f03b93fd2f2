import { randomUUID } from 'node:crypto'
import { inputRequired } from '@modelcontextprotocol/server'
import * as z from 'zod'
import type { AnswerKind, Asked, Rung } from '../../change/change.ts'
import { type ChangeRequest, requestedFields } from '../../customer/fields.ts'
import { elapsedMs, instantIn } from '../../lib/clock.ts'
import { isJsonObject } from '../../lib/json.ts'
import type { Call } from '../../mcp/call.ts'
import { type Ask, type Asker, type Channel, type ChannelDeps, RAN_OUT } from '../channel.ts'
import { UNREAD_MS } from '../question.ts'
import { questionAbout } from '../question-about.ts'
import { questionText } from '../question-text.ts'

const KEY = 'approve'
const channel = 'form'
const ASKS_NOBODY = 'This client answers forms without asking a person.'
const UNANSWERED = 'The client did not answer the form.'
const NO_ANSWER = 'The client sent its form back without an answer.'
const WAITING = 'The client shows the user the question as a form; only they may answer it.'

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

/**
 * Form elicitation: the client shows the question as a form of its own (MCP elicitation, 2025-06-18 onwards; returned as
 * `input_required` on 2026-07-28).
 */
export class FormChannel implements Channel {
  readonly names = [channel] as const
  readonly #deps: ChannelDeps
  readonly #fallback: boolean

  /** @param fallback there is another way after this one: then a client that does not ask people is passed over. */
  constructor(deps: ChannelDeps, { fallback }: { fallback: boolean }) {
    this.#deps = deps
    this.#fallback = fallback
  }

  unavailable(request: ChangeRequest, call: Call): string | undefined {
    if (call.principal && !call.principal.mayAnswer) return 'Who asks may not approve it.'
    if (!call.canForm) return 'This client cannot show a form; one that supports MCP elicitation can.'
    if (request.enterPrivately.length > 0) return 'A secret must not be typed into a form of the client.'
    if (this.#fallback && !call.connection.asksPeople) return ASKS_NOBODY
    return undefined
  }

  async ask(change: Asked, { call, over }: Asker, elsewhere: boolean): Promise<Ask> {
    const { rung } = change.asking
    if (rung) {
      // An answer without the state that belongs to it counts for nothing, and the client will not do better next time.
      const dropsState = call.answers !== undefined && call.state === undefined
      if (!rung.waitedInVain && !dropsState) {
        return { kind: 'asked', channel, waitingFor: WAITING }
      }
      if (this.#fallback) {
        call.connection.asksPeople = false
        await this.#deps.changes.handOn(change.id, rung.handle, UNANSWERED)
        return { kind: 'moved' }
      }
    }
    const message = this.#message(change, elsewhere)
    if (typeof message !== 'string') return message
    const handedOutAt = instantIn(this.#deps.clock, 0)
    const put: Rung = {
      channel,
      handle: randomUUID(),
      standing: false,
      handedOutAt,
      ...(!call.elicit && { withClient: true }),
    }
    if (!(await this.#deps.changes.put(change, put))) return { kind: 'moved' }
    if (call.elicit) return this.#askWithin(call, change, put, message, over)
    const requests = { [KEY]: inputRequired.elicit({ message, requestedSchema }) }
    return { kind: 'client_asks', handle: put.handle, requests }
  }

  async answer(change: Asked, call: Call, rung: Rung): Promise<void> {
    await this.#take(change, call, rung, saidBy(call.answers?.[KEY]))
  }

  /** The words of the form, or why it is not for one. */
  #message(change: Asked, elsewhere: boolean): string | Ask {
    const { deployment, clock } = this.#deps
    const question = questionAbout(change, deployment, clock.now())
    const words = questionText(question)
    const isOne = requestedFields(change.request).length === 1
    if (words === undefined) {
      const reason = 'The change is too long to be shown whole in a form.'
      return {
        kind: 'cannot',
        reason,
        remedy: `${isOne ? 'Ask for' : 'Ask for one field in a call, with'} a shorter value.`,
      }
    }
    // The operator vouches for a client that is the only way.
    if (!this.#fallback) return words.text
    if (elsewhere && question.changes.some(({ final }) => final)) {
      return { kind: 'cannot', reason: 'What cannot be undone is not asked by a form.' }
    }
    if (elsewhere && change.asking.shown.past?.notApproved) {
      return { kind: 'cannot', reason: 'The form about this came back without a yes.' }
    }
    if (words.fits) return words.text
    const reason = 'The change does not fit into the three lines that every client shows of a form.'
    const remedy = isOne
      ? 'Have a browser named in BROWSER for the approval page.'
      : 'Ask for one field in a call, or have a browser named in BROWSER for the approval page.'
    return { kind: 'cannot', reason, remedy }
  }

  /** A 2025-era client answers inside the call that asks. */
  #askWithin(call: Call, change: Asked, put: Rung, message: string, over: AbortSignal): Ask {
    const shown = new AbortController()
    const params = { mode: 'form' as const, message, requestedSchema }
    void call
      .elicit?.(params, over)
      .then((answer) => this.#take(change, call, put, saidBy(answer)))
      .catch(() => this.#failed(call, change.id, put.handle, over))
      .finally(() => shown.abort())
    return { kind: 'asked', channel, waitingFor: WAITING, shown: shown.signal }
  }

  /** The client could not show the form, or nobody waits for it any longer. */
  async #failed(call: Call, id: string, handle: string, over: AbortSignal): Promise<void> {
    // Given up after a while, it is a sign that nobody saw the form; cancelled by the user, it is none.
    if (!over.aborted || over.reason === RAN_OUT || call.gaveUp) call.connection.asksPeople = false
    if (over.aborted) await this.#deps.changes.release(id, handle)
    else await this.#deps.changes.handOn(id, handle, UNANSWERED)
  }

  async #take(change: Asked, call: Call, rung: Rung, said: AnswerKind | undefined): Promise<void> {
    const { id, asking } = change
    const { handle } = rung
    const isCurrent = await this.#deps.changes.markAnswered(id, handle)
    if (isCurrent) {
      const isUnread = !rung.handedOutAt || elapsedMs(this.#deps.clock, rung.handedOutAt) < UNREAD_MS
      const asksNobody = isUnread && (said === 'approved' || this.#fallback) && said !== undefined
      if (asksNobody) call.connection.asksPeople = false
      if (asksNobody || said === undefined) {
        return this.#deps.changes.handOn(id, handle, asksNobody ? ASKS_NOBODY : NO_ANSWER)
      }
    } else if (said === undefined || said === 'approved') return
    const by = call.principal?.person
    const given = { round: asking.round, handle, answer: said, channel, ...(by && { by }) } as const
    const verdict = await this.#deps.changes.decide(id, given)
    if (verdict.kind === 'busy') await this.#deps.changes.release(id, handle)
  }
}

const response = z.object({ action: z.string(), content: z.unknown().optional() })

/**
 * What a client said, untrusted. Approved is `{ approve: true }` and nothing else; undefined is no answer: hosts send
 * empty content, and apply defaults by themselves.
 */
function saidBy(answer: unknown): AnswerKind | undefined {
  const { success, data } = response.safeParse(answer)
  if (!success) return undefined
  if (data.action === 'decline') return 'declined'
  if (data.action === 'cancel') return 'cancelled'
  // Its own member: an object inherits what its sender calls `__proto__`.
  const { action, content } = data
  const isGiven = action === 'accept' && isJsonObject(content) && Object.hasOwn(content, KEY)
  const approve = isGiven ? content[KEY] : undefined
  if (approve === true) return 'approved'
  return approve === false ? 'not_approved' : undefined
}
