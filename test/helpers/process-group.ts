import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { onTestFinished, vi } from 'vitest'
import { plainEnv } from './plain-env.ts'

export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A script through pipes, as the leader of a process group of its own. */
export function startInGroup(file: string): { child: ChildProcess; ended: Promise<Run> } {
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    // Neither asks for colours where there is no terminal, nor can a setting of the developer reach the server.
    env: { ...plainEnv, FORCE_COLOR: '1', AIFI_APPROVAL: 'dangerously-skip' },
  })
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)]
  const ended = once(child, 'exit').then(async ([code]) => ({ code, stdout: await stdout, stderr: await stderr }))
  onTestFinished(() => {
    if (groupLives(child)) process.kill(-pidOf(child), 'SIGKILL')
  })
  return { child, ended }
}

/**
 * Waits until no process of the script is left: one that has been killed and has not been reaped yet is still listed.
 * Throws if one stays.
 */
export async function groupEnds(child: ChildProcess): Promise<void> {
  await vi.waitUntil(() => !groupLives(child), { timeout: 20_000 })
}

function groupLives(child: ChildProcess): boolean {
  try {
    process.kill(-pidOf(child), 0)
    return true
  } catch {
    return false
  }
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += String(chunk)
  return text
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the script did not start')
  return pid
}
