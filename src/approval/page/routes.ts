import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import type { Ended, TypedSecrets } from '../../change/change.ts'
import { canBeTyped, type PrivateFieldName } from '../../customer/fields.ts'
import { Deadline } from '../../lib/clock.ts'
import type { PrivateField } from '../question.ts'
import type { Card, CardState } from './cards.ts'
import { styleHash } from './style.ts'
import { type PageModel, renderNotice, renderPage } from './view.ts'
import type { Item, PageDeps, Visit } from './visits.ts'
import type { CardOutcome, Notice } from './words.ts'

/** Far more than three secrets typed twice. */
const BODY_LIMIT_BYTES = 32_000
/** A decision is answered with its outcome if AiFi answers within this long, milliseconds; otherwise the page says so. */
const OUTCOME_MS = 8_000
/** Bounds for slow and greedy visitors, milliseconds and counts. */
const HEADERS_MS = 5_000
const REQUEST_MS = 10_000
const KEEP_ALIVE_MS = 5_000
const CONNECTIONS = 32
/** How often a page with nothing to type on loads itself again, seconds: while AiFi is at it, and afterwards. */
const SENDING_REFRESH_S = 1
const IDLE_REFRESH_S = 3
/** A page with everything decided looks for further questions for this long, milliseconds. */
const IDLE_MS = 2 * 60_000

/**
 * On every answer: no script, no outside resource, no framing; `same-origin`, since with `no-referrer` browsers send
 * `Origin: null`.
 */
const HEADERS = new Map(
  Object.entries({
    'Content-Security-Policy': `default-src 'none'; style-src '${styleHash}'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'`,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Cache-Control': 'no-store',
  }),
)

interface RouteDeps extends PageDeps {
  /** `127.0.0.1:PORT` and `localhost:PORT`: what `Host` has to say. */
  readonly hosts: () => readonly string[]
  readonly visit: (token: string) => Visit | undefined
}

/** Node's HTTP server with the approval page on it. Loaded when the first page is shown. */
export function createHttpServer(deps: RouteDeps): Server {
  const listener = getRequestListener(createRoutes(deps).fetch, { overrideGlobalObjects: false })
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      // The app refuses a request without `Host`, like one with a wrong one.
      requireHostHeader: false,
    },
    (request, response) => {
      // Before anything can go wrong: the adapter's own answers carry them too.
      response.setHeaders(HEADERS)
      return listener(request, response)
    },
  )
  server.maxConnections = CONNECTIONS
  return server
}

/** The approval page over HTTP: one address, fetched and posted to. */
function createRoutes(deps: RouteDeps): Hono {
  const { clock, hosts, visit } = deps
  const app = new Hono()
  app.use(
    createMiddleware(async (c, next) =>
      hosts().includes(c.req.header('Host') ?? '') ? next() : notice(c, 'refused', 403),
    ),
  )

  app.get('/:token', async (c) => {
    // HEAD, and browsers that load ahead, are nobody looking.
    if (c.req.raw.method !== 'GET' || isAhead(c)) return c.body(null, 503)
    const page = visit(c.req.param('token'))
    if (!page) return notice(c, 'gone', 404)
    const cookie = getCookie(c, page.cookieName)
    if (page.fetched && cookie === undefined && isLinkFromElsewhere(c)) return c.html(renderNotice('arriving', 0))
    const entered = page.enter(cookie)
    if (entered.kind === 'other') await voidAll(page, deps)
    if (entered.kind === 'other') return notice(c, 'opened_elsewhere', 403)
    if (entered.kind === 'first') {
      setCookie(c, page.cookieName, entered.cookie, { path: `/${page.token}`, httpOnly: true, sameSite: 'Strict' })
    }
    return c.html(renderPage(await pageModel(page, deps), clock.now()))
  })

  app.post('/:token', async (c) => {
    if (!fromOwnForm(c)) return notice(c, 'refused', 403)
    const page = visit(c.req.param('token'))
    if (!page) return notice(c, 'gone', 404)
    if (page.openedElsewhere) return notice(c, 'opened_elsewhere', 403)
    if (!page.owns(getCookie(c, page.cookieName))) return notice(c, 'refused', 403)
    const form = await readForm(c)
    if (!form) return notice(c, 'refused', 413)
    const item = page.item(form.get('token') ?? '')
    // A form of a question that is over, or that was replaced meanwhile, decides nothing: the page shows why.
    if (item) await decide(item, page, form, deps)
    return c.redirect(`/${page.token}`, 303)
  })

  app.notFound((c) => notice(c, 'gone', 404))
  app.onError((_error, c) => notice(c, 'refused', 500))
  return app
}

function notice(c: Context, what: Notice, status: 403 | 404 | 413 | 500) {
  // What is left of a body that was not read must not be taken for the next request.
  if (c.req.method === 'POST') c.header('Connection', 'close')
  return c.html(renderNotice(what), status)
}

function isAhead(c: Context): boolean {
  const purpose = [c.req.header('Sec-Purpose'), c.req.header('Purpose'), c.req.header('X-Moz')].join(' ')
  return /prefetch|prerender|preview/i.test(purpose)
}

/**
 * Somebody followed a link of another site, or reloads a page that was reached that way: then browsers keep a `Strict`
 * cookie to themselves (RFC 6265bis, section 5.2), and the first browser looks like a second one. A page of ours that
 * loads itself again makes it show the cookie, if it has one.
 */
function isLinkFromElsewhere(c: Context): boolean {
  const site = c.req.header('Sec-Fetch-Site')
  return c.req.header('Sec-Fetch-Mode') === 'navigate' && (site === 'cross-site' || site === 'same-site')
}

/** A form of another site cannot say that it is this one's: browsers fill in these headers themselves. */
function fromOwnForm(c: Context): boolean {
  const site = c.req.header('Sec-Fetch-Site')
  const ownOrigin = c.req.header('Origin') === `http://${c.req.header('Host')}`
  const isForm = /^application\/x-www-form-urlencoded *(;|$)/i.test(c.req.header('Content-Type') ?? '')
  return ownOrigin && isForm && (site === undefined || site === 'same-origin')
}

/** Undefined when it is too long. */
async function readForm(c: Context): Promise<URLSearchParams | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.length
    if (size > BODY_LIMIT_BYTES) return undefined
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

async function decide(item: Item, page: Visit, form: URLSearchParams, deps: RouteDeps): Promise<void> {
  const { changeId, round, handle } = item
  const given = { round, handle, channel: page.channel }
  item.busy = false
  if (form.get('decision') === 'decline') {
    await deps.changes.decide(changeId, { ...given, answer: 'declined' })
  } else if (form.get('decision') === 'approve') {
    const typed = typedSecrets(item.question.privateFields, form)
    item.problems = typed.ok ? {} : typed.problems
    if (!typed.ok) return
    const verdict = await deps.changes.decide(changeId, { ...given, answer: 'approved' }, typed.secrets)
    item.busy = verdict.kind === 'busy'
  } else return
  await settled(item, deps)
  page.onAnswered(changeId)
}

/** Resolves when the change has ended or is asked about anew, or AiFi takes too long. */
async function settled({ changeId }: Item, { changes, clock }: RouteDeps): Promise<void> {
  const patience = new Deadline(clock, OUTCOME_MS)
  const watch = changes.watch(changeId, { call: false })
  let change = await changes.get(changeId)
  while (change && (change.state === 'claimed' || change.state === 'sending') && !patience.passed) {
    change = await watch.next(change.version, patience.remainingMs, [])
  }
  watch.leave()
}

async function voidAll(page: Visit, { changes }: RouteDeps): Promise<void> {
  const reason = 'The approval page was opened in a second browser, so nobody can tell who answers.'
  for (const { changeId } of page.items) await changes.withdraw(changeId, reason, { unwanted: false })
}

type Typed = { ok: true; secrets: TypedSecrets } | { ok: false; problems: Partial<Record<PrivateFieldName, string>> }

/** Checks what a person typed, a new one twice, by the same limits that hold for the tool's arguments. */
function typedSecrets(fields: readonly PrivateField[], form: URLSearchParams): Typed {
  const secrets: TypedSecrets = {}
  const problems: Partial<Record<PrivateFieldName, string>> = {}
  for (const { name, minLength, maxLength, twice } of fields) {
    const value = form.get(name) ?? ''
    if (twice && value !== form.get(`${name}Again`))
      problems[name] = 'The two entries are not the same. Type it twice, exactly alike.'
    else if (canBeTyped(name, value)) secrets[name] = value
    else problems[name] = limitsIn(minLength, maxLength)
  }
  return Object.keys(problems).length > 0 ? { ok: false, problems } : { ok: true, secrets }
}

function limitsIn(minLength: number | undefined, maxLength: number | undefined): string {
  if (maxLength === undefined) return 'It must not be empty.'
  return `It must have ${minLength} to ${maxLength} characters.`
}

/** What the page shows now. */
async function pageModel(page: Visit, { clock }: RouteDeps): Promise<PageModel> {
  const items = await page.show()
  const cards = items.map((item): Card => ({ question: item.question, state: cardState(item, page, clock.now()) }))
  const waiting = cards.filter(({ state }) => state.kind === 'waiting')
  const decided = cards.filter(({ state }) => state.kind !== 'waiting').reverse()
  const refreshSeconds = waiting.length > 0 ? untilExpired(items) : refresh(decided, clock.now())
  return { cards: [...waiting, ...decided], ...(refreshSeconds !== undefined && { refreshSeconds }) }
}

/** Nothing reloads while somebody may be reading or typing: only when the last question has run out, to say so. */
function untilExpired(items: readonly Item[]): number {
  return 1 + Math.ceil(Math.max(...items.map(({ leftMs }) => leftMs)) / 1000)
}

function refresh(decided: readonly Card[], now: number): number | undefined {
  const ends = decided.map(({ state }) => (state.kind === 'settled' ? state.at : Number.POSITIVE_INFINITY))
  const last = Math.max(...ends)
  if (last === Number.POSITIVE_INFINITY) return SENDING_REFRESH_S
  return now - last < IDLE_MS ? IDLE_REFRESH_S : undefined
}

function cardState(item: Item, page: Visit, now: number): CardState {
  const { change, token, problems, leftMs, round, busy } = item
  switch (change.state) {
    case 'asked':
      return {
        kind: 'waiting',
        action: `/${page.token}`,
        token,
        expiresAt: now + leftMs,
        problems,
        ...(busy ? { alert: { kind: 'busy' } } : round > 1 && { alert: { kind: 'record_changed' } }),
      }
    case 'claimed':
      return { kind: 'checking' }
    case 'sending':
      return { kind: 'sending' }
    case 'ended':
      return { kind: 'settled', status: statusOf(change), message: change.outcome.message, at: change.endedAt }
  }
}

function statusOf({ decision, outcome: { status } }: Ended): CardOutcome {
  switch (decision?.kind) {
    case 'expired':
      return 'expired'
    case 'withdrawn':
    case 'nobody_to_ask':
      return 'withdrawn'
    case 'answered':
    case undefined:
      if (decision?.answer === 'cancelled' || decision?.answer === 'not_approved') return 'withdrawn'
      return status === 'preview' || status === 'approval_pending' ? 'failed' : status
  }
}
