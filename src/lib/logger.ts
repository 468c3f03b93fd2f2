import { type LevelWithSilent, pino, stdTimeFunctions } from 'pino'
import { errorFacts } from './error-facts.ts'

/** The process's own log: what happened, never a value of a record, an argument or an answer. */
export type Logger = Readonly<Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', Log>>

export interface Log {
  (message: string): void
  /** The message is not optional: without one, pino would take that of an error in the fields. */
  (fields: object, message: string): void
}

interface LoggerOptions {
  level: LevelWithSilent
  /** Takes one line with its line break. */
  write(line: string): void
}

/**
 * A logger of JSON lines. An error under `err` shows its name, code and place in the code but not its message, which
 * may quote what somebody else said.
 */
export function createLogger({ level, write }: LoggerOptions): Logger {
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, serializers: { err: errorAndCause } },
    { write },
  )
}

function errorAndCause(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error
  const cause = error.cause instanceof Error ? errorFacts(error.cause) : undefined
  return { ...errorFacts(error), cause }
}
