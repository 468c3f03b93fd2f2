import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { createAifi } from './aifi/client.ts'
import { createApp } from './app.ts'
import { systemBrowser } from './approval/page/browser.ts'
import { type Audit, noAudit, openAudit } from './audit/audit.ts'
import { systemClock as clock } from './clock.ts'
import { type Config, readConfig } from './config/config.ts'
import { customerFields } from './customer.ts'
import type { Host } from './host.ts'
import { createLogger, type Logger } from './logger.ts'
import type { Sandbox } from './sandbox/sandbox.ts'
import { createServer } from './server.ts'
import { version } from './version.ts'

/** What has been sent when the input ends may still bring its answer within this long, milliseconds. */
const GRACE_MS = 600

export interface ServeOptions {
  /** Against the embedded stand-in instead of AiFi. */
  readonly sandbox: boolean
  /** Whether the stand-in answers `GET /customers/{id}`. */
  readonly getById: boolean
}

/** Serves MCP on stdin and stdout until the input ends or the process is asked to end; resolves with the exit code. */
export async function serve(host: Host, options: ServeOptions): Promise<number> {
  const checked = checkSettings(host, options.sandbox)
  if (!checked) return 1
  const sandbox = options.sandbox ? await startEmbedded(options) : undefined
  const config = sandbox ? checkSettings(host, sandbox) : checked
  const audit = config && openConfiguredAudit(config, host)
  if (!config || !audit) return 1
  const logger = createLogger({ level: config.logLevel, write: (line) => host.stderr.write(line) })
  const aifi = createAifi({ ...config.aifi, clock })
  const browser = systemBrowser({
    command: config.approval.browser,
    platform: host.platform,
    env: withoutSettings(host.env),
    clock,
  })
  const app = createApp(config, { aifi, audit, browser, clock, logger })
  logStart(config, logger)
  const transport = new StdioServerTransport(host.stdin, host.stdout)
  const handle = serveStdio(() => createServer(app.deps), {
    transport,
    onerror: (err) => logger.warn({ err }, 'a message could not be handled'),
  })
  await inputEnded(host)
  await Promise.all([handle.close(), app.close(GRACE_MS)])
  await sandbox?.close()
  return 0
}

/** The settings; undefined when something is wrong with them, which is on stderr then. */
function checkSettings({ env, stderr }: Host, sandbox: Sandbox | boolean): Config | undefined {
  const result = readConfig(env, { sandbox, fieldNames: customerFields, readFile: (path) => readFileSync(path) })
  if (result.ok) {
    for (const warning of sandbox === true ? [] : result.warnings) stderr.write(`aifi-customer-mcp: ${warning}\n`)
    return result.config
  }
  const problems = result.problems.map((problem) => `  - ${problem}\n`).join('')
  stderr.write(`aifi-customer-mcp cannot start:\n${problems}`)
  return undefined
}

async function startEmbedded({ getById }: ServeOptions): Promise<Sandbox> {
  const { startSandbox } = await import('./sandbox/sandbox.ts')
  return startSandbox({ getById })
}

function openConfiguredAudit({ auditLog }: Config, { stderr }: Host): Audit | undefined {
  try {
    return auditLog === undefined ? noAudit : openAudit(auditLog, { clock })
  } catch (error) {
    const reason = error instanceof Error ? error.message : ''
    stderr.write(`aifi-customer-mcp cannot start:\n  - AIFI_AUDIT_LOG: ${reason}\n`)
    return undefined
  }
}

function withoutSettings(env: Host['env']): Host['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AIFI_')))
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

/** Resolves when nobody can talk to us any more: the input or the output has ended, or the process is to end. */
async function inputEnded({ stdin, stdout, stop }: Host): Promise<void> {
  if (stop.aborted || stdin.readableEnded || stdin.destroyed) return
  const listening = new AbortController()
  const { signal } = listening
  const never = new Promise<never>(() => undefined)
  const event = (emitter: NodeJS.EventEmitter, name: string) => once(emitter, name, { signal }).catch(() => never)
  await Promise.race([
    event(stdin, 'end'),
    event(stdin, 'close'),
    event(stdin, 'error'),
    event(stdout, 'error'),
    event(stdout, 'close'),
    once(stop, 'abort', { signal }).catch(() => never),
  ])
  listening.abort()
}
