import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createAifi } from '../aifi/client.ts'
import { createApp } from '../app.ts'
import { systemBrowser } from '../approval/page/browser.ts'
import type { Config } from '../config/config.ts'
import { systemClock as clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { OWN_NAME, type ProcessIo } from '../lib/process-io.ts'
import { version } from '../lib/version.ts'
import { Warnings } from '../lib/warnings.ts'
import { createServer } from '../mcp/server.ts'
import { StdioTransport } from '../mcp/stdio.ts'
import { prepare, type ServeOptions } from './prepare.ts'

/** What has been sent when the end comes may still bring its answer within this long, milliseconds. */
const GRACE_MS = 600
/** What the first call needs is loaded this long after the start, while nobody waits, milliseconds. */
const WARM_MS = 1_000

/** For somebody who starts it by hand and sees nothing happen. */
const TERMINAL_HINT =
  'aifi-customer-mcp: waiting for an MCP host on stdin. To see what it can do, try --help, or doctor. Ctrl-C ends it.\n'

/** Serves MCP on stdin and stdout until the process is asked to end or the input has ended; resolves with the exit code. */
export async function serve(io: ProcessIo, options: ServeOptions): Promise<number> {
  const prepared = await prepare(io, options, { http: false })
  if (!prepared) return 1
  const { config, logger, audit, sandbox } = prepared
  const aifi = createAifi({ ...config.aifi, readOnly: config.readOnly, clock })
  const browser = systemBrowser({
    command: config.approval.browser,
    platform: io.platform,
    env: withoutSettings(io.env),
    clock,
  })
  const app = createApp(config, { aifi, audit, browser, clock, logger })
  logStart(config, logger)
  if ('isTTY' in io.stdin && io.stdin.isTTY) io.stderr.write(TERMINAL_HINT)
  const warnings = new Warnings(logger, clock)
  const transport = new StdioTransport(io.stdin, io.stdout, (reason) => warnings.warn(`left out ${reason}`))
  clock.after(WARM_MS, () => void aifi.warm())
  const handle = serveStdio(() => createServer(app.deps, (id) => transport.rawRequest(id)), {
    transport,
    onerror: (err) => warnings.warn('a message could not be handled', { err }),
  })
  if (!io.stop.aborted) await once(io.stop, 'abort')
  logger.info({ reason: io.stop.reason }, 'ending')
  transport.stopReading()
  await app.close(GRACE_MS)
  // The calls that waited for this have their results now: they are written before the connection closes.
  await setImmediate()
  await handle.close()
  await sandbox?.close()
  return 0
}

function withoutSettings(env: ProcessIo['env']): ProcessIo['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_NAME.test(name)))
}

function logStart({ aifi, approval, auditLog }: Config, logger: Logger): void {
  const facts = {
    version,
    address: aifi.baseUrl,
    sandbox: aifi.sandbox,
    approval: approval.mode,
    audit: auditLog !== undefined,
  }
  logger.info(facts, 'serving')
  if (approval.mode === 'dangerously-skip') {
    logger.warn('AIFI_APPROVAL=dangerously-skip: sensitive changes are made without asking anybody')
  }
}
