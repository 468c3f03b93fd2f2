import { once } from 'node:events'
import { createAifi } from '../aifi/client.ts'
import { type App, createApp } from '../app.ts'
import type { Browser } from '../approval/page/browser.ts'
import type { HttpConfig } from '../config/http.ts'
import { systemClock as clock, sleep } from '../lib/clock.ts'
import type { ProcessIo } from '../lib/process-io.ts'
import { version } from '../lib/version.ts'
import { Warnings } from '../lib/warnings.ts'
import { type Fetch, listen } from '../team/http-server.ts'
import { openStore } from '../team/open-store.ts'
import { createOperations, Metrics } from '../team/operations.ts'
import { createTeam } from '../team/team.ts'
import { cannotStart, type Prepared, prepare, type ServeOptions } from './prepare.ts'

/** What is under way at the end has this long, milliseconds; Kubernetes kills after 30 s where nothing else is set. */
const END_MS = 25_000
/** Of these, calls are still taken while whatever distributes them learns that this replica is not ready, milliseconds. */
const NOTICE_MS = 5_000
/** What is left then is cut, and has this long for its last words, milliseconds. */
const CUT_MS = 1_000

/** Nobody sits in front of this machine. */
const noBrowser: Browser = { unavailable: () => 'This server opens no browser.', open: async () => false }

/**
 * Serves a team over HTTP until the process is asked to end; resolves with the exit code. With the sandbox it is for this
 * machine alone, and for two people who need no password.
 */
export async function serveHttp(io: ProcessIo, options: ServeOptions): Promise<number> {
  const prepared = await prepare(io, options, { http: true })
  if (!prepared?.config.http) return 1
  io.endWithin?.(END_MS + CUT_MS)
  const { sandbox } = prepared
  try {
    const running = await start(io, prepared, prepared.config.http)
    if (!io.stop.aborted) await once(io.stop, 'abort')
    prepared.logger.info({ reason: io.stop.reason }, 'ending')
    await running.end()
  } catch (error) {
    return cannotStart(io, [error instanceof Error ? error.message : 'unknown'])
  } finally {
    await sandbox?.close()
  }
  return 0
}

async function start(
  io: ProcessIo,
  { config, audit: auditFile, logger }: Prepared,
  http: HttpConfig,
): Promise<{ end(): Promise<void> }> {
  const aifi = createAifi({ ...config.aifi, readOnly: config.readOnly, clock })
  const { address } = aifi
  const opened = await openStore(http, { clock, logger, audit: auditFile, address })
  const { store, audit, endsWithProcess } = opened
  const draining = new AbortController()
  const ending = new AbortController()
  const metrics = new Metrics(() => app.changes.countWaiting())
  let fetch: Fetch = () => new Response(null, { status: 503, headers: { 'Retry-After': '1' } })
  const edge = await listen(http.listen, (request) => fetch(request))
  const publicUrl = http.publicUrl ?? `http://${edge.address}`
  const team = await createTeam({
    http,
    publicUrl,
    proxy: config.aifi.proxy,
    clock,
    logger,
    warnings: new Warnings(logger, clock),
    ending: ending.signal,
    onMcp: metrics.onMcp,
  })
  const app: App = createApp(config, {
    aifi: metrics.counted(aifi),
    audit,
    browser: noBrowser,
    clock,
    logger,
    store,
    keys: team.keys,
    ladder: team.ladder,
    draining: draining.signal,
    onCall: metrics.onCall,
  })
  const serving = team.serve({ server: app.deps, changes: app.changes, deployment: app.deployment })
  const checks = { issuer: team.reachesIssuer, ...opened.checks }
  const operations = createOperations({ checks, draining: draining.signal, metrics })
  const ops = await listen(http.opsListen, (request) => operations.fetch(request)).catch(async (error: unknown) => {
    await edge.close()
    throw error
  })
  fetch = serving.fetch
  const { baseUrl, sandbox } = config.aifi
  logger.info({ version, address: baseUrl, sandbox, publicUrl, operations: ops.address }, 'serving a team')
  if (endsWithProcess)
    logger.warn('open questions are in the memory of this process, and end with it; AIFI_STORE_URL keeps them')
  if (team.token !== undefined) io.stdout.write(waysIn(publicUrl, team.token))
  return {
    async end() {
      draining.abort()
      const noticeMs = config.aifi.sandbox ? 0 : NOTICE_MS
      await sleep(clock, noticeMs)
      ending.abort()
      // Whoever is still being answered needs the store.
      const ended = edge.drain().then(() => app.drain())
      await Promise.race([ended, sleep(clock, END_MS - noticeMs)])
      await Promise.all([serving.close(), edge.close(), ops.close(), team.close()])
    },
  }
}

/** What the sandbox prints: settings for a client, one a line. */
function waysIn(publicUrl: string, token: string): string {
  return `MCP_URL=${publicUrl}/mcp\nMCP_TOKEN=${token}\nAPPROVALS_URL=${publicUrl}/approvals\n`
}
