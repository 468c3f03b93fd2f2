import { describe, expect, test, vi } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import {
  type Answer,
  accept,
  type ConnectOptions,
  decline,
  eras,
  type Harness,
  type HarnessOptions,
  start,
  type TestClient,
} from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { RawClient } from '../helpers/raw-client.ts'
import { clockOf } from '../helpers/reading.ts'
import { block, expectNothingSent, rename } from '../helpers/situations.ts'

/** A server whose calls do not wait for the page: what they say is what they would say in the end. */
const impatient: HarnessOptions = { env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } }

const noBrowser = { unavailable: () => 'This machine has no screen to open a browser on.' }

async function host(
  options: ConnectOptions | ((harness: Harness) => ConnectOptions),
  harnessOptions: HarnessOptions = impatient,
): Promise<{ harness: Harness; client: TestClient }> {
  const harness = await start(harnessOptions)
  harness.clock.hold()
  const client = await harness.connect(typeof options === 'function' ? options(harness) : options)
  return { harness, client }
}

/** How many questions the client was asked, PATCH requests reached AiFi, and times a browser was opened. */
function counts({ harness, client }: { harness: Harness; client: TestClient }) {
  return { asked: client.asked.length, patches: harness.sent('PATCH').length, opened: harness.browser.opened.length }
}

const cancel = () => ({ action: 'cancel' as const })

describe.each(eras)('a client of %s', (era) => {
  /** Answers after two seconds, as a person would. */
  const person = (harness: Harness, answer: ReturnType<Answer>): ConnectOptions => ({
    era,
    answer: () => {
      harness.clock.advance(2_000)
      return answer
    },
  })

  test('that cannot ask gets the page in the browser, which needs no client', async () => {
    const both = await host({ era })
    const envelope = await both.client.update(block)
    expect(envelope).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(counts(both)).toEqual({ asked: 0, patches: 0, opened: 1 })
  })

  test('that cannot ask, on a machine without a screen, is told what to do', async () => {
    const both = await host({ era }, { ...impatient, browser: noBrowser })
    const envelope = await both.client.update(block)
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain('This client cannot show a form;')
    expect(envelope.message).toContain('no screen')
    expect(envelope.message).toContain('Nothing was sent')
    expect(envelope.message).toContain('BROWSER')
    expect(counts(both)).toEqual({ asked: 0, patches: 0, opened: 0 })
  })

  test('that declares `elicitation: {}` is asked by a form', async () => {
    const both = await host({ era, elicitation: {}, answer: () => accept() })
    expect(await both.client.update(block)).toMatchObject({ status: 'updated', approval: { channel: 'form' } })
    expect(both.client.asked[0]).toMatchObject({ mode: 'form', requestedSchema: { required: ['approve'] } })
    // Some hosts preselect Yes otherwise.
    expect(both.client.asked[0]).toMatchObject({ requestedSchema: { properties: { approve: { default: false } } } })
    expect(counts(both)).toEqual({ asked: 1, patches: 1, opened: 0 })
  })

  test('that has form and URL is asked by a form, and by URL for what is typed privately', async () => {
    const page: Promise<unknown>[] = []
    const both = await host(
      ({ clock }) => ({
        era,
        elicitation: { form: {}, url: {} },
        answer: (params) => {
          if (!('url' in params)) return accept()
          clockOf(params.url, clock)
          const secrets = { password: 'a new password', passwordAgain: 'a new password' }
          page.push(new PageVisitor(params.url).press('approve', secrets))
          return { action: 'accept' }
        },
      }),
      {},
    )
    expect(await both.client.update(block)).toMatchObject({ status: 'updated', approval: { channel: 'form' } })
    const secret = await both.client.update({ customerId: 4211, enterPrivately: ['password'] })
    expect(secret).toMatchObject({ status: 'updated', approval: { channel: 'url', answer: 'approved' } })
    expect(both.client.asked.map(({ mode }) => mode)).toEqual(['form', 'url'])
    expect(both.harness.sent('PATCH').at(-1)?.body).toEqual({ password: 'a new password' })
    expect(counts(both)).toEqual({ asked: 2, patches: 2, opened: 0 })
    await Promise.all(page)
  })

  test('that has URL alone is asked by URL', async () => {
    const both = await host({ era, elicitation: { url: {} }, answer: () => ({ action: 'accept' }) })
    expect((await both.client.update(block)).status).toBe('approval_pending')
    expect(both.client.asked.map(({ mode }) => mode)).toEqual(['url'])
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
  })

  for (const [how, answer] of [
    ['declines', decline],
    ['cancels', cancel],
  ] as const) {
    test(`that ${how} within a millisecond has asked nobody: the page does, for the rest of the connection`, async () => {
      const both = await host({ era, answer, readingMs: 0 })
      const first = await both.client.update(block)
      expect(first).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
      expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 1 })
      const second = await both.client.update({ customerId: 4211, role: 'employee' })
      expect(second).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
      expect(counts(both)).toMatchObject({ asked: 1, patches: 0 })
      const other = await both.harness.connect({ era, answer: () => accept() })
      expect(await other.update({ customerId: 4211, role: 'tester' })).toMatchObject({ status: 'updated' })
    })

    test(`that ${how} within a millisecond is unavailable where there is no page either`, async () => {
      const both = await host({ era, answer, readingMs: 0 }, { ...impatient, browser: noBrowser })
      const envelope = await both.client.update(block)
      expect(envelope.status).toBe('approval_unavailable')
      expect(envelope.message).toContain('answers forms without asking a person')
      expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
    })
  }

  test('that declines within a millisecond under AIFI_APPROVAL=form has declined', async () => {
    const both = await host({ era, answer: decline }, { env: { AIFI_APPROVAL: 'form' } })
    expect(await both.client.update(block)).toMatchObject({ status: 'declined', approval: { answer: 'declined' } })
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
  })

  test('whose person declines after two seconds is final, and nobody is asked again for a minute', async () => {
    const both = await host((harness) => person(harness, decline()))
    const envelope = await both.client.update(block)
    expect(envelope).toMatchObject({ status: 'declined', approval: { channel: 'form', answer: 'declined' } })
    expect(envelope.message).toMatch(/declined by the client at \d\d:\d\d:\d\d \S+\. Nothing was sent/)
    expect((await both.client.update(block)).status).toBe('declined')
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
  })

  test('whose person dismisses the form has not agreed', async () => {
    const both = await host((harness) => person(harness, cancel()))
    const envelope = await both.client.update(block)
    expect(envelope).toMatchObject({ status: 'declined', approval: { channel: 'form', answer: 'cancelled' } })
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
  })

  const noAnswer: readonly (readonly [string, () => ReturnType<Answer>])[] = [
    ['with empty content', () => accept({})],
    ['without content', () => ({ action: 'accept' })],
    ['with approve: "true", a string', () => accept({ approve: 'true' })],
    ['with approve: 1', () => accept({ approve: 1 })],
    ['with a yes under another name', () => accept({ approved: true })],
  ]
  test.each(noAnswer)('that accepts %s has not answered: the page is opened in the same call', async (_how, answer) => {
    const both = await host({ era, answer })
    const envelope = await both.client.update(block)
    expect(envelope).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 1 })
  })

  test('that accepts with nothing, where forms are the only way, is told that nobody can be asked', async () => {
    const both = await host({ era, answer: () => accept({}) }, { env: { AIFI_APPROVAL: 'form' } })
    const envelope = await both.client.update(block)
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain('sent its form back without an answer')
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
  })

  test('that applies the defaults of a form by itself has not answered', async () => {
    const both = await host({ era, elicitation: { form: { applyDefaults: true } }, answer: () => accept({}) })
    expect((await both.client.update(block)).status).not.toBe('updated')
    expect(counts(both).patches).toBe(0)
  })

  test('whose person sends the form back with a no has declined, and only the same call again goes to the page', async () => {
    const both = await host({ era, answer: () => accept({ approve: false }) })
    const envelope = await both.client.update(block)
    expect(envelope).toMatchObject({ status: 'declined', approval: { channel: 'form', answer: 'not_approved' } })
    expect(envelope.message).toContain('the same call again')
    const other = await both.client.update({ customerId: 4211, role: 'employee' })
    expect(other).toMatchObject({ status: 'declined', approval: { channel: 'form' } })
    expect(counts(both)).toEqual({ asked: 2, patches: 0, opened: 0 })
    const again = await both.client.update(block)
    expect(again).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(counts(both)).toEqual({ asked: 2, patches: 0, opened: 1 })
  })

  test('that says yes within a millisecond has asked nobody: the page does, for the rest of the connection', async () => {
    const both = await host({ era, answer: () => accept(), readingMs: 0 })
    const first = await both.client.update(block)
    expect(first).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    await both.client.update({ customerId: 4211, role: 'employee' })
    expect(counts(both)).toMatchObject({ asked: 1, patches: 0 })
  })

  test('that says yes within a millisecond, where forms are the only way, has asked nobody', async () => {
    const both = await host({ era, answer: () => accept(), readingMs: 0 }, { env: { AIFI_APPROVAL: 'form' } })
    const envelope = await both.client.update(block)
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain('answers forms without asking a person')
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
  })

  test('that calls twice at once is asked once, and both calls get the one result', async () => {
    const both = await host({ era, answer: () => accept() }, {})
    const [first, second] = await Promise.all([both.client.update(block), both.client.update(block)])
    expect(first).toMatchObject({ status: 'updated', approval: { answer: 'approved' } })
    expect(second).toEqual(first)
    expect(counts(both)).toEqual({ asked: 1, patches: 1, opened: 0 })
  })

  test('that calls twice at once and declines gets the same no twice', async () => {
    const both = await host((harness) => person(harness, decline()), {})
    const [first, second] = await Promise.all([both.client.update(block), both.client.update(block)])
    expect(first).toMatchObject({ status: 'declined', approval: { answer: 'declined' } })
    expect(second).toEqual(first)
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
  })

  test('that gives up on a call while the page is open voids the question: a late Approve changes nothing', async () => {
    const both = await host({ era }, {})
    const stop = new AbortController()
    const call = both.client.update(block, { signal: stop.signal })
    call.catch(() => undefined)
    const page = new PageVisitor(await openedAddress(both.harness))
    await page.get()
    stop.abort()
    await expect(call).rejects.toThrow()
    // A round trip: the cancellation has arrived.
    await both.client.client.listTools()
    const { body } = await page.press('approve')
    expect(body).not.toContain('Done')
    expect(counts(both)).toEqual({ asked: 0, patches: 0, opened: 1 })
  })

  test.each([
    ['a number as other text', { customerId: '077', blocked: true }, 'customerId', 'number.base'],
    ['a boolean as other text', { customerId: 77, blocked: 'yes' }, 'blocked', 'boolean.base'],
    ['a small number as other text', { customerId: 77, priority: '5.0' }, 'priority', 'number.base'],
    ['null for a field that is absent', { customerId: 77, blocked: true, firstName: null }, 'firstName', 'string.base'],
    [
      'null for a tool argument',
      { customerId: 77, blocked: true, expectedEmail: null },
      'expectedEmail',
      'string.base',
    ],
    ['an extra key', { customerId: 77, blocked: true, why: 'fraud' }, 'why', 'object.unknown'],
    ['the arguments nested once more', { arguments: { customerId: 77, blocked: true } }, 'customerId', 'any.required'],
    ['an object as other text', { customerId: 77, metadata: 'tier=gold' }, 'metadata', 'object.base'],
  ])('that sends %s is told so, nobody is asked and nothing sent', async (_what, args, field, rule) => {
    const both = await host({ era, answer: () => accept() })
    const envelope = await both.client.update(args)
    expect(envelope.status).toBe('invalid')
    expect(envelope.errors).toContainEqual(expect.objectContaining({ field, rule }))
    expect(both.harness.requests).toEqual([])
    expect(counts(both)).toEqual({ asked: 0, patches: 0, opened: 0 })
  })

  test('that sends an object as its JSON text, and a key of its own, is understood', async () => {
    const both = await host({ era, answer: () => accept() })
    const metadata = JSON.stringify({
      homeStore: 'Berlin Mitte',
      newsletter: true,
      language: 'de',
      loyalty: { tier: 'gold', points: 1 },
    })
    const envelope = await both.client.update({ customerId: 77, metadata, wait_for_previous: true })
    expect(envelope.status).toBe('updated')
    expect(both.harness.sent('PATCH')[0]?.body).toEqual({ metadata: JSON.parse(metadata) })
  })

  test('that asks for prompts and resources unasked gets an answer, and its calls go on', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era })
    const modern: JsonObject = era === '2026-07-28' ? { _meta: raw.meta() } : {}
    for (const method of ['prompts/list', 'resources/list', 'resources/templates/list', 'logging/setLevel']) {
      expect((await raw.answerTo(raw.send(method, modern))).error, method).toMatchObject({ code: -32601 })
    }
    const ping = await raw.answerTo(raw.send('ping', modern))
    if (era === '2025-11-25') expect(ping.result).toEqual({})
    else expect(ping.error).toMatchObject({ code: -32601 })
    expect((await raw.envelope(raw.call(rename))).status).toBe('updated')
  })

  test('that writes nonsense in between is not harmed by it', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era })
    raw.notify('notifications/cancelled', { requestId: 999 })
    raw.notify('notifications/cancelled', {})
    raw.notify('notifications/progress', { progressToken: 'x', progress: 1 })
    raw.write({ jsonrpc: '2.0', id: 12_345, result: { action: 'accept', content: { approve: true } } })
    expect((await raw.envelope(raw.call(rename))).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('that closes its connection while a person is asked voids the question', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era })
    raw.call(block)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    await raw.close()
    const { body } = await page.press('approve')
    expect(body).not.toContain('Done')
    expectNothingSent(harness)
  })
})

describe('a client of 2025-11-25', () => {
  const elicitation = { form: {} }
  const yes = { action: 'accept', content: { approve: true } }

  test('that fails at the form is asked on the page, in the same call and from then on', async () => {
    const both = await host({
      answer: () => {
        throw new Error('elicitation is not implemented')
      },
    })
    const first = await both.client.update(block)
    expect(first).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 1 })
    const second = await both.client.update(block)
    expect(second).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(second.message).not.toContain('was the outcome')
    expect((await both.client.update({ customerId: 4211, role: 'employee' })).status).toBe('approval_pending')
    expect(counts(both)).toMatchObject({ asked: 1, patches: 0 })
  })

  test('that fails at forms, where forms are the only way, is asked again each time and blocks no place', async () => {
    const both = await host(
      {
        answer: () => {
          throw new Error('not implemented')
        },
      },
      { env: { AIFI_APPROVAL: 'form' } },
    )
    for (const customerId of [77, 4211, 9003, 2050, 77, 4211, 9003]) {
      const args = { customerId, blocked: true }
      const envelope = await both.client.update(args)
      expect(envelope.status).toBe('approval_unavailable')
      expect(envelope.message).toContain('did not answer the form')
      expect(envelope.message).not.toContain('not implemented')
    }
    expect(counts(both)).toEqual({ asked: 7, patches: 0, opened: 0 })
  })

  test('that never answers a form is told after ten minutes that nobody did, and the next call goes to the page', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true })
    try {
      const both = await host({ answer: () => new Promise(() => undefined) })
      const hour = { timeout: 3_600_000 }
      const call = both.client.update(block, hour)
      await vi.waitFor(() => expect(both.client.asked).toHaveLength(1))
      both.harness.clock.advance(10 * 60_000)
      await vi.advanceTimersByTimeAsync(10 * 60_000)
      expect(await call).toMatchObject({ status: 'declined', approval: { channel: 'form', answer: 'expired' } })
      expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 0 })
      const second = await both.client.update(block)
      expect(second).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
      expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 1 })
    } finally {
      vi.useRealTimers()
    }
  })

  test('that gives up at 60 s on a form it never answered gets the page the next time', async () => {
    const both = await host({ answer: () => new Promise(() => undefined) })
    const stop = new AbortController()
    const call = both.client.update(block, { signal: stop.signal })
    call.catch(() => undefined)
    await expect.poll(() => both.client.asked.length).toBe(1)
    both.harness.clock.advance(60_000)
    stop.abort()
    await expect(call).rejects.toThrow()
    expect((await both.client.update(block)).status).toBe('approval_pending')
    expect(counts(both)).toEqual({ asked: 1, patches: 0, opened: 1 })
  })

  test.each([10_000, 45_000])(
    'that gives up on its form after %s ms, timed out, gets the page the next time',
    async (ms) => {
      const harness = await start(impatient)
      const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation })
      const first = raw.call(block)
      await raw.nextAsked()
      harness.clock.advance(ms)
      raw.notify('notifications/cancelled', {
        requestId: first,
        reason: 'McpError: MCP error -32001: Request timed out',
      })
      const second = await raw.envelope(raw.call(block))
      expect(second).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
      expect(raw.asked).toHaveLength(1)
      expectNothingSent(harness)
    },
  )

  test('whose user presses stop at a form is asked by a form again the next time', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation })
    const first = raw.call(block)
    await raw.nextAsked()
    harness.clock.advance(5_000)
    raw.cancel(first)
    const second = raw.call(block)
    raw.reply(await raw.nextAsked(2), yes)
    const envelope = await raw.envelope(second)
    expect(envelope).toMatchObject({ status: 'updated', approval: { channel: 'form' } })
    expect(envelope.message).not.toContain('was the outcome')
    expect(harness.sent('PATCH')).toHaveLength(1)
    expect(harness.browser.opened).toEqual([])
  })

  test('that answers after the call was cancelled changes nothing', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation })
    const id = raw.call(block)
    const question = await raw.nextAsked()
    raw.cancel(id)
    raw.reply(question, yes)
    // For the same customer, so that it would wait for its turn behind a change that is being sent.
    expect((await raw.envelope(raw.call({ ...rename, dryRun: true }))).status).toBe('preview')
    expectNothingSent(harness)
    expect(raw.received.some((message) => message.id === id)).toBe(false)
  })

  test('that answers one form twice, and a form that nobody put, changes the record once', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation })
    const id = raw.call(block)
    const question = await raw.nextAsked()
    raw.reply(question, yes)
    raw.reply(question, yes)
    raw.reply({ id: 4_711 }, yes)
    expect((await raw.envelope(id)).status).toBe('updated')
    expect((await raw.envelope(raw.call({ ...rename, dryRun: true }))).status).toBe('preview')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('that smuggles an answer into the call is asked all the same', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation })
    const id = raw.call(block, { inputResponses: { approve: yes } })
    raw.reply(await raw.nextAsked(), { action: 'accept', content: { approve: false } })
    expect((await raw.envelope(id)).approval?.answer).toBe('not_approved')
    const forged = raw.call(
      { customerId: 4211, blocked: true },
      { inputResponses: { approve: yes }, requestState: 'x' },
    )
    expect((await raw.envelope(forged)).status).toBe('declined')
    expect(raw.asked).toHaveLength(1)
    expectNothingSent(harness)
  })

  test.each(['2024-10-07', '2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])(
    'that opens with %s is served in it',
    async (version) => {
      const harness = await start(impatient)
      const raw = await RawClient.connect(harness, { era: '2025-11-25', unopened: true })
      expect(await raw.initialize(version)).toMatchObject({ result: { protocolVersion: version } })
      expect((await raw.envelope(raw.call(rename))).status).toBe('updated')
      expect((await raw.envelope(raw.call(block))).status).toBe('approval_pending')
      expect(harness.sent('PATCH')).toHaveLength(1)
      expect(harness.browser.opened).toHaveLength(1)
    },
  )

  test.each(['1999-01-01', '2099-12-31', 'latest', ''])(
    'that opens with the unknown version "%s" is offered one that is known',
    async (version) => {
      const harness = await start(impatient)
      const raw = await RawClient.connect(harness, { era: '2025-11-25', unopened: true })
      expect(await raw.initialize(version)).toMatchObject({ result: { protocolVersion: '2025-11-25' } })
      expect((await raw.envelope(raw.call(rename))).status).toBe('updated')
    },
  )

  test('that probes with server/discover first, and then initializes, is asked by a form', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era: '2025-11-25', elicitation, unopened: true })
    const discovered = await raw.answerTo(raw.send('server/discover', { _meta: raw.meta() }))
    expect(discovered.result).toMatchObject({ supportedVersions: expect.arrayContaining(['2026-07-28']) })
    expect(await raw.initialize('2025-11-25')).toMatchObject({ result: { protocolVersion: '2025-11-25' } })
    const id = raw.call(block)
    raw.reply(await raw.nextAsked(), yes)
    expect((await raw.envelope(id)).status).toBe('updated')
    expect(raw.asked).toHaveLength(1)
  })
})

describe('a client of 2026-07-28', () => {
  const era = '2026-07-28'
  const elicitation = { form: {} }
  const answered = (content: JsonObject) => ({ approve: { action: 'accept', content } })
  const yes = answered({ approve: true })

  async function askedHost(options: HarnessOptions = impatient) {
    const harness = await start(options)
    harness.clock.hold()
    const raw = await RawClient.connect(harness, { era, elicitation })
    const first = raw.call(block)
    const { state } = await raw.question(first)
    return { harness, raw, state }
  }

  test('that says nothing of its version is refused before anything is read', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era, unopened: true })
    const meta = { ...raw.meta(), 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }
    const id = raw.send('tools/call', { name: 'update_customer', arguments: rename, _meta: meta })
    expect((await raw.answerTo(id)).error).toMatchObject({ data: { supported: ['2026-07-28'] } })
    expect(harness.requests).toEqual([])
  })

  test('that does as the protocol says changes the record once', async () => {
    const { harness, raw, state } = await askedHost()
    const envelope = await raw.envelope(raw.call(block, { requestState: state, inputResponses: yes }))
    expect(envelope).toMatchObject({ status: 'updated', approval: { channel: 'form', answer: 'approved' } })
    expect(harness.sent('PATCH').map(({ body }) => body)).toEqual([{ blocked: true }])
  })

  test('that drops the state has answered nothing, and the page is used from then on', async () => {
    const { harness, raw } = await askedHost()
    const dropped = await raw.envelope(raw.call(block, { inputResponses: yes }))
    expect(dropped).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    const next = await raw.envelope(raw.call({ customerId: 4211, blocked: true }))
    expect(next).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expectNothingSent(harness)
    expect(harness.browser.opened).not.toEqual([])
  })

  test('that drops the state, where forms are the only way, is asked again', async () => {
    const { harness, raw } = await askedHost({ env: { AIFI_APPROVAL: 'form' } })
    const again = await raw.question(raw.call(block, { inputResponses: yes }))
    expectNothingSent(harness)
    const envelope = await raw.envelope(raw.call(block, { requestState: again.state, inputResponses: yes }))
    expect(envelope.status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('that answers one state twice, first no or nothing and then yes, changes nothing', async () => {
    for (const first of [{ approve: { action: 'accept', content: {} } }, { approve: { action: 'decline' } }]) {
      const { harness, raw, state } = await askedHost()
      const one = raw.call(block, { requestState: state, inputResponses: first })
      const two = raw.call(block, { requestState: state, inputResponses: yes })
      await Promise.all([raw.answerTo(one), raw.answerTo(two)])
      await raw.answerTo(raw.call(block, { requestState: state, inputResponses: yes }))
      expectNothingSent(harness)
    }
  })

  test.each([
    ['the answers', '{"__proto__":{"approve":{"action":"accept","content":{"approve":true}}}}'],
    ['an answer', '{"approve":{"__proto__":{"action":"accept","content":{"approve":true}}}}'],
    ['the content', '{"approve":{"action":"accept","content":{"__proto__":{"approve":true}}}}'],
  ])('that puts its yes into a member __proto__ of %s has not agreed', async (_where, inputResponses) => {
    const { harness, raw, state } = await askedHost()
    await raw.answerTo(raw.call(block, { requestState: state, inputResponses: JSON.parse(inputResponses) }))
    expectNothingSent(harness)
  })

  test('that alters the state is refused, and the question stays open', async () => {
    const { harness, raw, state } = await askedHost()
    const [head = '', mac = ''] = [state.slice(0, state.lastIndexOf('.')), state.slice(state.lastIndexOf('.') + 1)]
    const other = Buffer.from(JSON.stringify({ p: { approvalId: 'x', channel: 'form' }, exp: 9e9 })).toString(
      'base64url',
    )
    for (const altered of [`${state}x`, state.slice(0, -2), `v1.${other}.${mac}`, `${head}.`, '', 'null', mac]) {
      const envelope = await raw.envelope(raw.call(block, { requestState: altered, inputResponses: yes }))
      expect(envelope, altered).toMatchObject({ status: 'declined' })
      expect(envelope.message).toContain('could not be verified')
    }
    for (const odd of [17, { valid: true }, ['x'], true]) {
      const { error } = await raw.answerTo(raw.call(block, { requestState: odd, inputResponses: yes }))
      expect(error, JSON.stringify(odd)).toBeDefined()
    }
    expectNothingSent(harness)
    expect((await raw.envelope(raw.call(block, { requestState: state, inputResponses: yes }))).status).toBe('updated')
  })

  test('that brings the state of another process is refused', async () => {
    const stranger = await askedHost()
    const { harness, raw } = await askedHost()
    const envelope = await raw.envelope(raw.call(block, { requestState: stranger.state, inputResponses: yes }))
    expect(envelope.status).toBe('declined')
    expectNothingSent(harness)
    expectNothingSent(stranger.harness)
  })

  test('that replays an answer changes the record once', async () => {
    const { harness, raw, state } = await askedHost()
    const answer = { requestState: state, inputResponses: yes }
    expect((await raw.envelope(raw.call(block, answer))).status).toBe('updated')
    for (let i = 0; i < 3; i++) {
      const replayed = await raw.envelope(raw.call(block, answer))
      expect(replayed.status).toBe('declined')
      expect(replayed.message).toContain('used already')
    }
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('that sends its answer several times at once changes the record once', async () => {
    const { harness, raw, state } = await askedHost()
    const answer = { requestState: state, inputResponses: yes }
    const ids = [raw.call(block, answer), raw.call(block, answer), raw.call(block, answer)]
    const envelopes = await Promise.all(ids.map((id) => raw.envelope(id)))
    // One that is looked at when all is over already is told so.
    const statuses = envelopes.map(({ status, message }) => (message.includes('used already') ? 'used' : status))
    expect(statuses).toContain('updated')
    expect(statuses.filter((each) => each !== 'updated' && each !== 'used')).toEqual([])
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('that sends a yes and a no for one question gets what came first', async () => {
    const { harness, raw, state } = await askedHost()
    const first = raw.call(block, { requestState: state, inputResponses: answered({ approve: false }) })
    const second = raw.call(block, { requestState: state, inputResponses: yes })
    expect((await raw.envelope(first)).approval?.answer).toBe('not_approved')
    expect((await raw.envelope(second)).status).toBe('declined')
    expectNothingSent(harness)
  })

  test('that replays an answer once the question has been put anew gets no further with it', async () => {
    const { harness, raw, state } = await askedHost({ env: { AIFI_APPROVAL: 'form' } })
    const no = { requestState: state, inputResponses: answered({ approve: false }) }
    expect((await raw.envelope(raw.call(block, no))).status).toBe('declined')
    harness.clock.advance(61_000)
    const anew = await raw.question(raw.call(block))
    expect((await raw.envelope(raw.call(block, { requestState: state, inputResponses: yes }))).status).toBe('declined')
    expectNothingSent(harness)
    const answer = { requestState: anew.state, inputResponses: yes }
    expect((await raw.envelope(raw.call(block, answer))).status).toBe('updated')
  })

  test.each([
    ['another customer', { customerId: 4211, blocked: true }],
    ['the opposite', { customerId: 77, blocked: false }],
    ['more', { customerId: 77, blocked: true, role: 'employee' }],
    ['another condition', { customerId: 77, blocked: true, expectedEmail: 'other@example.com' }],
  ])('that takes a yes for %s gets nothing for it, and the question stays open', async (_what, args) => {
    const { harness, raw, state } = await askedHost()
    const answer = { requestState: state, inputResponses: yes }
    const envelope = await raw.envelope(raw.call(args, answer))
    expect(envelope.status).toBe('declined')
    expect(envelope.message).toContain('other arguments')
    expectNothingSent(harness)
    expect((await raw.envelope(raw.call(block, answer))).status).toBe('updated')
    expect(harness.sent('PATCH').map(({ path, body }) => ({ path, body }))).toEqual([
      { path: '/api/admin/v2/customers/77', body: { blocked: true } },
    ])
  })

  test.each([
    ['nothing at all', undefined],
    ['an answer under another name', { page: { action: 'accept', content: { approve: true } } }],
    ['an answer in an envelope', { approve: { method: 'elicitation/create', result: yes.approve } }],
    ['a list', [yes.approve]],
    ['an unknown action', { approve: { action: 'approve', content: { approve: true } } }],
    ['content that is no object', { approve: { action: 'accept', content: 'approve' } }],
  ])('that answers the form with %s has not agreed', async (_what, inputResponses) => {
    const { harness, raw, state } = await askedHost({ env: { AIFI_APPROVAL: 'form' } })
    const extra = inputResponses === undefined ? {} : { inputResponses }
    const { result, error } = await raw.answerTo(raw.call(block, { requestState: state, ...extra }))
    expect(error ?? result).not.toMatchObject({ structuredContent: { status: 'updated' } })
    expectNothingSent(harness)
  })

  test('that never comes back with an answer, and calls anew, gets the page in the end', async () => {
    const { harness, raw } = await askedHost({})
    const second = raw.call(block)
    await expect.poll(() => harness.sent('GET').length).toBe(2)
    const waited = raw.envelope(second)
    let isOver = false
    void waited.then(() => {
      isOver = true
    })
    // However late the call begins to wait, it has waited long enough then.
    for (let seconds = 0; seconds < 120 && !isOver; seconds++) {
      harness.clock.advance(1_000)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(await waited).toMatchObject({ status: 'approval_pending', approval: { channel: 'form' } })
    expect(harness.browser.opened).toEqual([])
    raw.call(block)
    await openedAddress(harness)
    expectNothingSent(harness)
  })

  test('whose person answers the form after all, the page being open by then: a yes is void, a no counts', async () => {
    const { harness, raw, state } = await askedHost()
    expect((await raw.envelope(raw.call(block))).approval?.channel).toBe('form')
    expect((await raw.envelope(raw.call(block))).approval?.channel).toBe('page')
    const answer = async (inputResponses: object) =>
      raw.envelope(raw.call(block, { requestState: state, inputResponses }))
    expect(await answer(yes)).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    harness.clock.advance(2_000)
    expect(await answer({ approve: { action: 'decline' } })).toMatchObject({
      status: 'declined',
      approval: { channel: 'form' },
    })
    expectNothingSent(harness)
  })

  test('may cancel a second call: the form that the first one left with it is good still', async () => {
    const { harness, raw, state } = await askedHost({})
    const second = raw.call(block)
    await expect.poll(() => harness.clock.pending).toBeGreaterThan(1)
    raw.cancel(second)
    const envelope = await raw.envelope(raw.call(block, { requestState: state, inputResponses: yes }))
    expect(envelope.status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('that initializes after all is told which version is spoken here', async () => {
    const harness = await start()
    const raw = await RawClient.connect(harness, { era })
    expect((await raw.envelope(raw.call(rename))).status).toBe('updated')
    const { error } = await raw.initialize('2025-11-25')
    expect(error).toMatchObject({ code: expect.any(Number) })
    expect((await raw.envelope(raw.call({ customerId: 77, lastName: 'Vogel' }))).status).toBe('updated')
  })
})
