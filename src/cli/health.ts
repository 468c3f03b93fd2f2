import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { httpSetting } from '../config/settings.ts'
import { SettingsReader } from '../config/settings-reader.ts'
import type { ProcessIo } from '../lib/process-io.ts'

/** Milliseconds. */
const TIMEOUT_MS = 4_000

/** `health`: exit code 0 when the `http` on this machine says that it is ready. */
export async function healthCommand({ env, stdout, stderr }: ProcessIo): Promise<number> {
  const { host, port } = new SettingsReader(env).value(httpSetting.opsListen)
  // An address that stands for all of this machine's is none that one can ask.
  const target = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const request = get({ host: target, port, path: '/readyz', signal: AbortSignal.timeout(TIMEOUT_MS) })
  const [response]: (IncomingMessage | undefined)[] = await once(request, 'response').catch(() => [])
  response?.resume()
  if (response?.statusCode === 200) {
    stdout.write('ready\n')
    return 0
  }
  stderr.write(`aifi-customer-mcp: not ready (${response ? `HTTP ${response.statusCode}` : 'no answer'}).\n`)
  return 1
}
