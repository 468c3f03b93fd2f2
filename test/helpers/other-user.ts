import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { onTestFinished } from 'vitest'

/** A user who exists on every Linux and owns nothing. */
const NOBODY = 65_534
const AS_NOBODY = { uid: NOBODY, gid: NOBODY, cwd: '/', env: {} }

/** Only root can become another user. */
export const canBecomeNobody = process.platform === 'linux' && process.getuid?.() === 0

let node = process.execPath

/**
 * Sees to it that the other user has a Node, for a whole file: this one may be in a folder that only root may enter.
 * Returns what undoes it.
 */
export function nodeForNobody(): () => void {
  const runs = () => spawnSync(node, ['--version'], AS_NOBODY).status === 0
  if (runs()) return () => undefined
  const folder = mkdtempSync(join(tmpdir(), 'node-for-all-'))
  chmodSync(folder, 0o755)
  copyFileSync(process.execPath, join(folder, 'node'))
  node = join(folder, 'node')
  chmodSync(node, 0o755)
  if (!runs()) throw new Error('Another user of this machine cannot run Node.')
  return () => rmSync(folder, { recursive: true, force: true })
}

/** A Node program of another user. Ends with the test. */
export function asNobody(source: string): ChildProcess {
  const child = spawn(node, ['-e', source], { ...AS_NOBODY, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** The same from its start to its end, while this process stands still. */
export function asNobodyMeanwhile(source: string): void {
  spawnSync(node, ['-e', source], { ...AS_NOBODY, stdio: 'ignore' })
}
