import type { Readable, Writable } from 'node:stream'

/** What begins like this in an environment is meant for this program alone: any case, and the dash that some hosts allow. */
export const OWN_NAME = /^AIFI[_-]/i

export type Environment = Readonly<Record<string, string | undefined>>

/** The process as the program sees it; `index.ts` is the only place that has the real one. */
export interface ProcessIo {
  /** Without the program's own name. */
  readonly args: readonly string[]
  /** How this process was started: Node, and the file that it runs. */
  readonly program: { readonly command: string; readonly file: string }
  /** As it was at the start, our settings included. */
  readonly env: Environment
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly platform: NodeJS.Platform
  /** `20.18.1` */
  readonly nodeVersion: string
  /**
   * Aborted, with a word on why, when the process is asked to end or nobody can talk to it any more: a signal, the end of
   * its input (if that is read), a closed output. The process is gone within a second of it, or {@link endWithin}.
   */
  readonly stop: AbortSignal
  /** From here on the end of the input is not the end of the process: the input is data, and not whoever is served. */
  readonly outliveInput?: () => void
  /** Gives the end so many milliseconds in place of one second. */
  readonly endWithin?: (ms: number) => void
}
