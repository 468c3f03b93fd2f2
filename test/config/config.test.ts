import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import fc from 'fast-check'
import { EnvHttpProxyAgent } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Config, type ConfigOptions, readConfig } from '../../src/config/config.ts'
import { isExcepted } from '../../src/config/proxy.ts'
import { setting, settings } from '../../src/config/settings.ts'
import { othersCanRead } from '../../src/config/settings-reader.ts'

type Environment = Record<string, string | undefined>

const URL_AND_TOKEN = { AIFI_BASE_URL: 'https://aifi.example', AIFI_TOKEN: 't0ken' }
const CANARY = 'Canary~5ecret'
/** What a host leaves in place of a value that it was not given. */
const placeholder = (name: string) => `$\{${name}}`
const noFile = () => {
  throw Object.assign(new Error(`no such file: ${CANARY}`), { code: 'ENOENT' })
}

function read(environment: Environment, options: Partial<ConfigOptions> = {}) {
  return readConfig(environment, { readFile: noFile, ...options })
}

function config(environment: Environment, options?: Partial<ConfigOptions>): Config {
  const result = read(environment, options)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

function problems(environment: Environment, options?: Partial<ConfigOptions>): string[] {
  const result = read(environment, options)
  return result.ok ? [] : result.problems
}

const problemsWith = (more: Environment) => problems({ ...URL_AND_TOKEN, ...more })
const warningsWith = (more: Environment) => {
  const result = read({ ...URL_AND_TOKEN, ...more })
  return result.ok ? result.warnings : result.problems
}
const reveal = ({ aifi: { credentials } }: Config) =>
  (credentials.kind === 'token' ? credentials.token : credentials.clientSecret).reveal()

test('address and token are enough; everything else has its documented default', () => {
  const result = read(URL_AND_TOKEN)
  expect(result).toMatchObject({
    ok: true,
    warnings: [],
    config: {
      aifi: { baseUrl: 'https://aifi.example', timeoutMs: 10_000, readBack: true, proxy: {}, sandbox: false },
      approval: { mode: 'auto', fields: [], waitSeconds: 45 },
      fields: 'all',
      showFields: 'all',
      secretArguments: 'allow',
      readOnly: false,
      maxChangesPerMinute: 30,
      auditValues: false,
      logLevel: 'info',
    },
  })
  expect(reveal(config(URL_AND_TOKEN))).toBe('t0ken')
  expect(JSON.stringify(result)).not.toContain('t0ken')
})

test('every setting is read', () => {
  const result = config({
    ...URL_AND_TOKEN,
    AIFI_APPROVAL: 'page',
    AIFI_APPROVAL_FIELDS: 'phone, firstName',
    AIFI_APPROVAL_WAIT_SECONDS: '0',
    AIFI_APPROVAL_PORT: '4711',
    AIFI_FIELDS: 'blocked, firstName phone',
    AIFI_SHOW_FIELDS: 'firstName',
    AIFI_SECRET_ARGUMENTS: 'refuse',
    AIFI_READ_BACK: 'off',
    AIFI_READ_ONLY: ' TRUE ',
    AIFI_TIMEOUT_MS: '500',
    AIFI_MAX_CHANGES_PER_MINUTE: '5',
    AIFI_AUDIT_LOG: '/var/log/aifi audit.jsonl',
    AIFI_AUDIT_VALUES: 'true',
    LOG_LEVEL: 'debug',
    BROWSER: 'firefox',
  })
  expect(result).toMatchObject({
    aifi: { timeoutMs: 500, readBack: false },
    approval: { mode: 'page', fields: ['phone', 'firstName'], waitSeconds: 0, port: 4711, browser: 'firefox' },
    fields: ['blocked', 'firstName', 'phone'],
    showFields: ['firstName'],
    secretArguments: 'refuse',
    readOnly: true,
    maxChangesPerMinute: 5,
    auditLog: '/var/log/aifi audit.jsonl',
    auditValues: true,
    logLevel: 'debug',
  })
})

test('all problems are reported at once, each naming its variable and what is allowed', () => {
  const malformed: Environment = {}
  for (const { name } of settings)
    if (!/TOKEN|CLIENT|AUDIT_LOG|BROWSER|LOG_LEVEL/.test(name)) malformed[name] = '\u0007?!'
  const found = problems(malformed)
  for (const name of Object.keys(malformed)) {
    expect(found).toContainEqual(expect.stringMatching(new RegExp(`^${name} .*(allowed: |did you mean).*[.?]?$`)))
  }
  expect(found).toContainEqual(expect.stringContaining('AIFI_TOKEN'))
})

test('without address and credentials both are asked for, and the sandbox is offered', () => {
  const found = problems({})
  expect(found).toHaveLength(2)
  for (const problem of found) expect(problem).toContain('--sandbox')
})

test.each(['', '  ', placeholder('user_config.x'), ` ${placeholder('user_config.base_url')} `])(
  '%j counts as unset',
  (unset) => {
    const everything = Object.fromEntries(settings.map(({ name }) => [name, unset]))
    expect(read({ ...everything, AIFI_UNKNOWN: unset, ...URL_AND_TOKEN })).toEqual(read(URL_AND_TOKEN))
    expect(problems(everything)).toEqual(problems({}))
  },
)

describe('a value that a host did not fill in', () => {
  test.each([
    ...['AIFI_BASE_URL', 'AIFI_TOKEN', 'AIFI_APPROVAL', 'LOG_LEVEL', 'BROWSER'].map((name) => [name, 'input:aifi']),
    ['AIFI_AUDIT_LOG', 'env:HOME'],
  ])('stops the start when it stands in %s', (name = '', inside = '') => {
    for (const left of [placeholder(inside), ` {{${inside}}} `]) {
      expect(problemsWith({ [name]: left })).toEqual([
        expect.stringContaining(`${name} is a placeholder that was never filled in`),
      ])
    }
  })

  test('stops the start when it is a part of the value, but for secrets, which may hold anything', () => {
    expect(problemsWith({ AIFI_AUDIT_LOG: `${placeholder('HOME')}/audit.jsonl` })).toEqual([
      expect.stringContaining('AIFI_AUDIT_LOG holds a placeholder'),
    ])
    expect(reveal(config({ ...URL_AND_TOKEN, AIFI_TOKEN: `a${placeholder('b')}c` }))).toBe(`a${placeholder('b')}c`)
  })

  test.each([
    ['AIFI_TOKEN', '$AIFI_TOKEN', /looks like a variable/],
    ['AIFI_TOKEN', '%AIFI_TOKEN%', /looks like a variable/],
    ['AIFI_AUDIT_LOG', '$HOME/audit.jsonl', /looks like a variable/],
    ['AIFI_TOKEN', `"${CANARY}"`, /has quotes around it/],
    ['AIFI_TOKEN', `'${CANARY}'`, /has quotes around it/],
  ])('is a warning when %s only looks like one: %s', (name, value, warning) => {
    const found = warningsWith({ [name]: value }).filter((each) => !each.includes('relative path'))
    expect(found).toEqual([expect.stringMatching(warning)])
    expect(found[0]).toMatch(new RegExp(`^${name} `))
    expect(found[0]).not.toContain(CANARY)
  })

  test.each(['pa$$word', '100%', '"half', "it's", '$', '%%'])('is not seen in the secret %s', (AIFI_CLIENT_SECRET) => {
    const { AIFI_BASE_URL } = URL_AND_TOKEN
    const result = read({ AIFI_BASE_URL, AIFI_CLIENT_ID: 'id', AIFI_CLIENT_SECRET })
    expect(result).toMatchObject({ ok: true, warnings: [] })
  })
})

describe('names that other programs read as well', () => {
  test.each([
    ['INFO', 'info', []],
    ['Debug', 'debug', []],
    ['verbose', 'info', [/^LOG_LEVEL is none of the known words and is ignored \(info holds\)/]],
    ['warning', 'info', [/^LOG_LEVEL .*did you mean "warn"/]],
  ] as const)('LOG_LEVEL=%s means %s', (LOG_LEVEL, level, warnings) => {
    const result = read({ ...URL_AND_TOKEN, LOG_LEVEL })
    expect(result).toMatchObject({
      ok: true,
      config: { logLevel: level },
      warnings: warnings.map((each) => expect.stringMatching(each)),
    })
  })

  test('a BROWSER that cannot be one is ignored', () => {
    const result = read({ ...URL_AND_TOKEN, BROWSER: 'fire\u0007fox' })
    expect(result).toMatchObject({ ok: true, warnings: [expect.stringMatching(/^BROWSER .* is ignored/)] })
    expect(result).toMatchObject({ config: { approval: { browser: undefined } } })
  })
})

describe('paths', () => {
  const files = { readFile: (path: string) => (path === '/home/jo/token' ? Buffer.from('t0ken') : noFile()) }
  const environment = { AIFI_BASE_URL: 'https://aifi.example', AIFI_TOKEN_FILE: '~/token' }

  test.each([{ HOME: '/home/jo' }, { USERPROFILE: '/home/jo' }, { HOME: '', USERPROFILE: '/home/jo' }])(
    'begin at home with ~/, which %j says',
    (home) => {
      const result = config({ ...environment, AIFI_AUDIT_LOG: '~/a~/$&.jsonl', ...home }, files)
      expect(reveal(result)).toBe('t0ken')
      expect(result.auditLog).toBe('/home/jo/a~/$&.jsonl')
    },
  )

  test('stay as they are without a home, and when ~ is the beginning of a name', () => {
    expect(problems(environment, files)).toEqual([expect.stringContaining('ENOENT')])
    expect(config({ ...URL_AND_TOKEN, HOME: '/home/jo', AIFI_AUDIT_LOG: '~jo/a' }).auditLog).toBe('~jo/a')
  })
})

describe('address', () => {
  test.each([
    ['https://aifi.example/', 'https://aifi.example'],
    [' https://AIFI.example:443// ', 'https://aifi.example'],
    ['https://aifi.example:8443/oasis/', 'https://aifi.example:8443/oasis'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://127.8.9.1:3000/x', 'http://127.8.9.1:3000/x'],
    ['http://[::1]:3000/', 'http://[::1]:3000'],
  ])('%j is %j', (given, normalised) => {
    expect(config({ ...URL_AND_TOKEN, AIFI_BASE_URL: given }).aifi.baseUrl).toBe(normalised)
  })

  test.each([
    ['aifi.example', 'is not a complete address'],
    ['https://', 'is not a complete address'],
    ['localhost:3000', 'is not a complete address'],
    ['ftp://aifi.example', 'is not https'],
    ['http://aifi.example', 'is not https'],
    ['http://127.0.0.1.evil.example', 'is not https'],
    ['http://localhost.evil.example', 'is not https'],
    ['https://user@aifi.example', 'has a user name or password'],
    ['https://aifi.example?', 'has a query'],
    ['https://aifi.example/#x', 'has a fragment'],
    ['https://aifi.example/api/admin/v2', 'contains /api/admin/v2'],
    ['https://aifi.example/x/API/admin/v2/', 'contains /api/admin/v2'],
    [`http://:${CANARY}@aifi.example/?a#b`, 'is not https and has a user name or password in it and has a fragment'],
  ])('%j is refused', (given, reason) => {
    const found = problemsWith({ AIFI_BASE_URL: given })
    expect(found).toEqual([expect.stringMatching(/^AIFI_BASE_URL .*; allowed: https:/)])
    expect(found[0]).toContain(reason)
    expect(found[0]).not.toContain(CANARY)
  })
})

describe('credentials', () => {
  const CLIENT = { AIFI_BASE_URL: 'https://aifi.example', AIFI_CLIENT_ID: 'id', AIFI_CLIENT_SECRET: CANARY }

  test('client credentials go to AiFi unless another address is given', () => {
    expect(config(CLIENT).aifi.credentials).toMatchObject({
      kind: 'client',
      clientId: 'id',
      tokenUrl: setting.tokenUrl.default,
      tokenParams: [],
    })
    const other = { AIFI_TOKEN_URL: 'http://localhost:9/t?x=y', AIFI_TOKEN_PARAMS: 'audience=a%20b&scope=' }
    expect(config({ ...CLIENT, ...other }).aifi.credentials).toMatchObject({
      tokenUrl: 'http://localhost:9/t?x=y',
      tokenParams: [
        ['audience', 'a b'],
        ['scope', ''],
      ],
    })
  })

  test.each([
    [{ AIFI_TOKEN: 'x' }, /^A token .* and client credentials .* are both set/],
    [{ AIFI_CLIENT_ID: '' }, /^A client secret is set without AIFI_CLIENT_ID/],
    [{ AIFI_CLIENT_SECRET: '' }, /^AIFI_CLIENT_ID is set without AIFI_CLIENT_SECRET/],
    [{ AIFI_CLIENT_SECRET: `${CANARY}\n` }, /^AIFI_CLIENT_SECRET has a line break/],
    [{ AIFI_TOKEN_URL: 'http://auth.example' }, /^AIFI_TOKEN_URL is not https/],
    [{ AIFI_TOKEN_PARAMS: CANARY }, /^AIFI_TOKEN_PARAMS is not made of name=value pairs/],
    [{ AIFI_TOKEN_PARAMS: `a=b&&c=${CANARY}` }, /^AIFI_TOKEN_PARAMS is not made of name=value pairs/],
    [{ AIFI_TOKEN_PARAMS: `client_secret=${CANARY}` }, /^AIFI_TOKEN_PARAMS names a parameter that is sent anyway/],
  ])('%j beside client credentials is a problem', (more, problem) => {
    const found = problems({ ...CLIENT, ...more })
    expect(found).toEqual([expect.stringMatching(problem)])
    expect(found[0]).not.toContain(CANARY)
  })

  test.each([`Bearer ${CANARY}`, `${CANARY}\r\nX-Other: 1`, ` ${CANARY}`, `${CANARY}é`])(
    'the token %j cannot stand in a header, and is not shown',
    (AIFI_TOKEN) => {
      const found = problemsWith({ AIFI_TOKEN })
      expect(found).toEqual([expect.stringMatching(/^AIFI_TOKEN has a space, a line break/)])
      expect(found[0]).not.toContain(CANARY)
    },
  )

  test('an OAuth setting beside a token has no effect, and that is said', () => {
    expect(warningsWith({ AIFI_TOKEN_PARAMS: 'a=b' })).toEqual([
      'AIFI_TOKEN_PARAMS has no effect together with a token.',
    ])
  })
})

describe('secret files', () => {
  const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')
  const environment = { AIFI_BASE_URL: 'https://aifi.example', AIFI_TOKEN_FILE: '/run/secrets/token' }
  const withFile = (content: Buffer) => ({
    readFile: (path: string) => (path === '/run/secrets/token' ? content : noFile()),
  })

  test.each([
    ['plain', Buffer.from('t0ken')],
    ['with a line break', Buffer.from('t0ken\n')],
    ['with a Windows line break', Buffer.from('t0ken\r\n')],
    ['UTF-8 with a mark', Buffer.from('\ufefft0ken\n')],
    ['UTF-16 little-endian', utf16('t0ken\r\n')],
    ['UTF-16 big-endian', utf16('t0ken\r\n').swap16()],
  ])('a file that is %s gives the token', (_, content) => {
    expect(reveal(config(environment, withFile(content)))).toBe('t0ken')
  })

  test.each([
    ['empty', Buffer.from(''), /^AIFI_TOKEN_FILE names an empty file/],
    ['only a line break', Buffer.from('\ufeff\n'), /^AIFI_TOKEN_FILE names an empty file/],
    ['no text', Buffer.from([0x80, 0xff]), /^AIFI_TOKEN_FILE names a file that cannot be read as text/],
    [
      'two lines',
      Buffer.from(`${CANARY}\n${CANARY}\n`),
      /^The file that AIFI_TOKEN_FILE names has a space, a line break/,
    ],
    ['UTF-16 without a mark', Buffer.from(CANARY, 'utf16le'), /^The file that AIFI_TOKEN_FILE names has a space/],
  ])('a file that is %s is a problem', (_, content, problem) => {
    const found = problems(environment, withFile(content))
    expect(found).toEqual([expect.stringMatching(problem)])
    expect(found[0]).not.toContain(CANARY)
  })

  test('a file that cannot be read is a problem; its path is not shown, for it may be the secret itself', () => {
    const found = problems({ ...environment, AIFI_TOKEN_FILE: CANARY })
    expect(found).toEqual([expect.stringMatching(/^AIFI_TOKEN_FILE names a file that cannot be read \(ENOENT\)/)])
    expect(found[0]).not.toContain(CANARY)
  })

  test('a file that others can read is a warning', () => {
    const exposed = {
      ...withFile(Buffer.from('t0ken')),
      othersCanRead: (path: string) => path === '/run/secrets/token',
    }
    const warning = /^AIFI_TOKEN_FILE names a file that others can read too/
    expect(read(environment, exposed)).toMatchObject({ ok: true, warnings: [expect.stringMatching(warning)] })
  })

  test.skipIf(process.platform === 'win32')('what others can read is seen from the mode of a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'token')
    writeFileSync(file, 't0ken')
    const seen = [0o600, 0o400, 0o640, 0o604, 0o644].map((mode) => {
      chmodSync(file, mode)
      return othersCanRead(file, 'linux')
    })
    expect(seen).toEqual([false, false, true, true, true])
    expect(othersCanRead(file, 'win32')).toBe(false)
    expect(othersCanRead('/dev/null', 'linux')).toBe(false)
  })

  test('a variable together with its file is a problem', () => {
    expect(problems({ ...environment, AIFI_TOKEN: 'x' }, withFile(Buffer.from('y')))).toEqual([
      'AIFI_TOKEN and AIFI_TOKEN_FILE are both set; set one of them.',
    ])
  })
})

describe('names', () => {
  test.each([
    ['AIFI_BASEURL', 'AIFI_BASE_URL'],
    ['AIFI_TOKNE', 'AIFI_TOKEN'],
    ['aifi_token', 'AIFI_TOKEN'],
    ['AIFI_AUDIT', 'AIFI_AUDIT_LOG'],
    ['AIFI_READONLY', 'AIFI_READ_ONLY'],
    ['AIFI_CLIENT_ID_FILE', 'AIFI_CLIENT_ID'],
    ['AIFI_LOG_LEVEL', 'LOG_LEVEL'],
  ])('%s stops the start and points to %s', (name, real) => {
    expect(problemsWith({ [name]: CANARY })).toEqual([`${name} is not a setting of this server; did you mean ${real}?`])
  })

  test('other unknown names are a warning, and those without the prefix are not ours', () => {
    expect(warningsWith({ AIFI_STORE_COLOUR: CANARY, TOKEN: 'x', AIFI: 'y' })).toEqual([
      'AIFI_STORE_COLOUR is not a setting of this server and has no effect.',
    ])
  })

  test.each([
    ['phone all', 'all'],
    ['phone,,role ', ['phone', 'role']],
    [',', []],
  ])('AIFI_APPROVAL_FIELDS=%j is %j', (given, fields) => {
    expect(config({ ...URL_AND_TOKEN, AIFI_APPROVAL_FIELDS: given }).approval.fields).toEqual(fields)
  })

  test.each(['AIFI_APPROVAL_FIELDS', 'AIFI_FIELDS', 'AIFI_SHOW_FIELDS'])(
    'an entry of %s that is no field is named with the nearest, unless it is near none',
    (name) => {
      expect(problemsWith({ [name]: 'role,first_name' })).toEqual([
        `${name} names "first_name", which is no customer field (did you mean firstName?); allowed: ${setting.fields.allowed}.`,
      ])
      const [problem, ...more] = problemsWith({ [name]: `role,${CANARY}` })
      expect(more).toEqual([])
      expect(problem).toMatch(new RegExp(`^${name} has an entry that is no customer field \\(they are email, `))
      expect(problem).not.toContain(CANARY)
    },
  )

  test('an unknown word is a problem that names the nearest', () => {
    expect(problemsWith({ AIFI_APPROVAL: 'from' })).toEqual([
      'AIFI_APPROVAL is none of the known words (did you mean "form"?); allowed: auto, form, page, chat, dangerously-skip.',
    ])
  })

  test('AIFI_FIELDS without a field is a problem that points to the setting for that', () => {
    expect(problemsWith({ AIFI_FIELDS: ',' })).toEqual([expect.stringContaining('AIFI_READ_ONLY=true')])
  })
})

test.each([
  ['AIFI_APPROVAL_WAIT_SECONDS', ['0', '600'], ['601', '-1', '1.5', '5s', '0x10']],
  ['AIFI_APPROVAL_PORT', ['1', '65535'], ['0', '65536']],
  ['AIFI_TIMEOUT_MS', ['10', '600000'], ['0', '9', '600001', '1e3', '9'.repeat(400)]],
  ['AIFI_MAX_CHANGES_PER_MINUTE', ['1', '1000000'], ['0', '1000001', 'many']],
])('%s has bounds, and they are stated', (name, allowed, refused) => {
  for (const value of allowed) expect(problemsWith({ [name]: value })).toEqual([])
  for (const value of refused) {
    expect(problemsWith({ [name]: value })).toEqual([
      expect.stringMatching(
        new RegExp(`^${name} is .*; allowed: a whole number .*from ${allowed[0]} to ${allowed[1]}\\.$`),
      ),
    ])
  }
})

test('switched-off certificate checks stop the start, in the sandbox too', () => {
  const off = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
  expect(problemsWith(off)).toEqual([expect.stringContaining('NODE_EXTRA_CA_CERTS')])
  expect(problems(off, { sandbox: true })).toHaveLength(1)
  expect(problemsWith({ NODE_TLS_REJECT_UNAUTHORIZED: '1' })).toEqual([])
})

test('a relative audit path, and audit values without an audit, are warnings', () => {
  expect(warningsWith({ AIFI_AUDIT_LOG: 'audit.jsonl' })).toEqual([expect.stringContaining('relative path')])
  expect(warningsWith({ AIFI_AUDIT_VALUES: 'true' })).toEqual([expect.stringContaining('no effect')])
})

describe('proxy', () => {
  const proxy = (more: Environment) => config({ ...URL_AND_TOKEN, ...more }).aifi.proxy

  test('lower case goes before upper case, and the scheme may be left out', () => {
    expect(
      proxy({ HTTPS_PROXY: 'http://upper:1', https_proxy: 'lower:2', HTTP_PROXY: 'http://p:3', NO_PROXY: 'a,b' }),
    ).toEqual({ httpsProxy: 'http://lower:2', httpProxy: 'http://p:3', noProxy: 'a,b' })
  })

  test('loopback is never reached through a proxy', () => {
    expect(proxy({ AIFI_BASE_URL: 'http://[::1]:3000' })).toEqual({ noProxy: '[::1]:3000' })
    expect(proxy({ AIFI_BASE_URL: 'http://localhost:1', NO_PROXY: 'a' })).toEqual({ noProxy: 'a,localhost:1' })
    expect(proxy({ AIFI_BASE_URL: 'http://localhost:1', NO_PROXY: '*' })).toEqual({ noProxy: '*' })
  })

  test.each([
    ['http://user:100%@p:1', 'http://user:100%25@p:1'],
    ['http://user:a%40b%zz@p:1', 'http://user:a%40b%25zz@p:1'],
    ['http://user:%ff@p:1', 'http://user:%25ff@p:1'],
    ['http://us%er@p:1', 'http://us%25er:@p:1'],
    ['https://p/', 'https://p'],
    ['socks5h://p:1080', 'socks5://p:1080'],
    ['socks://user:x@p:1080', 'socks5://user:x@p:1080'],
    ['[::1]:3128', 'http://[::1]:3128'],
  ])('%s is taken as %s', (given, taken) => {
    expect(proxy({ HTTPS_PROXY: given }).httpsProxy).toBe(taken)
    // It refuses what it cannot use, an undecodable password among that.
    expect(() => new EnvHttpProxyAgent({ httpsProxy: taken })).not.toThrow()
  })

  test.each([
    [`ftp://user:${CANARY}@p`, 'has a scheme other than http, https and socks5'],
    [`socks4://user:${CANARY}@p:1080`, 'has a scheme other than'],
    [`http://user:${CANARY}@p:1/pac`, 'has a path'],
    [`p:1/?${CANARY}`, 'has a path, a query'],
    [`http://user:${CANARY}#x@p:1`, 'is not the address of a proxy'],
    [`http://user:${CANARY}@`, 'is not the address of a proxy'],
  ])('%s is a problem that does not show it, if it would be used', (address, reason) => {
    const found = problemsWith({ https_proxy: address })
    expect(found).toEqual([expect.stringMatching(/^HTTPS_PROXY .*; allowed: http:\/\/host:port, /)])
    expect(found[0]).toContain(reason)
    expect(found[0]).not.toContain(CANARY)
    expect(problemsWith({ http_proxy: address })).toEqual([expect.stringMatching(/^HTTP_PROXY /)])
    expect(proxy({ http_proxy: address, https_proxy: 'p:1' })).toEqual({ httpsProxy: 'http://p:1' })
    expect(proxy({ https_proxy: address, NO_PROXY: '.example' }).httpsProxy).toBeUndefined()
    expect(proxy({ https_proxy: address, AIFI_BASE_URL: 'http://localhost:1' }).httpsProxy).toBeUndefined()
    expect(problems({ https_proxy: address }, { sandbox: true })).toEqual([])
  })

  test('one that would be used for the token endpoint only is looked at too', () => {
    const client = { AIFI_BASE_URL: 'https://aifi.example', AIFI_CLIENT_ID: 'id', AIFI_CLIENT_SECRET: 'x' }
    const found = problems({ ...client, HTTPS_PROXY: 'p:1/x', NO_PROXY: 'aifi.example' })
    expect(found).toEqual([expect.stringMatching(/^HTTPS_PROXY has a path/)])
  })

  test.each([
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', 'a 10.1.2.0/30,b', true],
    ['https://10.1.2.4', '10.1.2.0/30', false],
    ['https://10.1.2.3', '10.0.0.0/33', false],
    ['https://10.1.2.3', 'fd00::/8', false],
    ['https://[fd00::1]', 'fd00::/8', true],
    ['https://[fd00::1]', '[fd00::]/8', true],
    ['https://[fe00::1]', 'fd00::/8', false],
    ['https://[fd00::1]', 'fd00::1', true],
    ['https://[fd00::1]:8443', '[fd00::1]:8443', true],
    ['https://10.example', '10.0.0.0/8', false],
    ['https://aifi.example', 'aifi.example:443', true],
    ['https://aifi.example:8443', 'aifi.example:443', false],
    ['https://eu.aifi.example', '*.aifi.example', true],
    ['https://eu.aifi.example', '.AIFI.example', true],
    ['https://aifi.example.org', 'aifi.example', false],
    ['https://aifi.example', 'a,*', true],
    ['https://aifi.example', '.', false],
  ])('%s is reached directly under NO_PROXY=%s: %s', (address, noProxy, direct) => {
    expect(isExcepted(new URL(address), noProxy)).toBe(direct)
    const host = `${new URL(address).hostname}:${new URL(address).port || 443}`
    // What undici is told has the address in its own terms.
    const told = proxy({ AIFI_BASE_URL: address, NO_PROXY: noProxy, HTTPS_PROXY: 'p:1' }).noProxy
    expect(told?.split(',').at(-1) === host).toBe(direct)
  })
})

describe('sandbox', () => {
  const sandbox = { baseUrl: 'http://127.0.0.1:4000', token: 'sandbox-token' }

  test('address and credentials in the environment are ignored, other settings hold', () => {
    const environment = {
      AIFI_BASE_URL: 'nonsense',
      AIFI_TOKEN: 'two words',
      AIFI_TOKEN_FILE: '/none',
      AIFI_CLIENT_ID: 'id',
      AIFI_APPROVAL: 'chat',
    }
    const result = config(environment, { sandbox })
    expect(result).toMatchObject({ aifi: { baseUrl: sandbox.baseUrl, sandbox: true }, approval: { mode: 'chat' } })
    expect(reveal(result)).toBe('sandbox-token')
    expect(config(environment, { sandbox: true }).aifi.sandbox).toBe(true)
    expect(problems({ AIFI_APPROVAL: 'no', AIFI_TOKNE: 'x' }, { sandbox })).toHaveLength(2)
  })
})

test('no environment makes it throw, and no secret in a wrong place is ever shown', () => {
  const name = fc.constantFrom(
    ...settings.map((one) => one.name),
    'https_proxy',
    'NO_PROXY',
    'AIFI_TOKNE',
    'AIFI_OTHER',
  )
  const shape = fc.constantFrom(
    '#',
    'https://#@h',
    'https://h/#',
    '#\n',
    'a=#',
    placeholder('#'),
    '#,x',
    '\u0000#',
    '1#',
    'é#',
  )
  const value = fc.oneof(
    shape.map((one) => one.replace('#', CANARY)),
    fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }),
  )
  const harmlessNames = new Set(['AIFI_APPROVAL_FIELDS', 'AIFI_FIELDS', 'AIFI_SHOW_FIELDS'])
  fc.assert(
    fc.property(fc.dictionary(name, value), fc.boolean(), (environment, inSandbox) => {
      const result = read(environment, { sandbox: inSandbox })
      const shown = result.ok ? result.warnings : result.problems
      // What stands there is a list of names, and a wrong one has to be pointed out.
      for (const one of shown) if (!harmlessNames.has(one.split(' ')[0] ?? '')) expect(one).not.toContain(CANARY)
    }),
    { numRuns: 1000 },
  )
})

test('the table names each setting once, with a one-line meaning, and a default that is valid where it is a value', () => {
  expect(new Set(settings.map(({ name }) => name)).size).toBe(settings.length)
  for (const { meaning, allowed } of settings) expect(`${meaning}${allowed}`).toMatch(/^[ -~]{10,}$/)
  const values = settings.filter((one) => one.schema.safeParse(one.default).success).map(({ name }) => name)
  expect(values).toEqual(expect.arrayContaining(['AIFI_TOKEN_URL', 'AIFI_TIMEOUT_MS', 'AIFI_APPROVAL', 'LOG_LEVEL']))
})
