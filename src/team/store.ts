import type { Audit } from '../audit/audit.ts'
import type { ChangeStore } from '../change/store.ts'
import { MemoryStore } from '../change/store-memory.ts'
import type { HttpConfig } from '../config/http.ts'
import type { Clock } from '../lib/clock.ts'

/** Decided questions that the memory store remembers. */
const HISTORY = 200

/** Where the changes of a team live. */
export interface TeamStore {
  readonly store: ChangeStore
  /** Open questions end with this process. */
  readonly endsWithProcess: boolean
}

/** Opens the store of the settings. Rejects with a sentence when it cannot be had: none takes the place of another. */
export async function openStore(
  { storeUrl, maxOpenQuestions: open }: HttpConfig,
  { clock, audit }: { readonly clock: Clock; readonly audit: Audit },
): Promise<TeamStore> {
  if (storeUrl)
    throw new Error('AIFI_STORE_URL: this build has no PostgreSQL store; leave it out to use memory, in one process.')
  const limits = { open, onePerCustomer: true, pauses: false }
  return { store: new MemoryStore(clock, audit, { limits, history: HISTORY }), endsWithProcess: true }
}
