import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import { onTestFinished } from 'vitest'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Whether there is a Chromium; where there is none, it is said what is skipped. */
export function hasChromium(what: string): boolean {
  const found = existsSync(executablePath)
  if (!found) process.emitWarning(`SKIPPED: ${what}. No Chromium at ${executablePath} (CHROMIUM).`)
  return found
}

export function launchChromium(): Promise<Browser> {
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update']
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-sync', ...quiet] })
}

/** A window with cookies of its own, which reaches this machine and nothing else, and ends with the test. */
export async function newContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options })
  onTestFinished(() => context.close())
  await context.route(
    ({ hostname }) => !['127.0.0.1', 'localhost'].includes(hostname),
    (route) => route.abort(),
  )
  return context
}
