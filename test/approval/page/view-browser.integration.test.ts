import type { BrowserContextOptions, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { styleHash } from '../../../src/approval/page/style.ts'
import { renderNotice, renderPage } from '../../../src/approval/page/view.ts'
import { NOTICES } from '../../../src/approval/page/words.ts'
import { keysOf } from '../../../src/lib/keys.ts'
import { noChromiumFor, useChromium } from '../../helpers/chromium.ts'
import { GALLERY, NOW } from '../../helpers/page-gallery.ts'

const SITE = 'http://approval.test'
const documents = [
  ...Object.entries(GALLERY).map(([name, model]) => [name, renderPage(model, NOW)] as const),
  ...keysOf(NOTICES).map((notice) => [notice, renderNotice(notice)] as const),
]

/** Runs in the page: each visible text whose contrast is below WCAG 2.2 AA (4.5:1), as `text (ratio)`. */
const LOW_CONTRAST = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number)
  const luminance = (color) => channels(color).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor
      if ((channels(color)[3] ?? 1) === 1) return color
    }
    return 'rgb(255, 255, 255)'
  }
  const low = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(background(element))].sort((x, y) => y - x)
    const ratio = (a + 0.05) / (b + 0.05)
    if (!(ratio >= 4.5)) low.push(texts.currentNode.data.trim() + ' (' + ratio.toFixed(2) + ')')
  }
  return low
})()`

const { blankPage } = useChromium()

describe.skipIf(noChromiumFor('how the approval page looks'))('the approval page in Chromium', () => {
  /** The document under the content security policy it is meant for; every form that is sent ends up in `sent`. */
  async function open(document: string, options: BrowserContextOptions = {}) {
    const page = await blankPage(options)
    const sent: string[] = []
    const csp = `default-src 'none'; style-src '${styleHash}'; form-action 'self'`
    await page.route('**', async (route) => {
      if (route.request().method() === 'POST') sent.push(route.request().postData() ?? '')
      await route.fulfill({ contentType: 'text/html', headers: { 'content-security-policy': csp }, body: document })
    })
    await page.goto(SITE)
    return { page, sent }
  }

  const focused = (page: Page) =>
    page.evaluate<string>('document.activeElement.textContent || document.activeElement.name')

  it.each(['light', 'dark'] as const)(
    'is readable in the %s scheme, and fits a window of 320 pixels',
    async (colorScheme) => {
      const { page } = await open('', { colorScheme, viewport: { width: 320, height: 640 } })
      for (const [name, document] of documents) {
        await page.setContent(document)
        expect(await page.evaluate<number>('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(320)
        expect(await page.evaluate<string[]>(LOW_CONTRAST), name).toEqual([])
      }
    },
  )

  it('is styled under its own content security policy', async () => {
    const { page } = await open(renderPage(GALLERY.block ?? { cards: [], path: '' }, NOW))
    expect(await page.evaluate('getComputedStyle(document.querySelector(".card")).display')).toBe('grid')
  })

  it('sends nothing on Enter, declines with empty fields, approves only with both filled in', async () => {
    const { page, sent } = await open(renderPage(GALLERY.password ?? { cards: [], path: '' }, NOW))
    await page.locator('[name=password]').fill('correct horse')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Set a new password for Jane Miller' }).click()
    expect(sent).toEqual([])
    expect(await focused(page)).toBe('passwordAgain')

    await page.getByRole('textbox', { name: 'New password for the shopper Once more' }).fill('correct horse')
    await page.keyboard.press('Enter')
    expect(sent).toEqual([])
    await page.getByRole('button', { name: 'Set a new password for Jane Miller' }).click()
    await page.waitForLoadState()
    await page.getByRole('button', { name: 'Decline' }).click()
    await page.waitForLoadState()
    expect(sent).toEqual([
      'token=form-token&password=correct+horse&passwordAgain=correct+horse&decision=approve',
      'token=form-token&password=&passwordAgain=&decision=decline',
    ])
  })

  it('is reached by keyboard in the order of reading, Decline before Approve', async () => {
    const { page } = await open(renderPage(GALLERY.password ?? { cards: [], path: '' }, NOW))
    const stops: string[] = []
    for (let stop = 0; stop < 4; stop++) {
      await page.keyboard.press('Tab')
      stops.push(await focused(page))
    }
    expect(stops).toEqual(['password', 'passwordAgain', 'Decline', 'Set a new password for Jane Miller'])
  })

  it('tells the button that changes something from the one that does not under forced colours', async () => {
    const { page } = await open(renderPage(GALLERY['card-removed'] ?? { cards: [], path: '' }, NOW), {
      forcedColors: 'active',
    })
    const backgrounds = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.buttons button')].map((button) => getComputedStyle(button).backgroundColor)`,
    )
    expect(new Set(backgrounds).size).toBe(2)
  })

  it('still is a table for a screen reader in a narrow window', async () => {
    const { page } = await open(renderPage(GALLERY.block ?? { cards: [], path: '' }, NOW), {
      viewport: { width: 320, height: 640 },
    })
    await expect(page.getByRole('table', { name: 'What changes' }).getByRole('columnheader').count()).resolves.toBe(3)
    expect(await page.getByRole('rowheader', { name: 'Blocked' }).count()).toBe(1)
  })
})
