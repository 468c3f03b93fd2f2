import { readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { type Config, type ConfigResult, readConfig } from '../config/config.ts'
import type { HttpConfig } from '../config/http.ts'
import { httpSettings, type Setting, setting, settings } from '../config/settings.ts'
import { othersCanRead } from '../config/settings-reader.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { Issuer } from '../team/issuer.ts'
import { aifiChecks } from './aifi-checks.ts'
import { certificatesFinding } from './certificate.ts'
import { type ClockReading, clockFinding } from './clock.ts'
import { type DoctorHost, present } from './doctor.ts'
import { issuerChecks } from './issuer-checks.ts'
import { auditFinding, settingRows, settingsFinding } from './local-checks.ts'
import { publicUrlFinding } from './public-url.ts'
import { type Check, httpChecks, ok } from './report.ts'
import { storeChecks } from './store-checks.ts'
import { tokenChecks } from './token-checks.ts'

/** The process, as far as it is examined, and what it is given to look at. */
export interface HttpDoctorHost extends DoctorHost {
  readonly stdin: Readable
  readonly stderr: Writable
  /** From here on the end of the input is not the end of the process. */
  readonly outliveInput?: () => void
}

export interface HttpDoctorOptions {
  /** For scripts: one JSON object instead of lines for people. */
  readonly json: boolean
  /** Sample tokens are on stdin. */
  readonly stdin: boolean
  /** A customer that exists, to be read. */
  readonly customerId: number | undefined
}

/** Several tokens with every claim that there is, in bytes. */
const SAMPLE_LIMIT = 256 * 1024
const IN_ENVIRONMENT =
  'Correct that where the environment of this server is set (compose.yaml, unit file, Deployment). Everything else is checked then.'
/** Without meaning over HTTP. */
const ON_DESKS: readonly Setting[] = [setting.approvalPort, setting.browser, setting.secretArguments]
const OF_HTTP = new Set(httpSettings.map(({ name }) => name))
const rowsOf = [...settings.filter((each) => !OF_HTTP.has(each.name) && !ON_DESKS.includes(each)), ...httpSettings]

/**
 * `doctor http`: checks what a team's server needs, hop by hop, and says what is wrong. It only reads; at the issuer it
 * tries a sign-in that shows nothing and a code that nobody was given. Exit code 1 on a problem.
 */
export async function httpDoctorCommand(
  host: HttpDoctorHost,
  { json, stdin, customerId }: HttpDoctorOptions,
  clock: Clock = systemClock,
): Promise<number> {
  const sample = stdin ? await readSample(host) : undefined
  const { env, platform } = host
  const result = readConfig(env, {
    http: true,
    readFile: (path) => readFileSync(path),
    othersCanRead: (path) => othersCanRead(path, platform),
  })
  const rows = settingRows(env, result, { settings: rowsOf, isSandbox: false })
  const checks = examine(host, result, { clock, customerId, sample })
  return present(host, checks, { json, rows, expected: httpChecks })
}

interface Examination {
  readonly clock: Clock
  readonly customerId: number | undefined
  readonly sample: string | undefined
}

async function* examine(
  { env, platform, nodeVersion, stop }: DoctorHost,
  result: ConfigResult,
  { clock, customerId, sample }: Examination,
): AsyncGenerator<Check> {
  yield { name: 'node', ...ok(`${nodeVersion} (20.18.1 or newer is needed)`) }
  yield { name: 'settings', ...settingsFinding(result, IN_ENVIRONMENT) }
  yield { name: 'certificates', ...certificatesFinding(env) }
  if (!result.ok || !result.config.http) return
  const { config } = result
  const { http } = result.config
  const { publicUrl } = http
  if (publicUrl !== undefined)
    yield { name: 'public_url', ...(await publicUrlFinding(publicUrl, { proxy: config.aifi.proxy, clock })) }
  const issuerClock = yield* identityChecks(config, http, { clock, sample })
  const storeClock = yield* storeChecks(http, clock)
  if (!http.storeUrl) yield { name: 'audit', ...(await auditFinding(config, platform)) }
  else if (storeClock) yield { name: 'audit', ...ok('in the database, in the transaction of what it is about') }
  const readings = [issuerClock, storeClock].filter((each) => each !== undefined)
  yield { name: 'clock', ...clockFinding(readings) }
  yield* aifiChecks(config.aifi, { clock, stop, customerId })
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
async function readSample({ stdin, stderr, outliveInput }: HttpDoctorHost): Promise<string> {
  outliveInput?.()
  if ('isTTY' in stdin && stdin.isTTY)
    stderr.write('Paste an access token and an ID token of an approver, then press Enter and Ctrl-D.\n')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > SAMPLE_LIMIT) break
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString()
}
