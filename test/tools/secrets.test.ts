import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openAudit } from '../../src/audit/audit.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { harmless } from '../../src/lib/text.ts'
import { fault } from '../helpers/fault.ts'
import { startFaultServer } from '../helpers/fault-server.ts'
import { jane, situation } from '../helpers/fault-situation.ts'
import { accept, decline, eras, type Harness, type HarnessOptions, start, type TestClient } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { startServer, temporaryFolder } from '../helpers/process.ts'
import { brokenAudit, silent } from '../helpers/recording-audit.ts'
import { TestClock } from '../helpers/test-clock.ts'

/** Canaries: with what JSON, HTML, URLs and terminals make something else of, very short, and one inside the other. */
const PASSWORD = 'pA"ss\\wörd-密码-😀-<b>&amp;\'1'
const CURRENT = 'hunter2-hunter2-canary'
const TOKEN = 'tok_zero\u200bwidth\nline?x=1&y=%25+#/'
const CARD = {
  provider: 'PRV~7',
  cardToken: 'hunter2-hunter2',
  nested: { list: ['  padded canary  ', 'q7~'], pan: 49927398716 },
}
const SECRETS = [PASSWORD, CURRENT, TOKEN, 'PRV~7', 'hunter2-hunter2', 'padded canary', 'q7~', '49927398716']
const GIVEN = { password: PASSWORD, currentPassword: CURRENT, cardToken: TOKEN, card: CARD }

/** A secret in every way in which it may have been written down. */
function spellings(secret: string): string[] {
  const json = (text: string) => JSON.stringify(text).slice(1, -1)
  const ascii = (text: string) =>
    text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const html = secret.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
  const plain = [
    secret,
    harmless(secret, 1_000),
    encodeURIComponent(secret),
    new URLSearchParams({ x: secret }).toString().slice(2),
    html,
    html.replaceAll("'", '&#39;'),
    html.replaceAll("'", '&#x27;'),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('hex'),
  ]
  const once = plain.flatMap((each) => [each, json(each), ascii(json(each))])
  return [...new Set(once.flatMap((each) => [each, json(each), json(json(each))]))]
}

function expectNoSecret(written: string, secrets = SECRETS): void {
  for (const secret of secrets) {
    for (const spelling of spellings(secret)) {
      const at = written.indexOf(spelling)
      expect(at < 0 ? '' : written.slice(Math.max(0, at - 80), at + spelling.length + 20), spelling).toBe('')
    }
  }
}

interface Reply {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

interface HostileAifi {
  readonly url: string
  /** The bodies of all PATCH requests, as they arrived. */
  patches(): string[]
}

/** An AiFi that says back whatever it is told. `destroy` ends the connection without an answer. */
async function hostileAifi(get: Reply, patch: Reply | 'destroy'): Promise<HostileAifi> {
  const aifi = await startFaultServer()
  onTestFinished(() => aifi.close())
  const answer = ({ status, body, headers }: Reply) =>
    fault.answer(status, body, { 'content-type': 'application/json', ...headers })
  aifi.always('GET', answer(get))
  aifi.always('PATCH', patch === 'destroy' ? fault.closeAfterBody() : answer(patch))
  return { url: aifi.url, patches: () => aifi.received('PATCH').map(({ body }) => body) }
}

/** All of the secrets at once, as a validator, a log or a stack trace might put them. */
const ECHO = SECRETS.map((secret) => `"x" with value "${secret}" fails (${JSON.stringify(secret)})`).join('; ')
const IN_COLOURS = SECRETS.map((secret) => Array.from(secret).join('\u200b')).join('\u001b[31m ')

const record = (changed: JsonObject = {}): JsonObject => ({ ...jane, phone: null, ...changed })
const echoingRecord = record({
  externalId: TOKEN,
  role: PASSWORD,
  metadata: { [PASSWORD]: [CURRENT, { [TOKEN]: 'q7~' }], pan: 49927398716, [`x${IN_COLOURS}`]: ECHO },
  priority: 49927398716,
  email: `${CURRENT}@example.com`,
  firstName: ECHO,
  lastName: IN_COLOURS,
  phone: 'padded canary',
  password: PASSWORD,
  card: CARD,
})
const echoingError = {
  message: ECHO,
  type: `E_${CURRENT}`,
  stack: ECHO,
  errors: [
    ...SECRETS.map((secret) => ({ error: `"${secret}" is wrong`, rule: secret, field: `"card.${secret}"` })),
    { error: IN_COLOURS, rule: 'string.min', field: encodeURIComponent(TOKEN) },
    { error: 'x'.repeat(495) + CURRENT, rule: '', field: '' },
  ],
}
/** Header values are Latin-1. */
const headers = { 'x-request-id': `${CURRENT} ${encodeURIComponent(TOKEN)} q7~ 49927398716`, 'retry-after': '1' }

const patchReplies: Readonly<Record<string, Reply | 'destroy'>> = {
  'accepts, and puts them into every field': { status: 200, body: echoingRecord, headers },
  'accepts without content': { status: 204, headers },
  'accepts, and answers with another customer': { status: 200, body: { ...echoingRecord, id: 1 }, headers },
  'accepts, and answers with text': { status: 200, body: ECHO, headers },
  'refuses them as invalid (422)': { status: 422, body: echoingError, headers },
  'refuses them as invalid (400)': { status: 400, body: { ...echoingError, type: 'E_INVALID_BODY' }, headers },
  'refuses them as invalid, in HTML': { status: 422, body: `<p>${ECHO}</p>`, headers },
  'refuses the token (401)': { status: 401, body: echoingError, headers },
  'refuses the current password': { status: 401, body: { ...echoingError, type: 'E_CUSTOMER_LOGIN_FAIL' }, headers },
  'refuses (403)': { status: 403, body: echoingError, headers },
  'knows no such customer (404)': { status: 404, body: echoingError, headers },
  'reports a conflict (409)': { status: 409, body: echoingError, headers },
  'is asked too often (429)': { status: 429, body: echoingError, headers },
  'redirects to an address with them': {
    status: 302,
    headers: { ...headers, location: `/${encodeURIComponent(TOKEN)}` },
  },
  'fails (500)': { status: 500, body: echoingError, headers },
  'fails (500), in text': { status: 500, body: `Error: ${ECHO}\n    at ${TOKEN} (x.js:1:1)`, headers },
  'is not there (503)': { status: 503, body: echoingError, headers },
  'hangs up': 'destroy',
}

interface Scene {
  readonly harness: Harness
  readonly client: TestClient
  readonly aifi: HostileAifi
  /** Everything that was written anywhere. */
  written(): string
}

interface SceneOptions extends HarnessOptions {
  readonly get?: Reply
  readonly patch?: Reply | 'destroy'
  readonly era?: (typeof eras)[number]
  readonly answer?: (harness: Harness) => () => ReturnType<typeof accept>
}

/** A server with the audit's values and the whole log turned on, in front of an AiFi that repeats what it hears. */
async function stage({
  get = { status: 200, body: echoingRecord },
  patch = { status: 200, body: echoingRecord },
  era,
  answer,
  ...options
}: SceneOptions = {}): Promise<Scene> {
  const aifi = await hostileAifi(get, patch)
  const folder = mkdtempSync(join(tmpdir(), 'aifi-secrets-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const auditFile = join(folder, 'audit.jsonl')
  const output: string[] = []
  for (const stream of [process.stderr, process.stdout]) {
    const spy = vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      output.push(String(chunk))
      return true
    })
    onTestFinished(() => spy.mockRestore())
  }
  const harness = await start({
    audit: openAudit(auditFile, { logger: silent, clock: new TestClock() }),
    ...options,
    baseUrl: aifi.url,
    env: { LOG_LEVEL: 'trace', AIFI_AUDIT_LOG: auditFile, AIFI_AUDIT_VALUES: 'true', ...options.env },
  })
  const client = await harness.connect({ ...(era && { era }), ...(answer && { answer: answer(harness) }) })
  const written = () => [...client.wire, ...harness.log, readFileSync(auditFile, 'utf8'), ...output].join('\n')
  return { harness, client, aifi, written }
}

/** The person reads for a while first. */
const after = (result: ReturnType<typeof accept>) => (harness: Harness) => () => {
  harness.clock.advance(2_000)
  return result
}

const SKIP = { AIFI_APPROVAL: 'dangerously-skip' }
/** The operator vouches for the client: however long a question is, the form has it. */
const BY_FORM = { AIFI_APPROVAL: 'form' }
/** A question shows the record as it is, whatever the secrets are; this one holds none of them. */
const ORDINARY = { status: 200, body: record() }

test('the canaries would be found', () => {
  for (const secret of SECRETS) {
    for (const spelling of spellings(secret)) expect(() => expectNoSecret(`a ${spelling} b`, [secret])).toThrow()
  }
  for (const text of [JSON.stringify({ a: ECHO }), JSON.stringify(JSON.stringify(echoingError))]) {
    for (const secret of SECRETS) expect(() => expectNoSecret(text, [secret]), secret).toThrow()
  }
})

describe('secrets in the arguments are nowhere but in the PATCH', () => {
  test.each(Object.entries(patchReplies))('when AiFi %s', async (_, patch) => {
    const { client, aifi, written } = await stage({ patch, env: SKIP })
    const envelope = await client.update({ customerId: 4211, ...GIVEN, firstName: 'Janet' })
    expect(['updated', 'invalid', 'failed', 'unknown']).toContain(envelope.status)
    expect(aifi.patches().map((body): unknown => JSON.parse(body))).toEqual([{ ...GIVEN, firstName: 'Janet' }])
    expect(written()).toContain('Janet')
    expectNoSecret(written())
  })

  test.each([
    ['is unreadable', { status: 404, body: echoingError, headers }],
    ['fails', { status: 500, body: ECHO, headers }],
    ['is an ordinary one', { status: 200, body: record() }],
    ['holds them already', { status: 200, body: echoingRecord, headers }],
  ])('when the record %s, whatever comes of the change', async (_, get) => {
    for (const patch of [
      { status: 200, body: echoingRecord },
      { status: 504, body: echoingError },
      'destroy',
    ] as const) {
      const { client, aifi, written } = await stage({ get, patch, env: SKIP })
      await client.update({ customerId: 4211, ...GIVEN, phone: '1', metadata: { tier: 'gold' } })
      expect(aifi.patches()).toHaveLength(1)
      expectNoSecret(written())
    }
  })

  test.each(eras)('when a person is asked by a form (%s), says yes, no, or nothing', async (era) => {
    const replies = {
      updated: accept(),
      declined: decline(),
      approval_unavailable: accept({}),
    }
    for (const [status, reply] of Object.entries(replies)) {
      const { client, aifi, written } = await stage({ get: ORDINARY, era, env: BY_FORM, answer: after(reply) })
      const args = { customerId: 4211, ...GIVEN, metadata: { note: 'new' }, externalId: 'new-id' }
      expect(await client.update(args)).toMatchObject({ status })
      expect(client.asked).toHaveLength(1)
      expect(JSON.stringify(client.asked)).toContain('given by the assistant (hidden)')
      expect(aifi.patches()).toHaveLength(status === 'updated' ? 1 : 0)
      expectNoSecret(written() + JSON.stringify(client.asked))
    }
  })

  test('in a dry run', async () => {
    const { client, aifi, written } = await stage()
    const envelope = await client.update({ customerId: 4211, ...GIVEN, metadata: { a: 1 }, dryRun: true })
    expect(envelope).toMatchObject({ status: 'preview' })
    expect(envelope.changes?.map(({ field }) => field)).toEqual([
      'metadata',
      'password',
      'currentPassword',
      'card',
      'cardToken',
    ])
    expect(aifi.patches()).toEqual([])
    expectNoSecret(written())
  })

  test('when nobody can be asked, and when the expected email is another', async () => {
    const { client, aifi, written } = await stage({ env: { AIFI_APPROVAL: 'chat' } })
    expect(await client.update({ customerId: 4211, ...GIVEN })).toMatchObject({ status: 'approval_unavailable' })
    const args = { customerId: 4211, ...GIVEN, expectedEmail: 'jane@example.com' }
    expect(await client.update(args)).toMatchObject({ status: 'invalid' })
    expect(aifi.patches()).toEqual([])
    expectNoSecret(written())
  })

  test('when the same call picks the outcome up later', async () => {
    const { client, harness, aifi, written } = await stage({
      get: ORDINARY,
      env: { AIFI_APPROVAL: 'page', AIFI_APPROVAL_WAIT_SECONDS: '0' },
    })
    const args = { customerId: 4211, ...GIVEN }
    expect(await client.update(args)).toMatchObject({ status: 'approval_pending' })
    const person = new PageVisitor(await openedAddress(harness))
    const waiting = await person.get()
    const done = await person.press('approve')
    expect(done.body).toContain('Done')
    const told = await client.update(args)
    expect(told.message).toContain('nothing was sent again')
    expect(aifi.patches().map((body): unknown => JSON.parse(body))).toEqual([GIVEN])
    expectNoSecret([written(), waiting.body, done.body, JSON.stringify([waiting.headers, done.headers])].join('\n'))
  })

  test('when something throws inside', async () => {
    const broken = brokenAudit
    const { client, harness, aifi } = await stage({ env: SKIP, audit: broken })
    expect(await client.update({ customerId: 4211, ...GIVEN })).toMatchObject({ status: 'failed' })
    expect(aifi.patches()).toEqual([])
    expectNoSecret([...client.wire, ...harness.log].join('\n'))
  })
})

describe('secrets that our own checks refuse', () => {
  const tooLong = `${PASSWORD}${'x'.repeat(300)}`
  test.each<[string, JsonObject]>([
    ['too long or short', { password: tooLong, currentPassword: 'q7~', cardToken: TOKEN }],
    [
      'of the wrong type',
      { password: [PASSWORD], currentPassword: { a: CURRENT }, cardToken: 49927398716, card: CURRENT },
    ],
    [
      'nested too deep, or with a number too large',
      { card: { ...CARD, limit: Number.POSITIVE_INFINITY }, password: 'q7~' },
    ],
    ['under names that do not exist', { pasword: PASSWORD, newPassword: CURRENT, card_token: TOKEN, pin: CARD }],
    [
      'in the place of others',
      { customerId: PASSWORD, enterPrivately: [CURRENT, 'password'], password: TOKEN, dryRun: CURRENT, role: CURRENT },
    ],
    ['given and to be entered', { ...GIVEN, enterPrivately: ['password', 'currentPassword', 'cardToken'] }],
    ['as the text of metadata', { metadata: `{"password":${JSON.stringify(PASSWORD)}`, ...GIVEN }],
  ])('%s are not repeated', async (_, args) => {
    for (const secretArguments of ['allow', 'refuse']) {
      const { client, aifi, written } = await stage({ env: { ...SKIP, AIFI_SECRET_ARGUMENTS: secretArguments } })
      expect(await client.update({ customerId: 4211, ...args })).toMatchObject({ status: 'invalid' })
      expect(aifi.patches()).toEqual([])
      expectNoSecret(written())
    }
  })
})

describe('secrets typed into the page', () => {
  const fields = { password: PASSWORD, passwordAgain: PASSWORD, cardToken: TOKEN, cardTokenAgain: TOKEN }
  const typed = [PASSWORD, TOKEN]

  test.each(Object.entries(patchReplies))('are nowhere but in the PATCH when AiFi %s', async (_, patch) => {
    const { client, harness, aifi, written } = await stage({ get: { status: 200, body: record() }, patch })
    const answer = client.update({ customerId: 4211, enterPrivately: ['password', 'cardToken'], phone: '1' })
    const person = new PageVisitor(await openedAddress(harness))
    const pages = [
      await person.get(),
      // A slip first: what was typed does not come back into the form.
      await person.press('approve', { ...fields, passwordAgain: 'something else' }),
      await person.press('approve', { ...fields, cardToken: '', cardTokenAgain: '' }),
      await person.press('approve', fields),
    ]
    expect(pages[1]?.body).toContain('The two entries are not the same')
    expect(['updated', 'invalid', 'failed', 'unknown']).toContain((await answer).status)
    pages.push(await person.get())
    expect(aifi.patches().map((body): unknown => JSON.parse(body))).toEqual([
      { phone: '1', password: PASSWORD, cardToken: TOKEN },
    ])
    const shown = pages.map(({ body, headers }) => body + JSON.stringify(headers)).join('\n')
    expectNoSecret([written(), shown, ...harness.browser.opened].join('\n'), typed)
  })

  test('are forgotten when the person then declines', async () => {
    const { client, harness, aifi, written } = await stage({ get: { status: 200, body: record() } })
    const answer = client.update({ customerId: 4211, enterPrivately: ['password', 'cardToken'] })
    const person = new PageVisitor(await openedAddress(harness))
    await person.press('approve', { ...fields, passwordAgain: '' })
    const page = await person.press('decline', fields)
    expect(await answer).toMatchObject({ status: 'declined' })
    expect(aifi.patches()).toEqual([])
    expectNoSecret(written() + page.body, typed)
  })
})

describe('the published program', () => {
  test('writes none of them to stdout, stderr or the audit', async () => {
    const aifi = await hostileAifi({ status: 200, body: echoingRecord }, { status: 422, body: echoingError, headers })
    const auditFile = join(temporaryFolder(), 'audit.jsonl')
    const server = startServer({
      env: {
        AIFI_BASE_URL: aifi.url,
        AIFI_TOKEN: 'token-canary-3141592653',
        AIFI_APPROVAL: 'dangerously-skip',
        AIFI_AUDIT_LOG: auditFile,
        AIFI_AUDIT_VALUES: 'true',
        LOG_LEVEL: 'trace',
      },
    })
    await server.initialize()
    expect(await server.result(server.call('update_customer', { customerId: 4211, ...GIVEN }))).toMatchObject({
      status: 'invalid',
    })
    const refused = await server.result(server.call('update_customer', { customerId: PASSWORD, card: CURRENT }))
    expect(refused).toMatchObject({ status: 'invalid' })
    server.child.stdin?.end()
    await server.ended
    expect(aifi.patches()).toHaveLength(1)
    expect(server.stderr).not.toBe('')
    const written = [server.stdout.toString(), server.stderr, readFileSync(auditFile, 'utf8')].join('\n')
    expectNoSecret(written, [...SECRETS, 'token-canary-3141592653'])
  })
})

test('a value of the record that is cut off in the middle of a secret is not shown at all', async () => {
  const { aifi, client } = await situation({ answer: () => accept() })
  const record = { ...jane, lastName: `${'n'.repeat(470)}${CURRENT}` }
  aifi.always('GET', fault.answer(200, record))
  aifi.always('PATCH', fault.answer(200, record))
  const args = { customerId: 4211, currentPassword: CURRENT, firstName: 'Jane' }
  const { customer } = await client.update(args)
  expect(customer?.lastName).toMatch(/^⟦altered [0-9a-f]{6}⟧$/)
  expect(client.wire.at(-1)).not.toContain(CURRENT.slice(0, 5))
})
