import { once } from 'node:events'
import type { ProcessIo } from '../lib/process-io.ts'

/**
 * `sandbox [--port N]`: prints the settings that lead to a sandbox, one a line, ready for a shell or an env file as they
 * stand, and serves until the process is asked to end. The other way in stands in comments: the two together stop the
 * start.
 */
export async function sandboxCommand(
  { stdout, stderr, stop }: Pick<ProcessIo, 'stdout' | 'stderr' | 'stop'>,
  options: { readonly port: number; readonly getById: boolean },
): Promise<number> {
  try {
    const { startSandbox } = await import('../sandbox/sandbox.ts')
    const sandbox = await startSandbox(options)
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
    if (!stop.aborted) await once(stop, 'abort')
    await sandbox.close()
    return 0
  } catch (error) {
    stderr.write(`aifi-customer-mcp: ${error instanceof Error ? error.message : 'the sandbox could not be started'}\n`)
    return 1
  }
}
