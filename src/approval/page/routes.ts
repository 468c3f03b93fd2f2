import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { readForm } from '../../lib/body.ts'
import { takeAnswer } from './answer.ts'
import type { Item, PageDeps } from './item.ts'
import type { LiveTab } from './live-tab.ts'
import { isOwnForm } from './security.ts'
import { pageUpdate, renderNotice, renderPage } from './view.ts'
import type { Visit } from './visits.ts'
import type { Notice } from './words.ts'

export interface RouteDeps extends PageDeps {
  /** `127.0.0.1:PORT` and `localhost:PORT`: what `Host` has to say. */
  readonly hosts: () => readonly string[]
  readonly visit: (token: string) => Visit | undefined
  readonly tab: LiveTab<Visit>
  /** The connection of this request stays as long as a tab is open. */
  readonly spare: (bindings: HttpBindings) => void
}

type Env = { Bindings: HttpBindings }

/** The approval page over HTTP: one address, fetched and posted to, and what its script needs. */
export function createRoutes(deps: RouteDeps): Hono<Env> {
  const { clock, hosts, visit, tab } = deps
  const app = new Hono<Env>()
  app.use(async (c, next) => (hosts().includes(c.req.header('Host') ?? '') ? next() : notice(c, 'wrong_address', 403)))

  app.get('/:token', async (c) => {
    // HEAD, and browsers that load ahead, are nobody looking.
    if (c.req.raw.method !== 'GET' || isAhead(c)) return c.body(null, 503)
    const page = visit(c.req.param('token'))
    if (!page) return notice(c, 'gone', 404)
    const cookie = getCookie(c, page.cookieName)
    if (page.fetched && cookie === undefined && isLinkFromElsewhere(c))
      return c.html(renderNotice('arriving', { reload: true }))
    const entered = page.enter(cookie)
    if (entered.kind === 'other') await voidAll(page, deps)
    if (entered.kind === 'other') return notice(c, 'opened_elsewhere', 403)
    if (entered.kind === 'first') {
      setCookie(c, page.cookieName, entered.cookie, { path: page.path, httpOnly: true, sameSite: 'Strict' })
    }
    return c.html(await drawn(page, deps))
  })

  app.post('/:token', async (c) => {
    const own = await ownForm(c, deps)
    if (own instanceof Response) return own
    const { page, form } = own
    const item = page.item(form.get('token') ?? '')
    // A form of a question that is over, or that was replaced meanwhile, decides nothing: the page shows why.
    if (item) await decide(item, page, form, deps)
    return c.redirect(page.path, 303)
  })

  app.post('/:token/seen', async (c) => {
    const own = await ownForm(c, deps)
    if (own instanceof Response) return own
    own.page.hasScript = true
    for (const token of own.form.getAll('token')) own.page.item(token)?.confirm()
    return c.body(null, 204)
  })

  app.get('/:token/events', async (c) => {
    const page = visit(c.req.param('token'))
    if (!page || page.openedElsewhere || !page.owns(getCookie(c, page.cookieName))) return c.body(null, 403)
    page.hasScript = true
    deps.spare(c.env)
    await page.refresh()
    const stream = tab.open(page, () => pageUpdate(page.model, clock.now()))
    return c.body(stream, 200, { 'Content-Type': 'text/event-stream' })
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

/** What the page itself posted, from the browser that has its cookie; otherwise the refusal. */
async function ownForm(c: Context, { visit }: RouteDeps): Promise<{ page: Visit; form: URLSearchParams } | Response> {
  if (!isOwnForm(c, `http://${c.req.header('Host')}`)) return notice(c, 'refused', 403)
  const page = visit(c.req.param('token') ?? '')
  if (!page) return notice(c, 'gone', 404)
  if (page.openedElsewhere) return notice(c, 'opened_elsewhere', 403)
  if (!page.owns(getCookie(c, page.cookieName))) return notice(c, 'no_cookie', 403)
  const form = await readForm(c.req.raw)
  return form ? { page, form } : notice(c, 'refused', 413)
}

/** The whole page. Whatever it shows stands in another place than before: nothing of it counts as read yet. */
async function drawn(page: Visit, { clock }: RouteDeps): Promise<string> {
  await page.refresh()
  for (const item of page.items) item.served(page.items.length === 1 ? 1 : 2)
  // Until a script of this drawing makes itself heard, there may be none.
  page.hasScript = false
  const html = renderPage(page.model, clock.now())
  for (const item of page.items) item.justAnswered = false
  return html
}

async function decide(item: Item, page: Visit, form: URLSearchParams, deps: RouteDeps): Promise<void> {
  const decision = form.get('decision')
  if (decision !== 'approve' && decision !== 'decline') return
  const { changeId, question, asking } = item
  const isReadable = item.isReadable(page.hasScript)
  item.justAnswered = true
  item.alert = undefined
  item.problems = {}
  const { round, rung } = asking
  const given = { round, handle: rung?.handle ?? '', channel: page.channel }
  const again = await takeAnswer({ changeId, question, isReadable, given, form }, deps)
  if (!again) return page.onAnswered(changeId)
  item.alert = again.alert
  item.problems = again.problems ?? {}
}

/** Nobody can tell any more who has the page: it takes no answer, and what is asked from here on is not for it. */
async function voidAll(page: Visit, { changes, tab }: RouteDeps): Promise<void> {
  const reason =
    'The approval page was opened in a second browser, or in one that did not keep its cookie, so nobody can tell who answers.'
  for (const { changeId } of page.items) await changes.withdraw(changeId, reason, { unwanted: false })
  await page.refresh()
  tab.renew(page)
  tab.close(page)
}
