import * as z from 'zod'
import type { Asked } from '../change/change.ts'
import type { Clock } from '../lib/clock.ts'
import type { BrowserSession } from './inbox/session.ts'
import type { Seal } from './seal.ts'

const contents = z.object({
  session: z.string(),
  id: z.string(),
  round: z.number(),
  handle: z.string(),
  at: z.number(),
})

/** What a form says of the question that it was shown with. */
export interface FormToken {
  readonly id: string
  readonly round: number
  readonly handle: string
  /** When it was served, wall clock, milliseconds since 1970. */
  readonly at: number
}

const NO_QUESTION = { id: '', asking: { round: 0 } } as const

/** The hidden fields that make a form one of ours: sealed, for one session, one question and one round. */
export class FormTokens {
  readonly #seal: Seal
  readonly #clock: Clock

  constructor(seal: Seal, clock: Clock) {
    this.#seal = seal
    this.#clock = clock
  }

  /** @param question absent for a form that answers none. */
  create(session: BrowserSession, question: Pick<Asked, 'id' | 'asking'> | typeof NO_QUESTION = NO_QUESTION): string {
    const { id, asking } = question
    const handle = 'rung' in asking ? (asking.rung?.handle ?? '') : ''
    return this.#seal.seal(
      JSON.stringify({ session: session.id, id, round: asking.round, handle, at: this.#clock.now() }),
    )
  }

  /** Undefined for a form that this session was not given, or not for this question. */
  read(token: string | null, session: BrowserSession, id = ''): FormToken | undefined {
    const opened = token === null ? undefined : this.#seal.open(token)
    const read = opened && contents.safeParse(JSON.parse(Buffer.from(opened).toString())).data
    return read && read.session === session.id && read.id === id ? read : undefined
  }
}
