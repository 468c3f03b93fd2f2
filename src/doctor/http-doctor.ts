import { text } from 'node:stream/consumers'
import { targetOf } from '../aifi/exchange.ts'
import { createHttp } from '../aifi/http.ts'
import { type Config, type ConfigResult, readConfigOf } from '../config/config.ts'
import type { HttpConfig } from '../config/http.ts'
import { httpSettings, settings, stdioOnly } from '../config/settings.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { isJsonObject } from '../lib/json.ts'
import type { ProcessIo } from '../lib/process-io.ts'
import { METADATA_PATH } from '../team/edge.ts'
import { Issuer } from '../team/issuer.ts'
import { aifiChecks } from './aifi-checks.ts'
import { lookAtCertificate, type Way } from './certificate.ts'
import { type ClockReading, clockFinding } from './clock.ts'
import { present, processChecks } from './doctor.ts'
import { issuerChecks } from './issuer-checks.ts'
import { auditFinding, settingRows } from './local-checks.ts'
import { type Check, type Finding, fragment, httpChecks, ok, problem, skipped, warning } from './report.ts'
import { storeChecks } from './store-checks.ts'
import { tokenChecks } from './token-checks.ts'

export interface HttpDoctorOptions {
  /** For scripts: one JSON object instead of lines for people. */
  readonly json: boolean
  /** Sample tokens are on stdin. */
  readonly stdin: boolean
  /** A customer that exists, to be read. */
  readonly customerId: number | undefined
}

const IN_ENVIRONMENT =
  'Correct that where the environment of this server is set (compose.yaml, unit file, Deployment). Everything else is checked then.'
const OF_HTTP = new Set(httpSettings.map(({ name }) => name))
const listed = [...settings.filter((each) => !OF_HTTP.has(each.name) && !stdioOnly.includes(each)), ...httpSettings]

/**
 * `doctor http`: checks what a team's server needs, hop by hop, and says what is wrong. It only reads; at the issuer it
 * tries a sign-in that shows nothing and a code that nobody was given. Exit code 1 on a problem.
 */
export async function httpDoctorCommand(
  io: ProcessIo,
  { json, stdin, customerId }: HttpDoctorOptions,
  clock: Clock = systemClock,
): Promise<number> {
  const sample = stdin ? await readSample(io) : undefined
  const result = readConfigOf(io, { http: true })
  const rows = settingRows(io.env, result, { listed, isSandbox: false })
  const checks = examine(io, result, { clock, customerId, sample })
  return present(io, checks, { json, rows, expected: httpChecks })
}

interface Examination {
  readonly clock: Clock
  readonly customerId: number | undefined
  readonly sample: string | undefined
}

async function* examine(
  io: ProcessIo,
  result: ConfigResult,
  { clock, customerId, sample }: Examination,
): AsyncGenerator<Check> {
  yield* processChecks(io, result, IN_ENVIRONMENT)
  if (!result.ok || !result.config.http) return
  const { config } = result
  const { http } = result.config
  const { publicUrl } = http
  if (publicUrl !== undefined)
    yield { name: 'public_url', ...(await publicUrlFinding(publicUrl, { proxy: config.aifi.proxy, clock })) }
  const issuerClock = yield* identityChecks(config, http, { clock, sample })
  const storeClock = yield* storeChecks(http, clock)
  if (!http.storeUrl) yield { name: 'audit', ...(await auditFinding(config, io.platform)) }
  else if (storeClock) yield { name: 'audit', ...ok('in the database, in the transaction of what it is about') }
  const readings = [issuerClock, storeClock].filter((each) => each !== undefined)
  yield { name: 'clock', ...clockFinding(readings) }
  yield* aifiChecks(config.aifi, { clock, stop: io.stop, customerId })
}

/** Of the issuer, and of tokens that it gave out. */
async function* identityChecks(
  { aifi: { proxy } }: Config,
  { oidc, publicUrl, fourEyes }: HttpConfig,
  { clock, sample }: Pick<Examination, 'clock' | 'sample'>,
): AsyncGenerator<Check, ClockReading | undefined> {
  if (!oidc || publicUrl === undefined) return undefined
  const issuer = new Issuer(oidc.issuer, { clock, proxy })
  try {
    const seen = yield* issuerChecks({ issuer, oidc, publicUrl, proxy, clock })
    if (seen.server) {
      const { issuer: issuerName } = seen.server
      yield* tokenChecks({ issuer, issuerName, oidc, fourEyes, sample, now: clock.now() })
    }
    return seen.clock
  } finally {
    await issuer.close()
  }
}

/** What is on stdin, which is never repeated. */
async function readSample({ stdin, stderr, outliveInput }: ProcessIo): Promise<string> {
  outliveInput?.()
  if ('isTTY' in stdin && stdin.isTTY)
    stderr.write('Paste an access token and an ID token of an approver, then press Enter and Ctrl-D.\n')
  return text(stdin)
}

const TIMEOUT_MS = 5_000
const MISDIRECTED = 421
const GATEWAY_STATUSES = [502, 503, 504]

/** Whether callers and browsers reach this server at its public address, through whatever stands in front of it. */
export async function publicUrlFinding(publicUrl: string, way: Way): Promise<Finding> {
  const { host } = new URL(publicUrl)
  const http = createHttp({ timeoutMs: TIMEOUT_MS, ...way })
  const exchange = await http.exchange({ method: 'GET', ...targetOf(publicUrl + METADATA_PATH), headers: {} })
  await http.close()
  if (exchange.kind !== 'answered') {
    const shown = await lookAtCertificate(new URL(publicUrl), way)
    if (shown?.refused) return shown.refused
    const why = fragment(exchange.detail)
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
