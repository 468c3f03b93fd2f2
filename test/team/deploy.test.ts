import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { readConfig } from '../../src/config/config.ts'
import { httpSettings, settings } from '../../src/config/settings.ts'
import { temporaryFolder } from '../helpers/process.ts'
import { root, textOf } from '../helpers/repository.ts'

const healthy = z.object({ condition: z.literal('service_healthy') })
const service = z.object({
  image: z.string(),
  environment: z.record(z.string(), z.string()).default({}),
  command: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
  networks: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), healthy).default({}),
})
const compose = z
  .object({
    services: z.object({
      server: service.extend({
        build: z.object({ context: z.string(), dockerfile: z.string() }),
        deploy: z.object({ replicas: z.int() }),
        read_only: z.boolean(),
        cap_drop: z.array(z.string()),
        security_opt: z.array(z.string()),
        stop_grace_period: z.string(),
      }),
      database: service.extend({ healthcheck: z.object({ test: z.array(z.string()) }) }),
      proxy: service,
    }),
    networks: z.record(z.string(), z.object({ internal: z.boolean() }).nullable()),
    secrets: z.record(z.string(), z.object({ file: z.string() })),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(textOf('deploy/compose.yaml')))
const { server, database, proxy } = compose.services

const dockerfile = textOf('deploy/Dockerfile')
/** The lines of one instruction, in order. */
const instructions = (name: string) =>
  [...dockerfile.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(([, text = '']) => text)
const imageEnv = Object.fromEntries(
  instructions('ENV').flatMap((line) => line.split(' ').map((each) => each.split('='))),
)
const env: Record<string, string> = { ...imageEnv, ...server.environment }

describe('deploy/compose.yaml', () => {
  test('names no setting that there is not', () => {
    const known = [...settings, ...httpSettings].map(({ name }) => name)
    expect([...known, 'NODE_ENV', 'NODE_EXTRA_CA_CERTS']).toEqual(expect.arrayContaining(Object.keys(env)))
  })

  test('gives each service the secrets that it reads, and no more', () => {
    for (const [name, { environment, command, secrets }] of Object.entries(compose.services)) {
      const text = [...Object.values(environment), ...command].join(' ')
      const read = [...text.matchAll(/\/run\/secrets\/([\w-]+)/g)].map(([, secret]) => secret)
      expect([name, secrets.toSorted()]).toEqual([name, read.toSorted()])
      expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining(secrets))
    }
    for (const [name, { file }] of Object.entries(compose.secrets)) expect(file).toBe(`secrets/${name}`)
    expect(textOf('.gitignore')).toContain('deploy/secrets/')
  })

  test('runs two replicas that can write nothing, gain nothing, and end in peace', () => {
    expect(server).toMatchObject({
      build: { context: '..', dockerfile: 'deploy/Dockerfile' },
      deploy: { replicas: 2 },
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      stop_grace_period: '30s',
      depends_on: { database: {} },
    })
    expect(server.volumes).toEqual([])
  })

  test('opens one port, of the proxy, which leads to where the replicas listen', () => {
    expect([server.ports, database.ports, proxy.ports]).toEqual([[], [], ['443:443']])
    const caddyfile = textOf('deploy/Caddyfile')
    expect(caddyfile.split(' ')[0]).toBe(new URL(env.AIFI_PUBLIC_URL ?? '').host)
    const [, , port] = env.AIFI_LISTEN?.split(/(:)/) ?? []
    expect(caddyfile).toContain(`dynamic a server ${port} {`)
    expect(proxy.volumes).toContain('./Caddyfile:/etc/caddy/Caddyfile:ro')
    expect(proxy.networks.filter((name) => !server.networks.includes(name))).toEqual([])
  })

  test('keeps the database to itself, with TLS', () => {
    expect(database.networks.map((name) => compose.networks[name])).toEqual([{ internal: true }])
    expect(database.command).toEqual(
      expect.arrayContaining(['ssl=on', 'ssl_cert_file=/run/secrets/database-certificate']),
    )
    expect(database.volumes).toEqual(['database:/var/lib/postgresql/data'])
    expect(database.healthcheck.test[1]).toBe('pg_isready')
  })

  test('pins what it takes from elsewhere', () => {
    for (const { image } of [database, proxy]) expect(image).toMatch(/^[a-z]+:\d+$/)
  })
})

describe('deploy/make-secrets.sh', () => {
  /** A copy of it, run. */
  function made(): string {
    const folder = temporaryFolder()
    cpSync(join(root, 'deploy/make-secrets.sh'), join(folder, 'make-secrets.sh'))
    const run = () => execFileSync('sh', [join(folder, 'make-secrets.sh')], { stdio: 'pipe' })
    run()
    const first = contents(join(folder, 'secrets'))
    run()
    expect(contents(join(folder, 'secrets'))).toEqual(first)
    return join(folder, 'secrets')
  }

  function contents(folder: string): Record<string, string> {
    return Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]))
  }

  test('makes all but two of the secrets, once, and with them the server would start', () => {
    const folder = made()
    const yours = ['aifi-token', 'oidc-client-secret']
    const missing = Object.keys(compose.secrets).filter((name) => !readdirSync(folder).includes(name))
    expect(missing.toSorted()).toEqual(yours)
    for (const name of yours) writeFileSync(join(folder, name), 'yours')
    const readFile = (path: string) => readFileSync(join(folder, basename(path)))
    const result = readConfig(env, { http: true, readFile })
    expect(result).toMatchObject({ ok: true, warnings: [] })
    const url = new URL(result.ok ? (result.config.http?.storeUrl?.reveal() ?? '') : '')
    const password = readFileSync(join(folder, 'database-password'), 'utf8').trim()
    expect(url).toMatchObject({ hostname: 'database', username: database.environment.POSTGRES_USER, password })
    expect(url.pathname).toBe(`/${database.environment.POSTGRES_DB}`)
  })

  test('lets nobody but their readers read them, and leaves no key of the authority', () => {
    const folder = made()
    expect(statSync(folder).mode & 0o077).toBe(0)
    const open = readdirSync(folder).filter((file) => (statSync(join(folder, file)).mode & 0o077) !== 0)
    expect(open.toSorted()).toEqual(['database-authority', 'database-certificate'])
    expect(readdirSync(folder).filter((file) => !Object.hasOwn(compose.secrets, file))).toEqual([])
  })

  test('makes a certificate for the database’s own name', () => {
    const folder = made()
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' }).toString()
    const verify = ['verify', '-CAfile', 'database-authority', '-verify_hostname']
    expect(openssl(...verify, 'database', 'database-certificate')).toContain('OK')
    expect(() => openssl(...verify, 'elsewhere', 'database-certificate')).toThrow()
  })
})

describe('deploy/Dockerfile', () => {
  test('runs as a user by number who is not root, and asks itself whether it is ready', () => {
    expect(instructions('USER')).toEqual(['65532:65532'])
    expect(instructions('HEALTHCHECK')[0]).toContain('CMD ["node", "dist/index.js", "health"]')
    expect(instructions('ENTRYPOINT')).toEqual(['["node", "dist/index.js"]'])
    expect(instructions('CMD')).toEqual(['["http"]'])
    expect(instructions('STOPSIGNAL')).toEqual(['SIGTERM'])
  })

  test('opens the two ports that it listens on', () => {
    const ports = [env.AIFI_LISTEN, env.AIFI_OPS_LISTEN].map((address) => address?.split(':')[1])
    expect(instructions('EXPOSE')).toEqual([ports.join(' ')])
  })

  test('takes in nothing that it does not name', () => {
    for (const line of instructions('COPY')) expect(line.split(' ').slice(0, -1)).not.toContain('.')
    const copied = instructions('COPY').flatMap((line) => line.split(' ').slice(0, -1))
    for (const each of copied.filter((name) => /^\w/.test(name))) expect(statSync(join(root, each))).toBeDefined()
  })
})
