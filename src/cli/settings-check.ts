import { type ImmediateAudit, noAudit, openAudit } from '../audit/audit.ts'
import { type Config, type ConfigOptions, readConfigOf } from '../config/config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { ProcessIo } from '../lib/process-io.ts'

/** The settings; undefined when something is wrong with them, which is on stderr then. */
export function checkSettings(io: ProcessIo, options: Pick<ConfigOptions, 'sandbox' | 'http'>): Config | undefined {
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
export function openConfiguredAudit(
  { auditLog }: Config,
  io: ProcessIo,
  { clock, logger }: { clock: Clock; logger: Logger },
): ImmediateAudit | undefined {
  try {
    return auditLog === undefined ? noAudit : openAudit(auditLog, { clock, logger })
  } catch (error) {
    cannotStart(io, [`AIFI_AUDIT_LOG: ${error instanceof Error ? error.message : ''}`])
    return undefined
  }
}

/** Of log that nobody reads, this much is kept, bytes; the rest is lost. */
const UNREAD_LOG_LIMIT = 1024 * 1024

export function writeLog({ stderr }: ProcessIo, line: string): void {
  if (stderr.writableLength < UNREAD_LOG_LIMIT) stderr.write(line)
}
