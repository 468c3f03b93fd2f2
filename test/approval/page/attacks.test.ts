import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exchange } from '../../helpers/exchange.ts'
import { freePort } from '../../helpers/free-port.ts'
import { start } from '../../helpers/harness.ts'
import {
  askOnPage,
  BLOCK,
  expectStillOpen,
  formHeaders,
  openedAddress,
  PageVisitor,
} from '../../helpers/page-visitor.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

describe('a request that is not from the page itself', () => {
  const cases: readonly (readonly [string, (origin: URL) => Record<string, string>])[] = [
    ['another origin', () => ({ Origin: 'https://evil.example' })],
    ['another port of this machine', ({ port }) => ({ Origin: `http://127.0.0.1:${Number(port) - 1}` })],
    ['another spelling of this machine', ({ port }) => ({ Origin: `http://localhost:${port}` })],
    ['an origin that begins like ours', ({ host }) => ({ Origin: `http://${host}.evil.example` })],
    ['our origin by TLS', ({ host }) => ({ Origin: `https://${host}` })],
    ['no origin that it will tell', () => ({ Origin: 'null' })],
    ['an empty origin', () => ({ Origin: '' })],
    ['a site that the browser calls foreign', () => ({ 'Sec-Fetch-Site': 'cross-site' })],
    ['a site that the browser calls a neighbour', () => ({ 'Sec-Fetch-Site': 'same-site' })],
    ['no site, as the browser says', () => ({ 'Sec-Fetch-Site': 'none' })],
    ['a name that leads here', ({ port }) => ({ Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` })],
    ['a host without the port', () => ({ Host: '127.0.0.1', Origin: 'http://127.0.0.1' })],
    ['a script that sends text', () => ({ 'Content-Type': 'text/plain' })],
    ['a script that sends JSON', () => ({ 'Content-Type': 'application/json' })],
    ['a form with files', () => ({ 'Content-Type': 'multipart/form-data; boundary=x' })],
    ['a form without a type', () => ({ 'Content-Type': '' })],
    ['a type that begins like a form', () => ({ 'Content-Type': 'application/x-www-form-urlencodedx' })],
  ]

  test('is refused even with the right cookie and the right token, and the person can still answer', async () => {
    const asked = await askOnPage()
    const { person, address } = asked
    await person.get()
    for (const [who, headers] of cases) {
      const { status, body } = await person.send(person.form('approve'), headers(new URL(address)))
      expect({ who, status }).toEqual({ who, status: 403 })
      expect(body, who).toContain('changed nothing')
      expect(asked.harness.sent('PATCH'), who).toEqual([])
    }
    await expectStillOpen(asked)
  })

  test('is refused without an Origin, and without a Host', async () => {
    const asked = await askOnPage()
    const { person, address } = asked
    await person.get()
    const { Origin, ...headers } = formHeaders(address)
    const withCookie = { ...headers, Cookie: person.cookie ?? '' }
    const body = person.form('approve')
    expect(await exchange(address, { method: 'POST', headers: withCookie, body })).toMatchObject({ status: 403 })
    const { pathname, port } = new URL(address)
    const type = 'Content-Type: application/x-www-form-urlencoded'
    const head = `POST ${pathname} HTTP/1.1\r\nOrigin: ${Origin}\r\nCookie: ${person.cookie}\r\n${type}\r\n`
    const answer = await rawAnswer(Number(port), `${head}Content-Length: ${body.length}\r\n\r\n${body}`)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    await expectStillOpen(asked)
  })

  test('cannot read the page under another name, and does not use its address up', async () => {
    const asked = await askOnPage()
    const { port, pathname } = new URL(asked.address)
    for (const host of [`evil.example:${port}`, 'evil.example', `127.0.0.1:${port}.evil.example`, `[::1]:${port}`]) {
      const answer = await exchange(asked.address, { headers: { Host: host } })
      expect(answer.status, host).toBeGreaterThanOrEqual(400)
      expect(answer.body, host).not.toMatch(/Marcus|name="token"/)
      expect(answer.headers['set-cookie'], host).toBeUndefined()
    }
    const absolute = await rawAnswer(
      Number(port),
      `GET http://evil.example${pathname} HTTP/1.1\r\nHost: evil.example\r\n\r\n`,
    )
    expect(absolute).toMatch(/^HTTP\/1\.1 403 /)
    await expectStillOpen(asked)
  })
})

describe('the cookie and the token', () => {
  test('are both needed: a missing, guessed or foreign one decides nothing', async () => {
    const asked = await askOnPage()
    const other = await askOnPage({ customerId: 4211, blocked: false })
    const { person } = asked
    await person.get()
    await other.person.get()
    const [name = '', value = ''] = (person.cookie ?? '').split('=')
    const [otherName = '', otherValue = ''] = (other.person.cookie ?? '').split('=')
    const form = person.form('approve')
    const cookies = [
      '',
      `${name}=`,
      `${name}=${'A'.repeat(value.length)}`,
      `${name}=${otherValue}`,
      `${otherName}=${value}`,
    ]
    for (const cookie of [...cookies, `${name}=${value.slice(0, -1)}`, `${name}=%ff`]) {
      const { status } = await person.send(form, { Cookie: cookie })
      expect({ cookie, status }).toEqual({ cookie, status: 403 })
    }
    const [token = ''] = person.tokens
    const [otherToken = ''] = other.person.tokens
    for (const wrong of [
      '',
      'A'.repeat(token.length),
      otherToken,
      token.slice(0, -1),
      `${token} `,
      new URL(asked.address).pathname.slice(1),
    ]) {
      const { status } = await person.send(person.form('approve', {}, wrong))
      expect({ wrong, status }).toEqual({ wrong, status: 303 })
    }
    for (const body of [
      '',
      'decision=approve',
      `token=${token}`,
      `token=${token}&decision=APPROVE`,
      `token=${token}&decision=`,
    ]) {
      expect(await person.send(body), body).toMatchObject({ status: 303 })
    }
    // Whoever has the token of another question of the same machine cannot answer it on this page's address.
    expect(await other.person.send(other.person.form('approve'), { Host: new URL(asked.address).host })).toMatchObject({
      status: 403,
    })
    expect(other.harness.sent('PATCH')).toEqual([])
    await expectStillOpen(asked)
  })

  test('are unique to the question, hard to guess, and kept from scripts and other sites', async () => {
    const { person, address } = await askOnPage()
    const { headers } = await person.get()
    const { pathname } = new URL(address)
    expect(pathname).toMatch(/^\/[\w-]{43}$/)
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(
        new RegExp(`^approval-[0-9a-f]{16}=[\\w-]{43}; Path=${pathname}; HttpOnly; SameSite=Strict$`),
      ),
    ])
    expect(person.tokens).toEqual([expect.stringMatching(/^[\w-]{43}$/)])
    expect(new Set([pathname.slice(1), person.cookie?.split('=')[1], ...person.tokens]).size).toBe(3)
    expect((await person.get()).headers['set-cookie']).toBeUndefined()
  })

  test('of two servers on one machine do not get in each other’s way', async () => {
    const [one, two] = [await askOnPage(), await askOnPage()]
    await one.person.get()
    await two.person.get()
    // A browser sends cookies of one port to the other too.
    const jar = `${one.person.cookie}; ${two.person.cookie}`
    one.person.cookie = jar
    two.person.cookie = jar
    await expectStillOpen(one)
    await expectStillOpen(two)
  })
})

const linked = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' }

test('the first browser has the question at once, also when it follows a link', async () => {
  const { address } = await askOnPage()
  const { body, headers } = await exchange(address, { headers: linked })
  expect(body).toContain('name="token"')
  expect(headers['set-cookie']).toHaveLength(1)
})

describe('a second browser', () => {
  test('makes the question void, and both are told why', async () => {
    const { harness, address, person, answer } = await askOnPage()
    await person.get()
    const second = await exchange(address)
    expect(second).toMatchObject({ status: 403 })
    expect(second.body).toContain('opened in a second browser')
    expect(second.body).not.toMatch(/Marcus|marcus|name="token"/)
    const late = await person.press('approve')
    expect(late).toMatchObject({ status: 403 })
    expect(late.body).toContain('opened in a second browser')
    expect((await person.get()).body).toMatch(/Withdrawn[\s\S]*opened in a second browser/)
    expect(await answer).toMatchObject({
      status: 'declined',
      message: expect.stringContaining('opened in a second browser'),
      approval: { answer: 'withdrawn' },
    })
    expect(harness.sent('PATCH')).toEqual([])
  })

  test('that is first has the question, and the later person is told', async () => {
    const { harness, address, person } = await askOnPage()
    expect(await exchange(address)).toMatchObject({ status: 200 })
    expect((await person.get()).body).toContain('somebody or something else on this computer used the address')
    expect(await person.send(person.form('approve'))).toMatchObject({ status: 403 })
    expect(harness.sent('PATCH')).toEqual([])
  })

  test('is not what looks ahead: HEAD and prefetches count for nothing', async () => {
    const asked = await askOnPage()
    const ahead: readonly Record<string, string>[] = [
      { 'Sec-Purpose': 'prefetch' },
      { 'Sec-Purpose': 'prefetch;prerender' },
      { Purpose: 'prefetch' },
      { 'X-Moz': 'prefetch' },
      { 'X-Purpose': 'preview', Purpose: 'preview' },
    ]
    const look = async () => {
      expect(await exchange(asked.address, { method: 'HEAD' })).toMatchObject({ status: 503, body: '' })
      for (const headers of ahead)
        expect(await exchange(asked.address, { headers })).toMatchObject({ status: 503, body: '' })
    }
    await look()
    await asked.person.get()
    await look()
    await expectStillOpen(asked)
  })

  test('leaves the first one no stream: what is asked next is not shown on a page that is void', async () => {
    const { harness, client, address, person, answer } = await askOnPage()
    await person.get()
    const stream = await person.stream()
    await exchange(address)
    expect(await answer).toMatchObject({ status: 'declined' })
    await expect.poll(() => stream.ended).toBe(true)
    expect(stream.text).toContain('Withdrawn')
    expect(await person.stream()).toMatchObject({ status: 403 })
    client.update({ customerId: 4211, blocked: true }).catch(() => undefined)
    const next = new PageVisitor(await openedAddress(harness, 2))
    expect((await next.get()).body).toContain('Jane Doe')
    expect((await person.get()).body).not.toContain('Jane')
    expect(stream.text).not.toContain('Jane')
  })

  test('cannot hide behind the link of another site', async () => {
    const { harness, address, person, answer } = await askOnPage()
    await person.get()
    const bounce = await exchange(address, { headers: linked })
    expect(bounce.body).toContain('<meta http-equiv="refresh" content="0">')
    expect(bounce.body).not.toMatch(/Marcus|name="token"/)
    expect(bounce.headers['set-cookie']).toBeUndefined()
    // What a browser without the cookie does next.
    expect(await exchange(address, { headers: { ...linked, 'Sec-Fetch-Site': 'same-origin' } })).toMatchObject({
      status: 403,
    })
    expect(await answer).toMatchObject({ status: 'declined' })
    expect(harness.sent('PATCH')).toEqual([])
  })
})

describe('an answer that comes in the wrong way', () => {
  test('counts for nothing in a query, or by another method', async () => {
    const asked = await askOnPage()
    const { person, address } = asked
    await person.get()
    const query = `?${person.form('approve')}`
    const headers = { Cookie: person.cookie ?? '' }
    expect((await exchange(address + query, { headers })).body).toContain('<title>Approval needed: customer 77')
    const own = { ...formHeaders(address), ...headers }
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const body = person.form('approve')
      const answer = await exchange(address, { method, headers: { ...own, 'Content-Length': `${body.length}` }, body })
      expect({ method, status: answer.status }).toEqual({ method, status: 404 })
    }
    await exchange(address + query, { method: 'POST', headers: own })
    await expectStillOpen(asked)
  })

  test('is not found by any other path', async () => {
    const asked = await askOnPage()
    const { port, pathname } = new URL(asked.address)
    const token = pathname.slice(1)
    const paths = [
      '/',
      '//',
      '/x',
      `${pathname}/`,
      `/${pathname}`,
      `${pathname}%00`,
      `${pathname}%20`,
      '/%2e%2e%2f%2e%2e%2fetc/passwd',
      `/x/..%2f${token}`,
      `/x%2f..%2f${token}`,
      `/%2f${token}`,
      '/favicon.ico',
      '/%',
      '/%ff',
      `/${'a'.repeat(8000)}`,
      '/__proto__',
      '/constructor',
      `${pathname}.html`,
      pathname.toUpperCase(),
    ]
    for (const path of paths) {
      const answer = await rawAnswer(
        Number(port),
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`,
      )
      expect(answer, path).toMatch(/^HTTP\/1\.1 40[04] /)
      expect(answer, path).not.toMatch(/Marcus|Set-Cookie/i)
    }
    await expectStillOpen(asked)
  })
})

describe('an answer that comes twice', () => {
  test('after the decision changes nothing: a replayed form shows how it ended', async () => {
    const { harness, person, answer } = await askOnPage()
    await person.get()
    const form = person.form('approve')
    await person.send(form)
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(await person.send(form)).toMatchObject({ status: 303 })
    expect(await person.send(form.replace('approve', 'decline'))).toMatchObject({ status: 303 })
    expect((await person.get()).body).toContain('Done')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('at once sends one PATCH', async () => {
    const { harness, person, answer } = await askOnPage()
    await person.get()
    const form = person.form('approve')
    const answers = await Promise.all(Array.from({ length: 8 }, () => person.send(form)))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(303))
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('from two tabs is the first one: approved here, declined there', async () => {
    const { harness, person, answer } = await askOnPage()
    await person.get()
    await person.get()
    const [yes, no] = [person.form('approve'), person.form('decline')]
    await Promise.all([person.send(no), person.send(yes)])
    expect((await person.get()).body).toContain('Declined')
    expect(await answer).toMatchObject({ status: 'declined', approval: { answer: 'declined' } })
    expect(harness.sent('PATCH')).toEqual([])
  })
})

describe('an answer that comes late', () => {
  const pasts: readonly (readonly [string, (asked: Awaited<ReturnType<typeof askOnPage>>) => void])[] = [
    ['ten minutes have passed', ({ harness }) => harness.clock.advance(10 * MINUTE_MS)],
    ['the machine has slept for eight hours', ({ harness }) => harness.clock.sleep(8 * HOUR_MS)],
    [
      'ten minutes have passed on a clock that was set back an hour',
      ({ harness }) => {
        harness.clock.adjust(-HOUR_MS)
        harness.clock.advance(10 * MINUTE_MS)
      },
    ],
    ['the clock was set forward an hour', ({ harness }) => harness.clock.adjust(HOUR_MS)],
  ]

  test.each(pasts)('counts for nothing when %s', async (_, pass) => {
    const asked = await askOnPage(BLOCK, { env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    expect(await asked.answer).toMatchObject({ status: 'approval_pending' })
    await asked.person.get()
    pass(asked)
    expect((await asked.person.press('approve')).body).toMatch(/Expired[\s\S]*Nobody answered within 10 minutes/)
    expect(await asked.client.update(BLOCK)).toMatchObject({ status: 'declined', approval: { answer: 'expired' } })
    expect(asked.harness.sent('PATCH')).toEqual([])
  })

  test('just before the end still counts', async () => {
    const asked = await askOnPage()
    await asked.person.get()
    asked.harness.clock.advance(10 * MINUTE_MS - 5_000)
    expect((await asked.person.press('approve')).body).toContain('Done')
    expect(asked.harness.sent('PATCH')).toHaveLength(1)
  })

  test('counts for nothing when the call was cancelled', async () => {
    const harness = await start()
    const { client } = await harness.connect()
    const stop = new AbortController()
    const call = client.callTool({ name: 'update_customer', arguments: BLOCK }, { signal: stop.signal })
    const person = new PageVisitor(await openedAddress(harness))
    await person.get()
    stop.abort()
    await expect(call).rejects.toThrow()
    await expect.poll(async () => (await person.get()).body).toContain('Withdrawn')
    expect(person.seen?.body).toContain('was cancelled')
    expect(person.tokens).toEqual([])
    expect(harness.sent('PATCH')).toEqual([])
  })

  test('counts for nothing when it was cancelled while the page was in front of somebody', async () => {
    const harness = await start()
    const { client } = await harness.connect()
    const stop = new AbortController()
    const call = client.callTool({ name: 'update_customer', arguments: BLOCK }, { signal: stop.signal })
    const person = new PageVisitor(await openedAddress(harness))
    await person.get()
    const form = person.form('approve')
    stop.abort()
    await expect(call).rejects.toThrow()
    // The notice of it travels through the transport.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await person.send(form)).toMatchObject({ status: 303 })
    expect((await person.get()).body).toContain('Withdrawn')
    expect(harness.sent('PATCH')).toEqual([])
  })
})

describe('too much, too slow, too often', () => {
  const SIZE = 100_000_000

  test.each([
    ['from the page itself', {}],
    ['from elsewhere', { Origin: 'https://evil.example' }],
    ['in pieces of unsaid length', { 'Transfer-Encoding': 'chunked' }],
  ])('a POST of 100 MB %s is cut off, and the person can still answer', async (_, headers) => {
    const asked = await askOnPage()
    const { person, address } = asked
    await person.get()
    const { sent, received } = await pour(address, SIZE, {
      ...formHeaders(address),
      Cookie: person.cookie ?? '',
      ...headers,
    })
    expect(sent).toBeLessThan(SIZE)
    expect(received).toMatch('Origin' in headers ? /^(HTTP\/1\.1 403 |$)/ : /^(HTTP\/1\.1 413 |$)/)
    await expectStillOpen(asked)
  })

  test('a form of 10,000 fields decides nothing that its first fields do not say', async () => {
    const asked = await askOnPage()
    const { person } = asked
    await person.get()
    const many = 'a=&'.repeat(10_000)
    expect(await person.send(`${many}decision=approve`)).toMatchObject({ status: 303 })
    expect(await person.send('decision=approve&token=x&'.repeat(10_000))).toMatchObject({ status: 413 })
    await expectStillOpen(asked)
  })

  test('of 33 visitors at once the last is shown out, and the stream of an open tab is none of them', async () => {
    const asked = await askOnPage()
    const { person, address } = asked
    await person.get()
    expect(await person.stream()).toMatchObject({ status: 200 })
    // A connection that has had its answer is kept for five seconds.
    const answered = await Promise.all(
      Array.from({ length: 33 }, () =>
        rawAnswer(Number(new URL(address).port), `GET /x HTTP/1.1\r\nHost: x\r\n\r\n`, false),
      ),
    )
    expect(answered.map((answer) => answer.slice(0, 12))).toEqual([...Array(32).fill('HTTP/1.1 403'), ''])
    await expectStillOpen(asked)
  })

  test('slow visitors are shown out while the person answers', async () => {
    const asked = await askOnPage()
    const { person, address } = asked
    await person.get()
    const { port, pathname, host } = new URL(address)
    const head = `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nCookie: ${person.cookie}\r\n`
    const body = `${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\ntoken=`
    const slow = [
      dribble(Number(port), ''),
      dribble(Number(port), `GET ${pathname} HTTP/1.1\r\nX: `),
      dribble(Number(port), body),
      ...Array.from({ length: 20 }, () => dribble(Number(port), 'POST / HTTP/1.1\r\nX: ')),
    ]
    await expectStillOpen(asked)
    await Promise.all(slow)
  })

  test('what is no HTTP gets no answer and does no harm', async () => {
    const asked = await askOnPage()
    const port = Number(new URL(asked.address).port)
    for (const noise of [
      '\r\n\r\n',
      'hello\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01',
      `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(20_000)}\r\n`,
    ]) {
      expect(await rawAnswer(port, noise)).not.toMatch(/Marcus| 200 /)
    }
    await expectStillOpen(asked)
  })

  test('an assistant that calls 500 times opens few pages, and nothing is sent', async () => {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    const { update } = await harness.connect()
    const before = harness.clock.pending
    const statuses = new Map<string, number>()
    for (let call = 0; call < 500; call++) {
      const { status } = await update({ customerId: call % 2 ? 77 : 1000 + call, blocked: true })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    expect(harness.sent('PATCH')).toEqual([])
    expect(harness.browser.opened.length).toBeLessThanOrEqual(15)
    expect(harness.clock.pending - before).toBeLessThan(40)
    expect([...statuses.keys()].sort()).toEqual(['approval_pending', 'approval_unavailable', 'failed'])
    expect(harness.requests.length).toBeLessThan(600)
  })

  test('500 calls at once for one change are one question and one page', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    const calls = Array.from({ length: 500 }, () => update(BLOCK))
    const person = new PageVisitor(await openedAddress(harness))
    await person.press('approve')
    const answers = await Promise.all(calls)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['updated']))
    expect(harness.browser.opened).toHaveLength(1)
    expect(harness.sent('PATCH')).toHaveLength(1)
  })
})

describe('a fixed port', () => {
  test('that another server has already: nobody can be asked, and the answer says what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await new Promise((resolve) => taken.once('listening', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const harness = await start({ env: { AIFI_APPROVAL_PORT: String(port) } })
    const { update } = await harness.connect()
    const envelope = await update(BLOCK)
    expect(envelope).toMatchObject({
      status: 'approval_unavailable',
      message: expect.stringMatching(/AIFI_APPROVAL_PORT\) is taken\. Set another AIFI_APPROVAL_PORT/),
    })
    expect(harness.browser.opened).toEqual([])
    expect(harness.sent('PATCH')).toEqual([])

    await new Promise((resolve) => taken.close(resolve))
    const answer = update(BLOCK)
    const person = new PageVisitor(await openedAddress(harness))
    expect(new URL(person.address).port).toBe(String(port))
    await person.press('approve')
    expect(await answer).toMatchObject({ status: 'updated' })
  })

  test('is had by the first of two servers; the second cannot ask until the first has ended', async () => {
    const free = String(await freePort())
    const first = await askOnPage(BLOCK, { env: { AIFI_APPROVAL_PORT: free } })
    const second = await start({ env: { AIFI_APPROVAL_PORT: free } })
    const client = await second.connect()
    expect(await client.update(BLOCK)).toMatchObject({ status: 'approval_unavailable' })
    expect(second.sent('PATCH')).toEqual([])
    await expectStillOpen(first)
    await first.harness.app.close(0)
    const answer = client.update(BLOCK)
    await new PageVisitor(await openedAddress(second)).press('approve')
    expect(await answer).toMatchObject({ status: 'updated' })
  })
})

/** Everything that comes back for these bytes, after which nothing more is sent, or the connection stays. */
function rawAnswer(port: number, bytes: string, ends = true): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
    if (ends) socket.end(bytes, 'latin1')
    else socket.write(bytes, 'latin1')
  })
}

/** Sends a drop now and then, for ever; resolves when the other side has had enough. */
function dribble(port: number, start: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    if (start) socket.write(start)
    const timer = setInterval(() => start && socket.write('x'), 200)
    socket.on('error', () => undefined)
    socket.on('data', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      resolve()
    })
  })
}

/** POSTs `size` bytes as fast as they are taken. */
function pour(address: string, size: number, headers: Readonly<Record<string, string>>) {
  const { port, pathname, host } = new URL(address)
  const chunked = 'Transfer-Encoding' in headers
  const lines = Object.entries({ Host: host, ...headers, ...(!chunked && { 'Content-Length': String(size) }) })
  const piece = Buffer.alloc(65_536, 'a')
  const wave = chunked ? Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]) : piece
  return new Promise<{ sent: number; received: string }>((resolve) => {
    const socket: Socket = connect(Number(port), '127.0.0.1')
    let received = ''
    let asked = 0
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      const sent = socket.bytesWritten - socket.writableLength
      resolve({ sent, received })
    })
    const go = () => {
      while (!socket.destroyed && asked < size) {
        asked += piece.length
        if (!socket.write(wave)) return
      }
    }
    socket.on('drain', go)
    socket.write(`POST ${pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
    go()
  })
}
