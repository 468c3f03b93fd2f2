import fc from 'fast-check'
import { LosslessNumber } from 'lossless-json'
import { describe, expect, test } from 'vitest'
import { EXACT_LIMIT, parseExactly, writeExactly } from '../../src/lib/exact-json.ts'
import { canonicalJson, isJsonObject, jsonEqual } from '../../src/lib/json.ts'

describe('numbers', () => {
  test.each([
    '9007199254740993',
    '12345678901234567890',
    '0.12345678901234567',
    '123456789012.3456789',
    '1e400',
    '-1e400',
    '1e-400',
    '1E+400',
    '3.14159265358979323846',
    `1${'0'.repeat(400)}`,
  ])('%s is kept in its digits', (digits) => {
    const value = parseExactly(`{"a":[1,${digits}],"b":"${digits}"}`)
    expect(value).toEqual({ a: [1, new LosslessNumber(digits)], b: digits })
    expect(writeExactly(value)).toBe(`{"a":[1,${digits}],"b":"${digits}"}`)
  })

  test.each(['0', '-0', '1.10', '1e3', '1e23', '1E5', '5e-324', '9007199254740992', '0.30000000000000004', '1e21'])(
    '%s is a number',
    (digits) => {
      expect(parseExactly(`[${digits}]`)).toEqual([Number(digits)])
    },
  )

  test('every double that JSON writes is held', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseExactly(JSON.stringify([value]))).toEqual([value + 0])
      }),
    )
  })
})

test('the rest is what JSON.parse makes of it, whether or not a number in it is kept in its digits', () => {
  fc.assert(
    fc.property(fc.json(), fc.boolean(), (json, isLong) => {
      const text = isLong ? `[${json},12345678901234567890]` : `[${json},1]`
      const [value, number] = [parseExactly(text)].flat()
      expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(json)))
      expect(writeExactly(number)).toBe(isLong ? '12345678901234567890' : '1')
    }),
  )
})

test('a member named __proto__ is a member', () => {
  const text = '{"__proto__":{"a":12345678901234567890},"b":1}'
  const value = parseExactly(text)
  expect(isJsonObject(value) && Object.keys(value)).toEqual(['__proto__', 'b'])
  expect(writeExactly(value)).toBe(text)
})

test('of a name that is given twice, the last one counts, as with JSON.parse', () => {
  expect(writeExactly(parseExactly('{"a":1,"a":12345678901234567890}'))).toBe('{"a":12345678901234567890}')
})

test('two numbers in digits are equal when their digits are, and equal to no double', () => {
  const [a, b, c, d] = [parseExactly('[9007199254740993, 9007199254740993, 9007199254740995, 9007199254740992]')].flat()
  expect(jsonEqual(a, b)).toBe(true)
  expect(jsonEqual(a, c)).toBe(false)
  expect(jsonEqual(a, d)).toBe(false)
  expect(jsonEqual(d, a)).toBe(false)
  expect(canonicalJson({ b: 1, a: [a] })).toBe('{"a":[9007199254740993],"b":1}')
})

test('what is too long to be read exactly is refused, and only that', () => {
  const zeros = `[${'0,'.repeat(EXACT_LIMIT / 2)}`
  expect(() => parseExactly(`${zeros}1]`)).not.toThrow()
  expect(() => parseExactly(`${zeros}1e400]`)).toThrow(RangeError)
})

test.each(['', '[1e400', '[1e400,]', '{"a":1e400}}'])('%s is no JSON', (text) => {
  expect(() => parseExactly(text)).toThrow(SyntaxError)
})

describe('the name of a member', () => {
  test.each([String.raw`ab\u0041`, String.raw`ab\n`, String.raw`ab\"`, String.raw`ab\\`])(
    '%s is what is written, whatever was read before',
    (written) => {
      // V8 remembers the names of objects that it has read, and takes the one for the other (Node 24 and 26).
      for (let round = 0; round < 3; round += 1) {
        parseExactly(String.raw`{"x":1,"ab\\":2}`)
        const read = parseExactly(`{"x":1,"${written}" \n: {"y":"${written}"}}`)
        const name = String(parseExactly(`"${written}"`))
        expect(read).toEqual({ x: 1, [name]: { y: name } })
      }
    },
  )

  test('that is written with an escape is read in a text of any length', () => {
    const long = 'x'.repeat(EXACT_LIMIT)
    expect(parseExactly(`{"gr\\u00f6\\u00dfe":"${long}"}`)).toEqual({ größe: long })
  })
})
