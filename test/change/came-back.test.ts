import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Fault, fault } from '../helpers/fault.ts'
import { applying, change, jane, situation } from '../helpers/fault-situation.ts'

const janet = { ...jane, firstName: 'Janet' }

describe('what came back', () => {
  it.each<[string, JsonObject, Fault, object]>([
    ['as it was asked', { firstName: 'Janet' }, applying(), { verified: 'as_requested' }],
    ['as something else', { firstName: 'Janet' }, applying({ firstName: 'JANET' }), { verified: 'different' }],
    ['not at all', { firstName: 'Janet' }, applying({ firstName: undefined }), { verified: 'not_reported' }],
    ['as null', { firstName: 'Janet' }, applying({ firstName: null }), { verified: 'different' }],
    ['with a wrong type', { priority: 3 }, applying({ priority: '3' }), { verified: 'not_reported' }],
    [
      'in another order',
      { metadata: { tier: 'a', x: 1 } },
      applying({ metadata: { x: 1, tier: 'a' } }),
      { verified: 'as_requested' },
    ],
    ['merged', { metadata: { tier: 'a' } }, applying({ metadata: { tier: 'a', old: 1 } }), { verified: 'different' }],
    ['for a field that AiFi never shows', { blocked: true }, applying({ blocked: true }), { verified: 'not_reported' }],
    [
      'for a card that is deleted',
      { cardToken: null },
      applying(),
      { field: 'cardToken', after: null, verified: 'not_reported' },
    ],
  ])('is compared: %s', async (_, args, patch, line) => {
    const { envelope, aifi } = await change(args, { patch })
    expect(envelope).toMatchObject({ status: 'updated', http: { status: 200 }, changes: [line] })
    expect(envelope.customer?.id).toBe(4211)
    expect(aifi.received('PATCH').map(({ body }) => JSON.parse(body))).toEqual([args])
  })

  it.each([
    ['200 without content', fault.answer(200)],
    ['201 without content', fault.answer(201)],
    ['204', fault.noContent()],
    ['102 and then 204', fault.informational(102, fault.noContent())],
  ])('is looked up after %s', async (_, patch) => {
    const made = await change({ firstName: 'Janet' }, { patch, after: fault.answer(200, janet) })
    expect(made.envelope).toMatchObject({ status: 'updated', changes: [{ verified: 'as_requested' }], customer: janet })
    const notShown = await change({ firstName: 'Janet' }, { patch, after: fault.answer(500) })
    expect(notShown.envelope).toMatchObject({ status: 'updated', changes: [{ verified: 'not_reported' }] })
    expect(notShown.envelope.message).toMatch(/does not report firstName/)
    const different = await change({ firstName: 'Janet' }, { patch })
    expect(different.envelope).toMatchObject({ status: 'unknown', changes: [{ verified: 'different' }] })
    expect([made.patches, notShown.patches, different.patches]).toEqual([1, 1, 1])
  })

  it('with 201 and the record is as good', async () => {
    const { envelope } = await change({ firstName: 'Janet' }, { patch: fault.answer(201, janet) })
    expect(envelope).toMatchObject({ status: 'updated', changes: [{ verified: 'as_requested' }] })
  })

  it('after 103, or with one answer too many, counts', async () => {
    for (const patch of [fault.informational(103, fault.answer(200, janet)), fault.answerTwice(200, janet)]) {
      const { envelope, patches } = await change({ firstName: 'Janet' }, { patch })
      expect(envelope.status).toBe('updated')
      expect(patches).toBe(1)
    }
  })

  it('shows what moved without being asked for: AiFi applies the defaults of a new customer', async () => {
    const employee = { ...jane, role: 'employee', priority: 5, metadata: { tier: 'gold' }, email: 'jane@shop.example' }
    const defaults = { role: 'customer', priority: 0, metadata: null, email: 'd41d8c@fake.example' }
    const { envelope } = await change(
      { firstName: 'Janet' },
      { before: fault.answer(200, employee), patch: applying(defaults) },
    )
    expect(envelope.unexpectedChanges).toEqual([
      { field: 'role', before: 'employee', after: 'customer' },
      { field: 'metadata', before: { tier: 'gold' }, after: null },
      { field: 'priority', before: 5, after: 0 },
      { field: 'email', before: 'jane@shop.example', after: 'd41d8c@fake.example' },
    ])
    expect(envelope.message).toMatch(/but changed: role, metadata, priority and email/)
  })

  it('shows nothing as moved that was not read before, or did not come back', async () => {
    const unread = await change(
      { firstName: 'Janet' },
      { before: fault.answer(404), patch: applying({ role: 'tester' }) },
    )
    const silent = await change({ firstName: 'Janet' }, { patch: applying({ role: undefined }) })
    for (const { envelope } of [unread, silent]) {
      expect(envelope.status).toBe('updated')
      expect(envelope).not.toHaveProperty('unexpectedChanges')
    }
  })

  it('with wrong types is taken over without them, and that is said', async () => {
    const patch = applying({ email: 7, metadata: 'x', externalId: ['y'] })
    const { envelope } = await change({ firstName: 'Janet' }, { patch })
    expect(envelope.message).toMatch(/AiFi sent externalId, metadata and email in an unexpected form/)
    const { email: _e, metadata: _m, externalId: _x, ...rest } = janet
    expect(envelope.customer).toEqual(rest)
  })

  it('with null in every field but the id is a record', async () => {
    const nulls = Object.fromEntries(Object.keys(jane).map((field) => [field, null]))
    const { envelope } = await change({ blocked: true }, { patch: fault.answer(200, { ...nulls, id: 4211 }) })
    expect(envelope).toMatchObject({ status: 'updated', customer: { ...nulls, id: 4211 } })
  })

  it('carries nothing that AiFi does not document', async () => {
    const { envelope } = await change({ firstName: 'Janet' }, { patch: applying({ passwordHash: 'canary', __x: 1 }) })
    expect(envelope.customer).toEqual(janet)
  })
})

describe('undoing', () => {
  it.each<[string, JsonObject, JsonObject, JsonObject | undefined]>([
    ['a name', {}, { firstName: 'Janet' }, { firstName: 'Jane' }],
    [
      'several fields, without those that were as asked',
      {},
      { firstName: 'Janet', lastName: 'Doe' },
      { firstName: 'Jane' },
    ],
    ['metadata that was null', { metadata: null }, { metadata: { a: 1 } }, { metadata: null }],
    ['nothing where there was no name', { firstName: null }, { firstName: 'Janet' }, undefined],
    ['nothing that AiFi does not show', {}, { blocked: true }, undefined],
    ['nothing secret', {}, { password: 'canary-password' }, undefined],
    ['no role that could not be asked for', { role: 'vip' }, { role: 'tester' }, undefined],
    ['no priority that could not be asked for', { priority: 99 }, { priority: 1 }, undefined],
    ['no email that is none', { email: 'none' }, { email: 'j@example.com' }, undefined],
    ['nothing too long to give back whole', { firstName: 'J'.repeat(600) }, { firstName: 'Janet' }, undefined],
    ['nothing with letters that are not shown', { firstName: 'Ja\u202ene' }, { firstName: 'Janet' }, undefined],
  ])('%s', async (_, was, args, revert) => {
    const { envelope } = await change(args, { before: fault.answer(200, { ...jane, ...was }), patch: applying() })
    expect(envelope.status).toBe('updated')
    expect(envelope.revert).toEqual(revert && { customerId: 4211, ...revert })
  })

  it('works: the arguments that are given bring the old values back', async () => {
    let current: JsonObject = jane
    const { aifi, client } = await situation()
    aifi.always('GET', () => fault.answer(200, current))
    aifi.always(
      'PATCH',
      fault.answerWith(({ body }) => {
        current = { ...current, ...JSON.parse(body) }
        return { status: 200, body: current }
      }),
    )
    const args = { customerId: 4211, role: 'employee', priority: -3, metadata: { a: [1, { b: null }] } }
    const { revert } = await client.update(args)
    expect(current).not.toEqual(jane)
    expect(await client.update(revert ?? {})).toMatchObject({ status: 'updated' })
    expect(current).toEqual(jane)
  })
})
