import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { scriptHash } from '../../../src/approval/page/script.ts'
import { styleHash } from '../../../src/approval/page/style.ts'
import { renderNotice, renderPage } from '../../../src/approval/page/view.ts'
import { type CardOutcome, headline, NOTICES, timeLeft } from '../../../src/approval/page/words.ts'
import { keysOf } from '../../../src/lib/keys.ts'
import { GALLERY, HOSTILE, MESSAGES, NOW, pageOf, question, value, waiting } from '../../helpers/page-gallery.ts'

const notices = keysOf(NOTICES)
const documents: readonly (readonly [string, string])[] = [
  ...Object.entries(GALLERY).map(([name, model]) => [name, renderPage(model, NOW)] as const),
  ...notices.map((notice) => [notice, renderNotice(notice)] as const),
]

const all = (document: string, pattern: RegExp) => [...document.matchAll(pattern)].map((match) => match[1] ?? match[0])
const plain = (markup: { toString(): string }) => markup.toString().replace(/<[^>]*>/g, '')
const shown = (name: string) => renderPage(GALLERY[name] ?? { cards: [], path: '' }, NOW)

describe.each(documents)('the document "%s"', (_, document) => {
  it('is one complete string with one main heading, at most one script, and nothing to load', () => {
    expect(typeof document).toBe('string')
    expect(document).toMatch(/^<!doctype html>\n<html lang="en">[\s\S]*<\/html>\n$/)
    const [shown = ''] = document.split('<template')
    expect(all(shown, /<h1[ >]/g)).toHaveLength(1)
    const [script, ...others] = all(document, /<script>([\s\S]*?)<\/script>/g)
    expect(others).toEqual([])
    if (script) expect(scriptHash).toBe(`sha256-${createHash('sha256').update(script).digest('base64')}`)
    expect(document).not.toMatch(/<script[ /]|<link|<img|<iframe|\s(src|style|on[a-z]+)=["']|url\(|@import/i)
    expect(all(document, /href="([^"]*)"/g).filter((address) => address && !address.startsWith('#'))).toEqual([])
  })

  it('names its one style sheet by its hash, and keeps it small', () => {
    const [style = '', ...others] = all(document, /<style>([\s\S]*?)<\/style>/g)
    expect(others).toEqual([])
    expect(styleHash).toBe(`sha256-${createHash('sha256').update(style).digest('base64')}`)
    expect(Buffer.byteLength(style)).toBeLessThan(7000)
  })

  it('ties every label and description to something that is there once', () => {
    const ids = all(document, /\sid="([^"]*)"/g)
    expect(new Set(ids).size).toBe(ids.length)
    const references = all(document, /(?:aria-(?:labelledby|describedby)|\sfor|href)="#?([^"]+)"/g)
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
      expect(all(document, /&lt;\/script&gt;&lt;h1&gt;Approve/g).length).toBeGreaterThan(2)
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
    for (const text of [
      'Block <bdi>Jane Miller</bdi>?',
      'Jane Miller',
      '<dd>4211</dd>',
      'jane@example.com',
      question.address,
      question.client,
    ]) {
      expect(document).toContain(text)
    }
    expect(document).toMatch(/in 10 minutes \(<time datetime="2026-01-20T09:12:13\.000Z">\d+:\d\d\s[AP]M<\/time>\)/)
    expect(document).toMatch(/value="approve"[^>]*>Block <bdi>Jane Miller<\/bdi><\/button>/)
    expect(document).toContain('Did you not ask for this? Press Decline')
    expect(document).toContain('never asks for your own password')
    expect(document).not.toContain('Sandbox')
    expect(shown('sandbox-several')).toContain('<strong>Sandbox</strong> Nothing real changes.')
  })

  it('tells apart whatever a value can be', () => {
    expect(shown('right-to-left')).toContain('<bdi class="value">(none)</bdi>')
    const cells = all(shown('kinds'), /<td role="cell" data-column[^>]*>(.*?)<\/td>/g)
    expect(new Set(cells).size).toBe(cells.length)
    expect(shown('block')).toContain('<em class="unread">Unknown</em>')
  })

  it('lists what loses something first, marks it, and counts it in the headline', () => {
    const document = shown('metadata')
    const rows = all(document, /<tbody[^>]*>/g).map((row) => row.includes('class="loss"'))
    expect(rows).toHaveLength(40)
    expect(rows.indexOf(false)).toBe(8)
    expect(rows.lastIndexOf(true)).toBe(7)
    expect(document).toMatch(/<h1[^>]*>Make 40 changes to <bdi>Jane Miller<\/bdi>\? <strong[^>]*>8 of them lose data\./)
    expect(document).toContain(
      '<p class="again"><bdi>Jane Miller</bdi>, customer 4211, <bdi>jane@example.com</bdi></p>',
    )
    expect(shown('one-loss')).toContain('class="approve final"')
  })

  it('shows why the assistant asks as its words, and what is to be known about the name', () => {
    expect(shown('reason')).toContain('<dt>The assistant says</dt><dd>“<bdi>Ticket 8812: two bottles left')
    expect(shown('reason')).toContain('Renamed 3 minutes ago, without a person.')
  })

  it('says when a record could not be read, instead of "None"', () => {
    expect(shown('unreadable')).toContain('it may not exist. Check the number.')
    expect(shown('unreadable')).not.toContain('None')
  })

  it('warns where what was there before is lost', () => {
    expect(shown('card-removed')).toContain('cannot be restored.</strong>')
    expect(shown('card-removed')).toContain('class="approve final"')
    expect(shown('block')).not.toContain('class="approve final"')
  })

  it('asks twice for a new secret, once for another, within its limits, and says what was wrong', () => {
    const document = shown('all-private')
    const names = all(document, /<input[^>]* name="(\w+)" type="password"/g)
    expect(names).toEqual(['password', 'passwordAgain', 'currentPassword', 'cardToken'])
    expect(all(document, /required[^>]* minlength="8" maxlength="255"/g)).toHaveLength(3)
    expect(document).toContain('8 to 255 characters.')
    expect(all(document, /aria-invalid="true"/g)).toHaveLength(2)
    expect(all(document, / autofocus/g)).toHaveLength(1)
    expect(document).toMatch(/role="alert"[\s\S]*Please type something\./)
  })

  it('says why it is asked again, and takes the focus there after an answer', () => {
    expect(shown('changed-meanwhile')).toMatch(/role="alert"><p><strong>This record changed[\s\S]*now: .*Email/)
    const document = shown('too-early')
    expect(document).toMatch(/role="alert" tabindex="-1" autofocus><p><strong>Please read it, then press again\./)
    expect(all(document, / autofocus/g)).toHaveLength(1)
  })

  it.each([
    [{ field: 'blocked', label: 'Blocked', action: 'Unblock {who}' }, 'Unblock Jane Miller?'],
    [
      { field: 'role', label: 'Role', action: 'Change the role of {who} to tester' },
      'Change the role of Jane Miller to tester?',
    ],
    [{ field: 'phone', label: 'Phone' }, 'Change “Phone” of Jane Miller?'],
    [{ field: 'metadata.x', label: 'x'.repeat(61) }, 'Make 1 change to Jane Miller?'],
  ])('is put in words: %j', (change, words) => {
    const changes = [{ ...change, before: { kind: 'nothing' }, after: value('new') } as const]
    expect(plain(headline({ ...question, changes }))).toBe(words)
  })

  it.each([undefined, 'customer 77', 'Jane? Approved', 'x'.repeat(61), 'Jane\\u{200b}', '<b>', ' Jane'])(
    'names the customer by number where a sentence cannot hold the name: %j',
    (name) => {
      const customer = { id: 4211, ...(name !== undefined && { name }) }
      expect(plain(headline({ ...question, customer }))).toBe('Block customer 4211?')
    },
  )

  it.each([
    [9_000, 'in less than a minute'],
    [61_000, 'in 1 minute'],
    [599_400, 'in 10 minutes'],
    [90 * 60_000, 'in 90 minutes'],
    [91 * 60_000, 'in 1 hour 31 minutes'],
    [108 * 60_000, 'in 1 hour 48 minutes'],
    [2 * 3_600_000 + 60_000, 'in 2 hours 1 minute'],
    [8 * 3_600_000, 'in 8 hours'],
  ])('that expires after %i ms says so: %s', (ms, words) => {
    expect(timeLeft(NOW + ms, NOW)).toBe(words)
  })
})

describe('an end', () => {
  it.each(Object.entries(MESSAGES))('%s shows its message, its time, and nothing to press', (outcome, message) => {
    const document = shown(outcome)
    expect(document).toContain(message)
    expect(document).toContain('datetime="2026-01-20T09:02:13.000Z"')
    expect(document).toContain(`id="over"${outcome === 'unknown' ? ' hidden' : ''}>You can close this page.`)
    expect(document).not.toMatch(/<form|<button|<input/)
  })

  it('that was on another day says on which', () => {
    const at = NOW - 3 * 86_400_000
    const status: CardOutcome = 'updated'
    const document = renderPage(pageOf(question, { kind: 'settled', status, message: 'Done.', at }), NOW)
    expect(document).toMatch(/>Sat, Jan 17/)
  })

  it('that can be undone says what to tell the assistant, for the fields whose former values are known', () => {
    const document = shown('can-be-undone')
    expect(plain(document)).toContain('tell the assistant: “undo these changes of customer 4211: Role, Email”.')
    expect(document).toMatch(/<article[^>]* tabindex="-1" autofocus>/)
    expect(shown('updated')).not.toContain('undo')
  })
})

describe('a page', () => {
  it('never loads itself again by a timer', () => {
    for (const [, document] of documents) expect(document).not.toMatch(/http-equiv="refresh" content="[1-9]/)
  })

  it('gives each open question its own form, and does not say it can be closed', () => {
    const { cards = [], path = '' } = GALLERY.several ?? {}
    const document = renderPage({ cards: [{ id: 'q0', level: 2, question, state: waiting }, ...cards], path }, NOW)
    expect(all(document, /<form /g)).toHaveLength(3)
    expect(document).toContain('<h1 id="headline">3 questions wait for your answer</h1>')
    expect(document).toContain('hidden>You can close this page.')
  })
})
