// Pictures of every state of the approval page and of the inbox: node scripts/screenshots.mjs [folder] [name…]
// Those of README.md and docs/approve.md: node scripts/screenshots.mjs --readme
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'

const root = join(import.meta.dirname, '..')
const forReadme = process.argv[2] === '--readme'
const [folder = join(tmpdir(), 'approval-page'), ...names] = forReadme ? [join(root, 'docs')] : process.argv.slice(2)
mkdirSync(folder, { recursive: true })
// The pages say what time it is; the pictures should not depend on where they are made.
process.env.TZ = 'UTC'

const bundle = await build({
  stdin: {
    contents: `export * from './src/approval/page/view.ts'; export { NOTICES } from './src/approval/page/words.ts'; export * from './test/helpers/page-gallery.ts'; export * from './test/helpers/inbox-gallery.ts'`,
    resolveDir: root,
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
})
const { renderPage, renderNotice, NOTICES, GALLERY, INBOX_GALLERY, NOW } = await import(
  `data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0]?.contents ?? '').toString('base64')}`
)

const pages = Object.entries(GALLERY).map(([name, model]) => [name, renderPage(model, NOW)])
for (const notice of Object.keys(NOTICES)) pages.push([notice, renderNotice(notice)])

for (const [name, html] of Object.entries(INBOX_GALLERY)) pages.push([`inbox-${name}`, html])

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
/**
 * Pictures of pages by file name, each as high as its content.
 * @param {readonly (readonly string[])[]} pictures name and HTML of each
 * @param {'light' | 'dark'} colorScheme
 * @param {number} width
 * @param {'none' | 'active'} forcedColors
 */
async function shoot(pictures, colorScheme, width, forcedColors = 'none') {
  const context = await browser.newContext({
    colorScheme,
    forcedColors,
    timezoneId: 'UTC',
    locale: 'en-US',
    viewport: { width, height: forReadme ? 100 : 700 },
  })
  const page = await context.newPage()
  await page.clock.setFixedTime(NOW)
  for (const [name, html = ''] of pictures) {
    await page.setContent(html)
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
  }
  await context.close()
}

if (forReadme) {
  await shoot([['approval-page', renderPage(GALLERY.block, NOW)]], 'light', 900)
  await shoot([['approval-page-password', renderPage(GALLERY.password, NOW)]], 'dark', 900)
  await shoot([['approvals-inbox', INBOX_GALLERY['list-few']]], 'light', 900)
} else {
  const chosen = pages.filter(([name]) => names.length === 0 || names.includes(name))
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    for (const width of [320, 1280]) {
      const pictures = chosen.map(([name, html]) => [`${name}-${colorScheme}-${width}`, html])
      await shoot(pictures, colorScheme, width)
    }
    const pictures = chosen.map(([name, html]) => [`${name}-${colorScheme}-forced`, html])
    await shoot(pictures, colorScheme, 640, 'active')
  }
}
await browser.close()
console.log(`Pictures are in ${folder}`)
