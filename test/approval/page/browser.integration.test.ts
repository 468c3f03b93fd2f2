import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../../src/lib/json.ts'
import { noChromiumFor, useChromium } from '../../helpers/chromium.ts'
import { exchange } from '../../helpers/exchange.ts'
import { type Faulty, fault } from '../../helpers/fault.ts'
import { startFaultServer } from '../../helpers/fault-server.ts'
import { type HarnessOptions, start } from '../../helpers/harness.ts'
import { askOnPage, BLOCK, openedAddress } from '../../helpers/page-visitor.ts'
import { reading } from '../../helpers/reading.ts'

/** Where pictures of each state go, for somebody to look at; none are taken without it. */
const pictures = process.env.SCREENSHOTS
const MINUTE_MS = 60_000
const OTHER = { customerId: 4211, blocked: false }
const PASSWORD = 'correct horse battery'

const { blankPage, newContext } = useChromium()

describe.skipIf(noChromiumFor('the approval page in use')).each([
  ['with the page’s script', true],
  ['without scripts', false],
])('a person with Chromium, %s', (_, scripts) => {
  /** Pages whose script has said that somebody sees the questions, since they were drawn last. */
  const confirmed = new WeakSet<Page>()

  const look = { javaScriptEnabled: scripts }

  function watched(page: Page): Page {
    confirmed.delete(page)
    page.on('framenavigated', () => void confirmed.delete(page))
    page.on('response', (response) => void (response.url().endsWith('/seen') && confirmed.add(page)))
    return page
  }

  const newWindow = async () => watched(await blankPage(look))
  const otherWindow = async () => watched(await (await newContext(look)).newPage())

  async function open(args: JsonObject = BLOCK, options: HarnessOptions = {}) {
    const asked = await askOnPage(args, options)
    const page = await newWindow()
    await page.goto(asked.address)
    const bodies = () => asked.harness.sent('PATCH').map(({ body }) => body)
    return { ...asked, page, bodies }
  }

  /** Reads the page, and presses a button of it. */
  const press = async (page: Page, name: 'Approve' | 'Decline', index = 0) => {
    await read(page)
    await page.locator(`[value=${name.toLowerCase()}]`).nth(index).click()
  }
  const read = async (page: Page) => {
    if (scripts) await expect.poll(() => confirmed.has(page)).toBe(true)
    reading(page.url())
  }
  const heading = (page: Page) => page.locator('h1').textContent()
  const headingIs = (page: Page, text: string) => expect.poll(() => heading(page)).toBe(text)
  const focusIs = (page: Page, name: string) =>
    expect.poll(() => page.locator(':focus').evaluateAll(names)).toEqual([name])

  /** The page as it is now, light and dark, wide and narrow. */
  async function picture(page: Page, name: string): Promise<void> {
    if (!pictures) return
    const size = page.viewportSize() ?? { width: 900, height: 700 }
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const word of ['wide', 'narrow'] as const) {
        await page.setViewportSize({ width: word === 'wide' ? 900 : 360, height: 700 })
        await page.screenshot({ path: join(pictures, `${name}-${colorScheme}-${word}.png`), fullPage: true })
      }
    }
    await page.emulateMedia({ colorScheme: null })
    await page.setViewportSize(size)
  }

  test('approves: the change is made and the page says so', async () => {
    const { page, answer, bodies } = await open()
    await headingIs(page, 'Block Marcus Weber?')
    await picture(page, 'block')
    expect(bodies()).toEqual([])
    await press(page, 'Approve')
    await headingIs(page, 'Done')
    await picture(page, 'block-done')
    expect(await answer).toMatchObject({ status: 'updated', approval: { channel: 'page', answer: 'approved' } })
    expect(bodies()).toEqual([{ blocked: true }])
  })

  test('goes back after approving, and forward, and reloads: one change', async () => {
    const { page, address, bodies } = await open()
    // Something to go back to, as when the page was opened in a tab that was in use.
    await page.goto('about:blank')
    await page.goto(address)
    await press(page, 'Approve')
    await headingIs(page, 'Done')
    await page.goBack()
    if (page.url() === address) await headingIs(page, 'Done')
    await page.goForward()
    await headingIs(page, 'Done')
    await page.reload()
    await headingIs(page, 'Done')
    expect(bodies()).toHaveLength(1)
  })

  test('reloads a page that was reached by the link of another site, whose requests come without the cookie', async () => {
    const { harness, address, answer } = await askOnPage()
    const page = await newWindow()
    const cookieless: string[] = []
    page.on('request', async (request) => {
      const headers = await request.allHeaders()
      if (request.url() === address && !headers.cookie) cookieless.push(headers['sec-fetch-site'] ?? '')
    })
    const site = await siteWith(`<a href="${address}">the link</a>`)
    await page.goto(site)
    await page.getByText('the link').click()
    await headingIs(page, 'Block Marcus Weber?')
    await page.reload()
    await headingIs(page, 'Block Marcus Weber?')
    await page.goto(site)
    await page.getByText('the link').click()
    await headingIs(page, 'Block Marcus Weber?')
    expect(cookieless).toEqual(['cross-site', 'cross-site', 'cross-site'])
    await press(page, 'Approve')
    await headingIs(page, 'Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('types a password: a slip is told, the fields are empty again, the right one goes to AiFi', async () => {
    const { page, answer, client, bodies } = await open({ customerId: 77, enterPrivately: ['password'] })
    await headingIs(page, 'Set a new password for Marcus Weber?')
    await picture(page, 'password')
    const [first, second] = [page.locator('[name=password]'), page.locator('[name=passwordAgain]')]
    await first.fill(PASSWORD)
    await second.fill('correct horse buttery')
    await press(page, 'Approve')
    await page.getByRole('alert').getByText('Nothing was sent.').waitFor()
    expect(await page.title()).toContain('Please correct')
    await focusIs(page, 'password')
    expect([await first.inputValue(), await second.inputValue()]).toEqual(['', ''])
    await picture(page, 'password-mismatch')
    await first.fill(PASSWORD)
    await second.fill(PASSWORD)
    await press(page, 'Approve')
    await headingIs(page, 'Done')
    await picture(page, 'password-done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies()).toEqual([{ password: PASSWORD }])
    expect((await page.content()) + page.url() + client.wire.join()).not.toContain('correct horse')
  })

  test('presses Enter in a password field: nothing happens; Enter on a button presses it', async () => {
    const { page, answer, bodies } = await open({ customerId: 77, enterPrivately: ['password'] })
    const posts: string[] = []
    page.on('request', (request) => request.method() === 'POST' && posts.push(request.url()))
    await page.keyboard.press('Tab')
    await focusIs(page, 'password')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await focusIs(page, 'passwordAgain')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await focusIs(page, 'Decline')
    await page.keyboard.press('Tab')
    await focusIs(page, 'Set a new password for Marcus Weber')
    await picture(page, 'keyboard')
    await read(page)
    await page.keyboard.press('Enter')
    await headingIs(page, 'Done')
    expect(posts).toHaveLength(1)
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies()).toEqual([{ password: PASSWORD }])
  })

  test('waits for a slow AiFi: the page says that it is being sent, and then how it ended', async () => {
    const aifi = await startFaultServer()
    onTestFinished(() => aifi.close())
    let answerNow = () => {}
    const act = (faulty: Faulty) => {
      answerNow = () => fault.answer(200, { id: 77 }).act(faulty)
    }
    aifi.always('PATCH', { after: 'body', act })
    const { page, harness, answer } = await open(BLOCK, { baseUrl: aifi.url })
    const pressed = press(page, 'Approve')
    await expect.poll(() => aifi.received('PATCH').length).toBe(1)
    // As long as the answer to the form waits for AiFi.
    harness.clock.advance(8_000)
    await pressed
    await headingIs(page, 'Sending to AiFi')
    await picture(page, 'sending')
    answerNow()
    expect(await answer).toMatchObject({ status: 'updated' })
    if (!scripts) await page.getByText('Look again').click()
    await headingIs(page, 'Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(aifi.received('PATCH')).toHaveLength(1)
  })

  test('answers several questions on one page, one after the other', async () => {
    const { page, client, harness, answer, bodies } = await open()
    const second = client.update(OTHER)
    if (scripts) await expect.poll(() => page.locator('article').count()).toBe(2)
    else await expect.poll(() => harness.sent('GET').length).toBe(2)
    await page.reload()
    await headingIs(page, '2 questions wait for your answer')
    await picture(page, 'several')
    await press(page, 'Approve', 1)
    await headingIs(page, 'One question waits for your answer')
    await picture(page, 'several-one-done')
    await press(page, 'Decline')
    await headingIs(page, 'Nothing waits for your answer')
    await picture(page, 'several-all-done')
    expect(await Promise.all([answer, second])).toMatchObject([{ status: 'declined' }, { status: 'updated' }])
    expect(harness.browser.opened).toHaveLength(1)
    expect(bodies()).toEqual([{ blocked: false }])
  })

  // The rest needs no browser where there is no script: page.test.ts and attacks.test.ts show it.
  if (!scripts) return

  test('declines: nothing is sent, and going back changes nothing', async () => {
    const { page, answer, address, bodies } = await open()
    await press(page, 'Decline')
    await headingIs(page, 'Declined')
    await picture(page, 'declined')
    await page.goBack()
    expect([address, 'about:blank']).toContain(page.url())
    await page.goto(address)
    await headingIs(page, 'Declined')
    expect(await page.getByRole('button').count()).toBe(0)
    expect(await answer).toMatchObject({ status: 'declined' })
    expect(bodies()).toEqual([])
  })

  test('reloads before deciding, and still can decide', async () => {
    const { page, answer, bodies } = await open()
    await page.reload()
    await page.reload()
    await headingIs(page, 'Block Marcus Weber?')
    await press(page, 'Approve')
    await headingIs(page, 'Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies()).toHaveLength(1)
  })

  test('cannot be made to approve by a page of another site', async () => {
    const { page, address, bodies, answer } = await open()
    const token = (await page.locator('[name=token]').getAttribute('value')) ?? ''
    const form = `<form method="post" action="${address}"><input name="token" value="${token}"><button name="decision" value="approve">Win</button></form>`
    const trap = await page.context().newPage()
    const framed = trap.waitForResponse(address)
    await trap.goto(await siteWith(`${form}<iframe src="${address}"></iframe>`))
    expect(await (await framed).headerValue('x-frame-options')).toBe('DENY')
    expect(await trap.frameLocator('iframe').locator('body').textContent()).not.toMatch(/Marcus|One moment/)
    await trap.getByText('Win').click()
    await headingIs(trap, 'Not accepted')
    await picture(trap, 'refused')
    expect(bodies()).toEqual([])
    await press(page, 'Approve')
    await headingIs(page, 'Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies()).toHaveLength(1)
  })

  test('comes back after the question has run out: Approve does nothing', async () => {
    const { page, harness, bodies } = await open()
    await read(page)
    harness.clock.advance(10 * MINUTE_MS)
    // The script says so at once, and takes the buttons away.
    await headingIs(page, 'Expired')
    await picture(page, 'expired')
    expect(bodies()).toEqual([])
  })

  test('is told when the record changed meanwhile, and decides anew', async () => {
    const { page, harness, answer, bodies } = await open({ customerId: 77, role: 'employee' })
    const { baseUrl, token } = harness.sandbox
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    const body = JSON.stringify({ lastName: 'Weber-Schmidt' })
    await fetch(`${baseUrl}/api/admin/v2/customers/77`, { method: 'PATCH', headers, body })
    harness.requests.length = 0
    await press(page, 'Approve')
    await page.getByRole('alert').getByText('This record changed').waitFor()
    await picture(page, 'changed-meanwhile')
    expect(bodies()).toEqual([])
    await press(page, 'Approve')
    await headingIs(page, 'Done')
    expect(await answer).toMatchObject({ status: 'updated' })
    expect(bodies()).toEqual([{ role: 'employee' }])
  })

  test('in a second browser voids the question, and both are told', async () => {
    const { page, address, answer, bodies } = await open()
    const other = await otherWindow()
    await other.goto(address)
    await headingIs(other, 'Cancelled, to be safe')
    await picture(other, 'second-browser')
    await page.reload()
    await page.goto(address)
    await headingIs(page, 'Withdrawn')
    await picture(page, 'withdrawn')
    expect(await answer).toMatchObject({ status: 'declined', approval: { answer: 'withdrawn' } })
    expect(bodies()).toEqual([])
  })

  test('is told when the assistant cancelled', async () => {
    const harness = await start()
    const { client } = await harness.connect()
    const stop = new AbortController()
    const call = client.callTool({ name: 'update_customer', arguments: BLOCK }, { signal: stop.signal })
    const page = await newWindow()
    await page.goto(await openedAddress(harness))
    stop.abort()
    await expect(call).rejects.toThrow()
    await headingIs(page, 'Withdrawn')
    expect(harness.sent('PATCH')).toEqual([])
  })

  test('sees that AiFi refused, and why', async () => {
    const enterPrivately = ['password', 'currentPassword']
    const { page, answer } = await open({ customerId: 77, enterPrivately })
    for (const name of enterPrivately) {
      await page.locator(`[name=${name}]`).fill('not the right one')
    }
    await page.locator('[name=passwordAgain]').fill('not the right one')
    await picture(page, 'two-secrets')
    await press(page, 'Approve')
    await headingIs(page, 'Not changed')
    await picture(page, 'refused-by-aifi')
    expect(await page.content()).not.toContain('not the right one')
    expect(await answer).toMatchObject({ status: 'failed' })
  })

  test('finds nothing at an address that was used', async () => {
    const { page, address } = await open()
    await press(page, 'Decline')
    await headingIs(page, 'Declined')
    await page.goto(`${new URL(address).origin}/unknown`)
    await headingIs(page, 'Nothing to approve here')
    expect((await exchange(`${new URL(address).origin}/unknown`)).status).toBe(404)
    await picture(page, 'gone')
  })
})

/** Runs in the page: what has the focus, by its name or its text. */
const names = (elements: readonly { textContent: string | null; getAttribute(name: string): string | null }[]) =>
  elements.map((element) => element.textContent || element.getAttribute('name'))

/** Another site, for as long as the test runs: `localhost` is not the site of 127.0.0.1. */
async function siteWith(html: string): Promise<string> {
  const site = createServer((_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(html)
  })
  site.listen(0, 'localhost')
  await once(site, 'listening')
  onTestFinished(() => {
    site.close()
    site.closeAllConnections()
  })
  const address = site.address()
  return `http://localhost:${typeof address === 'object' && address ? address.port : 0}/`
}
