import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asStored } from '../../src/customer/as-stored.ts'
import type { CustomerRecord } from '../../src/customer/record.ts'
import { RecordViews } from '../../src/customer/record-view.ts'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { start } from '../helpers/harness.ts'
import { LineClient } from '../helpers/line-client.ts'
import { type RawAifi, rawMembers, rawObject, startRawAifi } from '../helpers/raw-aifi.ts'
import type { TestClock } from '../helpers/test-clock.ts'

/** What is shown and given back leaves the stored bytes as they are; what no result can show has a marker for that. */

const LONG = 'n'.repeat(501)
const MARKER = /⟦altered [0-9a-f]{6}⟧/

interface Scene {
  readonly aifi: RawAifi
  /** The customer as `find_customers` shows it. */
  readonly find: (id?: number) => Promise<JsonObject>
  readonly update: (args: JsonObject) => Promise<JsonObject>
  readonly client: LineClient
  readonly clock: TestClock
}

async function facing(record: Record<string, string>, env: Record<string, string> = {}): Promise<Scene> {
  const aifi = await startRawAifi(record)
  const harness = await start({ baseUrl: aifi.url, env: { AIFI_APPROVAL: 'dangerously-skip', ...env } })
  const client = await LineClient.connect(harness)
  const find = async (id = 4211) => {
    const { customers } = await client.call('find_customers', JSON.stringify({ customerId: id }))
    const [customer]: unknown[] = Array.isArray(customers) ? customers : []
    return isJsonObject(customer) ? customer : expect.unreachable(JSON.stringify(customers))
  }
  const update = (args: JsonObject) => client.call('update_customer', JSON.stringify({ customerId: 4211, ...args }))
  return { aifi, find, update, client, clock: harness.clock }
}

const metadataOf = ({ metadata }: JsonObject): JsonObject =>
  isJsonObject(metadata) ? metadata : expect.unreachable(JSON.stringify(metadata))

describe('a member of metadata is changed and the rest given back as it was shown', () => {
  const metadata = {
    note: JSON.stringify(LONG),
    ledger: '12345678901234567890',
    rate: '[1,0.1234567890123456789,1e-400]',
    name: JSON.stringify('Jane\u200bDoe\nx'),
    deep: `${'{"a":'.repeat(14)}1${'}'.repeat(14)}`,
    'k\u202ey': '{"a":1}',
    tier: '"gold"',
  }

  test('long texts, digits, hidden characters and depths are sent as they are stored', async () => {
    const { 'k\u202ey': _, ...showable } = metadata
    const { aifi, find, update } = await facing({ metadata: rawObject(showable) })
    const customer = await find()
    expect(customer.altered).toEqual([
      '/metadata/note',
      '/metadata/ledger',
      '/metadata/rate/1',
      '/metadata/rate/2',
      '/metadata/name',
      expect.stringMatching(/^\/metadata\/deep(\/a)+$/),
    ])
    expect(metadataOf(customer).ledger).toMatch(/^12345678901234567890 ⟦altered [0-9a-f]{6}⟧$/)
    const envelope = await update({ metadata: { ...metadataOf(customer), tier: 'silver' } })
    expect(envelope).toMatchObject({ status: 'updated', changes: [{ verified: 'as_requested' }] })
    expect(aifi.patches).toEqual([rawObject({ metadata: rawObject({ ...showable, tier: '"silver"' }) })])
  })

  test('names with hidden characters make the whole a marker, which leaves all of it as it is', async () => {
    const { aifi, find, update } = await facing({ metadata: rawObject(metadata), firstName: '"Jane"' })
    const customer = await find()
    expect(customer).toMatchObject({
      metadata: expect.stringMatching(/^⟦altered [0-9a-f]{6}⟧$/),
      altered: ['/metadata'],
    })
    expect(await update({ metadata: customer.metadata, firstName: 'Janet' })).toMatchObject({ status: 'updated' })
    expect(aifi.patches).toEqual(['{"firstName":"Janet"}'])
  })

  test('an element that moved, because one before it was taken out, is still itself', async () => {
    const { aifi, find, update } = await facing({ metadata: `{"notes":["a",${JSON.stringify(LONG)}]}` })
    const { notes } = metadataOf(await find())
    expect(await update({ metadata: { notes: [Array.isArray(notes) ? notes[1] : ''] } })).toMatchObject({
      status: 'updated',
    })
    expect(aifi.patches).toEqual([`{"metadata":{"notes":[${JSON.stringify(LONG)}]}}`])
  })

  test('names with a tilde or a slash are places of their own, as JSON Pointers have them', async () => {
    const { aifi, find, update } = await facing({
      metadata: `{"a~1b":${JSON.stringify(LONG)},"a/b":12345678901234567890}`,
    })
    const customer = await find()
    expect(customer.altered).toEqual(['/metadata/a~01b', '/metadata/a~1b'])
    await update({ metadata: { ...metadataOf(customer), tier: 'gold' } })
    expect(aifi.patches).toEqual([
      `{"metadata":{"a~1b":${JSON.stringify(LONG)},"a/b":12345678901234567890,"tier":"gold"}}`,
    ])
  })

  test('too large a list in it gives way to its marker, so that the rest can be changed', async () => {
    const list = JSON.stringify(Array.from({ length: 3_000 }, (_, index) => index))
    const { aifi, find, update } = await facing({ metadata: `{"list":${list},"tier":"gold"}` })
    const shown = metadataOf(await find())
    expect(shown).toEqual({ list: expect.stringMatching(MARKER), tier: 'gold' })
    await update({ metadata: { ...shown, tier: 'silver' } })
    expect(aifi.patches).toEqual([`{"metadata":{"list":${list},"tier":"silver"}}`])
  })
})

describe('a text field', () => {
  test('given back as it was shown is left as it is', async () => {
    const { aifi, find, update } = await facing({ firstName: '"Ja\\u200bne"', email: '"jane\\u200b@example.com"' })
    const { firstName, email } = await find()
    expect(await update({ firstName, email })).toMatchObject({ status: 'unchanged' })
    expect(await update({ firstName, email, phone: '1' })).toMatchObject({ status: 'updated' })
    expect(aifi.patches).toEqual(['{"phone":"1"}'])
  })

  test('without a marker is what it says, so that what is hidden can be taken out', async () => {
    const { aifi, update } = await facing({ email: '"jane\\u200b@example.com"' })
    expect(await update({ email: 'jane@example.com' })).toMatchObject({ status: 'updated' })
    expect(aifi.patches).toEqual(['{"email":"jane@example.com"}'])
  })

  test.each([
    ['Persian with a joiner', 'می\u200cخواهم'],
    ['Sinhala with a joiner', 'ශ්\u200dරී'],
    ['a family', '👨\u200d👩\u200d👧'],
    ['a heart', '❤\ufe0f'],
    ['Japanese with its own space', '山田\u3000太郎'],
    ['a decomposed letter', 'Jose\u0301'],
  ])('%s is shown as it is', async (_, text) => {
    const { find } = await facing({ firstName: JSON.stringify(text) })
    expect(await find()).toEqual({ id: 4211, firstName: text, emailMayBeGenerated: false })
  })

  test.each([
    ['a joiner between Latin letters', 'Ja\u200dne'],
    ['two joiners', 'می\u200c\u200cخواهم'],
    ['tag characters', 'Jane\u{e0041}'],
    ['a line break', 'Jane\nDoe'],
    ['a text that looks like a marker', 'Jane ⟦altered 9c41d2⟧'],
    ['one that does once its hidden character is gone', '⟦\u200baltered 9c41d2⟧'],
    ['a blank that is no space', 'Jane\u00a0Doe'],
  ])('%s is not', async (_, text) => {
    const { aifi, find, update } = await facing({ firstName: JSON.stringify(text) })
    const customer = await find()
    expect(customer).toMatchObject({ firstName: expect.stringMatching(MARKER), altered: ['/firstName'] })
    expect(customer.firstName).not.toContain('9c41d2')
    expect(await update({ firstName: customer.firstName })).toMatchObject({ status: 'unchanged' })
    expect(aifi.patches).toEqual([])
  })
})

describe('a marker that does not fit is refused, and nothing is sent:', () => {
  const stored = { firstName: JSON.stringify(LONG), metadata: `{"note":${JSON.stringify(LONG)},"a":{"b":"\\u0000"}}` }
  const refused = async (scene: Scene, args: JsonObject, words = 'Look the record up again') => {
    const envelope = await scene.update(args)
    expect(envelope).toMatchObject({
      status: 'invalid',
      errors: expect.arrayContaining([expect.objectContaining({ rule: 'any.invalid' })]),
    })
    expect(envelope.message).toContain(words)
    expect(scene.aifi.patches).toEqual([])
  }

  test('one that was made up', async () => {
    const scene = await facing(stored)
    await refused(scene, { firstName: '⟦altered 000000⟧' })
    await refused(scene, { metadata: { note: '⟦altered 000000⟧' } })
    await refused(scene, { metadata: { note: '⟦ALTERED 00⟧' } })
    await refused(scene, { metadata: { '⟦altered 000000⟧': 1 } })
  })

  test('one of another field or customer', async () => {
    const scene = await facing(stored)
    const { firstName, metadata } = await scene.find()
    await refused(scene, { lastName: firstName })
    await refused(scene, { metadata: { note: firstName } })
    await refused(scene, { firstName: metadataOf({ metadata }).note })
    await refused(scene, { metadata: metadataOf({ metadata }).note })
    await refused(scene, { customerId: 77, firstName })
  })

  test('one of a value that has changed since', async () => {
    const scene = await facing(stored)
    const { firstName, metadata } = await scene.find()
    scene.aifi.record = { firstName: JSON.stringify(`${LONG}!`), metadata: `{"note":${JSON.stringify(`${LONG}!`)}}` }
    await refused(scene, { firstName })
    await refused(scene, { metadata })
  })

  test('one whose text was edited beside it', async () => {
    const scene = await facing(stored)
    const { firstName } = await scene.find()
    await refused(scene, { firstName: `Dr ${firstName}` }, 'was changed beside its marker')
    await refused(scene, { firstName: `${firstName} Jr` })
    expect(await scene.update({ firstName: MARKER.exec(String(firstName))?.[0] })).toMatchObject({
      status: 'unchanged',
    })
  })

  test('one in a field that no result shows', async () => {
    const scene = await facing(stored)
    const { firstName } = await scene.find()
    await refused(scene, { cardToken: firstName }, 'means nothing there')
    await refused(scene, { card: { provider: 'STRIPE', tokens: [firstName] } }, 'means nothing there')
    await refused(scene, { card: { [String(firstName)]: 1 } }, 'means nothing there')
  })

  test('any, where the record cannot be read', async () => {
    const scene = await facing(stored)
    const { firstName } = await scene.find()
    const blind = await facing(stored, { AIFI_READ_BACK: 'off' })
    await refused(blind, { firstName }, 'could not be read')
  })
})

test('a marker that two values of a field share stands for neither, where it has moved', () => {
  const view = new RecordViews(new Uint8Array(32), 'all').of(4211)
  const [first, second] = valuesThatShareAMarker((at, stored) => view.marker(`/metadata/list/${at}`, stored))
  const request = (list: unknown[]) => ({
    customerId: 4211,
    changes: { metadata: { list } },
    enterPrivately: [],
    dryRun: false,
  })
  const given = (list: unknown[], record: CustomerRecord) => asStored(request(list), record, view)
  const both = { id: 4211, metadata: { list: [first, second, 'c'] } }
  const marker = view.marker('/metadata/list/0', first)
  expect(given(['c', 'c', marker], { id: 4211, metadata: { list: [first] } }).kind).toBe('resolved')
  expect(given([marker], both)).toMatchObject({ request: { changes: { metadata: { list: [first] } } } })
  expect(given(['c', 'c', marker], both)).toMatchObject({ kind: 'unfit', places: [{ pointer: '/metadata/list/2' }] })
})

/** Values of which the first two elements of a list have the same marker: among some thousands there are two. */
function valuesThatShareAMarker(marker: (at: number, stored: string) => string): [string, string] {
  const values = Array.from({ length: 12_000 }, (_, index) => `\u200b${index}`)
  const byMarker = new Map(values.map((value) => [marker(0, value), value]))
  const second = values.find((value) => byMarker.has(marker(1, value))) ?? expect.unreachable()
  return [byMarker.get(marker(1, second)) ?? '', second]
}

describe('AIFI_SHOW_FIELDS', () => {
  test('shows other fields as markers only, in every result', async () => {
    const record = { firstName: '"Jane"', email: '"jane@example.com"', priority: '3', metadata: '{"a":"canary"}' }
    const { aifi, find, update, client } = await facing(record, { AIFI_SHOW_FIELDS: 'firstName' })
    const customer = await find()
    const marker = expect.stringMatching(/^⟦altered [0-9a-f]{6}⟧$/)
    const hidden = { email: marker, priority: marker, metadata: marker }
    const altered = ['/priority', '/email', '/metadata']
    expect(customer).toEqual({ id: 4211, firstName: 'Jane', ...hidden, altered, emailMayBeGenerated: true })
    const text = await client.callText('update_customer', '{"customerId":4211,"priority":4,"firstName":"Janet"}')
    expect(JSON.parse(text)).toMatchObject({
      status: 'updated',
      changes: [
        { field: 'firstName', before: 'Jane' },
        { field: 'priority', before: marker, after: marker },
      ],
      customer: { firstName: 'Janet', ...hidden, altered: [...altered] },
      revert: { customerId: 4211, firstName: 'Jane' },
    })
    expect(text).not.toMatch(/canary|jane@example/)
    expect(await update({ email: customer.email, metadata: customer.metadata, phone: '1' })).toMatchObject({
      status: 'updated',
    })
    expect(aifi.patches.at(-1)).toBe('{"phone":"1"}')
  })
})

describe('any value', () => {
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 470, maxLength: 520 }) },
    fc.constantFrom('\u200b', '⟦altered 9c41d2⟧', '⟦\u200daltered 000000⟧', 'می\u200cخواهم', '\ud800', '"\\u0000'),
  )
  const digits = fc.oneof(
    fc.integer().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    fc.bigInt().map(String),
    fc.tuple(fc.nat(9), fc.stringMatching(/^[0-9]{1,30}$/)).map(([whole, rest]) => `${whole}.${rest}1`),
    fc.constantFrom('1e400', '-1e-400', '12345678901234567890.5'),
  )
  const key = text.filter((name) => !/^\d+$/.test(name))
  /** As JSON text, so that it holds what no value of JavaScript can. */
  const { json } = fc.letrec<{ json: string }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(
        text.map((value) => JSON.stringify(value)),
        digits,
        fc.constantFrom('null', 'true', '{}', '[]'),
      ),
      fc.array(tie('json'), { maxLength: 6 }).map((items) => `[${items.join(',')}]`),
      fc.dictionary(key, tie('json'), { maxKeys: 6 }).map(rawObject),
    ),
  }))
  const record = fc.record(
    { firstName: text, lastName: text, phone: text, externalId: text, email: text },
    { requiredKeys: [] },
  )

  test('that is shown and given back unchanged leaves the stored bytes as they were', async () => {
    const scene = await facing({})
    const { aifi } = scene
    await fc.assert(
      fc.asyncProperty(record, fc.dictionary(key, json, { maxKeys: 6 }), async (texts, metadata) => {
        const written = Object.entries(texts).map(([field, value]): [string, string] => [field, JSON.stringify(value)])
        const before = { ...Object.fromEntries(written), metadata: rawObject(metadata) }
        aifi.record = before
        aifi.patches.length = 0
        scene.clock.advance(60_000)
        const answer = await scene.client.callText('find_customers', '{"customerId":4211}')
        const shown: Record<string, string> = rawMembers(customerIn(answer))
        const { id: _, altered, emailMayBeGenerated, role, ...back } = shown
        // A stored email that is none is refused as an argument, and so left as it is.
        const { email: __, ...rest } = back
        const again = await scene.client.call('update_customer', `{"customerId":4211,${rawObject(rest).slice(1)}`)
        expect(again.status, JSON.stringify(again)).toBe('unchanged')
        if (shown.metadata?.startsWith('{')) {
          const added = rawObject({ ...rawMembers(shown.metadata), 'added here': '1' })
          const changed = await scene.client.call('update_customer', `{"customerId":4211,"metadata":${added}}`)
          expect(changed.status, JSON.stringify(changed)).toBe('updated')
          expect(aifi.patches).toEqual([rawObject({ metadata: rawObject({ ...metadata, 'added here': '1' }) })])
        } else {
          expect(aifi.patches).toEqual([])
          expect(aifi.record).toEqual(before)
        }
      }),
      { numRuns: 150 },
    )
  })
})

/** The text of the first customer in the text of a result. */
function customerIn(result: string): string {
  const { customers = '' } = rawMembers(result)
  return Object.values(rawMembers(`{"first":${customers.slice(1, -1)}}`))[0] ?? ''
}
