import type { ChangeRequest } from '../../customer/fields.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Approval } from '../approval.ts'
import type { Channel, Put } from '../channel.ts'

/** Nobody is asked (`AIFI_APPROVAL=dangerously-skip`), and the log says so each time. */
export class SkipChannel implements Channel {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  unavailable(request: ChangeRequest): string | undefined {
    return request.enterPrivately.length > 0 ? 'There is no page to type a secret into.' : undefined
  }

  async put(approval: Approval): Promise<Put> {
    const { customer, changes } = approval.question
    const fields = changes.map(({ field }) => field)
    this.#logger.warn({ customerId: customer.id, fields }, 'AIFI_APPROVAL=dangerously-skip: nobody is asked')
    approval.decide({ answer: 'approved', channel: 'skipped' })
    return { kind: 'asked', channel: 'skipped', waitingFor: '' }
  }
}
