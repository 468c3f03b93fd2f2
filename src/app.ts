import type { Aifi } from './aifi/port.ts'
import { APPROVAL_LIFETIME_MS } from './approval/approval.ts'
import type { Channel } from './approval/channel.ts'
import { ChatChannel } from './approval/channels/chat.ts'
import { FormChannel } from './approval/channels/form.ts'
import { PageChannel } from './approval/channels/page.ts'
import { SkipChannel } from './approval/channels/skip.ts'
import { Ladder } from './approval/ladder.ts'
import type { Browser } from './approval/page/browser.ts'
import { PageServer } from './approval/page/page-server.ts'
import { QuestionLimits } from './approval/question-limits.ts'
import type { Audit } from './audit/audit.ts'
import { Changes } from './change/changes.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './lib/clock.ts'
import { Turns } from './lib/keyed-queue.ts'
import type { Logger } from './lib/logger.ts'
import { RateLimit } from './lib/rate-limit.ts'
import { version } from './lib/version.ts'
import { createRequestStates } from './mcp/request-state.ts'
import type { ServerDeps } from './mcp/server.ts'
import { findCustomersTool, LOOKUPS_PER_MINUTE } from './tools/find-customers.ts'
import { type UpdateCustomerDeps, updateCustomerTool } from './tools/update-customer.ts'

/** What the program needs from outside itself. */
export interface Outside {
  readonly aifi: Aifi
  readonly audit: Audit
  readonly browser: Browser
  readonly clock: Clock
  readonly logger: Logger
}

/** Everything that lives as long as the process, made once, and shared by the servers of all connections. */
export interface App {
  readonly deps: ServerDeps
  /** What changes customers, also when reading is all that is allowed and no tool uses it. */
  readonly update: UpdateCustomerDeps
  /**
   * The end: open questions are void, and what has been sent gets `graceMs` milliseconds for its answer; after that
   * its connection is cut and its outcome is unknown. Every outcome is in the audit when this resolves.
   */
  close(graceMs: number): Promise<void>
}

export function createApp(config: Config, { aifi, audit, browser, clock, logger }: Outside): App {
  const { approval } = config
  const lookups = new RateLimit(LOOKUPS_PER_MINUTE, clock)
  const pages = new PageServer(clock, approval.port ?? 0)
  const changes = new Changes(
    {
      aifi,
      audit,
      auditValues: config.auditValues,
      readBack: config.aifi.readBack,
      clock,
      logger,
      turns: new Turns(),
      limits: new QuestionLimits(clock),
      approvalFields: approval.fields,
      sandbox: config.aifi.sandbox,
    },
    new RateLimit(config.maxChangesPerMinute, clock),
    lookups,
  )
  const states = createRequestStates()
  const update: UpdateCustomerDeps = {
    changes,
    ladder: createLadder(approval.mode, new PageChannel(pages, browser), clock, logger),
    states,
    clock,
    waitMs: approval.waitSeconds * 1000,
    arguments: { secretArguments: config.secretArguments, approvalCode: approval.mode === 'chat' },
  }
  const find = findCustomersTool({ aifi, audit, lookups, clock, logger })
  return {
    deps: {
      version,
      tools: config.readOnly ? [find] : [updateCustomerTool(update), find],
      states,
      questionLifetimeMs: APPROVAL_LIFETIME_MS,
      clock,
      logger,
    },
    update,
    async close(graceMs) {
      const ended = changes.close()
      const cut = clock.after(graceMs, () => void aifi.close())
      await ended
      cut()
      await Promise.all([pages.close(), aifi.close()])
      audit.close()
    },
  }
}

/** The ways to ask a person for each value of `AIFI_APPROVAL`. */
function createLadder(mode: Config['approval']['mode'], page: Channel, clock: Clock, logger: Logger): Ladder {
  switch (mode) {
    case 'auto':
      return new Ladder(
        [new FormChannel(clock, { fallback: true }), page],
        'Use a client that supports MCP elicitation, or run the server on a desktop where it can open a browser, or name one in BROWSER.',
      )
    case 'form':
      return new Ladder(
        [new FormChannel(clock, { fallback: false })],
        'AIFI_APPROVAL=form allows no other way; AIFI_APPROVAL=auto would also use a page in the browser.',
      )
    case 'page':
      return new Ladder([page], 'AIFI_APPROVAL=page needs a browser on this machine; name one in BROWSER.')
    case 'chat':
      return new Ladder(
        [new ChatChannel()],
        'Change it in AiFi itself, or have AIFI_APPROVAL set to auto on a desktop.',
      )
    case 'dangerously-skip':
      return new Ladder([new SkipChannel(logger)], 'Have AIFI_APPROVAL set to auto on a desktop.')
  }
}
