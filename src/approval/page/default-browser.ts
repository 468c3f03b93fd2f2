import type { ChildProcess } from 'node:child_process'
import open from 'open'

/** Starts the launcher of the system's default browser. Loaded when the first page is opened. */
export function openDefaultBrowser(address: string): Promise<ChildProcess> {
  return open(address, { wait: false })
}
