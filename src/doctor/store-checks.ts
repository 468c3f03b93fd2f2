import type { HttpConfig } from '../config/http.ts'
import type { Clock } from '../lib/clock.ts'
import { errorCode } from '../lib/error-facts.ts'
import { Database, type Row } from '../team/postgres/database.ts'
import { DatabaseError, type DatabaseFault } from '../team/postgres/database-error.ts'
import { OLDEST_SERVER, SCHEMA_VERSION, schemaVersion } from '../team/postgres/migrations.ts'
import { type ClockReading, readClock } from './clock.ts'
import { type Check, type Finding, fragment, ok, problem, skipped, warning } from './report.ts'

const remedies: Readonly<Record<DatabaseFault, string>> = {
  away: 'Check host and port in AIFI_STORE_URL, whether PostgreSQL runs, and what a firewall lets through.',
  no_tls: 'Switch TLS on at the server (ssl=on, with a certificate), or at the pooler that is in front of it.',
  other_host: 'Name the host in AIFI_STORE_URL as its certificate does, or have one issued for this name.',
  foreign_authority: 'Save the root certificate of its authority as a PEM file, and name that in NODE_EXTRA_CA_CERTS.',
  out_of_date: 'Check the clock of this computer. If it is right, have the certificate of the database renewed.',
  login: 'Correct them in AIFI_STORE_URL, percent-encoded (a password with / or # or @ in it has to be).',
  no_database: 'Create it (create database …), or correct the name behind the last slash of AIFI_STORE_URL.',
  not_let_in: 'Have its pg_hba.conf let this user in from here, over TLS (hostssl).',
  too_old: 'Upgrade it, or name another one in AIFI_STORE_URL.',
}

/** The database that replicas share: whether it can be had, as it has to be, with its tables. */
export async function* storeChecks(
  { storeUrl }: Pick<HttpConfig, 'storeUrl'>,
  clock: Clock,
): AsyncGenerator<Check, ClockReading | undefined> {
  if (!storeUrl) {
    const found = 'none (AIFI_STORE_URL is not set): what waits is in the memory of one process, and ends with it'
    yield { name: 'database', ...skipped(found) }
    yield { name: 'tables', ...skipped('not used: there is no database') }
    return undefined
  }
  const database = new Database(storeUrl.reveal(), { patienceMs: 0 })
  try {
    const seen = await lookAt(database, clock)
    const found = databaseFinding(seen.row, new URL(storeUrl.reveal()))
    yield { name: 'database', ...found }
    if (found.status === 'ok')
      yield { name: 'tables', ...(await tablesFinding(database, seen.row).catch(unusableTables)) }
    return seen.reading
  } catch (error) {
    yield { name: 'database', ...unreachable(error, storeUrl.reveal()) }
    return undefined
  } finally {
    await database.close()
  }
}

/** What the server says of itself, of this connection and of what its user may do; and its clock. */
async function lookAt(database: Database, clock: Clock): Promise<{ row: Row; reading: ClockReading | undefined }> {
  const [row = {}] = await database.query(
    `select current_setting('server_version') as version, current_setting('server_version_num') as number,
       pg_is_in_recovery() as is_standby, current_setting('transaction_read_only') as read_only,
       coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create,
       coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as tls`,
  )
  const ask = async () => {
    const [answer] = await database.query('select clock_timestamp() as time')
    return answer?.time instanceof Date ? answer.time.getTime() : undefined
  }
  return { row, reading: await readClock('the database', ask, { clock, resolutionMs: 1 }) }
}

function databaseFinding({ version, number, is_standby, read_only, tls }: Row, url: URL): Finding {
  const server = `PostgreSQL ${String(version)} at ${url.hostname}:${url.port || 5432}`
  if (!(Number(number) >= OLDEST_SERVER))
    return problem(`${server} is too old: 15 or newer is needed`, remedies.too_old)
  if (is_standby === true || read_only === 'on')
    return problem(`${server} may only be read`, 'Have AIFI_STORE_URL name the primary, and a user who may write.')
  return ok(`${server}, ${tls === true ? 'over TLS, its certificate verified' : 'without TLS on this machine'}`)
}

async function tablesFinding(database: Database, { may_create: mayCreate }: Row): Promise<Finding> {
  const present = await schemaVersion(database)
  if (present === SCHEMA_VERSION) return ok(`at step ${present}, as this version needs them`)
  if (present > SCHEMA_VERSION)
    return warning(
      `at step ${present}, and this version knows ${SCHEMA_VERSION}: a newer one has been here`,
      'Run the newer version everywhere.',
    )
  const found = present === 0 ? 'not there yet' : `at step ${present} of ${SCHEMA_VERSION}`
  if (mayCreate !== true)
    return problem(
      `${found}, and the user of AIFI_STORE_URL may not make them`,
      'Grant it “create” on the schema (grant create on schema public to …), or have AIFI_STORE_URL name the owner.',
    )
  return warning(
    `${found}: a migration is missing`,
    'Nothing to do but to start a replica of this version: it makes them.',
  )
}

function unusableTables(error: unknown): Finding {
  return problem(
    `they are there, and cannot be read${codeIn(error)}`,
    'Have AIFI_STORE_URL name the user who made the tables aifi_…, or grant its user all on them.',
  )
}

function unreachable(error: unknown, address: string): Finding {
  if (!(error instanceof DatabaseError)) {
    return problem(`it answers, and cannot be used${codeIn(error)}`, 'Its own log says why.')
  }
  const { hostname, port } = new URL(address)
  return problem(`${hostname}:${port || 5432}: ${fragment(error.message)}${codeIn(error.cause)}`, remedies[error.fault])
}

function codeIn(error: unknown): string {
  const code = errorCode(error)
  return code === undefined ? '' : ` (${code})`
}
