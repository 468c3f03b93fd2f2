import { once } from 'node:events'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { ProcessIo } from './process-io.ts'

export interface SandboxCommand {
  /** 0 or absent: a free one. */
  port?: number | undefined
  getById?: boolean | undefined
  stdout: { write(text: string): unknown }
}

/**
 * Starts a sandbox and prints the settings that lead to it, one a line, ready for a shell or an env file as they stand.
 * The other way in stands in comments: the two together stop the start.
 */
export async function runSandboxCommand({ port, getById, stdout }: SandboxCommand): Promise<Sandbox> {
  const { startSandbox } = await import('../sandbox/sandbox.ts')
  const sandbox = await startSandbox({ port, getById })
  stdout.write(
    [
      `AIFI_BASE_URL=${sandbox.baseUrl}`,
      `AIFI_TOKEN=${sandbox.token}`,
      '# Or, in place of the token:',
      `# AIFI_CLIENT_ID=${sandbox.clientId}`,
      `# AIFI_CLIENT_SECRET=${sandbox.clientSecret}`,
      `# AIFI_TOKEN_URL=${sandbox.tokenUrl}`,
      '',
    ].join('\n'),
  )
  return sandbox
}

/** `sandbox [--port N]`: serves until the process is asked to end. */
export async function sandboxCommand(
  { stdout, stderr, stop }: ProcessIo,
  { port, getById }: { port: number; getById: boolean },
): Promise<number> {
  try {
    const sandbox = await runSandboxCommand({ port, getById, stdout })
    if (!stop.aborted) await once(stop, 'abort')
    await sandbox.close()
    return 0
  } catch (error) {
    stderr.write(`aifi-customer-mcp: ${error instanceof Error ? error.message : 'the sandbox could not be started'}\n`)
    return 1
  }
}
