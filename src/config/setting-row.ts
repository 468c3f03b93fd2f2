import type { Kind } from './setting-kinds.ts'

/** One environment variable that the program reads. */
export interface Setting<Value = unknown> extends Kind<Value> {
  readonly name: string
  /** One short line. */
  readonly meaning: string
  /** What holds when it is not set, as text: a value in the setting's own form, or words. */
  readonly default: string
}

/** One row of a table of settings. */
export function row<Value>(name: string, meaning: string, kind: Kind<Value>, fallback: string): Setting<Value> {
  return { name, meaning, ...kind, default: fallback }
}
