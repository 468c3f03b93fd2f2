import { type Context, Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import { type Clock, sleep } from '../../lib/clock.ts'
import { pageModel } from './page-content.ts'
import { styleHash } from './style.ts'
import { typedSecrets } from './typed-secrets.ts'
import { renderNotice, renderPage } from './view.ts'
import type { Item, Visit } from './visits.ts'
import type { Notice } from './words.ts'

/** Far more than three secrets typed twice. */
const BODY_LIMIT_BYTES = 32_000
/** A decision is answered with its outcome if AiFi answers within this long, milliseconds; otherwise the page says so. */
const OUTCOME_MS = 8_000

/**
 * On every answer: no script, no outside resource, no framing; `same-origin`, since with `no-referrer` browsers send
 * `Origin: null`.
 */
export const HEADERS = new Map(
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

export interface PageAppDeps {
  readonly clock: Clock
  /** `127.0.0.1:PORT` and `localhost:PORT`: what `Host` has to say. */
  readonly hosts: () => readonly string[]
  readonly visit: (token: string) => Visit | undefined
}

/** The approval page over HTTP: one address, fetched and posted to. */
export function createPageApp({ clock, hosts, visit }: PageAppDeps): Hono {
  const app = new Hono()
  app.use(
    createMiddleware(async (c, next) =>
      hosts().includes(c.req.header('Host') ?? '') ? next() : notice(c, 'refused', 403),
    ),
  )

  app.get('/:token', (c) => {
    // HEAD, and browsers that load ahead, are nobody looking.
    if (c.req.raw.method !== 'GET' || isAhead(c)) return c.body(null, 503)
    const page = visit(c.req.param('token'))
    if (!page) return notice(c, 'gone', 404)
    const cookie = getCookie(c, page.cookieName)
    if (page.fetched && cookie === undefined && isLinkFromElsewhere(c)) return c.html(renderNotice('arriving', 0))
    const entered = page.enter(cookie)
    if (entered.kind === 'other') voidAll(page)
    if (entered.kind === 'other') return notice(c, 'opened_elsewhere', 403)
    if (entered.kind === 'first') {
      setCookie(c, page.cookieName, entered.cookie, { path: `/${page.token}`, httpOnly: true, sameSite: 'Strict' })
    }
    return c.html(renderPage(pageModel(page, clock), clock.now()))
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
    if (item) await decide(item, page, form, clock)
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

async function decide(item: Item, { channel }: Visit, form: URLSearchParams, clock: Clock): Promise<void> {
  const { approval } = item
  if (form.get('decision') === 'decline') {
    approval.decide({ answer: 'declined', channel })
  } else if (form.get('decision') === 'approve') {
    const typed = typedSecrets(approval.question.privateFields, form)
    item.problems = typed.ok ? {} : typed.problems
    if (!typed.ok) return
    approval.decide({ answer: 'approved', channel }, typed.secrets)
  } else return
  await Promise.race([approval.over, sleep(clock, OUTCOME_MS)])
}

function voidAll(page: Visit): void {
  const reason = 'The approval page was opened in a second browser, so nobody can tell who answers.'
  for (const { approval } of page.items) approval.decide({ answer: 'withdrawn', channel: page.channel, reason })
}
