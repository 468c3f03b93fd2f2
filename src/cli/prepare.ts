import { type ImmediateAudit, noAudit, openAudit } from '../audit/audit.ts'
import { type Config, type ConfigOptions, readConfigOf } from '../config/config.ts'
import { systemClock as clock } from '../lib/clock.ts'
import { createLogger, type Logger } from '../lib/logger.ts'
import type { ProcessIo } from '../lib/process-io.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'

export interface ServeOptions {
  /** Against the embedded stand-in instead of AiFi. */
  readonly sandbox: boolean
  /** Whether the stand-in answers `GET /customers/{id}`. */
  readonly getById: boolean
}

/** What both ways of serving begin with. */
export interface Prepared {
  readonly config: Config
  readonly logger: Logger
  readonly audit: ImmediateAudit
  /** Running, if it was asked for; whoever serves closes it. */
  readonly sandbox: Sandbox | undefined
}

/** @param http for the command `http`. Undefined when it cannot start, which is on stderr then. */
export async function prepare(
  io: ProcessIo,
  { sandbox: isSandbox, getById }: ServeOptions,
  { http }: { readonly http: boolean },
): Promise<Prepared | undefined> {
  // What is wrong is said before anything listens.
  const checked = checkSettings(io, { sandbox: isSandbox, http })
  if (!checked) return undefined
  const sandbox = isSandbox ? await (await import('../sandbox/sandbox.ts')).startSandbox({ getById }) : undefined
  const config = sandbox ? checkSettings(io, { sandbox, http }) : checked
  const logger = createLogger({ level: checked.logLevel, write: (line) => writeLog(io, line) })
  const audit = config && openConfiguredAudit(config, io, logger)
  if (audit) return { config, logger, audit, sandbox }
  await sandbox?.close()
  return undefined
}

/** The settings; undefined when something is wrong with them, which is on stderr then. */
function checkSettings(io: ProcessIo, options: Pick<ConfigOptions, 'sandbox' | 'http'>): Config | undefined {
  const result = readConfigOf(io, options)
  if (result.ok) {
    for (const warning of options.sandbox === true ? [] : result.warnings)
      io.stderr.write(`aifi-customer-mcp: ${warning}\n`)
    return result.config
  }
  cannotStart(io, result.problems)
  return undefined
}

/** Says why on stderr; returns the exit code. */
export function cannotStart({ stderr }: ProcessIo, problems: readonly string[]): number {
  stderr.write(`aifi-customer-mcp cannot start:\n${problems.map((problem) => `  - ${problem}\n`).join('')}`)
  return 1
}

/** The audit file of the settings; undefined when it cannot be opened, which is on stderr then. */
function openConfiguredAudit({ auditLog }: Config, io: ProcessIo, logger: Logger): ImmediateAudit | undefined {
  try {
    return auditLog === undefined ? noAudit : openAudit(auditLog, { clock, logger })
  } catch (error) {
    cannotStart(io, [`AIFI_AUDIT_LOG: ${error instanceof Error ? error.message : ''}`])
    return undefined
  }
}

/** Of log that nobody reads, this much is kept, bytes; the rest is lost. */
const UNREAD_LOG_LIMIT = 1024 * 1024

function writeLog({ stderr }: ProcessIo, line: string): void {
  if (stderr.writableLength < UNREAD_LOG_LIMIT) stderr.write(line)
}
