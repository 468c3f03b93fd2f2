import { PassThrough } from 'node:stream'
import { run } from '../../src/cli/command-line.ts'
import { plainEnv } from './plain-env.ts'
import { builtFile } from './process.ts'

/** Runs the program to its end, as {@link runToEnd} does, in this process: what it says, not how its process behaves. */
export async function runHere(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const stop = new AbortController()
  // The end of the input is for those who read it.
  stdin.once('resume', () => stdin.end(() => stop.abort('end of input')))
  const program = { command: process.execPath, file: builtFile }
  const system = { platform: process.platform, nodeVersion: process.versions.node, env: { ...plainEnv, ...env } }
  const code = await run({ args, program, stdin, stdout, stderr, ...system, stop: stop.signal })
  return { code, stdout: written(stdout), stderr: written(stderr) }
}

/** Everything in the stream: newer versions of Node read a chunk at a time. */
function written(stream: PassThrough): string {
  const chunks: unknown[] = []
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) chunks.push(chunk)
  return chunks.map(String).join('')
}
