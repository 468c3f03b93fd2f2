import { randomBytes } from 'node:crypto'
import type { Aifi } from './aifi/port.ts'
import type { ChannelDeps } from './approval/channel.ts'
import { type Ladder, ladderFor } from './approval/ladder.ts'
import type { Browser } from './approval/page/browser.ts'
import { PageServer } from './approval/page/server.ts'
import type { Deployment } from './approval/question.ts'
import type { Audit, ImmediateAudit } from './audit/audit.ts'
import { APPROVAL_LIFETIME_MS, Changes } from './change/changes.ts'
import type { ChangeStore } from './change/store.ts'
import { MemoryStore } from './change/store-memory.ts'
import type { Config } from './config/config.ts'
import { RecordViews } from './customer/record-view.ts'
import type { Clock } from './lib/clock.ts'
import type { Logger } from './lib/logger.ts'
import { RateLimit } from './lib/rate-limit.ts'
import { version } from './lib/version.ts'
import { createRequestStates } from './mcp/request-state.ts'
import type { ServerDeps } from './mcp/server.ts'
import { findCustomersTool, LOOKUPS_PER_MINUTE } from './tools/find-customers.ts'
import { updateCustomerTool } from './tools/update-customer.ts'

/** What the program needs from outside itself. */
export type Outside = World & Kept

/** Where changes live, and their audit; without a store in the memory of this process. */
type Kept =
  | { readonly audit: ImmediateAudit; readonly store?: undefined }
  | { readonly audit: Audit; readonly store: ChangeStore }

interface World {
  readonly aifi: Aifi
  readonly browser: Browser
  readonly clock: Clock
  readonly logger: Logger
  /** What has to be the same wherever a call may be answered; default: made anew for this process. */
  readonly keys?: {
    readonly changes: readonly Uint8Array[]
    readonly states: readonly Uint8Array[]
    readonly markers: Uint8Array
  }
  /** Aborts when the process is to end, and its questions stay. */
  readonly draining?: AbortSignal
  readonly onCall?: ServerDeps['onCall']
  /** The ways to ask a person; default: those of `AIFI_APPROVAL`. */
  readonly ladder?: (parts: ChannelDeps) => Ladder
}

/** Everything that lives as long as the process, made once, and shared by the servers of all connections. */
export interface App {
  readonly deps: ServerDeps
  readonly changes: Changes
  readonly deployment: Deployment
  /** Changes under way, and outcomes that nobody was told, in the memory of this process. */
  readonly kept: () => number
  /**
   * The end: open questions are void, and what has been sent gets `graceMs` milliseconds for its answer; after that
   * its connection is cut and its outcome is unknown. Every outcome is in the audit when this resolves.
   */
  close(graceMs: number): Promise<void>
  /** The end where open questions stay: what is being carried out ends, and nothing is cut. */
  drain(): Promise<void>
}

export function createApp(config: Config, outside: Outside): App {
  const { aifi, audit, browser, clock, logger, keys } = outside
  const { approval } = config
  const lookups = new RateLimit(LOOKUPS_PER_MINUTE, clock)
  const rate = new RateLimit(config.maxChangesPerMinute, clock)
  const views = new RecordViews(keys?.markers ?? randomBytes(32), config.showFields)
  const { store, kept } = storeOf(outside)
  const changes = new Changes(
    { store, aifi, audit, clock, logger, rate, lookups, views, secrets: keys?.changes ?? [randomBytes(32)] },
    {
      readBack: config.aifi.readBack,
      approvalFields: approval.fields,
      auditValues: config.auditValues,
      timeoutMs: config.aifi.timeoutMs,
      lifetimeMs: config.http ? config.http.lifetimeMinutes * 60_000 : APPROVAL_LIFETIME_MS,
    },
  )
  changes.beginSweeping()
  const deployment = { address: aifi.address, sandbox: config.aifi.sandbox }
  const pages = new PageServer({ changes, deployment, clock }, approval.port ?? 0)
  const parts: ChannelDeps = { changes, deployment, pages, browser, clock, logger }
  const states = createRequestStates(keys?.states ?? [randomBytes(32)])
  const update = updateCustomerTool({
    changes,
    ladder: outside.ladder?.(parts) ?? ladderFor(approval.mode, parts),
    states,
    clock,
    waitMs: approval.waitSeconds * 1000,
    ...(outside.draining && { draining: outside.draining }),
    views,
    arguments: {
      fields: config.fields,
      secretArguments: config.secretArguments,
      approvalCode: approval.mode === 'chat',
    },
  })
  const find = findCustomersTool({ aifi, audit, views, lookups, clock })
  return {
    deps: { version, tools: config.readOnly ? [find] : [update, find], states, clock, logger, onCall: outside.onCall },
    changes,
    deployment,
    kept,
    async drain() {
      await changes.drain()
      await Promise.all([store.close(), aifi.close()])
      audit.close()
    },
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

function storeOf(outside: Outside): { readonly store: ChangeStore; readonly kept: () => number } {
  if (outside.store) return { store: outside.store, kept: () => 0 }
  const memory = new MemoryStore(outside.clock, outside.audit)
  return { store: memory, kept: () => memory.size }
}
