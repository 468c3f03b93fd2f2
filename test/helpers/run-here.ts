import { run } from '../../src/cli/command-line.ts'
import { plainEnv } from './plain-env.ts'
import { processWith } from './process-io.ts'

/** Runs the program to its end, as {@link runToEnd} does, in this process: what it says, not how its process behaves. */
export async function runHere(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const stop = new AbortController()
  const { io, out, err } = processWith({ args, env: { ...plainEnv, ...env }, stop: stop.signal })
  // The end of the input is for those who read it.
  io.stdin.once('resume', () => {
    io.stdin.push(null)
    stop.abort('end of input')
  })
  const code = await run(io)
  return { code, stdout: out(), stderr: err() }
}
