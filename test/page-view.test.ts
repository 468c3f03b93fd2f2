import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { styleHash } from '../src/approval/page/style.ts'
import { renderNotice, renderPage } from '../src/approval/page/view.ts'
import { type CardOutcome, headline, type Notice } from '../src/approval/page/words.ts'
import { GALLERY, HOSTILE, MESSAGES, NOW, pageOf, question, value, waiting } from './helpers/page-gallery.ts'

const notices: readonly Notice[] = ['opened_elsewhere', 'gone', 'refused', 'arriving']
const documents: readonly (readonly [string, string])[] = [
  ...Object.entries(GALLERY).map(([name, model]) => [name, renderPage(model, NOW)] as const),
  ...notices.map((notice) => [notice, renderNotice(notice)] as const),
]

const all = (document: string, pattern: RegExp) => [...document.matchAll(pattern)].map((match) => match[1] ?? match[0])
const shown = (name: string) => renderPage(GALLERY[name] ?? { cards: [] }, NOW)

describe.each(documents)('the document "%s"', (_, document) => {
  it('is one complete string with one main heading, no script, and nothing to load', () => {
    expect(typeof document).toBe('string')
    expect(document).toMatch(/^<!doctype html>\n<html lang="en">[\s\S]*<\/html>\n$/)
    expect(all(document, /<h1[ >]/g)).toHaveLength(1)
    expect(document).not.toMatch(/<script|<link|<img|<iframe|\s(src|style|on[a-z]+)=["']|url\(|@import/i)
    expect(all(document, /href="([^"]*)"/g).filter((address) => !address.startsWith('#'))).toEqual([])
  })

  it('names its one style sheet by its hash, and keeps it small', () => {
    const [style = '', ...others] = all(document, /<style>([\s\S]*?)<\/style>/g)
    expect(others).toEqual([])
    expect(styleHash).toBe(`sha256-${createHash('sha256').update(style).digest('base64')}`)
    expect(Buffer.byteLength(style)).toBeLessThan(6000)
  })

  it('ties every label and description to something that is there once', () => {
    const ids = all(document, /\sid="([^"]*)"/g)
    expect(new Set(ids).size).toBe(ids.length)
    const references = all(document, /(?:aria-(?:labelledby|describedby)|\sfor|href)="#?([^"]*)"/g)
    for (const reference of references.flatMap((list) => list.split(' '))) expect(ids).toContain(reference)
    const labelled = all(document, /<label[^>]* for="([^"]*)"/g)
    for (const input of all(document, /<input(?![^>]*type="hidden")[^>]*>/g)) {
      expect(labelled).toContain(/ id="([^"]*)"/.exec(input)?.[1])
    }
  })

  it('puts no value into a secret field, and keeps it from password managers', () => {
    for (const input of all(document, /<input[^>]*type="password"[^>]*>/g)) {
      expect(input).not.toMatch(/\svalue\b/)
      expect(input).toContain('autocomplete="off" autocapitalize="none" spellcheck="false"')
      expect(input).toContain('data-1p-ignore data-lpignore="true" data-bwignore data-form-type="other"')
    }
  })

  it('leaves Enter without effect: the first submit button is disabled, Decline comes before Approve', () => {
    for (const form of all(document, /<form[\s\S]*?<\/form>/g)) {
      const [first, decline, approve, ...more] = all(form, /<button[^>]*>/g)
      expect(first).toMatch(/ disabled /)
      expect(decline).toMatch(/name="decision" value="decline" formnovalidate/)
      expect(approve).toMatch(/name="decision" value="approve"/)
      expect(approve).not.toMatch(/formnovalidate/)
      expect(more).toEqual([])
    }
  })
})

describe('text from elsewhere', () => {
  it('is escaped in every place where it can stand', () => {
    for (const name of ['hostile', 'hostile-settled']) {
      const document = shown(name)
      expect(document).not.toContain(HOSTILE)
      expect(document).not.toMatch(/<h1>Approve|<\/bdi> *"|<img/)
      expect(all(document, /&lt;\/script&gt;&lt;h1&gt;Approve/g).length).toBeGreaterThan(3)
    }
    expect(shown('hostile')).toContain('action="/&quot;&gt;&lt;h1&gt;"')
    expect(shown('hostile')).toContain('name="token" value="&quot;&gt;&lt;h1&gt;"')
  })

  it('is isolated in its writing direction, and never in the window title', () => {
    expect(shown('right-to-left')).toContain('<bdi>محمد عبد الله الهاشمي</bdi>')
    for (const [, document] of documents) expect(all(document, /<title>([^<]*)</g)[0]).not.toMatch(/Jane|@|script/)
  })
})

describe('a question', () => {
  it('shows whose record it is, where, for whom, what changes, and until when', () => {
    const document = shown('block')
    for (const text of ['Block customer 4211?', 'Jane Miller', 'jane@example.com', question.address, question.client]) {
      expect(document).toContain(text)
    }
    expect(document).toContain('(AiFi may have made it up)')
    expect(document).toMatch(/<time datetime="2026-01-20T09:12:13\.000Z">\d\d:\d\d \S+<\/time>/)
    expect(document).toContain('Did you not ask for this? Press Decline')
    expect(document).toContain('never asks for your own password')
    expect(document).not.toContain('Sandbox')
    expect(shown('sandbox-several')).toContain('<strong>Sandbox</strong> Nothing real changes.')
  })

  it('tells a value from none, and none from one that cannot be read', () => {
    expect(shown('right-to-left')).toContain('<bdi class="value">(none)</bdi>')
    expect(shown('card-removed')).toContain('<em>(none)</em>')
    expect(shown('card-removed')).toContain('<em class="unread">not readable</em>')
  })

  it('says when a record could not be read, instead of "(none)"', () => {
    expect(shown('unreadable')).toContain('it may not exist. Check the number.')
    expect(shown('unreadable')).not.toContain('(none)')
  })

  it('warns where what was there before is lost', () => {
    expect(shown('card-removed')).toContain('cannot be restored.</strong>')
    expect(shown('card-removed')).toContain('class="approve final"')
    expect(shown('block')).not.toContain('class="approve final"')
  })

  it('asks twice for each secret, within its limits, and says what was wrong', () => {
    const document = shown('all-private')
    const names = all(document, /<input[^>]* name="(\w+)" type="password"/g)
    const fields = ['password', 'currentPassword', 'cardToken']
    expect(names).toEqual(fields.flatMap((field) => [field, `${field}Again`]))
    expect(all(document, /required[^>]* minlength="8" maxlength="255"/g)).toHaveLength(4)
    expect(document).toContain('8 to 255 characters.')
    expect(all(document, /aria-invalid="true"/g)).toHaveLength(4)
    expect(all(document, / autofocus/g)).toHaveLength(1)
    expect(document).toMatch(/role="alert"[\s\S]*Please type something\./)
  })

  it('says that the record changed meanwhile', () => {
    expect(shown('changed-meanwhile')).toMatch(/role="alert"><p><strong>This record changed/)
  })

  it.each([
    [{ field: 'blocked', label: 'Blocked', after: value('false') }, 'Unblock customer 4211?'],
    [{ field: 'role', label: 'Role', after: value('tester') }, 'Change the role of customer 4211 to tester?'],
    [{ field: 'phone', label: 'Phone', after: value('true') }, 'Change “Phone” of customer 4211?'],
  ])('is put in words: %j', (change, words) => {
    expect(headline({ ...question, changes: [{ ...change, before: { kind: 'nothing' } }] })).toBe(words)
  })
})

describe('an end', () => {
  it.each(Object.entries(MESSAGES))('%s shows its message, its time, and nothing to press', (outcome, message) => {
    const document = shown(outcome)
    expect(document).toContain(message)
    expect(document).toContain('datetime="2026-01-20T09:02:13.000Z"')
    expect(document).toContain('You can close this page.')
    expect(document).not.toMatch(/<form|<button|<input/)
  })

  it('that was on another day says on which', () => {
    const at = NOW - 3 * 86_400_000
    const status: CardOutcome = 'updated'
    const document = renderPage(pageOf(question, { kind: 'settled', status, message: 'Done.', at }), NOW)
    expect(document).toMatch(/>Sat,? 17 Jan/)
  })
})

describe('a page', () => {
  it('loads itself again only when it is told to', () => {
    expect(shown('sending')).toContain('<meta http-equiv="refresh" content="2">')
    expect(shown('block')).not.toContain('http-equiv')
  })

  it('gives each open question its own form, and does not say it can be closed', () => {
    const document = renderPage({ cards: [{ question, state: waiting }, ...(GALLERY.several?.cards ?? [])] }, NOW)
    expect(all(document, /<form /g)).toHaveLength(3)
    expect(document).toContain('<h1>3 questions wait for your answer</h1>')
    expect(document).not.toContain('You can close this page.')
  })
})
