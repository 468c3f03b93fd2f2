import { get } from 'node:http'
import { httpSetting } from '../config/settings.ts'
import { SettingsReader } from '../config/settings-reader.ts'
import type { ProcessIo } from './process-io.ts'

/** Milliseconds. */
const TIMEOUT_MS = 4_000

/** `health`: exit code 0 when the `http` on this machine says that it is ready. */
export async function healthCommand({ env, stdout, stderr }: ProcessIo): Promise<number> {
  const reader = new SettingsReader(env, () => Buffer.alloc(0))
  const { host, port } = reader.value(httpSetting.opsListen)
  // An address that stands for all of this machine's is none that one can ask.
  const target = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const status = await statusOf(target, port)
  if (status === 200) {
    stdout.write('ready\n')
    return 0
  }
  stderr.write(`aifi-customer-mcp: not ready (${status === undefined ? 'no answer' : `HTTP ${status}`}).\n`)
  return 1
}

function statusOf(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/readyz', timeout: TIMEOUT_MS }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(undefined))
  })
}
