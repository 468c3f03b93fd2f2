// Pictures of every state of the approval page: node scripts/screenshots.mjs [folder] [name…]
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'

const [folder = join(tmpdir(), 'approval-page'), ...names] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })

const bundle = await build({
  stdin: {
    contents: `export * from './src/approval/page/view.ts'; export * from './test/helpers/page-gallery.ts'`,
    resolveDir: join(import.meta.dirname, '..'),
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
})
const { renderPage, renderNotice, GALLERY, NOW } = await import(
  `data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0].contents).toString('base64')}`
)

const pages = Object.entries(GALLERY).map(([name, model]) => [name, renderPage(model, NOW)])
for (const notice of ['opened_elsewhere', 'gone', 'refused']) pages.push([notice, renderNotice(notice)])

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})
for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 1000]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 700 } })
    const page = await context.newPage()
    for (const [name, html] of pages.filter(([name]) => names.length === 0 || names.includes(name))) {
      await page.setContent(html)
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true })
    }
    await context.close()
  }
}
await browser.close()
console.log(`${pages.length} pages, 4 pictures each: ${folder}`)
