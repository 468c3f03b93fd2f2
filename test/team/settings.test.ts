import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { httpSettings } from '../../src/config/settings.ts'
import { listen } from '../../src/team/http-server.ts'
import { runToEnd } from '../helpers/process.ts'
import { root } from '../helpers/repository.ts'

const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)).toString('base64')
const complete = {
  AIFI_BASE_URL: 'https://aifi.example',
  AIFI_TOKEN: 'aifi-token',
  AIFI_PUBLIC_URL: 'https://team.example',
  AIFI_OIDC_ISSUER: 'https://issuer.example/realms/team',
  AIFI_OIDC_CLIENT_ID: 'approvals',
  AIFI_APPROVER_GROUP: 'approvers',
  AIFI_SECRET_KEY: key,
}

function read(env: Record<string, string>, sandbox = false) {
  return readConfig(env, { http: true, sandbox, readFile: () => Buffer.from('') })
}

function problems(env: Record<string, string>, sandbox = false): string {
  const result = read(env, sandbox)
  return result.ok ? '' : result.problems.join('\n')
}

describe('http', () => {
  test('starts with these settings, and no fewer', () => {
    expect(problems(complete)).toBe('')
    for (const name of Object.keys(complete)) {
      const { [name]: _, ...rest }: Record<string, string> = complete
      expect(problems(rest), name).toContain(name)
      // Loopback is no excuse.
      expect(problems({ ...rest, AIFI_LISTEN: '127.0.0.1:8080' }), name).toContain(name)
    }
  })

  test('warns of what only stdio reads', () => {
    const desk = { AIFI_APPROVAL_PORT: '9000', AIFI_SECRET_ARGUMENTS: 'allow', BROWSER: 'firefox' }
    expect(read({ ...complete, ...desk })).toMatchObject({
      warnings: ['AIFI_APPROVAL_PORT has no effect with http.', 'AIFI_SECRET_ARGUMENTS has no effect with http.'],
    })
  })

  test('takes the audience from its address, and asks for four eyes', () => {
    const result = read(complete)
    expect(result.ok && result.config.http).toMatchObject({
      oidc: { audience: 'https://team.example/mcp', personClaim: 'sub', approverClaim: 'groups' },
      fourEyes: true,
      lifetimeMinutes: 480,
      maxOpenQuestions: 100,
    })
    expect(result.ok && result.config.secretArguments).toBe('refuse')
  })

  test.each([
    ['AIFI_PUBLIC_URL', 'http://team.example', 'not https'],
    ['AIFI_PUBLIC_URL', 'http://127.0.0.1:8080', 'not https'],
    ['AIFI_PUBLIC_URL', 'https://team.example/prefix', 'has a path'],
    ['AIFI_OIDC_ISSUER', 'http://issuer.example', 'not https'],
    ['AIFI_LISTEN', 'localhost:8080', 'not an IP address and a port'],
    ['AIFI_LISTEN', '0.0.0.0:80800', 'not an IP address and a port'],
    ['AIFI_SECRET_KEY', 'short', 'not one or two keys of 32 bytes'],
    ['AIFI_SECRET_KEY', `${'A'.repeat(43)}=`, 'not random'],
    ['AIFI_SECRET_KEY', `${key},${key},${key}`, 'not one or two keys'],
    ['AIFI_STORE_URL', 'mysql://u:p@db.example/aifi', 'not a postgres address'],
    ['AIFI_STORE_URL', 'postgres:///aifi', 'not a postgres address'],
    ['AIFI_STORE_URL', 'postgres://u:p@db.example/aifi', 'no sslmode=verify-full'],
    ...['require', 'prefer', 'allow', 'verify-ca', 'no-verify', 'disable'].map((mode): [string, string, string] => [
      'AIFI_STORE_URL',
      `postgres://u:p@db.example/aifi?sslmode=${mode}`,
      'no sslmode=verify-full',
    ]),
    ...['sslmode=require', 'ssl=0', 'sslmode=disable&host=db.example', 'options=-c'].map(
      (parameters): [string, string, string] => [
        'AIFI_STORE_URL',
        `postgres://u:p@127.0.0.1/aifi?${parameters}`,
        'no parameter but sslmode=verify-full',
      ],
    ),
    ['AIFI_STORE_URL', 'postgres://u:p@db.example/aifi?sslmode=verify-full&host=elsewhere', 'no parameter but'],
    ['AIFI_STORE_URL', 'postgres://u:50%off@127.0.0.1/aifi', 'a % that is not percent-encoded'],
    ['AIFI_AUDIT_LOG', '/nowhere/audit.jsonl', 'leave AIFI_AUDIT_LOG out'],
    ['AIFI_NOTIFY_URL', 'http://hooks.example/T0/B0', 'not https'],
    ['AIFI_APPROVAL', 'chat', 'none of the known words'],
    ['AIFI_APPROVAL', 'dangerously-skip', 'none of the known words'],
    ['AIFI_APPROVAL_LIFETIME_MINUTES', '1441', 'too large'],
    ['AIFI_APPROVER_GROUP', 'approvers,admins', 'comma'],
  ])('does not start with %s=%s', (name, value, why) => {
    const said = problems({ ...complete, AIFI_STORE_URL: 'postgres://127.0.0.1/team', [name]: value })
    expect(said).toContain(name)
    expect(said).toContain(why)
    if (name === 'AIFI_SECRET_KEY' || name === 'AIFI_STORE_URL' || name === 'AIFI_NOTIFY_URL')
      expect(said).not.toContain(value)
  })

  test('takes two keys while they are rotated, and a store on this machine or with a verified certificate', () => {
    const other = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 5 + 1)).toString('base64url')
    const rotated = read({ ...complete, AIFI_SECRET_KEY: `${key}, ${other}` })
    expect(rotated.ok && rotated.config.http?.keys.map((each) => each.reveal())).toEqual([key, other])
    expect(problems({ ...complete, AIFI_STORE_URL: 'postgres://u:p@127.0.0.1/aifi' })).toBe('')
    expect(problems({ ...complete, AIFI_STORE_URL: 'postgres://u:p@db.example/aifi?sslmode=verify-full' })).toBe('')
  })

  test('--sandbox needs none of it, on this machine alone', () => {
    expect(problems({}, true)).toBe('')
    expect(problems({ AIFI_LISTEN: '0.0.0.0:8080' }, true)).toContain('not a loopback address')
    expect(problems({ AIFI_OPS_LISTEN: '192.0.2.1:9464' }, true)).toContain('not a loopback address')
  })

  test('says on stderr what is missing, and exits with 1', async () => {
    const { code, stderr, stdout } = await runToEnd({ args: ['http'] })
    expect([code, stdout]).toEqual([1, ''])
    for (const name of Object.keys(complete)) expect(stderr).toContain(name)
  })

  test('never takes memory for the database that was asked for', async () => {
    const env = {
      ...complete,
      AIFI_STORE_URL: 'postgres://u:secret-word@127.0.0.1:1/aifi',
      AIFI_LISTEN: '127.0.0.1:0',
      AIFI_OPS_LISTEN: '127.0.0.1:0',
    }
    // Its patience with the database is over sixty times sooner.
    const before = 'const now = performance.now.bind(performance); performance.now = () => now() * 60'
    const { code, stderr } = await runToEnd({ args: ['http'], env, before })
    expect(code).toBe(1)
    expect(stderr).not.toContain('secret-word')
  })
})

test('an address that is taken is told with its setting', async () => {
  const nothing = () => new Response(null)
  const taken = await listen({ host: '127.0.0.1', port: 0 }, nothing, 'AIFI_LISTEN')
  onTestFinished(() => taken.close())
  const port = Number(taken.address.split(':')[1])
  const again = listen({ host: '127.0.0.1', port }, nothing, 'AIFI_OPS_LISTEN')
  await expect(again).rejects.toThrow(`${taken.address} (EADDRINUSE). AIFI_OPS_LISTEN can name another address.`)
})

test('nothing else reads the settings of http', () => {
  const result = readConfig(
    { AIFI_BASE_URL: 'https://aifi.example', AIFI_TOKEN: 'aifi-token', AIFI_PUBLIC_URL: 'nonsense' },
    { readFile: () => Buffer.from('') },
  )
  expect(result).toMatchObject({
    ok: true,
    warnings: ['AIFI_PUBLIC_URL has no effect without http.'],
    config: { http: undefined },
  })
})

test('every setting of http is in docs/operate.md', () => {
  const page = readFileSync(join(root, 'docs/operate.md'), 'utf8')
  for (const { name } of httpSettings) expect(page).toContain(`\`${name}\``)
})
