import { randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { createAifi } from '../../src/aifi/client.ts'
import { createApp } from '../../src/app.ts'
import { noAudit } from '../../src/audit/audit.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import type { HttpConfig } from '../../src/config/http.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { Warnings } from '../../src/lib/warnings.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { type Fetch, listen } from '../../src/team/http-server.ts'
import { openStore, type TeamStore } from '../../src/team/open-store.ts'
import { createTeam } from '../../src/team/team.ts'
import { type Gate, openGate } from './gate.ts'
import type { TestIssuer } from './issuer.ts'
import { TestClock } from './test-clock.ts'

export interface TeamHereOptions {
  /** Absent: as `http --sandbox`, with Sam and Alex. */
  readonly issuer?: TestIssuer
  /** With an issuer. */
  readonly publicUrl?: string
  readonly env?: Readonly<Record<string, string>>
  readonly replicas?: number
}

export interface TeamHere {
  /** The clock of all replicas. */
  readonly clock: TestClock
  /** Where each replica listens. */
  readonly vias: readonly string[]
  /** Of the sandbox. */
  readonly token: string
  /** The paths of the PATCH requests that reached the stand-in. */
  readonly patches: readonly string[]
  /** The way to AiFi. */
  readonly aifi: Gate
  /** All replicas are to end: their questions stay. */
  drain(): void
}

/** A team's server in this process, whose clock can be moved: replicas over one store in memory. Ends with the test. */
export async function startTeamHere(options: TeamHereOptions = {}): Promise<TeamHere> {
  const { issuer, publicUrl = 'https://team.example', env = {}, replicas = 1 } = options
  const clock = new TestClock()
  const patches: string[] = []
  const sandbox = await startSandbox({
    onRequest: ({ method, path }) => void (method === 'PATCH' && patches.push(path)),
  })
  onTestFinished(() => sandbox.close())
  const aifi = await openGate(sandbox.baseUrl)
  const oidc = issuer && {
    AIFI_BASE_URL: aifi.url,
    AIFI_TOKEN: sandbox.token,
    ...issuer.settings,
    AIFI_PUBLIC_URL: publicUrl,
    AIFI_SECRET_KEY: randomBytes(32).toString('base64'),
  }
  const read = readConfig(
    { AIFI_APPROVAL_WAIT_SECONDS: '0', ...oidc, ...env },
    {
      http: true,
      readFile: () => Buffer.from(''),
      ...(!issuer && { sandbox: { baseUrl: aifi.url, token: sandbox.token } }),
    },
  )
  if (!read.ok || !read.config.http) throw new Error(read.ok ? 'no settings of http' : read.problems.join('\n'))
  const { config } = read
  const logger = createLogger({ level: 'silent', write: () => undefined })
  const store = await openStore(read.config.http, { clock, logger, audit: noAudit, address: config.aifi.baseUrl })
  const draining = new AbortController()
  const parts = { config, http: read.config.http, clock, logger, store, draining: draining.signal }
  const started = await Promise.all(Array.from({ length: replicas }, () => startReplica(parts)))
  const [first] = started
  const drain = () => draining.abort()
  return { clock, vias: started.map(({ via }) => via), token: first?.token ?? '', patches, aifi, drain }
}

interface ReplicaParts {
  readonly config: Config
  readonly http: HttpConfig
  readonly clock: TestClock
  readonly logger: ReturnType<typeof createLogger>
  readonly store: TeamStore
  readonly draining: AbortSignal
}

async function startReplica({ config, http, clock, logger, store: { store, audit }, draining }: ReplicaParts) {
  let fetch: Fetch = () => new Response(null, { status: 503 })
  const server = await listen({ host: '127.0.0.1', port: 0 }, (request) => fetch(request), 'AIFI_LISTEN')
  const via = `http://${server.address}`
  const warnings = new Warnings(logger, clock)
  const ending = new AbortController().signal
  const outside = { proxy: config.aifi.proxy, clock, logger, warnings, ending, onMcp: () => undefined }
  const team = await createTeam({ ...outside, http, publicUrl: http.publicUrl ?? via })
  const aifi = createAifi({ ...config.aifi, readOnly: config.readOnly, clock })
  const browser = { unavailable: () => 'none', open: async () => false }
  const app = createApp(config, { aifi, audit, browser, clock, logger, store, draining, ...team })
  const serving = team.serve({ server: app.deps, changes: app.changes, deployment: app.deployment })
  fetch = serving.fetch
  onTestFinished(async () => {
    await serving.close()
    await server.close()
    await Promise.all([app.drain(), team.close()])
  })
  return { via, token: team.token }
}
