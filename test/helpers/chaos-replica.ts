import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createAifi } from '../../src/aifi/client.ts'
import type { Change } from '../../src/change/change.ts'
import { Changes } from '../../src/change/changes.ts'
import { RecordViews } from '../../src/customer/record-view.ts'
import { systemClock as clock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { RateLimit } from '../../src/lib/rate-limit.ts'
import { Secret } from '../../src/lib/secret.ts'
import { postgresAudit } from '../../src/team/postgres/audit.ts'
import { Database } from '../../src/team/postgres/database.ts'
import { migrate } from '../../src/team/postgres/migrations.ts'
import { deploymentOf, PostgresStore } from '../../src/team/postgres/store.ts'
import { createSeals } from '../../src/team/seal.ts'
import type { Asking } from './chaos.ts'

/** One replica of the chaos run: the real changes over the real store, with a door for the test in front. */
const { AIFI = '', STORE = '', PORT = '' } = process.env
const logger = createLogger({ level: 'silent', write: () => undefined })
const database = new Database(STORE)
await migrate(database)
const aifi = createAifi({
  baseUrl: AIFI,
  credentials: { kind: 'token', token: new Secret('test-token') },
  timeoutMs: 1_500,
  clock,
  readOnly: false,
})
const store = new PostgresStore(database, {
  address: aifi.address,
  limits: { open: 1_000, onePerCustomer: false, pauses: false },
  seal: createSeals([new Uint8Array(32).fill(5)])('change'),
  clock,
  logger,
})
const unlimited = new RateLimit(1_000_000, clock)
const changes = new Changes(
  {
    store,
    aifi,
    audit: postgresAudit(database, deploymentOf(aifi.address), logger),
    clock,
    logger,
    rate: unlimited,
    lookups: unlimited,
    views: new RecordViews(new Uint8Array(32), 'all'),
    secrets: [new Uint8Array(32).fill(6)],
  },
  { readBack: true, approvalFields: [], auditValues: false, timeoutMs: 1_500, lifetimeMs: 60_000, leaseMarginMs: 500 },
)

async function answer({ what, ...asking }: Asking): Promise<unknown> {
  const never = { signal: new AbortController().signal, afterMs: 60_000 }
  switch (what) {
    case 'propose': {
      const { request, caller } = asking
      if (!request || !caller) return null
      const found = await changes.find(changes.proposal(request, caller))
      return putInInbox(found ?? (await changes.propose(changes.proposal(request, caller), never)))
    }
    case 'look':
      return putInInbox(await changes.get(asking.id ?? ''))
    case 'follow': {
      const watch = changes.watch(asking.id ?? '', { call: true })
      const followed = await watch.next(asking.version ?? 0, 2_000, [])
      watch.leave()
      return followed ?? null
    }
    case 'decide':
      return asking.given ? changes.decide(asking.id ?? '', asking.given, asking.typed) : null
  }
}

/** Whoever sees a question that is put to nobody, a replica having been killed in between, puts it. */
async function putInInbox(change: Change | undefined): Promise<Change | undefined> {
  if (change?.state !== 'asked' || change.asking.rung) return change
  await changes.put(change, { channel: 'inbox', handle: randomUUID(), standing: true })
  return changes.get(change.id)
}

await changes.sweep()
createServer(async (request, response) => {
  let body = ''
  for await (const part of request) body += part
  try {
    const answered = await answer(JSON.parse(body))
    response.end(JSON.stringify(answered ?? null))
  } catch (err) {
    response.writeHead(503).end(String(err))
  }
}).listen(Number(PORT), '127.0.0.1')
