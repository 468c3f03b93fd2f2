import { targetOf } from '../aifi/exchange.ts'
import { createHttp } from '../aifi/http.ts'
import type { ProxySettings } from '../aifi/port.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import { METADATA_PATH } from '../team/edge.ts'
import { certificateProblem, lookAtCertificate } from './certificate.ts'
import { type Finding, ok, problem, skipped, warning } from './report.ts'

const TIMEOUT_MS = 5_000
const MISDIRECTED = 421
const GATEWAY_STATUSES = [502, 503, 504]

/** Whether callers and browsers reach this server at its public address, through whatever stands in front of it. */
export async function publicUrlFinding(
  publicUrl: string,
  { proxy, clock }: { readonly proxy: ProxySettings; readonly clock: Clock },
): Promise<Finding> {
  const { host, hostname } = new URL(publicUrl)
  const http = createHttp({ timeoutMs: TIMEOUT_MS, clock, proxy })
  const exchange = await http.exchange({ method: 'GET', ...targetOf(publicUrl + METADATA_PATH), headers: {} })
  await http.close()
  if (exchange.kind !== 'answered') {
    const shown = await lookAtCertificate(new URL(publicUrl), { proxy, clock })
    if (shown?.refusal) return certificateProblem(shown, hostname, clock.now())
    const why = exchange.detail.replace(/\.$/, '')
    return skipped(`${host} cannot be reached from here; it is not started yet, or only others can. ${why}`)
  }
  const { status } = exchange.http
  const { body } = exchange
  if (status === MISDIRECTED)
    return problem(
      `what is in front of this server hands on another Host than ${host}`,
      'Have the proxy pass Host on as it comes (nginx: proxy_set_header Host $http_host; a port in AIFI_PUBLIC_URL counts).',
    )
  if (GATEWAY_STATUSES.includes(status))
    return warning(
      `the proxy at ${host} reaches no server (HTTP ${status})`,
      'Start it, or have the proxy lead to AIFI_LISTEN. Read its log if it has been started.',
    )
  if (status === 200 && body.kind === 'json' && isJsonObject(body.value) && body.value.resource === `${publicUrl}/mcp`)
    return ok(`this server answers at ${publicUrl}`)
  return problem(
    `something else answers at ${publicUrl} (HTTP ${status})`,
    `Correct AIFI_PUBLIC_URL, or have ${host} lead to this server: all of its paths, /.well-known too.`,
  )
}
