import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CustomerField } from '../../src/customer/fields.ts'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { accept } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'

/**
 * What a person is shown is what is sent: the text of each way of asking is read by a reader of its own, which knows how
 * questions are written and nothing of how they are made, and what it reads is compared with the body that left.
 */

/** One change as it was read: where, and what is there afterwards; undefined when it is taken away. */
interface Read {
  readonly path: readonly string[]
  readonly after: unknown
}

const LABELS: Readonly<Record<string, CustomerField>> = {
  Email: 'email',
  'External id': 'externalId',
  'First name': 'firstName',
  'Last name': 'lastName',
  Phone: 'phone',
  Role: 'role',
  Priority: 'priority',
  Blocked: 'blocked',
  'Card type': 'cardType',
  'Card token': 'cardToken',
}

/** Reads one text from its beginning to its end. */
class Reader {
  #rest: string

  constructor(text: string) {
    this.#rest = text
  }

  get done(): boolean {
    return this.#rest === ''
  }

  /** What the pattern matches here; undefined when it does not. */
  take(pattern: RegExp): string | undefined {
    const [found] = new RegExp(`^(?:${pattern.source})`, 'u').exec(this.#rest) ?? []
    if (found !== undefined) this.#rest = this.#rest.slice(found.length)
    return found
  }

  need(pattern: RegExp): string {
    const found = this.take(pattern)
    if (found === undefined) throw new Error(`no ${pattern.source} in ${this.#rest}`)
    return found
  }

  /** Text up to the end of what `stop` ends. */
  text(): string {
    return unescaped(this.need(/(?:[^\\”]|\\\\|\\u\{[0-9a-f]+\})*/))
  }

  json(): unknown {
    if (this.take(/"/)) {
      const text = this.need(/(?:[^\\"]|\\\\|\\"|\\u\{[0-9a-f]+\})*/)
      this.need(/"/)
      return unescaped(text.replaceAll('\\"', '"'))
    }
    if (this.take(/\[/)) {
      const items: unknown[] = []
      while (!this.take(/\]/)) {
        items.push(this.json())
        this.take(/,/)
      }
      return items
    }
    if (this.take(/\{/)) {
      const members: [string, unknown][] = []
      while (!this.take(/\}/)) {
        const key = String(this.json())
        this.need(/:/)
        members.push([key, this.json()])
        this.take(/,/)
      }
      return Object.fromEntries(members)
    }
    return JSON.parse(this.need(/true|false|null|-?[0-9.eE+-]+/))
  }

  /** A value of the plain text. */
  value(): unknown {
    if (this.take(/“/)) {
      const text = this.text()
      this.need(/”/)
      return text
    }
    const words: Readonly<Record<string, unknown>> = { '(null)': null, '(empty text)': '', Yes: true, No: false }
    const word = this.take(/\((?:none|null|empty text|removed)\)|Unknown|hidden|Yes|No/)
    return word === undefined ? this.json() : words[word]
  }

  /** The names of members, one below the other. */
  path(): string[] {
    const names: string[] = []
    do names.push(this.take(/[\p{L}\p{N}_-]+/u) ?? String(this.json()))
    while (this.take(/\./))
    return names
  }
}

function unescaped(text: string): string {
  return text.replace(/\\(?:(\\)|u\{([0-9a-f]+)\})/g, (_, backslash, code) =>
    backslash ? '\\' : String.fromCodePoint(Number.parseInt(code, 16)),
  )
}

/** The changes in the plain text of a form or a chat. */
function readText(message: string): Read[] {
  const end = message.split('\n').findIndex((line) => line.startsWith('On http'))
  return message.split('\n').slice(0, end).flatMap(readLine)
}

function readLine(line: string): Read[] {
  const reader = new Reader(line)
  if (reader.take(/To: /)) return [{ path: ['email'], after: reader.value() }]
  const removes = reader.take(/REMOVES /) !== undefined
  reader.take(/LOSES DATA: |FOR GOOD: /)
  const label = reader.take(
    /metadata (?=["\p{L}\p{N}_-])|Metadata|Card token|Card type|[A-Z][a-z]+ (?:id|name)|Email|Phone|Role|Priority|Blocked/u,
  )
  if (label === undefined) return []
  const field = LABELS[label]
  const path = field ? [field] : label === 'metadata ' ? ['metadata', ...reader.path()] : ['metadata']
  if (removes) return reader.take(/ FOR GOOD| \(was /) ? [{ path, after: undefined }] : []
  if (!reader.take(/: now |: /)) return []
  reader.value()
  if (!reader.take(/ → new: | → /)) return []
  const after = reader.value()
  if (!reader.done) throw new Error(`more than a value in ${line}`)
  return [{ path, after }]
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
}
const fromHtml = (html: string) => html.replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity] ?? entity)

/** The changes in the table of the page. */
function readPage(html: string): Read[] {
  const rows = [
    ...html.matchAll(/<th role="rowheader"[^>]*><bdi>(.*?)<\/bdi>.*?<td[^>]*data-column="After"[^>]*>(.*?)<\/td>/gs),
  ]
  return rows.map(([, label = '', cell = '']) => {
    const [, name] = /^Metadata: (.*)$/s.exec(fromHtml(label)) ?? []
    const path = name === undefined ? [LABELS[fromHtml(label)] ?? 'metadata'] : ['metadata', ...new Reader(name).path()]
    return { path, after: readCell(cell) }
  })
}

function readCell(cell: string): unknown {
  const [, text] = /<bdi class="value">(.*?)<\/bdi>/s.exec(cell) ?? []
  if (text === undefined) {
    if (cell.includes('Removed')) return undefined
    return cell.includes('Null') ? null : ''
  }
  const shown = fromHtml(text)
  if (!cell.includes('<small>')) return unescaped(shown)
  if (shown === 'Blocked' || shown === 'Not blocked') return shown === 'Blocked'
  return new Reader(shown).json()
}

/** The body that follows from what was read and from what the record has today. */
function bodyOf(reads: readonly Read[], record: JsonObject): JsonObject {
  const body = new Map<string, unknown>()
  for (const { path, after } of reads) {
    const [field = '', ...inside] = path
    if (inside.length === 0) {
      body.set(field, after === undefined ? null : after)
      continue
    }
    if (!body.has(field)) body.set(field, structuredClone(record[field] ?? {}))
    put(body.get(field), inside, after)
  }
  return Object.fromEntries(body)
}

function put(into: unknown, [key = '', ...deeper]: readonly string[], value: unknown): void {
  if (!isJsonObject(into)) throw new Error(`nothing to put ${key} into`)
  if (deeper.length > 0) put(into[key], deeper, value)
  else if (value === undefined) delete into[key]
  else Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true })
}

const units = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
  fc.constantFrom(
    ' ',
    '  ',
    '\t',
    '\n',
    '\u00a0',
    '\u200b',
    '\u202e',
    '\u2066',
    '\u0301',
    '\u0338',
    '\u20dd',
    '\ufe0f',
    '\u{e0041}',
    '”',
    '“',
    '"',
    '\\',
    '\\u{200b}',
    ' → ',
    ': ',
    '(none)',
    '(null)',
    '; ',
    '.',
    '…',
    'אב',
    'ليلى',
    '𞤀',
    'José',
    'Jose\u0301',
    '5',
    'true',
    'null',
    '{}',
    '</bdi>',
    '&amp;',
  ),
)
const text = fc.array(units, { maxLength: 5 }).map((parts) => parts.join('').toWellFormed())
const key = fc.oneof(text, fc.constantFrom('a', 'b', 'a.b', '__proto__', 'constructor', 'toString', ''))
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  ),
}))
const metadata = fc.option(fc.dictionary(key, value, { maxKeys: 4 }), { nil: null })
const optional = { requiredKeys: [] }
const args = fc
  .record(
    {
      externalId: text,
      firstName: text,
      lastName: text,
      phone: text,
      role: fc.constantFrom('customer', 'employee', 'tester', 'untracked', 'unknown'),
      priority: fc.integer({ min: -10, max: 10 }),
      metadata,
      cardType: fc.constantFrom('NONE', 'STRIPE'),
      cardToken: fc.constant(null),
      email: fc.constantFrom('a@example.com', 'jane@example.com', 'ü@example.com'),
    },
    optional,
  )
  .map((fields) => JSON.parse(JSON.stringify(fields)) as JsonObject)
  .filter(isJsonObject)
const record = fc
  .record(
    {
      externalId: text,
      firstName: text,
      lastName: text,
      phone: fc.option(text),
      role: text,
      priority: fc.integer(),
      metadata,
      email: text,
    },
    optional,
  )
  .map((fields): JsonObject => JSON.parse(JSON.stringify(fields)))

/** Everything that is asked by it, so that all of it is shown; a chat takes no cards. */
const settings = { AIFI_APPROVAL_FIELDS: 'all', AIFI_MAX_CHANGES_PER_MINUTE: '100000' }

describe('what is sent is what was shown', () => {
  async function expectSameAsShown(mode: 'form' | 'page' | 'chat', numRuns: number): Promise<void> {
    const aifi = await controlledAifi({ env: { ...settings, AIFI_APPROVAL: mode } })
    const client = await aifi.harness.connect({ answer: () => accept() })
    let compared = 0
    await fc.assert(
      fc.asyncProperty(record, args, async (today, given) => {
        aifi.record = today
        const call = { customerId: 77, ...(mode === 'chat' ? withoutCards(given) : given), blocked: true }
        const before = { asked: client.asked.length, sent: aifi.patches().length }
        const shown = await answered(call)
        const sent = aifi.patches().slice(before.sent)
        if (shown !== undefined) compared += 1
        expect(sent).toEqual(shown === undefined ? [] : [bodyOf(shown, today)])
      }),
      { numRuns, endOnFailure: true },
    )
    expect(compared).toBeGreaterThan(numRuns / 2)

    /** Asks, has it read, and agrees; undefined when it was refused. */
    async function answered(call: JsonObject): Promise<Read[] | undefined> {
      const asked = client.asked.length
      if (mode === 'form') {
        const { status } = await client.update(call)
        if (client.asked.length === asked) return undefined
        expect(status).toBe('updated')
        return readText(client.asked.at(-1)?.message ?? '')
      }
      if (mode === 'chat') {
        const { message, approval } = await client.update(call)
        if (approval?.code === undefined) return undefined
        await client.update({ ...call, approvalCode: approval.code })
        return readText(message)
      }
      const opened = aifi.harness.browser.opened.length
      const pending = client.update(call)
      const address = await Promise.race([pending.then(() => undefined), openedAddress(aifi.harness, opened + 1)])
      if (address === undefined) return undefined
      const page = new PageVisitor(address)
      const { body } = await page.get()
      aifi.harness.clock.advance(2_000)
      await page.press('approve')
      await pending
      // The next question gets a page of its own.
      aifi.harness.clock.advance(30 * 60_000)
      return readPage(body)
    }
  }

  test('in a form', () => expectSameAsShown('form', 150))
  test('in the chat', () => expectSameAsShown('chat', 40))
  test('on the page', () => expectSameAsShown('page', 50))
})

function withoutCards({ cardToken: _, cardType: __, ...rest }: JsonObject): JsonObject {
  return rest
}
