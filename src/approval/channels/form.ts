import { acceptedContent, inputRequired, inputResponse } from '@modelcontextprotocol/server'
import * as z from 'zod'
import type { ChangeRequest } from '../../customer/fields.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Call } from '../../mcp/call.ts'
import type { Approval } from '../approval.ts'
import type { Channel, Put, Round } from '../channel.ts'
import { questionText } from '../question-text.ts'

/** No person reads and answers a question in less, milliseconds. A client that does has not asked one. */
const UNREAD_MS = 700

const KEY = 'approve'
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

/** What became of the form of one approval. */
interface Form {
  /** Monotonic milliseconds. */
  readonly askedAt: number
  readonly asker: Call
  answered: boolean
  waitedInVain: boolean
}

/**
 * Form elicitation: the client shows the question as a form of its own (MCP elicitation, 2025-06-18 onwards; returned as
 * `input_required` on 2026-07-28).
 */
export class FormChannel implements Channel {
  readonly #clock: Clock
  readonly #fallback: boolean
  readonly #forms = new WeakMap<Approval, Form>()

  /** @param fallback there is another way after this one: then a client that does not ask people is passed over. */
  constructor(clock: Clock, { fallback }: { fallback: boolean }) {
    this.#clock = clock
    this.#fallback = fallback
  }

  unavailable(request: ChangeRequest, call: Call): string | undefined {
    if (!call.canForm) return 'This client cannot show a form.'
    if (request.enterPrivately.length > 0) return 'A secret must not be typed into a form of the client.'
    if (this.#fallback && !call.connection.asksPeople) return 'This client answers forms without asking a person.'
    return undefined
  }

  async put(approval: Approval, { call }: Round): Promise<Put> {
    const form = this.#forms.get(approval)
    if (form && !isLost(form, call)) {
      const waitingFor = 'The client shows the question as a form. Answer it there.'
      return {
        kind: 'asked',
        channel: 'form',
        waitingFor,
        ...(form.asker.answersWithin && { until: form.asker.ended }),
      }
    }
    if (form && this.#fallback && !form.asker.answersWithin) {
      call.connection.asksPeople = false
      return { kind: 'cannot', reason: 'The client did not answer the form.' }
    }
    const message = questionText(approval.question)
    if (message === undefined) return { kind: 'cannot', reason: 'The change is too long to be shown whole in a form.' }
    this.#ask(approval, call)
    return {
      kind: 'client_asks',
      channel: 'form',
      requests: { [KEY]: inputRequired.elicit({ message, requestedSchema }) },
    }
  }

  take(approval: Approval, call: Call): void {
    const form = this.#forms.get(approval)
    if (form) form.answered = true
    const response = inputResponse(call.answers, KEY)
    const action = response.kind === 'elicit' ? response.action : 'cancel'
    if (action === 'accept') {
      const yes = acceptedContent(call.answers, KEY, approved) !== undefined
      approval.decide({ answer: yes ? 'approved' : 'not_approved', channel: 'form' })
      return
    }
    const tookMs = this.#clock.monotonic() - (form?.askedAt ?? 0)
    if (this.#fallback && tookMs < UNREAD_MS) {
      call.connection.asksPeople = false
      return
    }
    approval.decide({ answer: action === 'decline' ? 'declined' : 'cancelled', channel: 'form' })
  }

  waitedInVain(approval: Approval): void {
    const form = this.#forms.get(approval)
    if (form) form.waitedInVain = true
  }

  #ask(approval: Approval, call: Call): void {
    const form: Form = { askedAt: this.#clock.monotonic(), asker: call, answered: false, waitedInVain: false }
    this.#forms.set(approval, form)
    if (!call.answersWithin) return
    const onEnded = () => {
      // Failed at the form, or gave up on the call while the form was open. Cancelled earlier, it is no sign of that.
      const gaveUp = !call.cancelled.aborted || call.deadline.passed
      if (!form.answered && gaveUp) call.connection.asksPeople = false
    }
    call.ended.addEventListener('abort', onEnded, { once: true })
  }
}

/** Nobody will answer this form: it has to be put again. */
function isLost({ asker, waitedInVain }: Form, call: Call): boolean {
  if (asker.answersWithin) return asker.ended.aborted
  // An answer without the state that belongs to it counts for nothing, and the client will not do better next time.
  const dropsState = call.answers !== undefined && call.state === undefined
  return waitedInVain || dropsState
}
