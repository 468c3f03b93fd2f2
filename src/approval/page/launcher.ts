import { type ChildProcess, spawn } from 'node:child_process'
import open from 'open'

/** Starts what opens an address. Loaded when the first page is opened. */

/** The system's default browser. */
export function openDefaultBrowser(address: string): Promise<ChildProcess> {
  return open(address, { wait: false })
}

/** A program that gets the address as its only argument. */
export function openWith(command: string, address: string, env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(command, [address], { stdio: 'ignore', detached: true, env })
}
