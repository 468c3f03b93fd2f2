import { randomBytes } from 'node:crypto'
import type { Aifi } from './aifi/port.ts'
import { type Ladder, type LadderParts, ladderFor } from './approval/ladder.ts'
import type { Browser } from './approval/page/browser.ts'
import { PageServer } from './approval/page/server.ts'
import type { ImmediateAudit } from './audit/audit.ts'
import { APPROVAL_LIFETIME_MS, Changes } from './change/changes.ts'
import { MemoryStore } from './change/store-memory.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './lib/clock.ts'
import type { Logger } from './lib/logger.ts'
import { RateLimit } from './lib/rate-limit.ts'
import { version } from './lib/version.ts'
import { createRequestStates } from './mcp/request-state.ts'
import type { ServerDeps } from './mcp/server.ts'
import { findCustomersTool, LOOKUPS_PER_MINUTE } from './tools/find-customers.ts'
import { updateCustomerTool } from './tools/update-customer.ts'

/** What the program needs from outside itself. */
export interface Outside {
  readonly aifi: Aifi
  readonly audit: ImmediateAudit
  readonly browser: Browser
  readonly clock: Clock
  readonly logger: Logger
  /** The ways to ask a person; default: those of `AIFI_APPROVAL`. */
  readonly ladder?: (parts: LadderParts) => Ladder
}

/** Everything that lives as long as the process, made once, and shared by the servers of all connections. */
export interface App {
  readonly deps: ServerDeps
  /** Changes under way, and outcomes that nobody was told. */
  readonly kept: () => number
  /**
   * The end: open questions are void, and what has been sent gets `graceMs` milliseconds for its answer; after that
   * its connection is cut and its outcome is unknown. Every outcome is in the audit when this resolves.
   */
  close(graceMs: number): Promise<void>
}

export function createApp(config: Config, outside: Outside): App {
  const { aifi, audit, browser, clock, logger } = outside
  const { approval } = config
  const lookups = new RateLimit(LOOKUPS_PER_MINUTE, clock)
  const rate = new RateLimit(config.maxChangesPerMinute, clock)
  const store = new MemoryStore(clock, audit)
  const changes = new Changes(
    { store, aifi, audit, clock, logger, rate, lookups, secrets: [randomBytes(32)] },
    {
      readBack: config.aifi.readBack,
      approvalFields: approval.fields,
      auditValues: config.auditValues,
      timeoutMs: config.aifi.timeoutMs,
      lifetimeMs: APPROVAL_LIFETIME_MS,
    },
  )
  const deployment = { address: aifi.address, sandbox: config.aifi.sandbox }
  const pages = new PageServer({ changes, deployment, clock }, approval.port ?? 0)
  const parts: LadderParts = { changes, deployment, pages, browser, clock, logger }
  const states = createRequestStates(randomBytes(32))
  const update = updateCustomerTool({
    changes,
    ladder: outside.ladder?.(parts) ?? ladderFor(approval.mode, parts),
    states,
    clock,
    waitMs: approval.waitSeconds * 1000,
    arguments: { secretArguments: config.secretArguments, approvalCode: approval.mode === 'chat' },
  })
  const find = findCustomersTool({ aifi, audit, lookups, clock })
  return {
    deps: { version, tools: config.readOnly ? [find] : [update, find], states, clock, logger },
    kept: () => store.size,
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
