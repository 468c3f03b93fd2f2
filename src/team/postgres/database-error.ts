import { StoreUnavailable } from '../../change/store.ts'
import { errorCode } from '../../lib/error-facts.ts'

/** Why the database cannot be used. */
export type DatabaseFault =
  | 'away'
  | 'no_tls'
  | 'other_host'
  | 'foreign_authority'
  | 'out_of_date'
  | 'login'
  | 'no_database'
  | 'not_let_in'
  | 'too_old'

/** In our words: those of the server and of `pg` may repeat parts of the address. */
const sentences: Readonly<Record<DatabaseFault, string>> = {
  away: 'The database that AIFI_STORE_URL names cannot be reached.',
  no_tls: 'The database offers no TLS, and nothing is sent to it in the clear.',
  other_host: 'The certificate of the database is for another host than AIFI_STORE_URL names.',
  foreign_authority:
    'The certificate of the database is from an authority that this computer does not trust; NODE_EXTRA_CA_CERTS can name it.',
  out_of_date: 'The certificate of the database is out of date, or not valid yet, by the clock of this computer.',
  login: 'The database refuses the user or the password of AIFI_STORE_URL.',
  no_database: 'The server has no database of the name that AIFI_STORE_URL gives.',
  not_let_in: 'The database lets nobody in from here: not this user, or not over this kind of connection.',
  too_old: 'The database that AIFI_STORE_URL names is older than PostgreSQL 15, and 15 or newer is needed.',
}

/** The database cannot be reached, or cannot be used as it is. Its message is a sentence, without the address. */
export class DatabaseError extends StoreUnavailable {
  override readonly name = 'DatabaseError'
  readonly fault: DatabaseFault

  constructor(fault: DatabaseFault, cause?: unknown) {
    super(sentences[fault], { cause })
    this.fault = fault
  }
}

/** Starting, stopping, recovering, out of connections, taken back for another's sake; and what Node says of a lost connection. */
const PASSING =
  /^(57P0[1-3]|57014|08...|53300|40001|40P01|25P03|ECONN.*|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND)$/
const PASSING_WORDS = /connection (terminated|timeout)|timeout (exceeded|expired)|Query read timeout|not queryable/i

/** By the codes of OpenSSL and Node, and SQLSTATE (PostgreSQL, appendix A). */
const FAULTS: readonly (readonly [RegExp, DatabaseFault])[] = [
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'other_host'],
  [/^(DEPTH_ZERO_SELF|SELF_SIGNED|UNABLE_TO)_/, 'foreign_authority'],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, 'out_of_date'],
  [/^(EPROTO|ERR_SSL_\w+)$/, 'no_tls'],
  [/^28P01$/, 'login'],
  [/^28000$/, 'not_let_in'],
  [/^3D000$/, 'no_database'],
]

/** Undefined when it is not about the connection; `away` when it is worth trying again, since it may be back in a moment. */
export function faultOf(err: unknown): DatabaseFault | undefined {
  if (isPassing(err)) return 'away'
  const code = errorCode(err) ?? ''
  const [, fault] = FAULTS.find(([pattern]) => pattern.test(code)) ?? []
  // `pg` gives no code for the one byte with which a server declines TLS.
  return fault ?? (err instanceof Error && /does not support SSL/.test(err.message) ? 'no_tls' : undefined)
}

function isPassing(err: unknown): boolean {
  if (!(err instanceof Error)) return false
  if (PASSING.test(errorCode(err) ?? '')) return true
  return err instanceof AggregateError ? err.errors.some(isPassing) : PASSING_WORDS.test(err.message)
}
