import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { createAifi } from '../aifi/client.ts'
import { createApp } from '../app.ts'
import { systemBrowser } from '../approval/page/browser.ts'
import { type ImmediateAudit, noAudit, openAudit } from '../audit/audit.ts'
import { type Config, readConfig } from '../config/config.ts'
import { OWN_NAME } from '../config/setting-name.ts'
import { othersCanRead } from '../config/settings-reader.ts'
import { systemClock as clock } from '../lib/clock.ts'
import { createLogger, type Logger } from '../lib/logger.ts'
import { version } from '../lib/version.ts'
import { Warnings } from '../lib/warnings.ts'
import { createServer } from '../mcp/server.ts'
import { StdioTransport } from '../mcp/stdio.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { ProcessIo } from './process-io.ts'

/** What has been sent when the end comes may still bring its answer within this long, milliseconds. */
const GRACE_MS = 600
/** What the first call needs is loaded this long after the start, while nobody waits, milliseconds. */
const WARM_MS = 1_000
/** Of log that nobody reads, this much is kept, bytes; the rest is lost. */
const UNREAD_LOG_LIMIT = 1024 * 1024

/** For somebody who starts it by hand and sees nothing happen. */
const TERMINAL_HINT =
  'aifi-customer-mcp: waiting for an MCP host on stdin. To see what it can do, try --help, or doctor. Ctrl-C ends it.\n'

export interface ServeOptions {
  /** Against the embedded stand-in instead of AiFi. */
  readonly sandbox: boolean
  /** Whether the stand-in answers `GET /customers/{id}`. */
  readonly getById: boolean
}

/** Serves MCP on stdin and stdout until the process is asked to end or the input has ended; resolves with the exit code. */
export async function serve(io: ProcessIo, options: ServeOptions): Promise<number> {
  const checked = checkSettings(io, options.sandbox)
  if (!checked) return 1
  const sandbox = options.sandbox ? await startEmbedded(options) : undefined
  const config = sandbox ? checkSettings(io, sandbox) : checked
  if (!config) return 1
  const logger = createLogger({ level: config.logLevel, write: (line) => writeLog(io, line) })
  const audit = openConfiguredAudit(config, io, logger)
  if (!audit) return 1
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
  const handle = serveStdio(() => createServer(app.deps), {
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

/** The settings; undefined when something is wrong with them, which is on stderr then. */
function checkSettings({ env, stderr, platform }: ProcessIo, sandbox: Sandbox | boolean): Config | undefined {
  const result = readConfig(env, {
    sandbox,
    readFile: (path) => readFileSync(path),
    othersCanRead: (path) => othersCanRead(path, platform),
  })
  if (result.ok) {
    for (const warning of sandbox === true ? [] : result.warnings) stderr.write(`aifi-customer-mcp: ${warning}\n`)
    return result.config
  }
  const problems = result.problems.map((problem) => `  - ${problem}\n`).join('')
  stderr.write(`aifi-customer-mcp cannot start:\n${problems}`)
  return undefined
}

async function startEmbedded({ getById }: ServeOptions): Promise<Sandbox> {
  const { startSandbox } = await import('../sandbox/sandbox.ts')
  return startSandbox({ getById })
}

function openConfiguredAudit({ auditLog }: Config, { stderr }: ProcessIo, logger: Logger): ImmediateAudit | undefined {
  try {
    return auditLog === undefined ? noAudit : openAudit(auditLog, { clock, logger })
  } catch (error) {
    const reason = error instanceof Error ? error.message : ''
    stderr.write(`aifi-customer-mcp cannot start:\n  - AIFI_AUDIT_LOG: ${reason}\n`)
    return undefined
  }
}

function writeLog({ stderr }: ProcessIo, line: string): void {
  if (stderr.writableLength < UNREAD_LOG_LIMIT) stderr.write(line)
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
