import { once } from 'node:events'
import http from 'node:http'
import { expect, onTestFinished } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { exchange, type PageAnswer } from './exchange.ts'
import { type Harness, type HarnessOptions, start, type TestClient } from './harness.ts'
import { reading } from './reading.ts'

/** What a POST of the page's own form looks like, apart from its cookie. */
export function formHeaders(address: string): Record<string, string> {
  const { origin } = new URL(address)
  return { Origin: origin, 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'application/x-www-form-urlencoded' }
}

/** A person with a browser that has cookies and no scripts. */
export class PageVisitor {
  readonly address: string
  /** The page as it was seen last. */
  seen: PageAnswer | undefined
  cookie: string | undefined

  constructor(address: string) {
    this.address = address
  }

  /** Loads the page, and reads it. */
  async get(): Promise<PageAnswer> {
    const answer = await this.glance()
    reading(this.address)
    return answer
  }

  /** Loads the page, and is faster than anybody can read. */
  async glance(): Promise<PageAnswer> {
    const answer = await exchange(this.address, { headers: this.#cookieHeader() })
    const [cookie] = answer.headers['set-cookie'] ?? []
    if (cookie) this.cookie = cookie.split(';')[0]
    this.seen = answer
    return answer
  }

  /** The tokens of the forms on the page as it was seen last, the first first. */
  get tokens(): string[] {
    return [...(this.seen?.body ?? '').matchAll(/name="token" value="([^"]+)"/g)].map(([, token]) => token ?? '')
  }

  /** The body of the form with this token. */
  form(decision: string, fields: Readonly<Record<string, string>> = {}, token = this.tokens[0] ?? ''): string {
    return new URLSearchParams({ token, ...fields, decision }).toString()
  }

  /** Sends a body as it is; the answer is not followed. */
  send(body: string, headers: Readonly<Record<string, string>> = {}): Promise<PageAnswer> {
    const all = { ...formHeaders(this.address), ...this.#cookieHeader(), ...headers }
    return exchange(this.address, { method: 'POST', headers: all, body })
  }

  /** What the script of the page does: says that somebody sees these questions, by default all that stand on it. */
  confirm(tokens: readonly string[] = this.tokens): Promise<PageAnswer> {
    const headers = { ...formHeaders(this.address), ...this.#cookieHeader() }
    const body = tokens.map((token) => `token=${encodeURIComponent(token)}`).join('&')
    return exchange(`${this.address}/seen`, { method: 'POST', headers, body })
  }

  /** The event stream that the script of the page keeps open, to the end of the test. */
  async stream(): Promise<EventStream> {
    const request = http.get(`${this.address}/events`, { headers: this.#cookieHeader(), agent: false })
    onTestFinished(() => void request.destroy())
    const [answer] = await once(request, 'response')
    const stream = { status: Number(answer.statusCode), text: '', ended: false }
    answer.setEncoding('utf8').on('data', (text: string) => {
      stream.text += text
    })
    answer
      .on('error', () => undefined)
      .on('close', () => {
        stream.ended = true
      })
    return stream
  }

  /** Opens the page if it was not seen yet, presses a button, and returns the page that follows. */
  async press(decision: 'approve' | 'decline', fields: Readonly<Record<string, string>> = {}, index = 0) {
    if (!this.seen) await this.get()
    const answer = await this.send(this.form(decision, fields, this.tokens[index]))
    return answer.status === 303 ? this.get() : answer
  }

  #cookieHeader(): Record<string, string> {
    return this.cookie === undefined ? {} : { Cookie: this.cookie }
  }
}

/** What came over an event stream so far. */
export interface EventStream {
  readonly status: number
  readonly text: string
  readonly ended: boolean
}

export const BLOCK = { customerId: 77, blocked: true }

export interface AskedOnPage {
  readonly harness: Harness
  readonly client: TestClient
  /** The call, still waiting. */
  readonly answer: ReturnType<TestClient['update']>
  readonly address: string
  readonly person: PageVisitor
}

/** A server, a client without elicitation, and a question on a page that the browser was asked to open. */
export async function askOnPage(args: JsonObject = BLOCK, options: HarnessOptions = {}): Promise<AskedOnPage> {
  const harness = await start(options)
  const client = await harness.connect()
  const answer = client.update(args)
  answer.catch(() => undefined)
  const address = await openedAddress(harness)
  return { harness, client, answer, address, person: new PageVisitor(address) }
}

/** The address that the browser is asked to open for the `count`th time. */
export async function openedAddress({ browser }: Harness, count = 1): Promise<string> {
  await expect.poll(() => browser.opened.length).toBeGreaterThanOrEqual(count)
  return browser.opened[count - 1] ?? ''
}

/** Nothing has been sent, and the person who has the page can still approve. */
export async function expectStillOpen({ harness, answer, person }: AskedOnPage): Promise<void> {
  expect(harness.sent('PATCH')).toEqual([])
  await person.get()
  expect((await person.press('approve')).body).toContain('Done')
  expect(await answer).toMatchObject({ status: 'updated', approval: { channel: 'page', answer: 'approved' } })
  expect(harness.sent('PATCH').map(({ body }) => body)).toEqual([{ blocked: true }])
}
