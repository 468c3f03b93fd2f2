import type { Config } from '../config/config.ts'
import { errorFacts } from './error-facts.ts'

/** The process's own log: what happened, never a value of a record, an argument or an answer. */
export type Logger = Readonly<Record<Level, Log>>

export interface Log {
  (message: string): void
  (fields: object, message: string): void
}

export interface LoggerOptions {
  level: Config['logLevel']
  /** Takes one line with its line break. */
  write(line: string): void
}

/** The numbers by which tools that read such logs know the levels. */
const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const
type Level = keyof typeof LEVELS

/**
 * A logger of JSON lines, in the form that pino made common. An error shows its name, code and place in the code but not
 * its message, which may quote what somebody else said.
 */
export function createLogger({ level, write }: LoggerOptions): Logger {
  const least = level === 'silent' ? Number.POSITIVE_INFINITY : LEVELS[level]
  const log = (level: Level): Log => {
    return (...said: [string] | [object, string]) => {
      if (LEVELS[level] < least) return
      const [fields, msg] = said.length === 1 ? [{}, said[0]] : said
      const line = { level: LEVELS[level], time: new Date().toISOString(), ...fields, msg }
      write(`${JSON.stringify(line, withoutMessages)}\n`)
    }
  }
  return {
    trace: log('trace'),
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    fatal: log('fatal'),
  }
}

function withoutMessages(key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return key === 'err' ? typeof value : value
  const cause = value.cause instanceof Error ? errorFacts(value.cause) : undefined
  return { ...errorFacts(value), cause }
}
