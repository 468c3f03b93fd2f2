import { randomInt, timingSafeEqual } from 'node:crypto'
import { type ChangeRequest, fieldFacts, requestedFields } from '../../customer/fields.ts'
import type { Approval } from '../approval.ts'
import type { Channel, Put, Round } from '../channel.ts'
import { questionText } from '../question-text.ts'

/** Wrong codes after which the question is void. */
const TRIES = 3

/**
 * The assistant shows the question and relays the person's yes with a code (`AIFI_APPROVAL=chat`). It proves only that
 * the assistant called twice; it is recorded as decided by the assistant, and serves neither secrets nor cards.
 */
export class ChatChannel implements Channel {
  readonly #codes = new WeakMap<Approval, { code: string; triesLeft: number }>()

  unavailable(request: ChangeRequest): string | undefined {
    const unfit = requestedFields(request).filter((field) => !fieldFacts[field].chatApproval)
    if (unfit.length === 0) return undefined
    return `A yes in the chat is not enough for ${unfit.join(', ')}.`
  }

  async put(approval: Approval, { request }: Round): Promise<Put> {
    const words = questionText(approval.question)
    if (words === undefined) return { kind: 'cannot', reason: 'The change is too long to be shown whole in the chat.' }
    const open = this.#codes.get(approval) ?? { code: String(randomInt(1_000_000)).padStart(6, '0'), triesLeft: TRIES }
    const first = !this.#codes.has(approval)
    this.#codes.set(approval, open)
    if (first || request.approvalCode === undefined) {
      return { kind: 'code', code: open.code, words }
    }
    if (sameCode(request.approvalCode, open.code)) {
      approval.decide({ answer: 'approved', channel: 'chat' })
      return { kind: 'asked', channel: 'chat', waitingFor: '' }
    }
    open.triesLeft -= 1
    if (open.triesLeft === 0) {
      const reason = `The approval code was wrong ${TRIES} times.`
      approval.decide({ answer: 'withdrawn', channel: 'chat', reason })
    }
    return { kind: 'wrong_code', triesLeft: open.triesLeft }
  }
}

function sameCode(given: string, code: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(code)]
  return a.length === b.length && timingSafeEqual(a, b)
}
