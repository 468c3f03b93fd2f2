import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pageUpdate, renderNotice, renderPage } from '../../../src/approval/page/view.ts'
import { NOTICES } from '../../../src/approval/page/words.ts'
import { keysOf } from '../../../src/lib/keys.ts'
import { executablePath, flags, noChromiumFor, useChromium } from '../../helpers/chromium.ts'
import { fault } from '../../helpers/fault.ts'
import { startFaultServer } from '../../helpers/fault-server.ts'
import { GALLERY, NOW } from '../../helpers/page-gallery.ts'
import { askOnPage, BLOCK, openedAddress } from '../../helpers/page-visitor.ts'
import { reading } from '../../helpers/reading.ts'

const OTHER = { customerId: 4211, blocked: false }
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const { blankPage, newContext } = useChromium()

describe.skipIf(noChromiumFor('the live approval page'))('the live page', () => {
  /** The tokens of the forms of which the script has said that somebody sees them. */
  const confirmed = new Set<string>()

  function watched(page: Page): Page {
    page.on('response', (response) => {
      if (!response.url().endsWith('/seen')) return
      const tokens = new URLSearchParams(response.request().postData() ?? '').getAll('token')
      for (const token of tokens) confirmed.add(token)
    })
    return page
  }

  /** Reads everything that the page asks, once the server knows that it is seen. */
  async function read(page: Page): Promise<void> {
    const inputs = page.locator('[name=token]')
    const unconfirmed = async () => (await inputs.evaluateAll(values)).filter((token) => !confirmed.has(token))
    await expect.poll(unconfirmed).toEqual([])
    reading(page.url())
  }

  /** A tab with the page, confirmed by its script. */
  async function openTab(tab: Page, address: string): Promise<Page> {
    const page = watched(tab)
    await Promise.all([page.waitForResponse(/\/seen$/), page.goto(address)])
    return page
  }

  async function open(args = BLOCK, options: Parameters<typeof askOnPage>[1] = {}) {
    const asked = await askOnPage(args, options)
    const page = await openTab(await blankPage(), asked.address)
    const context = page.context()
    const bodies = () => asked.harness.sent('PATCH').map(({ body }) => body)
    return { ...asked, context, page, bodies }
  }

  const headingIs = (page: Page, text: string) => expect.poll(() => page.locator('h1').textContent()).toBe(text)
  const approve = (page: Page, index = 0) => page.locator('[value=approve]').nth(index)
  /** A window that is not in front, as its page sees it. */
  const setVisible = (page: Page, visible: boolean) =>
    page.evaluate(`{
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${visible ? 'visible' : 'hidden'}' })
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    }`)

  test('takes a double click for one answer: the next question is not approved by it', async () => {
    const { harness, client, page, answer, bodies } = await open()
    const second = client.update(OTHER)
    await approve(page, 1).waitFor()
    await read(page)
    // Nothing but the real clicks passes time from here on.
    harness.clock.hold()
    const { x, y } = await approve(page, 1).evaluate((button) => {
      button.scrollIntoView({ block: 'center' })
      const box = button.getBoundingClientRect()
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
    })
    await page.mouse.dblclick(x, y)
    expect(await second).toMatchObject({ status: 'updated', customerId: 4211 })
    await headingIs(page, 'One question waits for your answer')
    // The second click, wherever it falls: here on the very button of the other question.
    await approve(page).click()
    await page.getByRole('alert').getByText('Please read it').waitFor()
    expect(bodies()).toEqual([{ blocked: false }])
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('alert')
    await read(page)
    await expect.poll(async () => (await page.locator('[role=alert]').count()) === 1).toBe(true)
    harness.clock.advance(700)
    await approve(page).click()
    expect(await answer).toMatchObject({ status: 'updated', customerId: 77 })
  })

  test('gives the focus to the outcome, and ignores a key that is held down', async () => {
    const { page, bodies, client } = await open()
    const second = client.update(OTHER)
    await approve(page, 1).waitFor()
    await read(page)
    await approve(page).focus()
    await page.keyboard.down('Enter')
    await headingIs(page, 'One question waits for your answer')
    for (let repeat = 0; repeat < 5; repeat++) await page.keyboard.down('Enter')
    await page.keyboard.up('Enter')
    expect(await page.evaluate('document.activeElement.innerText')).toContain('Done')
    await read(page)
    const posts: string[] = []
    page.on(
      'request',
      (request) => void (request.isNavigationRequest() && request.method() === 'POST' && posts.push(request.url())),
    )
    // Held down since before the button had the focus.
    await page.keyboard.down('Enter')
    await approve(page).focus()
    for (let repeat = 0; repeat < 5; repeat++) await page.keyboard.down('Enter')
    await page.keyboard.up('Enter')
    expect(posts).toEqual([])
    await page.keyboard.press('Enter')
    expect(await second).toMatchObject({ status: 'updated' })
    expect(posts).toEqual([page.url()])
    expect(bodies()).toEqual([{ blocked: true }, { blocked: false }])
  })

  test('appends a further question: nothing moves, the focus stays, it is announced and counted', async () => {
    const { harness, client, page } = await open({ customerId: 77, blocked: true })
    await approve(page).focus()
    const before = await approve(page).boundingBox()
    const second = client.update(OTHER)
    second.catch(() => undefined)
    await approve(page, 1).waitFor()
    expect(await approve(page).boundingBox()).toEqual(before)
    expect(await page.evaluate('document.activeElement.value')).toBe('approve')
    expect(await page.title()).toContain('Approval needed (2)')
    expect(await page.getByRole('status').textContent()).toBe('Another question was added to this page.')
    // It was confirmed by the tab: no other page is needed for it.
    harness.clock.advance(4_000)
    expect((await client.client.listTools()).tools.length).toBe(2)
    expect(harness.browser.opened).toHaveLength(1)
  })

  test('that was closed is not taken for open: the next question opens another', async () => {
    const { harness, client, page, answer } = await open()
    await read(page)
    await Promise.all([page.waitForResponse(/\/events$/), approve(page).click()])
    await headingIs(page, 'Done')
    await answer
    // Long enough for a page that was drawn to have its stream.
    harness.clock.advance(2_000)
    await page.close()
    const second = client.update(OTHER)
    const next = await openTab(await (await newContext()).newPage(), await openedAddress(harness, 2))
    await headingIs(next, 'Unblock Jane Doe?')
    await read(next)
    await approve(next).click()
    expect(await second).toMatchObject({ status: 'updated' })
  })

  test('that nobody sees is replaced within the same call, says so, and voids nothing', async () => {
    const { harness, client, context, page, answer } = await open()
    await setVisible(page, false)
    const second = client.update(OTHER)
    await approve(page, 1).waitFor()
    expect(harness.browser.opened).toHaveLength(1)
    harness.clock.advance(4_000)
    const newer = await openTab(await context.newPage(), await openedAddress(harness, 2))
    await headingIs(newer, '2 questions wait for your answer')
    await headingIs(page, 'Go on in the newer tab')
    await page.getByText('Go on in this tab instead').click()
    await headingIs(page, '2 questions wait for your answer')
    await headingIs(newer, 'Go on in the newer tab')
    await setVisible(page, true)
    for (const name of ['Block Marcus Weber', 'Unblock Jane Doe']) {
      await page.getByRole('button', { name }).waitFor()
      await read(page)
      await page.getByRole('button', { name }).click()
      await page.getByRole('button', { name }).waitFor({ state: 'detached' })
    }
    expect(await Promise.all([answer, second])).toMatchObject([{ status: 'updated' }, { status: 'updated' }])
    expect(harness.sent('PATCH')).toHaveLength(2)
  })

  test('counts from when it is seen, not from when it was loaded', async () => {
    const asked = await askOnPage()
    const context = await newContext()
    await context.addInitScript(
      `Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => globalThis.seen ? 'visible' : 'hidden' })`,
    )
    const page = watched(await context.newPage())
    await Promise.all([page.waitForResponse(/\/events$/), page.goto(asked.address)])
    asked.harness.clock.advance(10_000)
    await approve(page).click()
    await page.getByText('Please read it').waitFor()
    const seen = page.waitForResponse(/\/seen$/)
    await page.evaluate(
      `globalThis.seen = true; document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))`,
    )
    await seen
    await read(page)
    await approve(page).click()
    expect(await asked.answer).toMatchObject({ status: 'updated' })
  })

  test('says by itself that its question has run out, and that it can be closed', async () => {
    const { harness, page } = await open()
    harness.clock.advance(10 * 60_000)
    await headingIs(page, 'Expired')
    await page.getByText('You can close this page.').waitFor()
    expect(await page.title()).toContain('Expired')
    // The card is as high as the question was; what it says now stays together at its top.
    const words = await page.locator('.answered > div').boundingBox()
    expect(words?.height).toBeLessThan(300)
  })

  test('loses decided cards after a while, and never says that it can be closed after an unknown outcome', async () => {
    const aifi = await startFaultServer()
    onTestFinished(() => aifi.close())
    aifi.always('PATCH', fault.resetAfterBody())
    aifi.always('GET', fault.answer(500, {}))
    const { harness, page, answer } = await open(BLOCK, { baseUrl: aifi.url })
    await read(page)
    await approve(page).click()
    expect(await answer).toMatchObject({ status: 'unknown' })
    await headingIs(page, 'Outcome not known')
    expect(await page.getByText('You can close this page.').isVisible()).toBe(false)
    harness.clock.advance(2 * 60_000)
    await expect.poll(() => page.locator('article').count()).toBe(0)
  })

  test('in a browser without cookies takes no answer, and says why', async () => {
    const asked = await askOnPage()
    const folder = mkdtempSync(join(tmpdir(), 'no-cookies-'))
    mkdirSync(join(folder, 'Default'))
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } }
    writeFileSync(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences))
    const context = await chromium.launchPersistentContext(folder, {
      executablePath,
      args: flags,
      timeout: 0,
    })
    context.setDefaultTimeout(0)
    onTestFinished(async () => {
      await context.close()
      rmSync(folder, { recursive: true, force: true })
    })
    const page = await context.newPage()
    await page.goto(asked.address)
    await page.getByText('no longer sends the cookie of this page').waitFor()
    reading(page.url())
    await approve(page).click()
    await page.getByText('came without the cookie of this page').waitFor()
    expect(asked.harness.sent('PATCH')).toEqual([])
  })

  test('whose cookie was pushed out by 400 of another port is void at worst, and says what is true', async () => {
    const { page, context, harness, answer } = await open()
    const other = createServer((request, response) => {
      const start = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('start'))
      const cookies = Array.from({ length: 40 }, (_, at) => `c${start + at}=x; Path=/`)
      response.setHeader('set-cookie', cookies)
      response.setHeader('content-type', 'text/html')
      response.end('cookies')
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      other.close()
      other.closeAllConnections()
    })
    const port = (() => {
      const address = other.address()
      return typeof address === 'object' && address ? address.port : 0
    })()
    const tab = await context.newPage()
    for (let start = 0; start < 400; start += 40) await tab.goto(`http://127.0.0.1:${port}/?start=${start}`)
    expect((await context.cookies()).filter(({ name }) => name.startsWith('approval-'))).toEqual([])
    await read(page)
    await approve(page).click()
    await page.getByText('or has lost this one among very many others').waitFor()
    await page.goto(page.url())
    await page.getByText('or in one that did not keep its cookie').first().waitFor()
    expect(await answer).toMatchObject({ status: 'declined', approval: { answer: 'withdrawn' } })
    expect(harness.sent('PATCH')).toEqual([])
  })

  test('is found faultless by axe in every state, and after every change of a live page', async () => {
    const page = await blankPage()
    const problems = () =>
      page.evaluate<string[]>(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
        violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`)
    await page.evaluate(AXE)
    for (const [name, model] of Object.entries(GALLERY)) {
      await page.setContent(renderPage(model, NOW))
      expect(await problems(), name).toEqual([])
    }
    for (const notice of keysOf(NOTICES)) {
      await page.setContent(renderNotice(notice))
      expect(await problems(), notice).toEqual([])
    }
    const { harness, client, address } = await askOnPage()
    await page.goto(address)
    await page.evaluate(AXE)
    client.update({ customerId: 4211, enterPrivately: ['password'] }).catch(() => undefined)
    await approve(page, 1).waitFor()
    expect(await problems()).toEqual([])
    harness.clock.advance(10 * 60_000)
    await expect.poll(() => page.locator('form').count()).toBe(0)
    expect(await problems()).toEqual([])
  })
})

test('an update of a live page holds each card as the whole page has it', () => {
  const model = GALLERY.several ?? { cards: [], path: '' }
  const document = renderPage(model, NOW)
  for (const { id, html } of pageUpdate(model, NOW).cards) {
    expect(html).toContain(`id="${id}"`)
    expect(document).toContain(html)
  }
})

/** Runs in the page. */
const values = (inputs: readonly { readonly value?: unknown }[]) => inputs.map(({ value }) => String(value))
