import { exchange, type PageAnswer } from './exchange.ts'
import type { TestIssuer } from './issuer.ts'

/** Somebody with a browser that has cookies and no scripts, at one public address. */
export class Visitor {
  readonly #origin: string
  readonly #via: string
  readonly #ca: string | undefined
  readonly #cookies: Map<string, string>

  /**
   * @param via where the requests go in truth.
   * @param ca what certifies it, besides what Node trusts.
   */
  constructor(origin: string, via = origin, ca?: string, cookies = new Map<string, string>()) {
    this.#origin = origin
    this.#via = via
    this.#ca = ca
    this.#cookies = cookies
  }

  /** The same browser, whose requests go elsewhere from now on. */
  at(via: string): Visitor {
    return new Visitor(this.#origin, via, this.#ca, this.#cookies)
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies
  }

  get(path: string): Promise<PageAnswer> {
    return this.#send(path, {})
  }

  /** As the browser posts a form of this site. */
  post(path: string, form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) {
    return this.#send(path, {
      method: 'POST',
      headers: {
        Origin: this.#origin,
        'Sec-Fetch-Site': 'same-origin',
        'Content-Type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      body: new URLSearchParams(form).toString(),
    })
  }

  /** As whom the sandbox lets one in. */
  async signIn(person: 'sam' | 'alex'): Promise<this> {
    await this.post('/approvals/sign-in', { person, returnTo: '/approvals' })
    return this
  }

  /** Signs in at the issuer, beginning at this path; resolves with the answer to coming back. */
  async signInAt(issuer: Pick<TestIssuer, 'signIn'>, login: string, path = '/approvals'): Promise<PageAnswer> {
    const begun = await this.get(path)
    const back = new URL(await issuer.signIn(String(begun.headers.location), login))
    return this.get(back.pathname + back.search)
  }

  /** The path of the first question on the list. */
  async firstPath(): Promise<string> {
    const { body } = await this.get('/approvals')
    return /href="(\/approvals\/[\w-]+)"/.exec(body)?.[1] ?? ''
  }

  /** The form token of a page. */
  async tokenOf(path: string): Promise<string> {
    const { body } = await this.get(path)
    const tokens = [...body.matchAll(/name="token" value="([^"]+)"/g)]
    return tokens.at(-1)?.[1] ?? ''
  }

  /** Reads the question and answers it; again as long as the server finds that too quick. */
  async decide(
    path: string,
    decision: 'approve' | 'decline' | 'withdraw',
    typed: Readonly<Record<string, string>> = {},
  ) {
    const token = await this.tokenOf(path)
    for (;;) {
      const answer = await this.post(path, { token, decision, ...typed })
      if (!answer.body.includes('Please read it')) return answer
    }
  }

  async #send(
    path: string,
    { method = 'GET', headers = {}, body }: { method?: string; headers?: object; body?: string },
  ) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const all = { Host: new URL(this.#origin).host, ...(cookie && { Cookie: cookie }), ...headers }
    const answer = await exchange(new URL(path, this.#via).href, {
      method,
      headers: all,
      ...(body !== undefined && { body }),
      ...(this.#ca !== undefined && { ca: this.#ca }),
    })
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0/i.test(line)) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return answer
  }
}
