import { randomUUID } from 'node:crypto'
import type { Asked } from '../../change/change.ts'
import type { ChangeRequest } from '../../customer/fields.ts'
import type { Ask, Channel, ChannelDeps } from '../channel.ts'

const channel = 'skipped'

/** Nobody is asked (`AIFI_APPROVAL=dangerously-skip`), and the log says so each time. */
export class SkipChannel implements Channel {
  readonly names = [channel] as const
  readonly #deps: ChannelDeps

  constructor(deps: ChannelDeps) {
    this.#deps = deps
  }

  unavailable(request: ChangeRequest): string | undefined {
    return request.enterPrivately.length > 0 ? 'There is no page to type a secret into.' : undefined
  }

  async ask(change: Asked): Promise<Ask> {
    const { changes, logger } = this.#deps
    const { customerId, fields } = change
    const rung = { channel, handle: randomUUID(), standing: false } as const
    if (!(await changes.put(change, rung))) return { kind: 'moved' }
    logger.warn({ customerId, fields }, 'AIFI_APPROVAL=dangerously-skip: nobody is asked')
    const { round } = change.asking
    const verdict = await changes.decide(change.id, { round, handle: rung.handle, answer: 'approved', channel })
    return verdict.kind === 'busy' ? { kind: 'busy' } : { kind: 'moved' }
  }
}
