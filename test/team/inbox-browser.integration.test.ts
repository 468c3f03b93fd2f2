import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { noChromiumFor, useChromium } from '../helpers/chromium.ts'
import { exchange } from '../helpers/exchange.ts'
import { INBOX_GALLERY } from '../helpers/inbox-gallery.ts'
import { startTeamHere, type TeamHere } from '../helpers/team-here.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

describe.skipIf(noChromiumFor('the inbox in use'))('the inbox in Chromium', () => {
  const { newContext } = useChromium()

  /** What axe-core finds fault with. @param only this rule, if one is given. */
  async function faults(page: Page, only?: string): Promise<string[]> {
    if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(AXE)
    const options = JSON.stringify({ resultTypes: ['violations'], ...(only && { runOnly: [only] }) })
    return page.evaluate<
      string[]
    >(`axe.run(document, ${options}).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html }) => id + ': ' + html)))`)
  }

  /** A browser in which this person has signed in, at the list. */
  async function signedIn({ vias: [origin] }: TeamHere, person: 'Sam' | 'Alex', width = 1000): Promise<Page> {
    const context = await newContext({ viewport: { width, height: 800 } })
    const page = await context.newPage()
    await page.goto(`${origin}/approvals`)
    await page.getByRole('button', { name: person }).click()
    await page.getByRole('heading', { name: 'Approvals' }).waitFor()
    return page
  }

  async function ask({ vias: [origin], token }: TeamHere, args: object): Promise<void> {
    const params = { name: 'update_customer', arguments: args }
    const headers = {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      Authorization: `Bearer ${token}`,
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    expect((await exchange(`${origin}/mcp`, { method: 'POST', headers, body })).body).toContain('approval_pending')
  }

  const block = { customerId: 4211, blocked: true }
  const focused = (page: Page) => page.evaluate<string>('document.activeElement.textContent')

  test('leaves most of a row to the question, however long the name of who asks', async () => {
    const page = await (await newContext({ viewport: { width: 1000, height: 800 } })).newPage()
    await page.setContent(INBOX_GALLERY['list-hostile'] ?? '')
    const widthOf = async (selector: string) => (await page.locator(selector).first().boundingBox())?.width ?? 0
    expect((await widthOf('.inbox li > p:nth-of-type(2)')) / (await widthOf('.inbox li'))).toBeGreaterThan(0.5)
  })

  test.each(['light', 'dark'] as const)(
    'has no fault that axe-core finds in any view, %s, and fits a window of 320 pixels',
    async (colorScheme) => {
      const context = await newContext({ colorScheme, viewport: { width: 320, height: 640 } })
      const page = await context.newPage()
      for (const [name, document] of Object.entries(INBOX_GALLERY)) {
        await page.setContent(document)
        // All else is the same in both.
        expect(await faults(page, colorScheme === 'dark' ? 'color-contrast' : undefined), name).toEqual([])
        expect(await page.evaluate<number>('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(320)
      }
    },
  )

  test('is used with the keyboard alone: from the list to the question, to its outcome, to the next one', async () => {
    const team = await startTeamHere()
    await ask(team, block)
    await ask(team, { customerId: 77, blocked: true })
    const page = await signedIn(team, 'Alex')
    const errors: string[] = []
    page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())))
    await page.reload()
    for (const stop of ['AiFi customer approval', 'Sign out', 'Block Jane Doe?']) {
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe(stop)
    }
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Block Jane Doe?' }).waitFor()
    expect(await faults(page)).toEqual([])
    team.clock.advance(1_000)
    for (const stop of ['AiFi customer approval', 'Sign out', 'Decline', 'Block Jane Doe']) {
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe(stop)
    }
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Done' }).waitFor()
    expect(await page.title()).toBe('Done · AiFi customer approval')
    expect(await faults(page)).toEqual([])
    expect(team.patches).toHaveLength(1)
    await page.getByRole('link', { name: 'Next question' }).press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Block Marcus Weber?' }).waitFor()
    // Its own policy lets its own style and script work, and nothing was blocked.
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.card')).display`)).toBe('grid')
    expect(errors).toEqual([])
  })

  test('lets whoever asked take it back, on a narrow window', async () => {
    const team = await startTeamHere()
    await ask(team, block)
    const page = await signedIn(team, 'Sam', 320)
    await page.getByRole('link', { name: 'Block Jane Doe?' }).click()
    expect(await page.getByRole('button').allTextContents()).toEqual(['Sign out', 'Withdraw it'])
    await page.getByRole('button', { name: 'Withdraw it' }).click()
    await page.getByRole('heading', { level: 1, name: 'Withdrawn' }).waitFor()
    expect(await page.locator('main').textContent()).toContain('withdrawn by Sam')
    expect(team.patches).toEqual([])
  })

  test('says that there is something new, and moves nothing by itself', async () => {
    const team = await startTeamHere()
    const page = await signedIn(team, 'Alex')
    await page.getByText('Nothing waits for you.').waitFor()
    await ask(team, block)
    const news = page.getByRole('status').getByRole('link')
    await news.waitFor()
    expect(await page.title()).toBe('(1) Approvals · AiFi customer approval')
    expect(await page.getByRole('link', { name: 'Block Jane Doe?' }).count()).toBe(0)
    expect(await faults(page)).toEqual([])
    await news.click()
    await page.getByRole('link', { name: 'Block Jane Doe?' }).waitFor()
    expect(await page.title()).toBe('(1) Approvals · AiFi customer approval')
  })

  test('works without scripts: a question is read, answered, and its outcome shown', async () => {
    const team = await startTeamHere()
    await ask(team, block)
    const context = await newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(`${team.vias[0]}/approvals`)
    await page.getByRole('button', { name: 'Alex' }).click()
    await page.getByRole('link', { name: 'Block Jane Doe?' }).click()
    await page.locator('[value=decline]').click()
    expect(await page.locator('main').textContent()).toContain('declined by Alex')
  })
})
