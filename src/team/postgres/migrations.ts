import type { Database } from './database.ts'
import { DatabaseError } from './database-error.ts'

/** The steps from an empty database to the present tables. A step that was released is never changed; a new one is added. */
const steps: readonly string[] = [
  `create table aifi_change (
    deployment text not null,
    id uuid not null,
    version integer not null,
    state text not null check (state in ('asked', 'claimed', 'sending', 'ended')),
    key text not null,
    customer_id bigint not null,
    fields text[] not null,
    proposer text not null,
    expires_at timestamptz,
    lease_token text,
    lease_until timestamptz,
    body text,
    erase_at timestamptz,
    told_by text,
    answer text,
    history text,
    ended_at timestamptz,
    made boolean,
    by_person boolean,
    primary key (deployment, id));
  create unique index aifi_change_one_live_per_key on aifi_change (deployment, key) where state <> 'ended';
  create unique index aifi_change_one_sender_per_customer on aifi_change (deployment, customer_id)
    where state in ('claimed', 'sending');
  create index aifi_change_untold on aifi_change (deployment, key) where state = 'ended' and told_by is null;
  create index aifi_change_of_customer on aifi_change (deployment, customer_id) where state = 'ended' and told_by is null;
  create index aifi_change_open on aifi_change (deployment, proposer) where state = 'asked';
  create index aifi_change_refused on aifi_change (deployment, key, ended_at) where answer is not null;
  create index aifi_change_made on aifi_change (deployment, customer_id, ended_at) where made;
  create index aifi_change_due on aifi_change (deployment, (coalesce(lease_until, expires_at))) where state <> 'ended';
  create index aifi_change_ended on aifi_change (deployment, ended_at) where state = 'ended';
  create index aifi_change_erase on aifi_change (deployment, erase_at) where body is not null;
  create table aifi_audit_chain (
    deployment text primary key,
    run uuid not null default gen_random_uuid(),
    seq bigint not null default 0,
    prev text);
  create table aifi_audit (
    deployment text not null,
    seq bigint not null,
    line text not null,
    primary key (deployment, seq));`,
  `create index aifi_change_waiting on aifi_change (deployment, expires_at) where state = 'asked';
  create index aifi_change_key on aifi_change (deployment, key);
  drop index aifi_change_untold;`,
]

/** The number of the last step: what the tables of a database must be at for this program. */
export const SCHEMA_VERSION = steps.length

/** Any number that no other program is likely to lock. */
const LOCK = 4_211_077

/** The oldest PostgreSQL that serves, as `server_version_num` has it. */
export const OLDEST_SERVER = 150_000

/**
 * Brings the tables up to date. Any number of replicas may do so at once: one does, the others wait for it. Rejects with
 * {@link DatabaseError} when the server is older than {@link OLDEST_SERVER}.
 */
export async function migrate(database: Database): Promise<void> {
  await database.transaction(async (query) => {
    const [server] = await query("select current_setting('server_version_num') as number", [])
    if (!(Number(server?.number) >= OLDEST_SERVER)) throw new DatabaseError('too_old')
    await query('select pg_advisory_xact_lock($1)', [LOCK])
    const present = await versionIn(query)
    if (present === 0) await query('create table if not exists aifi_migration (version integer primary key)', [])
    for (const [index, step] of steps.entries()) {
      const version = index + 1
      if (version <= present) continue
      for (const statement of step.split(';\n')) await query(statement, [])
      await query('insert into aifi_migration (version) values ($1)', [version])
    }
  })
}

/** The last step that the database has taken; 0 for an empty one. */
export async function schemaVersion(database: Database): Promise<number> {
  return versionIn((text, values) => database.query(text, values))
}

async function versionIn(query: Database['query']): Promise<number> {
  const [found] = await query("select to_regclass('aifi_migration') is not null as is_there", [])
  if (found?.is_there !== true) return 0
  const [row] = await query('select coalesce(max(version), 0) as version from aifi_migration', [])
  return Number(row?.version)
}
