import { existsSync } from 'node:fs'
import process from 'node:process'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, onTestFinished } from 'vitest'

export const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Whether there is no Chromium here; says what is skipped for it. */
export function noChromiumFor(what: string): boolean {
  if (existsSync(executablePath)) return false
  process.emitWarning(`SKIPPED: ${what}. No Chromium at ${executablePath} (CHROMIUM).`)
  return true
}

/** Without what it does on its own account; and without the sandbox, which root cannot have. */
export const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  // A process for each page, and one to draw, are a second of the machine each time.
  '--disable-site-isolation-trials',
  '--process-per-site',
  '--in-process-gpu',
]

export interface Chromium {
  /** A browser of somebody else, with cookies of its own. Ends with the test. */
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>
  /**
   * A blank tab without cookies: one for all tests of the file that give the same options, since to start another takes
   * a second of the machine. What a test adds to it ends with the test.
   */
  blankPage(options?: BrowserContextOptions): Promise<Page>
}

/**
 * One Chromium for the tests of a file, launched by the first that needs it. However long it takes for anything, it is
 * waited for.
 */
export function useChromium(): Chromium {
  let browser: Promise<Browser> | undefined
  const pages = new Map<string, Page>()
  afterAll(async () => (await browser)?.close())

  async function contextWith(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    browser ??= chromium.launch({ executablePath, args: flags, timeout: 0 })
    const context = await (await browser).newContext({ viewport: { width: 900, height: 700 }, ...options })
    context.setDefaultTimeout(0)
    return context
  }

  return {
    async newContext(options) {
      const context = await contextWith(options)
      onTestFinished(() => context.close())
      return context
    },
    async blankPage(options) {
      const key = JSON.stringify(options ?? {})
      const kept = pages.get(key)
      const page = kept?.isClosed() === false ? kept : await (await contextWith(options)).newPage()
      pages.set(key, page)
      onTestFinished(() => leave(page))
      return page
    },
  }
}

async function leave(page: Page): Promise<void> {
  const context = page.context()
  if (page.isClosed()) return context.close()
  page.removeAllListeners()
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  for (const other of context.pages()) if (other !== page) await other.close()
  await context.clearCookies()
  // A page that just goes somewhere by itself is not argued with: the next test gets another tab.
  await page.goto('about:blank').catch(() => context.close())
}
