import type { Log, Logger } from './logger.ts'

/**
 * A logger that is loaded when there is time: it brings pino, which starting and listing tools do without. What is said
 * before is held, and written, with the time of the writing, once it is loaded. Problems have it loaded at once.
 */
export function deferredLogger(load: () => Promise<Logger>): Logger & { warm(): Promise<unknown> } {
  let logger: Logger | undefined
  let loading: Promise<unknown> | undefined
  const held: ((logger: Logger) => void)[] = []
  const warm = () => {
    loading ??= load().then((loaded) => {
      for (const write of held.splice(0)) write(loaded)
      logger = loaded
    })
    return loading
  }
  const log = (level: keyof Logger, urgent = false): Log => {
    return (...said: [string] | [object, string]) => {
      const write = (to: Logger) => (said.length === 1 ? to[level](said[0]) : to[level](said[0], said[1]))
      if (logger) return write(logger)
      held.push(write)
      if (urgent) void warm()
    }
  }
  return {
    trace: log('trace'),
    debug: log('debug'),
    info: log('info'),
    warn: log('warn', true),
    error: log('error', true),
    fatal: log('fatal', true),
    /** Loads it, and writes what was held. */
    warm,
  }
}
