import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openAudit } from '../../../src/audit/audit.ts'
import type { Sandbox } from '../../../src/sandbox/sandbox.ts'
import { exchange } from '../../helpers/exchange.ts'
import { fault } from '../../helpers/fault.ts'
import { startFaultServer } from '../../helpers/fault-server.ts'
import { accept, decline, eras, type Harness, start } from '../../helpers/harness.ts'
import { askOnPage, BLOCK, formHeaders, openedAddress, PageVisitor } from '../../helpers/page-visitor.ts'
import { silent } from '../../helpers/recording-audit.ts'
import { TestClock } from '../../helpers/test-clock.ts'

const MINUTE_MS = 60_000
const PASSWORD = 'correct horse <"battery"> & ü staple'
const bodies = (harness: Harness) => harness.sent('PATCH').map(({ body }) => body)

/** Somebody else changes a record in AiFi; what the stand-in has seen up to then is forgotten. */
async function changeInAifi({ sandbox, requests }: Harness, id: number, body: object): Promise<void> {
  const headers = { Authorization: `Bearer ${sandbox.token}`, 'Content-Type': 'application/json' }
  const url = `${sandbox.baseUrl}/api/admin/v2/customers/${id}`
  expect((await fetch(url, { method: 'PATCH', headers, body: JSON.stringify(body) })).status).toBe(200)
  requests.length = 0
}

/** How many questions wait on the page, looked at anew. */
async function questionsOn(person: PageVisitor): Promise<number> {
  await person.get()
  return person.tokens.length
}

const passwordOf = (sandbox: Sandbox, id: number) => sandbox.customers.get(id)?.password?.reveal()

describe('the page', () => {
  test('shows whose record it is and what changes, and Approve makes the change', async () => {
    const { harness, person, answer } = await askOnPage({ customerId: 77, role: 'employee' })
    const { body } = await person.get()
    for (const text of [
      'Change the role of <bdi>Marcus Weber</bdi> to employee?',
      'Marcus Weber',
      'marcus.weber@example.com',
      'test-client 1.0.0',
      harness.sandbox.baseUrl,
    ]) {
      expect(body).toContain(text)
    }
    expect(bodies(harness)).toEqual([])
    expect((await person.press('approve')).body).toMatch(/Done[\s\S]*AiFi accepted the change of customer 77/)
    expect(await answer).toMatchObject({ status: 'updated', approval: { channel: 'page', answer: 'approved' } })
    expect(bodies(harness)).toEqual([{ role: 'employee' }])
  })

  test('sends nothing on Decline, and the same change is not asked about again for a minute', async () => {
    const { harness, client, person, answer } = await askOnPage()
    expect((await person.press('decline')).body).toMatch(/Declined[\s\S]*Nothing was sent/)
    expect(await answer).toMatchObject({ status: 'declined', approval: { channel: 'page', answer: 'declined' } })
    expect(await client.update(BLOCK)).toMatchObject({ status: 'declined', retryAfterSeconds: expect.any(Number) })
    expect(harness.browser.opened).toHaveLength(1)
    harness.clock.advance(MINUTE_MS)
    client.update(BLOCK).catch(() => undefined)
    await openedAddress(harness, 2)
    expect(bodies(harness)).toEqual([])
  })

  test('carries its security headers on every answer', async () => {
    const { person, address } = await askOnPage()
    const { origin } = new URL(address)
    await person.get()
    const cookie = { Cookie: person.cookie ?? '' }
    const answers = [
      await person.get(),
      await person.send('decision=none'),
      await person.send(person.form('decline'), { Origin: 'null' }),
      await person.send('a'.repeat(40_000)),
      await exchange(`${origin}/unknown`),
      await exchange(address, { method: 'HEAD', headers: cookie }),
      await exchange(address, { method: 'PUT', headers: cookie }),
      await exchange(address, { headers: { Host: 'evil.example' } }),
      await exchange(address, { headers: { Host: 'evil example' } }),
      await exchange(address, { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' } }),
      await exchange(address),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 303, 403, 413, 404, 503, 404, 403, 400, 200, 403])
    for (const { headers, status } of answers) {
      const csp = headers['content-security-policy'] ?? ''
      expect(csp, `${status}`).toMatch(
        /^default-src 'none'; script-src 'sha256-[\w+/=]{44}'; style-src 'sha256-[\w+/=]{44}'; connect-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'$/,
      )
      expect(headers, `${status}`).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      })
      expect(headers, `${status}`).not.toHaveProperty('access-control-allow-origin')
      expect(headers, `${status}`).not.toHaveProperty('x-powered-by')
    }
  })

  test('has an address that is in no result, log, audit or output', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'approval-page-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const output: string[] = []
    const { stdout, stderr } = process
    for (const stream of [stdout, stderr]) {
      const write = stream.write
      stream.write = (chunk: string | Uint8Array) => output.push(String(chunk)) > 0
      onTestFinished(() => {
        stream.write = write
      })
    }
    const audit = openAudit(join(folder, 'audit'), { logger: silent, clock: new TestClock() })
    const env = { LOG_LEVEL: 'trace', AIFI_APPROVAL_WAIT_SECONDS: '0' }
    const { harness, client, person, answer } = await askOnPage(BLOCK, { env, audit })
    expect(await answer).toMatchObject({ status: 'approval_pending' })
    expect(await client.update({ ...BLOCK, dryRun: true })).toMatchObject({ status: 'preview' })
    await person.send('x', { Origin: 'null' })
    await person.press('approve')
    expect(await client.update(BLOCK)).toMatchObject({ status: 'updated' })
    await exchange(person.address)
    const everything = [...client.wire, ...harness.log, ...output, readFileSync(join(folder, 'audit'), 'utf8')].join(
      '\n',
    )
    expect(everything).toContain('"updated"')
    const { host, port, pathname } = new URL(person.address)
    for (const part of [host, `:${port}`, pathname.slice(1), ...(person.cookie ?? '').split('='), ...person.tokens]) {
      expect(everything.includes(part), part).toBe(false)
    }
  })

  test('shows a hostile customer as text', async () => {
    const harness = await start()
    const name = `</script><h1>Approve</h1>\u202e\u2066\x1b[31mred\x1b[0m\u200b\x07${'long '.repeat(2_000)}`
    await changeInAifi(harness, 77, { firstName: name, lastName: '"><form action="http://evil.example">' })
    const client = await harness.connect({ name: '<img src=x onerror=alert(1)>' })
    client.update({ customerId: 77, externalId: '<script>alert(1)</script>' }).catch(() => undefined)
    const { body } = await new PageVisitor(await openedAddress(harness)).get()
    expect(body).toContain('&lt;/script&gt;&lt;h1&gt;Approve&lt;/h1&gt;\\u{202e}\\u{2066}\\u{1b}[31mred')
    expect(body).toContain('&lt;script&gt;alert(1)')
    expect(body.match(/<script/g)).toHaveLength(1)
    expect(body).not.toMatch(/<img|evil\.example">|\p{Cc}(?<!\n)|[\u202a-\u202e\u2066-\u2069\u200b]/u)
    expect([...body.matchAll(/<form/g)]).toHaveLength(1)
    expect(body.length).toBeLessThan(name.length + 20_000)
  })

  test.each([
    ['wide', Object.fromEntries(Array.from({ length: 5_000 }, (_, key) => [`key ${key}`, 'v'.repeat(80)]))],
    ['long', { text: 'v'.repeat(90_000), ['k'.repeat(90_000)]: 1 }],
  ])('is not asked about a metadata bomb that it could not show whole: %s', async (_, metadata) => {
    const aifi = await startFaultServer()
    onTestFinished(() => aifi.close())
    aifi.always('GET', fault.answer(200, { id: 77, email: 'marcus@example.com', metadata }))
    const harness = await start({ baseUrl: aifi.url })
    const client = await harness.connect()
    const envelope = await client.update({ customerId: 77, metadata: { tidy: true } })
    expect(['invalid', 'approval_unavailable']).toContain(envelope.status)
    expect(envelope.message).toContain('shown whole')
    expect(harness.browser.opened).toEqual([])
    expect(aifi.received('PATCH')).toEqual([])
  })

  test.each([
    ['deep', JSON.parse(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`), '{&quot;a&quot;:1}'],
    ['too deep', JSON.parse(`${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`), 'Whose it is could not be seen'],
  ])('stays small in front of nested metadata: %s', async (_, metadata, shown) => {
    const aifi = await startFaultServer()
    onTestFinished(() => aifi.close())
    aifi.always('GET', fault.answer(200, { id: 77, email: 'marcus@example.com', metadata }))
    const { person } = await askOnPage({ customerId: 77, metadata: { tidy: true } }, { baseUrl: aifi.url })
    const { body } = await person.get()
    expect(body).toContain(shown)
    expect(body.length).toBeLessThan(100_000)
    expect(aifi.received('PATCH')).toEqual([])
  })
})

describe('secrets', () => {
  test('that a person types are checked, go to AiFi, and are nowhere else', async () => {
    const { harness, client, person, answer } = await askOnPage(
      { customerId: 77, enterPrivately: ['password'] },
      { env: { LOG_LEVEL: 'trace' } },
    )
    const seen = [await person.get()]
    const wrong = [
      [{ password: PASSWORD, passwordAgain: `${PASSWORD} ` }, 'The two entries are not the same'],
      [{ password: 'short77', passwordAgain: 'short77' }, '8 to 255 characters'],
      [{ password: 'x'.repeat(256), passwordAgain: 'x'.repeat(256) }, '8 to 255 characters'],
      [{ password: '', passwordAgain: '' }, '8 to 255 characters'],
      [{ password: PASSWORD }, 'The two entries are not the same'],
      [{}, 'The two entries are not the same'],
    ] as const
    for (const [fields, problem] of wrong) {
      const answered = await person.press('approve', fields)
      expect(answered.body).toMatch(/role="alert"[\s\S]*Please type again/)
      expect(answered.body).toContain(problem)
      seen.push(answered)
    }
    expect(bodies(harness)).toEqual([])
    seen.push(await person.press('approve', { password: PASSWORD, passwordAgain: PASSWORD }))
    expect(seen.at(-1)?.body).toContain('Done')
    const envelope = await answer
    expect(envelope).toMatchObject({ status: 'updated', changes: [{ field: 'password', verified: 'not_reported' }] })
    expect(bodies(harness)).toEqual([{ password: PASSWORD }])
    expect(passwordOf(harness.sandbox, 77)).toBe(PASSWORD)
    const everything = [...seen.map(({ body }) => body), ...client.wire, ...harness.log].join('\n')
    for (const typed of ['correct horse', 'battery', 'staple', 'short77', 'xxxxxxxx'])
      expect(everything).not.toContain(typed)
  })

  test('of all three kinds go out together with what was asked', async () => {
    const enterPrivately = ['password', 'currentPassword', 'cardToken']
    const { harness, person, answer } = await askOnPage({ customerId: 77, blocked: true, enterPrivately })
    const typed = { password: PASSWORD, currentPassword: 'sandbox-password-77', cardToken: 't' }
    const twice = Object.fromEntries(
      Object.entries(typed).flatMap(([name, value]) => [
        [name, value],
        [`${name}Again`, value],
      ]),
    )
    expect((await person.press('approve', { ...twice, cardToken: '', cardTokenAgain: '' })).body).toContain(
      'It must not be empty',
    )
    expect((await person.press('approve', { ...twice, role: 'employee' })).body).toContain('Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies(harness)).toEqual([{ blocked: true, ...typed }])
  })

  test('need not be typed to decline', async () => {
    const { harness, person, answer } = await askOnPage({ customerId: 77, enterPrivately: ['password'] })
    expect((await person.press('decline', { password: PASSWORD, passwordAgain: '' })).body).toContain('Declined')
    expect(await answer).toMatchObject({ status: 'declined' })
    expect(bodies(harness)).toEqual([])
  })

  test('that AiFi refuses are told without the secret', async () => {
    const { harness, person, answer } = await askOnPage({
      customerId: 77,
      enterPrivately: ['currentPassword'],
      blocked: true,
    })
    const typed = { currentPassword: 'not the right one', currentPasswordAgain: 'not the right one' }
    const { body } = await person.press('approve', typed)
    expect(body).toMatch(/Not changed[\s\S]*AiFi did not accept the [^<]*current password/)
    expect(JSON.stringify(await answer) + body).not.toContain('not the right one')
    expect(bodies(harness)).toHaveLength(1)
  })

  test('cannot be asked for where there is only a form', async () => {
    const harness = await start({ env: { AIFI_APPROVAL: 'form' } })
    const client = await harness.connect({ answer: () => accept() })
    expect(await client.update({ customerId: 77, enterPrivately: ['password'] })).toMatchObject({
      status: 'approval_unavailable',
    })
    expect(client.asked).toEqual([])
    expect(bodies(harness)).toEqual([])
  })
})

describe('a call', () => {
  test('does not wait longer than it is told to; the change is made all the same, and told once', async () => {
    const { harness, client, person, answer } = await askOnPage(BLOCK, { env: { AIFI_APPROVAL_WAIT_SECONDS: '1' } })
    harness.clock.advance(1_000)
    expect(await answer).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect((await person.press('approve')).body).toContain('Done')
    const { decidedAt } = (await client.update(BLOCK)).approval ?? {}
    expect(decidedAt).toBeDefined()
    expect(bodies(harness)).toEqual([{ blocked: true }])
    // It has been told now: the same arguments are a new change.
    harness.clock.advance(11_000)
    client.update(BLOCK).catch(() => undefined)
    await openedAddress(harness, 2)
    expect(bodies(harness)).toHaveLength(1)
  })

  test('that picks up the outcome later hears when it was, and that nothing was sent again', async () => {
    const { client, person, answer } = await askOnPage(BLOCK, { env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    await answer
    await person.press('approve')
    expect((await client.update(BLOCK)).message).toMatch(/outcome at \d\d:\d\d:\d\d \S+; nothing was sent again/)
  })

  test('finds the same question open, and opens no second page', async () => {
    const { harness, client, person, answer } = await askOnPage()
    await person.get()
    harness.clock.advance(MINUTE_MS)
    expect(await answer).toMatchObject({ status: 'approval_pending' })
    const again = [client.update(BLOCK), client.update(BLOCK)]
    await person.press('approve')
    for (const { status } of await Promise.all(again)) expect(status).toBe('updated')
    expect(harness.browser.opened).toHaveLength(1)
    expect(bodies(harness)).toHaveLength(1)
  })
})

describe('a yes', () => {
  test('that comes before anybody can have read the question does not count; a no always does', async () => {
    const { harness, person, answer } = await askOnPage()
    harness.clock.hold()
    await person.glance()
    const early = await person.send(person.form('approve'))
    expect(early.status).toBe(303)
    expect((await person.glance()).body).toMatch(/role="alert" tabindex="-1" autofocus><p><strong>Please read it, then/)
    harness.clock.advance(699)
    await person.send(person.form('approve'))
    expect((await person.glance()).body).toContain('Please read it')
    expect(bodies(harness)).toEqual([])
    harness.clock.advance(700)
    expect((await person.press('approve')).body).toContain('Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    const declined = await askOnPage()
    await declined.person.glance()
    await declined.person.send(declined.person.form('decline'))
    expect(await declined.answer).toMatchObject({ status: 'declined', approval: { answer: 'declined' } })
  })

  test('counts anew for a question that has moved to another place, and for another round', async () => {
    const { harness, client, person } = await askOnPage({ customerId: 77, role: 'employee' })
    client.update({ customerId: 4211, blocked: false }).catch(() => undefined)
    await expect.poll(() => questionsOn(person)).toBe(2)
    harness.clock.hold()
    const [first] = person.tokens
    await person.send(person.form('decline'))
    await person.glance()
    expect(person.tokens).toHaveLength(1)
    await person.send(person.form('approve'))
    expect((await person.get()).body).toContain('Please read it')
    expect(person.tokens).not.toContain(first)
    await changeInAifi(harness, 4211, { email: 'new@example.com' })
    await person.send(person.form('approve'))
    await person.glance()
    expect(person.seen?.body).toMatch(
      /This record changed[\s\S]*Different now: <bdi>Email<\/bdi>[\s\S]*new@example\.com/,
    )
    await person.send(person.form('approve'))
    expect(bodies(harness)).toEqual([])
    expect((await person.get()).body).toContain('Please read it')
    expect((await person.press('approve')).body).toContain('Done')
  })

  test('counts from the confirmation where there is a script, which only the page itself can give', async () => {
    const { harness, person, address } = await askOnPage()
    harness.clock.hold()
    await person.glance()
    const [token = ''] = person.tokens
    const cookie = { Cookie: person.cookie ?? '' }
    const seen = (headers: Record<string, string>, body = `token=${token}`) =>
      exchange(`${address}/seen`, { method: 'POST', headers, body })
    expect(await seen({ ...formHeaders(address), ...cookie }, 'token=other')).toMatchObject({ status: 204 })
    expect(await seen(formHeaders(address))).toMatchObject({ status: 403 })
    expect(await seen({ ...formHeaders(address), ...cookie, Origin: 'null' })).toMatchObject({ status: 403 })
    expect(await exchange(`${address}/events`)).toMatchObject({ status: 403, body: '' })
    harness.clock.advance(10_000)
    await person.send(person.form('approve'))
    expect(bodies(harness)).toEqual([])
    await person.glance()
    expect(await seen({ ...formHeaders(address), ...cookie })).toMatchObject({ status: 204 })
    harness.clock.advance(700)
    expect((await person.press('approve')).body).toContain('Done')
  })
})

describe('a yes where there is a script', () => {
  test('counts anew for a page that was drawn again', async () => {
    const { harness, person } = await askOnPage()
    harness.clock.hold()
    await person.get()
    await person.confirm()
    harness.clock.advance(700)
    await person.glance()
    await person.confirm()
    await person.send(person.form('approve'))
    expect(bodies(harness)).toEqual([])
    expect((await person.get()).body).toContain('Please read it')
    expect((await person.press('approve')).body).toContain('Done')
  })

  test('counts anew for another round, which the stream brings', async () => {
    const args = { customerId: 77, role: 'employee' }
    const { harness, client, person } = await askOnPage(args)
    harness.clock.hold()
    await person.get()
    const stream = await person.stream()
    await person.confirm()
    harness.clock.advance(700)
    const [first = ''] = person.tokens
    await changeInAifi(harness, 77, { role: 'tester' })
    client.update(args).catch(() => undefined)
    const tokens = () => [...stream.text.matchAll(/name=\\"token\\" value=\\"([^"\\]+)/g)].map(([, token]) => token)
    await expect.poll(() => tokens().filter((token) => token !== first)).toHaveLength(1)
    await person.send(person.form('approve', {}, tokens().at(-1)))
    expect(bodies(harness)).toEqual([])
    expect((await person.get()).body).toContain('Please read it')
    expect((await person.press('approve')).body).toContain('Done')
  })
})

describe('what a browser is told that cannot be served', () => {
  test('is true: another host or port, no cookie, too many cookies', async () => {
    const { person, address } = await askOnPage()
    const { port, pathname } = new URL(address)
    await person.get()
    const forwarded = await exchange(address, { headers: { Host: `localhost:${Number(port) + 1}` } })
    expect(forwarded).toMatchObject({ status: 403, body: expect.stringContaining('under the same port number') })
    const cookieless = await exchange(address, {
      method: 'POST',
      headers: formHeaders(address),
      body: person.form('approve'),
    })
    expect(cookieless).toMatchObject({ status: 403, body: expect.stringContaining('came without the cookie') })
    const many = await exchange(address, { headers: { Cookie: `a=${'x'.repeat(70_000)}` } })
    expect(many).toMatchObject({ status: 431, body: expect.stringContaining('so many cookies') })
    expect(many.headers['content-security-policy']).toContain("default-src 'none'")
    expect(many.body).not.toContain(pathname)
    expect((await person.press('approve')).body).toContain('Done')
  })
})

describe('a page that nobody fetched', () => {
  test('is opened again by the same call, three times in all; then nobody can be asked', async () => {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    const { update } = await harness.connect()
    for (const openings of [1, 2, 3]) {
      expect(await update(BLOCK)).toMatchObject({ status: 'approval_pending' })
      expect(harness.browser.opened).toHaveLength(openings)
    }
    expect(await update(BLOCK)).toMatchObject({
      status: 'approval_unavailable',
      message: expect.stringMatching(/opened 3 times and nobody looked at it\. Run the server/),
    })
    expect(harness.browser.opened).toHaveLength(3)
    expect(new Set(harness.browser.opened).size).toBe(3)
    const [first = '', , last = ''] = harness.browser.opened
    expect(await exchange(first)).toMatchObject({ status: 404 })
    const late = new PageVisitor(last)
    expect((await late.get()).body).toMatch(/Withdrawn[\s\S]*nobody looked at it/)
    expect(late.tokens).toEqual([])
    expect(bodies(harness)).toEqual([])
  })

  test('loses its address to the next one, which works', async () => {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    const { update } = await harness.connect()
    await update(BLOCK)
    await update(BLOCK)
    const [first = '', second = ''] = harness.browser.opened
    expect((await exchange(first)).body).toContain('Nothing to approve here')
    expect((await new PageVisitor(second).press('approve')).body).toContain('Done')
    expect(await update(BLOCK)).toMatchObject({ status: 'updated' })
    expect(harness.browser.opened).toHaveLength(2)
  })
})

describe('a page that a browser has, and that nobody sees', () => {
  test('is opened three times in all, and can be answered whenever somebody comes back to it', async () => {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    harness.clock.hold()
    const { update } = await harness.connect()
    const hidden: PageVisitor[] = []
    for (const openings of [1, 2, 3]) {
      expect(await update(BLOCK)).toMatchObject({ status: 'approval_pending' })
      const page = new PageVisitor(await openedAddress(harness, openings))
      hidden.push(page)
      await page.glance()
      // Its script lives, and does not say that anybody looks.
      await page.confirm([])
      harness.clock.advance(2_000)
    }
    expect(await update(BLOCK)).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(harness.browser.opened).toHaveLength(3)
    expect((await hidden[0]?.press('approve'))?.body).toContain('Please read it')
    expect((await hidden[0]?.press('approve'))?.body).toContain('Done')
    expect(bodies(harness)).toEqual([{ blocked: true }])
  })
})

describe('several questions', () => {
  const OTHER = { customerId: 4211, blocked: false }

  test('stand on the page that is open, each with its own decision', async () => {
    const { harness, client, person, answer } = await askOnPage()
    await person.get()
    const other = client.update(OTHER)
    await expect.poll(() => questionsOn(person)).toBe(2)
    expect(harness.browser.opened).toHaveLength(1)
    expect(person.seen?.body).toMatch(/2 questions wait[\s\S]*Block <bdi>Marcus Weber[\s\S]*Unblock <bdi>Jane Doe/)
    await person.press('approve', {}, 1)
    expect(await other).toMatchObject({ status: 'updated', customerId: 4211 })
    expect(bodies(harness)).toEqual([{ blocked: false }])
    expect(person.seen?.body).toMatch(/One question waits[\s\S]*Block <bdi>Marcus Weber/)
    await person.press('decline')
    expect(await answer).toMatchObject({ status: 'declined', customerId: 77 })
    expect(bodies(harness)).toHaveLength(1)
  })

  test('leave the page two minutes after they were decided, and those that wait stay', async () => {
    const { harness, client, person } = await askOnPage()
    await person.get()
    const other = client.update(OTHER)
    await expect.poll(() => questionsOn(person)).toBe(2)
    expect((await person.press('decline')).body).toContain('Declined')
    harness.clock.advance(2 * 60_000 - 2_000)
    expect((await person.get()).body).toContain('Declined')
    harness.clock.advance(2_000)
    expect((await person.get()).body).not.toContain('Declined')
    expect(await other).toMatchObject({ status: 'approval_pending' })
    await person.press('approve')
    expect(await client.update(OTHER)).toMatchObject({ status: 'updated' })
  })

  test('that come while the browser starts wait for its page', async () => {
    const { harness, client, person, answer } = await askOnPage()
    const other = client.update(OTHER)
    await expect.poll(() => harness.sent('GET').length).toBe(2)
    await expect.poll(() => questionsOn(person)).toBe(2)
    expect(harness.browser.opened).toHaveLength(1)
    await person.press('approve', {}, 0)
    await person.press('approve', {}, 0)
    expect(await Promise.all([answer, other])).toMatchObject([{ status: 'updated' }, { status: 'updated' }])
  })

  test('are opened anew within the same call when nobody looks at the page that they were added to', async () => {
    const { harness, client, person } = await askOnPage()
    await person.get()
    const other = client.update(OTHER)
    await expect.poll(() => harness.sent('GET').length).toBe(2)
    expect((await client.client.listTools()).tools).toHaveLength(2)
    harness.clock.advance(3_999)
    expect(harness.browser.opened).toHaveLength(1)
    harness.clock.advance(1)
    const newer = new PageVisitor(await openedAddress(harness, 2))
    await newer.get()
    expect(newer.tokens).toHaveLength(2)
    await newer.press('approve', {}, 1)
    expect(await other).toMatchObject({ status: 'updated' })
    // The older page is not void.
    await person.get()
    expect((await person.press('decline')).body).toContain('Declined')
  })

  test('are opened anew together when that page never came', async () => {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    const { update } = await harness.connect()
    await update(BLOCK)
    await update(OTHER)
    expect(harness.browser.opened).toHaveLength(1)
    harness.clock.advance(MINUTE_MS)
    expect(await update(OTHER)).toMatchObject({ status: 'approval_pending' })
    const person = new PageVisitor(await openedAddress(harness, 2))
    await person.get()
    expect(person.tokens).toHaveLength(2)
    expect(await update(BLOCK)).toMatchObject({ status: 'approval_pending' })
    expect(harness.browser.opened).toHaveLength(2)
  })

  test('find a page open for ten seconds after its last question, and not later', async () => {
    const { harness, client, person } = await askOnPage()
    expect((await person.press('approve')).body).toContain('Done')
    harness.clock.advance(8_000)
    const soon = client.update(OTHER)
    await expect.poll(async () => (await person.get()).body).toContain('Unblock <bdi>Jane Doe</bdi>?')
    await person.press('approve')
    expect(await soon).toMatchObject({ status: 'updated' })
    harness.clock.advance(11_000)
    client.update({ customerId: 102, blocked: true }).catch(() => undefined)
    await openedAddress(harness, 2)
  })

  test('are at most five', async () => {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    const { update } = await harness.connect()
    for (const customerId of [77, 102, 318, 560, 1024]) {
      expect(await update({ customerId, blocked: true })).toMatchObject({ status: 'approval_pending' })
    }
    expect(await update({ customerId: 2050, blocked: true })).toMatchObject({ status: 'failed' })
    const person = new PageVisitor(await openedAddress(harness))
    await person.press('decline')
    expect(person.tokens).toHaveLength(4)
    expect(await update({ customerId: 2050, blocked: true })).toMatchObject({ status: 'approval_pending' })
    await person.get()
    expect(person.tokens).toHaveLength(5)
    expect(harness.browser.opened).toHaveLength(1)
  })
})

describe('the record', () => {
  test('that changed meanwhile is asked about again on the same page, with the new values', async () => {
    const { harness, person, answer } = await askOnPage({ customerId: 77, role: 'employee' })
    await person.get()
    await changeInAifi(harness, 77, { lastName: 'Weber-Schmidt', role: 'tester' })
    const { body } = await person.press('approve')
    expect(bodies(harness)).toEqual([])
    expect(body).toMatch(/This record changed[\s\S]*Weber-Schmidt[\s\S]*tester/)
    expect(person.tokens).toHaveLength(1)
    expect((await person.press('approve')).body).toContain('Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies(harness)).toEqual([{ role: 'employee' }])
    expect(harness.browser.opened).toHaveLength(1)
  })

  test('that changed meanwhile needs the password typed again', async () => {
    const { harness, person, answer } = await askOnPage({ customerId: 77, enterPrivately: ['password'] })
    await person.get()
    await changeInAifi(harness, 77, { email: 'new@example.com' })
    const typed = { password: PASSWORD, passwordAgain: PASSWORD }
    expect((await person.press('approve', typed)).body).toContain('new@example.com')
    expect((await person.press('approve')).body).toContain('Please type again')
    expect(bodies(harness)).toEqual([])
    expect((await person.press('approve', { password: 'another one', passwordAgain: 'another one' })).body).toContain(
      'Done',
    )
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies(harness)).toEqual([{ password: 'another one' }])
  })

  test('that changed while no call waits, and cannot be shown whole any more, is not changed by a yes', async () => {
    const env = { AIFI_APPROVAL_WAIT_SECONDS: '0' }
    const { harness, person, answer } = await askOnPage({ customerId: 77, metadata: {} }, { env })
    expect(await answer).toMatchObject({ status: 'approval_pending' })
    await person.get()
    await changeInAifi(harness, 77, { metadata: { a: 'x'.repeat(60_000), b: 'y'.repeat(60_000) } })
    await person.press('approve')
    expect((await person.press('approve')).body).toContain('This record changed')
    expect(bodies(harness)).toEqual([])
    expect((await person.press('decline')).body).toContain('Declined')
  })

  test('that is as asked by now is not changed again', async () => {
    const { harness, person, answer } = await askOnPage({ customerId: 77, role: 'employee' })
    await person.get()
    await changeInAifi(harness, 77, { role: 'employee' })
    expect((await person.press('approve')).body).toContain('Nothing to change')
    expect(await answer).toMatchObject({ status: 'unchanged' })
    expect(bodies(harness)).toEqual([])
  })

  test.each([
    ['reading is switched off', { env: { AIFI_READ_BACK: 'off' } }, 'switched off'],
    ['AiFi does not offer it', { getById: false }, 'could not be read'],
  ])('may be unreadable because %s: the page says so, and the person decides', async (_, options, why) => {
    const { harness, person, answer } = await askOnPage(BLOCK, options)
    const { body } = await person.get()
    expect(body).toContain('Whose it is could not be seen')
    expect(body).toContain(why)
    expect(body).not.toContain('Marcus')
    expect((await person.press('approve')).body).toContain('Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies(harness)).toEqual([{ blocked: true }])
  })
})

describe('the server of the page', () => {
  test('listens on loopback only when it is needed, stops when idle, and starts again', async () => {
    const { harness, client, person, answer, address } = await askOnPage()
    await person.press('approve')
    await answer
    harness.clock.advance(2 * MINUTE_MS)
    harness.clock.advance(2 * MINUTE_MS)
    await expect.poll(() => exchange(address).catch((error) => error.code)).toBe('ECONNREFUSED')
    const again = client.update(BLOCK)
    const next = new PageVisitor(await openedAddress(harness, 2))
    await next.press('approve')
    expect(await again).toMatchObject({ status: 'updated' })
    expect(bodies(harness)).toHaveLength(2)
  })

  test('stays as long as a question waits, and a while after, so that the page can tell how it ended', async () => {
    const { harness, person } = await askOnPage()
    expect((await person.get()).body).not.toContain('http-equiv')
    harness.clock.advance(9 * MINUTE_MS)
    expect((await person.get()).body).toContain('Block <bdi>Marcus Weber</bdi>?')
    harness.clock.advance(MINUTE_MS)
    expect((await person.get()).body).toContain('Expired')
    expect(bodies(harness)).toEqual([])
  })

  test('ends with the input: the question is void, and nothing is sent', async () => {
    const { harness, person, address } = await askOnPage()
    await person.get()
    const form = person.form('approve')
    const closed = harness.app.close(100)
    await Promise.all([closed, person.send(form).catch(() => undefined)])
    await expect(exchange(address)).rejects.toThrow()
    expect(bodies(harness)).toEqual([])
  })
})

describe('where no browser can be opened', () => {
  test.each([
    ['there is no screen', { unavailable: () => 'This machine has no screen to open a browser on.' }, 'no screen'],
    ['the browser does not start', { open: async () => false }, 'No browser could be opened'],
  ])('because %s, nobody is asked and nothing is sent', async (_, browser, why) => {
    const harness = await start({ browser })
    const { update } = await harness.connect()
    for (const customerId of [77, 102]) {
      expect(await update({ customerId, blocked: true })).toMatchObject({
        status: 'approval_unavailable',
        message: expect.stringContaining(why),
      })
    }
    expect(await update({ customerId: 77, enterPrivately: ['password'] })).toMatchObject({
      status: 'approval_unavailable',
    })
    expect(bodies(harness)).toEqual([])
  })
})

test('a question that waits for the page of another does not wait for a browser that fails to start', async () => {
  const starting: ((opened: boolean) => void)[] = []
  const open = () => new Promise<boolean>((resolve) => starting.push(resolve))
  const harness = await start({ browser: { open } })
  const { update } = await harness.connect()
  const calls = [77, 102, 318].map((customerId) => update({ customerId, blocked: true }))
  await expect.poll(() => harness.sent('GET').length).toBe(3)
  await expect.poll(() => starting.length).toBe(1)
  for (let failed = 0; failed < 3; failed++) {
    await expect.poll(() => starting.length).toBeGreaterThan(failed)
    for (const fail of starting) fail(false)
  }
  for (const { status, message } of await Promise.all(calls)) {
    expect(status).toBe('approval_unavailable')
    expect(message).toMatch(/No browser could be opened on this machine\. Run the server/)
  }
  expect(harness.sent('PATCH')).toEqual([])
})

describe.each(eras)('a client of %s that opens addresses', (era) => {
  const elicitation = { url: {} }

  test('is given the address with an id, and is told that the page is done', async () => {
    const harness = await start()
    const client = await harness.connect({
      era,
      elicitation,
      answer: async (params) => {
        const person = new PageVisitor('url' in params ? params.url : '')
        await person.press('approve')
        return { action: 'accept' }
      },
    })
    expect(await client.update(BLOCK)).toMatchObject({
      status: 'updated',
      approval: { channel: 'url', answer: 'approved' },
    })
    expect(harness.browser.opened).toEqual([])
    expect(bodies(harness)).toHaveLength(1)
    const [asked] = client.asked
    expect(asked).toMatchObject({ mode: 'url', message: expect.stringContaining('customer 77') })
    const [, id] = /"elicitationId":"([0-9a-f-]{36})"/.exec(client.wire.join('\n')) ?? []
    expect(id, client.wire.join('\n')).toBeDefined()
    const notices = client.wire.filter((message) => message.includes('notifications/elicitation/complete'))
    expect(notices).toHaveLength(era === '2025-11-25' ? 1 : 0)
    for (const notice of notices) expect(JSON.parse(notice)).toMatchObject({ params: { elicitationId: id } })
  })

  test('may answer that it opens the page before the person has decided', async () => {
    const harness = await start()
    let address = ''
    const client = await harness.connect({
      era,
      elicitation,
      answer: (params) => {
        address = 'url' in params ? params.url : ''
        return { action: 'accept' }
      },
    })
    const answer = client.update(BLOCK)
    await expect.poll(() => address).not.toBe('')
    await new PageVisitor(address).press('approve')
    expect(await answer).toMatchObject({ status: 'updated', approval: { channel: 'url' } })
    expect(harness.browser.opened).toEqual([])
  })

  test.each(['decline', 'cancel'] as const)(
    'and says %s with the page unseen: the browser opens it',
    async (action) => {
      const harness = await start()
      const client = await harness.connect({ era, elicitation, readingMs: 0, answer: () => ({ action }) })
      const answer = client.update(BLOCK)
      const address = await openedAddress(harness)
      await new PageVisitor(address).press('approve')
      expect(await answer).toMatchObject({ status: 'updated', approval: { channel: 'page', answer: 'approved' } })
      const [asked] = client.asked
      const turnedDown = asked && 'url' in asked ? asked.url : ''
      expect(turnedDown).not.toBe(address)
      expect(await exchange(turnedDown)).toMatchObject({ status: 404 })
      expect(bodies(harness)).toHaveLength(1)
    },
  )

  test.each([
    ['decline', 'declined'],
    ['cancel', 'cancelled'],
  ] as const)('and says %s after the page was fetched: that is final', async (action, said) => {
    const harness = await start()
    let person = new PageVisitor('')
    const client = await harness.connect({
      era,
      elicitation,
      answer: async (params) => {
        person = new PageVisitor('url' in params ? params.url : '')
        await person.get()
        return { action }
      },
    })
    expect(await client.update(BLOCK)).toMatchObject({ status: 'declined', approval: { channel: 'url', answer: said } })
    expect((await person.press('approve')).body).not.toContain('Done')
    expect(harness.browser.opened).toEqual([])
    expect(bodies(harness)).toEqual([])
  })

  test.each([
    ['decline', 'declined'],
    ['cancel', 'cancelled'],
  ] as const)('and says %s after the time that a person needs: that is an answer', async (action, said) => {
    const harness = await start()
    const client = await harness.connect({
      era,
      elicitation,
      answer: () => {
        harness.clock.advance(700)
        return { action }
      },
    })
    expect(await client.update(BLOCK)).toMatchObject({ status: 'declined', approval: { channel: 'url', answer: said } })
    expect(harness.browser.opened).toEqual([])
    expect(bodies(harness)).toEqual([])
  })

  test('and has no browser here: turned down unseen is turned down', async () => {
    const harness = await start({ browser: { unavailable: () => 'This machine has no screen to open a browser on.' } })
    const client = await harness.connect({ era, elicitation, answer: () => decline() })
    expect((await client.update(BLOCK)).status).toMatch(/approval_unavailable|declined/)
    expect(bodies(harness)).toEqual([])
  })
})
