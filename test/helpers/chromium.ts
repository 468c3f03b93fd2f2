import { existsSync } from 'node:fs'
import process from 'node:process'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
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
]

/**
 * One Chromium for the tests of a file, launched by the first that needs it: what is returned opens a browser of somebody
 * else, with cookies of its own, which ends with the test. However long Chromium takes for anything, it is waited for.
 */
export function useChromium(): (options?: BrowserContextOptions) => Promise<BrowserContext> {
  let browser: Promise<Browser> | undefined
  afterAll(async () => (await browser)?.close())
  return async (options = {}) => {
    browser ??= chromium.launch({ executablePath, args: flags, timeout: 0 })
    const context = await (await browser).newContext({ viewport: { width: 900, height: 700 }, ...options })
    context.setDefaultTimeout(0)
    onTestFinished(() => context.close())
    return context
  }
}
