import type { Clock } from '../lib/clock.ts'

/** Between two looks at the parent, milliseconds. */
const LOOK_MS = 2_000
/** Input that is silent for this long after the parent has gone comes from nobody, milliseconds. */
const SILENCE_MS = 60_000
/** The parent of what has lost its own, or of a container's only process. */
const INIT = 1

/** The process, as far as its parent is concerned. */
export interface Orphan {
  readonly parentId: () => number
  /** Bytes that have come in on stdin so far. */
  readonly bytesRead: () => number
  readonly clock: Clock
}

/**
 * Calls `abandoned` once when the process that started this one has gone and nothing has come in for a minute since. The
 * end of the input alone does not tell: another process may have inherited the other end of the pipe. Whoever still
 * sends something is the host, and what has gone was a launcher that had done its work. For POSIX: elsewhere a process
 * keeps the number of its parent.
 */
export function watchParent({ parentId, bytesRead, clock }: Orphan, abandoned: () => void): void {
  const parent = parentId()
  if (parent === INIT) return
  let gone: { readonly since: number; readonly bytes: number } | undefined
  const look = () => {
    const now = clock.monotonic()
    if (parentId() !== parent) gone ??= { since: now, bytes: bytesRead() }
    if (gone && bytesRead() !== gone.bytes) return
    if (gone && now - gone.since >= SILENCE_MS) abandoned()
    else clock.after(LOOK_MS, look)
  }
  clock.after(LOOK_MS, look)
}
