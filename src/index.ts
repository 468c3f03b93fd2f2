#!/usr/bin/env node
import process from 'node:process'

/** The oldest Node that the bundled undici runs on. */
const OLDEST = [20, 18, 1] as const

// The only file that touches the process. It loads nothing else before the version is known to do.
const [major = 0, minor = 0, patch = 0] = process.versions.node.split('.').map(Number)
const isTooOld =
  major < OLDEST[0] || (major === OLDEST[0] && (minor < OLDEST[1] || (minor === OLDEST[1] && patch < OLDEST[2])))
if (isTooOld) {
  process.stderr.write(
    `aifi-customer-mcp needs Node.js ${OLDEST.join('.')} or newer; this is ${process.versions.node}.\n`,
  )
  process.exitCode = 1
} else {
  const { run } = await import('./command-line.ts')
  const env = { ...process.env }
  // From here on no child process and no dump of the environment can hold a secret of ours.
  for (const name of Object.keys(process.env)) if (name.startsWith('AIFI_')) delete process.env[name]
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(0)
      stop.abort()
    })
  }
  const { argv, stdin, stdout, stderr, platform } = process
  const code = await run({ args: argv.slice(2), env, stdin, stdout, stderr, platform, stop: stop.signal })
  // What was written to a pipe may still be on its way, and a stdin that nobody closed keeps the process alive.
  stdout.write('', () => process.exit(code))
}
