import { randomInt, randomUUID } from 'node:crypto'
import type { Asked, Rung } from '../../change/change.ts'
import { type ChangeRequest, fieldFacts, requestedFields } from '../../customer/fields.ts'
import { isSame } from '../../lib/secret.ts'
import type { Ask, Asker, Channel, ChannelDeps } from '../channel.ts'
import { questionAbout } from '../question-about.ts'
import { questionText } from '../question-text.ts'

/** Characters: a result cuts off a longer message, and with it what the person is to agree to. */
const WORDS_LIMIT = 3_000
/** Wrong codes after which the question is void. */
const TRIES = 3

const channel = 'chat'

/**
 * The assistant shows the question and relays the person's yes with a code (`AIFI_APPROVAL=chat`). It proves only that
 * the assistant called twice; it is recorded as decided by the assistant, and serves neither secrets nor cards.
 */
export class ChatChannel implements Channel {
  readonly names = [channel] as const
  readonly #deps: ChannelDeps

  constructor(deps: ChannelDeps) {
    this.#deps = deps
  }

  unavailable(request: ChangeRequest): string | undefined {
    const unfit = requestedFields(request).filter((field) => !fieldFacts[field].chatApproval)
    if (unfit.length === 0) return undefined
    return `A yes in the chat is not enough for ${unfit.join(', ')}.`
  }

  async ask(change: Asked, { request }: Asker): Promise<Ask> {
    const { changes, deployment, clock } = this.#deps
    const words = questionText(questionAbout(change, deployment, clock.now()))?.text
    if (words === undefined || words.length > WORDS_LIMIT) {
      const reason = 'The change is too long to be shown whole in the chat.'
      return { kind: 'cannot', reason, remedy: 'Ask for fewer or shorter changes in a call.' }
    }
    const { rung } = change.asking
    if (!rung?.code) {
      const code = { text: String(randomInt(1_000_000)).padStart(6, '0'), triesLeft: TRIES }
      const isPut = await changes.put(change, { channel, handle: randomUUID(), standing: false, code })
      return isPut ? { kind: 'code', code: code.text, words } : { kind: 'moved' }
    }
    const given = request.approvalCode
    if (given === undefined) return { kind: 'code', code: rung.code.text, words }
    return isSame(given, rung.code.text) ? this.#approve(change, rung) : this.#refuse(change, rung, rung.code)
  }

  async #approve({ id, asking: { round } }: Asked, { handle }: Rung): Promise<Ask> {
    const verdict = await this.#deps.changes.decide(id, { round, handle, answer: 'approved', channel })
    return verdict.kind === 'busy' ? { kind: 'busy' } : { kind: 'moved' }
  }

  async #refuse(change: Asked, rung: Rung, code: NonNullable<Rung['code']>): Promise<Ask> {
    const triesLeft = code.triesLeft - 1
    if (triesLeft === 0) {
      await this.#deps.changes.withdraw(change.id, `The approval code was wrong ${TRIES} times.`, { unwanted: false })
      return { kind: 'moved' }
    }
    const isPut = await this.#deps.changes.put(change, { ...rung, code: { ...code, triesLeft } })
    return isPut ? { kind: 'wrong_code', triesLeft } : { kind: 'moved' }
  }
}
