import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { revertArguments } from '../../src/change/verify.ts'
import {
  changesNothing,
  loses,
  movedFields,
  provesUpdated,
  sensitiveFields,
  stillAsBefore,
  unexpectedFields,
  verified,
} from '../../src/customer/compare.ts'
import type { ChangeRequest, CustomerChanges } from '../../src/customer/fields.ts'
import { type CustomerRecord, fullName, readRecord } from '../../src/customer/record.ts'
import { RecordViews } from '../../src/customer/record-view.ts'
import { parseExactly } from '../../src/lib/exact-json.ts'
import { canonicalJson, jsonEqual } from '../../src/lib/json.ts'
import { Relay } from '../../src/lib/text.ts'
import { seededJane } from '../helpers/fault-situation.ts'

const jane: CustomerRecord = { ...seededJane, phone: null }

const request = (changes: CustomerChanges, enterPrivately: ChangeRequest['enterPrivately'] = []): ChangeRequest => ({
  customerId: 4211,
  changes,
  enterPrivately,
  dryRun: false,
})

describe('readRecord()', () => {
  test('takes over the documented members, and no other', () => {
    expect(readRecord({ ...jane, blocked: true, password: 'x', __v: 3 })).toEqual({ record: jane, wrong: [] })
    expect(readRecord({})).toEqual({ record: {}, wrong: [] })
  })

  test('keeps null apart from absent, and leaves out and names what has another type', () => {
    expect(readRecord({ id: 1, phone: null, metadata: null })).toEqual({
      record: { id: 1, phone: null, metadata: null },
      wrong: [],
    })
    const wrong = {
      id: '1',
      externalId: 5,
      role: {},
      metadata: [],
      priority: '0',
      email: false,
      firstName: [],
      phone: 1,
    }
    expect(readRecord(wrong)).toEqual({ record: {}, wrong: Object.keys(wrong) })
    expect(readRecord({ id: null }).wrong).toEqual(['id'])
    expect(readRecord({ id: 1.5, priority: 0.5 })).toEqual({ record: { priority: 0.5 }, wrong: ['id'] })
  })

  test('is not taken in by a prototype', () => {
    const { record } = readRecord(JSON.parse('{"id":1,"__proto__":{"email":"evil@example.com"}}'))
    expect(record).toEqual({ id: 1 })
    expect(record.email).toBeUndefined()
  })
})

test('a full name is made of what there is of it', () => {
  expect(fullName(jane)).toBe('Jane Doe')
  expect(fullName({ firstName: null, lastName: 'Doe' })).toBe('Doe')
  expect(fullName({ firstName: '' })).toBe('')
})

describe('equality', () => {
  const value = fc.jsonValue({ maxDepth: 4 })

  test('does not mind the order of keys, and minds everything else', () => {
    expect(jsonEqual({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true)
    for (const [one, other] of [
      [{ a: 1 }, { a: '1' }],
      [{ a: null }, {}],
      [{ a: undefined }, { b: undefined }],
      [
        [1, 2],
        [2, 1],
      ],
      [[], {}],
      [[1], { 0: 1 }],
      [null, {}],
      ['', null],
      [0, false],
      [JSON.parse('{"__proto__":{}}'), {}],
    ]) {
      expect(jsonEqual(one, other), JSON.stringify([one, other])).toBe(false)
      expect(jsonEqual(other, one), JSON.stringify([one, other])).toBe(false)
    }
  })

  test('is the equality of the canonical text, which the fingerprint of a change is made of', () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        expect(jsonEqual(one, parseExactly(canonicalJson(one)))).toBe(true)
        expect(canonicalJson(one) === canonicalJson(other)).toBe(jsonEqual(one, other))
      }),
      { numRuns: 300 },
    )
    expect(canonicalJson({ b: 1, a: { d: 1, c: 2 } })).toBe('{"a":{"c":2,"d":1},"b":1}')
  })
})

describe('a change that changes nothing', () => {
  test('asks only for what the record has already', () => {
    expect(changesNothing(request({ firstName: 'Jane', metadata: { ...jane.metadata } }), jane)).toBe(true)
    expect(changesNothing(request({ firstName: 'Jane', lastName: 'Roe' }), jane)).toBe(false)
  })

  test('is none when something asked for cannot be read', () => {
    expect(changesNothing(request({ firstName: 'Jane', blocked: false }), jane)).toBe(false)
    expect(changesNothing(request({ cardToken: null }), jane)).toBe(false)
    expect(changesNothing(request({ firstName: 'Jane' }), undefined)).toBe(false)
    expect(changesNothing(request({ firstName: 'Jane' }), { id: 4211 })).toBe(false)
    expect(changesNothing(request({ firstName: 'Jane' }, ['password']), jane)).toBe(false)
  })

  test('does not take "" for null, nor null for absent', () => {
    expect(changesNothing(request({ phone: '' }), jane)).toBe(false)
    expect(changesNothing(request({ metadata: null }), { id: 4211 })).toBe(false)
    expect(changesNothing(request({ metadata: null }), { id: 4211, metadata: null })).toBe(true)
  })
})

describe('metadata that loses members', () => {
  const digits = { a: parseExactly('12345678901234567890') }

  test.each([
    ['a key', { a: 1, b: 2 }, { a: 1 }],
    ['a key at depth', { a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 1 } } }],
    ['an object for a value', { a: { b: 1 } }, { a: 'x' }],
    ['everything for null', { a: 1 }, null],
    ['everything for nothing', { a: 1 }, undefined],
    ['a key of an object in a list', { a: [{ b: 1, c: 2 }] }, { a: [{ b: 1 }] }],
    ['an object of a list', { a: [{ b: 1 }, { b: 2 }] }, { a: [{ b: 1 }] }],
    ['an object in a list for a value', { a: [{ b: 1 }] }, { a: 'x' }],
    ['a member set to null', { a: 1 }, { a: null }],
    ['a member set to an empty text', { a: { b: 'x' } }, { a: { b: '' } }],
    ['a value of another kind', { a: 1 }, { a: '1' }],
    ['an object for a value', { a: 1 }, { a: { b: 1 } }],
    ['an object for a number that keeps its digits', digits, { a: {} }],
    ['a list for one', digits, { a: [] }],
    ['a shorter list', { a: ['x', 'y'] }, { a: ['x'] }],
    ['an element replaced', { a: [{ b: 1 }] }, { a: [{ b: 2 }] }],
    ['one of two equal elements', { a: ['x', 'x'] }, { a: ['x', 'y'] }],
    ['a list that becomes a text', { a: ['x'] }, { a: 'x' }],
    ['an own __proto__', JSON.parse('{"__proto__":1}'), {}],
    ['a key that every object inherits', JSON.parse('{"constructor":1}'), {}],
  ])('%s', (_, before, after) => {
    expect(loses(before, after)).toBe(true)
    expect(sensitiveFields(request({ metadata: after ?? null }), { ...jane, metadata: before }, [])).toEqual([
      'metadata',
    ])
  })

  test.each([
    ['a changed value', { a: 1 }, { a: 2 }],
    ['another number for one that keeps its digits', digits, { a: 2 }],
    ['an added key', { a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }],
    ['a value for an empty object', { a: {} }, { a: 1 }],
    ['a list in another order, with more in it', { a: ['x', 'y'] }, { a: ['y', 'z', 'x'] }],
    ['text for an empty text', { a: '' }, { a: 'x' }],
    ['a null that stays', { a: null }, { a: null }],
    ['null for nothing', {}, null],
    ['anything for null', null, { a: 1 }],
  ])('is not: %s', (_, before, after) => {
    expect(loses(before, after)).toBe(false)
    expect(sensitiveFields(request({ metadata: after }), { ...jane, metadata: before }, [])).toEqual([])
  })

  test('is assumed where today’s value cannot be read', () => {
    expect(sensitiveFields(request({ metadata: { a: 1 } }), undefined, [])).toEqual(['metadata'])
    expect(sensitiveFields(request({ metadata: { a: 1 } }), { id: 4211 }, [])).toEqual(['metadata'])
    expect(sensitiveFields(request({ metadata: null }), { id: 4211, metadata: null }, [])).toEqual([])
  })

  test('never is metadata with something added, and always metadata with a key taken away', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 })
    fc.assert(
      fc.property(object, object, fc.nat(), (before, added, pick) => {
        expect(loses(before, { ...added, ...before })).toBe(false)
        const keys = Object.keys(before)
        const gone = keys[pick % keys.length]
        const after = Object.fromEntries(Object.entries(before).filter(([key]) => key !== gone))
        expect(loses(before, after)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the fields that a person has to agree to', () => {
  test('are so whatever the record says already', () => {
    const same = request({ role: 'customer', email: 'jane@example.com' })
    expect(sensitiveFields(same, jane, [])).toEqual(['email', 'role'])
  })

  test('include what is to be typed', () => {
    const typed = request({ phone: '1' }, ['cardToken', 'password'])
    expect(sensitiveFields(typed, jane, [])).toEqual(['password', 'cardToken'])
  })
})

describe('a record that moved while a person looked at it', () => {
  test('differs in who it is, or in what is to be changed', () => {
    const asked = request({ priority: 5 })
    expect(movedFields(jane, { ...jane }, asked)).toEqual([])
    expect(movedFields(jane, { ...jane, phone: '2', role: 'tester', metadata: {} }, asked)).toEqual([])
    expect(movedFields(jane, { ...jane, email: 'other@example.com', priority: 1 }, asked)).toEqual([
      'priority',
      'email',
    ])
    expect(movedFields(jane, { ...jane, firstName: null }, asked)).toEqual(['firstName'])
    expect(movedFields(jane, { ...jane, metadata: { newsletter: true } }, request({ metadata: {} }))).toEqual([
      'metadata',
    ])
  })

  test('also is one that cannot be read any more, or only now', () => {
    expect(movedFields(jane, undefined, request({ priority: 5 }))).not.toEqual([])
    expect(movedFields(undefined, jane, request({ priority: 5 }))).not.toEqual([])
    expect(movedFields(undefined, undefined, request({ priority: 5 }))).toEqual([])
  })
})

describe('what came back', () => {
  test('is as requested, different, or not reported', () => {
    expect(verified('firstName', 'Jane', jane)).toBe('as_requested')
    expect(verified('firstName', 'Janet', jane)).toBe('different')
    expect(verified('metadata', { newsletter: true, loyalty: { points: 20450, tier: 'gold' } }, jane)).toBe(
      'as_requested',
    )
    expect(verified('metadata', { newsletter: true }, jane)).toBe('different')
    expect(verified('phone', '', jane)).toBe('different')
    expect(verified('blocked', true, jane)).toBe('not_reported')
    expect(verified('firstName', 'Jane', { id: 4211 })).toBe('not_reported')
    expect(verified('firstName', 'Jane', undefined)).toBe('not_reported')
  })

  test('shows what moved without being asked', () => {
    const reset = { ...jane, role: 'customer', priority: 0, metadata: null }
    const before = { ...jane, role: 'employee', priority: 7 }
    expect(unexpectedFields(before, reset, { firstName: 'J' })).toEqual(['role', 'metadata', 'priority'])
    expect(unexpectedFields(before, reset, { role: 'customer', priority: 0, metadata: null })).toEqual([])
    expect(unexpectedFields(jane, { ...jane, id: 1 }, {})).toEqual([])
    expect(unexpectedFields(jane, { id: 4211 }, {})).toEqual([])
    expect(unexpectedFields({ id: 4211 }, jane, {})).toEqual([])
    expect(unexpectedFields(undefined, jane, {})).toEqual([])
    expect(unexpectedFields(jane, undefined, {})).toEqual([])
  })
})

describe('a record read after an unclear answer', () => {
  const after = { ...jane, firstName: 'Janet' }

  test('proves the change only if it differed before, and all that is readable is as asked now', () => {
    expect(provesUpdated({ firstName: 'Janet' }, jane, after)).toBe(true)
    expect(provesUpdated({ firstName: 'Janet', blocked: true }, jane, after)).toBe(true)
    expect(provesUpdated({ firstName: 'Janet' }, after, after)).toBe(false)
    expect(provesUpdated({ firstName: 'Janet' }, undefined, after)).toBe(false)
    expect(provesUpdated({ firstName: 'Janet' }, jane, undefined)).toBe(false)
    expect(provesUpdated({ firstName: 'Janet' }, jane, { id: 4211 })).toBe(false)
    expect(provesUpdated({ firstName: 'Janet', lastName: 'Roe' }, jane, after)).toBe(false)
    expect(provesUpdated({ blocked: true }, jane, after)).toBe(false)
  })

  test('proves that nothing changed only if every field shows, and still is what it was', () => {
    expect(stillAsBefore({ firstName: 'Janet' }, jane, jane)).toBe(true)
    expect(stillAsBefore({ firstName: 'Janet', lastName: 'Doe' }, jane, jane)).toBe(true)
    expect(stillAsBefore({ firstName: 'Jane' }, jane, jane)).toBe(false)
    expect(stillAsBefore({ firstName: 'Janet', blocked: true }, jane, jane)).toBe(false)
    expect(stillAsBefore({ firstName: 'Janet' }, jane, after)).toBe(false)
    expect(stillAsBefore({ firstName: 'Janet' }, undefined, jane)).toBe(false)
    expect(stillAsBefore({ firstName: 'Janet' }, jane, undefined)).toBe(false)
  })
})

describe('the arguments that would undo a change', () => {
  const evidence = (changes: CustomerChanges, before: CustomerRecord | undefined, secrets: string[] = []) => ({
    request: request(changes),
    changes,
    before,
    view: new RecordViews(new Uint8Array(32), 'all').of(4211, new Relay(secrets)),
  })

  test('are the values that were there before, of fields that can be read', () => {
    const changes: CustomerChanges = { firstName: 'Janet', metadata: {}, blocked: true, password: 'password-1' }
    expect(revertArguments(evidence(changes, jane))).toEqual({
      customerId: 4211,
      firstName: 'Jane',
      metadata: jane.metadata,
    })
  })

  test('leave out what did not change, what was null and must not be null, and what was not known', () => {
    const revert = (changes: CustomerChanges, before: CustomerRecord | undefined) =>
      revertArguments(evidence(changes, before))
    expect(revert({ firstName: 'Jane' }, jane)).toBeUndefined()
    expect(revert({ phone: '1' }, { ...jane, phone: null })).toBeUndefined()
    expect(revert({ firstName: 'Janet' }, undefined)).toBeUndefined()
    expect(revert({ firstName: 'Janet' }, { id: 4211 })).toBeUndefined()
    expect(revert({ metadata: { a: 1 } }, { id: 4211, metadata: null })).toEqual({ customerId: 4211, metadata: null })
  })

  test('are only such that the tool takes, and that were taken over unharmed', () => {
    const before = {
      ...jane,
      role: 'vip',
      email: 'no email',
      priority: 50,
      lastName: 'Do\u202ee',
      externalId: 'a'.repeat(600),
    }
    const changes: CustomerChanges = {
      role: 'customer',
      email: 'j@example.com',
      priority: 1,
      lastName: 'D',
      externalId: 'e',
    }
    expect(revertArguments(evidence(changes, before))).toBeUndefined()
    expect(
      revertArguments(
        evidence({ phone: '1', firstName: 'J' }, { ...jane, phone: 'hunter2-hunter2' }, ['hunter2-hunter2']),
      ),
    ).toEqual({ customerId: 4211, firstName: 'Jane' })
  })
})
