import type { Audit, ImmediateAudit } from '../audit/audit.ts'
import type { ChangeStore } from '../change/store.ts'
import { MemoryStore } from '../change/store-memory.ts'
import { type HttpConfig, keysOfConfig } from '../config/http.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { postgresAudit } from './postgres/audit.ts'
import { Database } from './postgres/database.ts'
import { migrate } from './postgres/migrations.ts'
import { deploymentOf, PostgresStore } from './postgres/store.ts'
import { createSeals } from './seal.ts'

/** Decided questions that the memory store remembers. */
const HISTORY = 200

/** Where the changes of a team live. */
export interface TeamStore {
  readonly store: ChangeStore
  /** What is written outside of a transition; in the same place as those are. */
  readonly audit: Audit
  /** Open questions end with this process. */
  readonly endsWithProcess: boolean
  /** What has to work before a call can be taken, by name; see `createOperations`. */
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>
}

export interface StoreDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** Of the settings: used where there is no database. */
  readonly audit: ImmediateAudit
  /** Of the AiFi that is changed. */
  readonly address: string
}

/** Opens the store of the settings. Rejects with a sentence when it cannot be had: none takes the place of another. */
export async function openStore(http: HttpConfig, { clock, logger, audit, address }: StoreDeps): Promise<TeamStore> {
  const { storeUrl } = http
  const limits = { open: http.maxOpenQuestions, onePerCustomer: true, pauses: false }
  if (!storeUrl) {
    return {
      store: new MemoryStore(clock, audit, { limits, history: HISTORY }),
      audit,
      endsWithProcess: true,
      checks: {},
    }
  }
  const database = new Database(storeUrl.reveal())
  try {
    await migrate(database)
  } catch (error) {
    await database.close()
    throw error
  }
  const seal = createSeals(keysOfConfig(http))('change')
  return {
    store: new PostgresStore(database, { address, limits, seal, clock, logger }),
    audit: postgresAudit(database, deploymentOf(address), logger),
    endsWithProcess: false,
    checks: { store: () => database.query('select 1') },
  }
}
