import { PassThrough } from 'node:stream'
import type { Environment, ProcessIo } from '../../src/lib/process-io.ts'
import { builtFile } from './process.ts'

export interface Started {
  readonly args: readonly string[]
  readonly env?: Environment
  /** All that comes on stdin; without it, stdin stays open. */
  readonly input?: string
  readonly stop?: AbortSignal
}

/** What the program sees of a process, for a command that runs in this one; and what it has written so far. */
export function processWith({ args, env = {}, input, stop = new AbortController().signal }: Started) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  if (input !== undefined) stdin.end(input)
  const program = { command: process.execPath, file: builtFile }
  const nodeVersion = process.versions.node
  const io: ProcessIo = { args, program, env, stdin, stdout, stderr, platform: 'linux', nodeVersion, stop }
  return { io, out: () => written(stdout), err: () => written(stderr) }
}

/** All of it: newer versions of Node give out what is waiting piece by piece. */
function written(stream: PassThrough): string {
  const pieces: string[] = []
  for (let piece = stream.read(); piece !== null; piece = stream.read()) pieces.push(String(piece))
  return pieces.join('')
}
