import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runHere } from '../helpers/run-here.ts'

const CANARY = 'c4nary-Sup3rSecret'

describe('a start that cannot succeed ends with exit code 1, one readable message on stderr, nothing on stdout:', () => {
  const access = { AIFI_BASE_URL: 'https://aifi.example', AIFI_TOKEN: CANARY }
  const notWritable = join('/', 'no', 'such', 'folder', 'audit.jsonl')

  test.each([
    ['no settings at all', {}, ['AIFI_BASE_URL', 'AIFI_TOKEN', 'AIFI_CLIENT_ID', 'AIFI_CLIENT_SECRET', '--sandbox']],
    ['a mistyped name', { ...access, AIFI_BASEURL: 'x' }, ['AIFI_BASEURL', 'did you mean AIFI_BASE_URL?']],
    ['a mistyped name under which a secret is set', { ...access, AIFI_TOKN: CANARY }, ['did you mean AIFI_TOKEN?']],
    ['a bad value', { ...access, AIFI_TIMEOUT_MS: 'soon' }, ['AIFI_TIMEOUT_MS', 'whole number']],
    [
      'several bad values, all named at once',
      { ...access, AIFI_APPROVAL: 'never', AIFI_READ_ONLY: 'yes', AIFI_FIELDS: 'name' },
      ['AIFI_APPROVAL', 'AIFI_READ_ONLY', 'AIFI_FIELDS'],
    ],
    ['a secret where a word belongs', { ...access, AIFI_APPROVAL: CANARY }, ['AIFI_APPROVAL']],
    ['a secret in the address', { ...access, AIFI_BASE_URL: `https://me:${CANARY}@aifi.example` }, ['AIFI_BASE_URL']],
    ['a secret where a file belongs', { ...access, AIFI_TOKEN: '', AIFI_TOKEN_FILE: CANARY }, ['AIFI_TOKEN_FILE']],
    ['a token that cannot be sent', { ...access, AIFI_TOKEN: `Bearer ${CANARY}` }, ['AIFI_TOKEN']],
    ['an audit file that cannot be written', { ...access, AIFI_AUDIT_LOG: notWritable }, ['AIFI_AUDIT_LOG']],
    ['an audit file that is a folder', { ...access, AIFI_AUDIT_LOG: join('/') }, ['AIFI_AUDIT_LOG']],
  ])('%s', async (_, env, named) => {
    const { code, stdout, stderr } = await runHere([], { LOG_LEVEL: 'trace', ...env })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    for (const name of named) expect(stderr).toContain(name)
    expect(stderr).toMatch(/^aifi-customer-mcp cannot start:\n(?: {2}- \S.*\n)+$/)
    expect(stderr).not.toContain(CANARY)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test.each([
    ['an unknown command', ['sandbocks'], '"sandbocks"'],
    ['an unknown option', ['--sandboxed'], '"--sandboxed"'],
    ['a secret as a command', [CANARY], 'unknown command'],
    ['a setting as a command', [`AIFI_TOKEN=${CANARY}`], 'unknown command'],
    ['a secret as an option', [`--token=${CANARY}`], '"--token"'],
    ['a value for an option without one', [`--sandbox=${CANARY}`], '--sandbox takes no value'],
    ['a port that is none', ['sandbox', '--port', CANARY], '--port must be a number'],
    ['a port without a number', ['sandbox', '--port'], '--port takes a number'],
    ['a port for nothing', ['--port', '4711'], '--port belongs to'],
    ['--no-get without a sandbox', ['--no-get'], '--no-get belongs to'],
    ['an audit command without a file', ['audit', 'verify'], 'AIFI_STORE_URL'],
    ['an audit file that is not there', ['audit', 'verify', 'no-such-file'], 'ENOENT'],
  ])('%s', async (_, args, named) => {
    const { code, stdout, stderr } = await runHere(args, access)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(named)
    expect(stderr).toMatch(/^aifi-customer-mcp: .*\n$/)
    expect(stderr).not.toContain(CANARY)
  })
})
