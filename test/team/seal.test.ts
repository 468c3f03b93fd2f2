import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSeals, KEY_BYTES } from '../../src/team/seal.ts'

const [oldKey, newKey, foreignKey] = [randomBytes(KEY_BYTES), randomBytes(KEY_BYTES), randomBytes(KEY_BYTES)]

test('what was sealed opens, character by character, and looks different each time', () => {
  const seal = createSeals([newKey])('body')
  fc.assert(
    fc.property(fc.string({ unit: fc.nat(0xd7ff).map((unit) => String.fromCharCode(unit)) }), (text) => {
      const sealed = seal.seal(text)
      expect(seal.open(sealed)).toBe(text)
      expect(seal.seal(text)).not.toBe(sealed)
      expect(sealed).toMatch(/^[\w-]+$/)
    }),
  )
})

test('one changed bit anywhere, a cut or an addition opens nothing', () => {
  const seal = createSeals([newKey])('body')
  const bytes = Buffer.from(seal.seal('4211'), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(seal.open(changed.toString('base64url'))).toBeUndefined()
  }
  for (let length = 0; length < bytes.length; length += 1) {
    expect(seal.open(bytes.subarray(0, length).toString('base64url'))).toBeUndefined()
  }
  const sealed = bytes.toString('base64url')
  for (const other of [`${sealed}A`, `${sealed}=`, ` ${sealed}`, `${sealed.slice(0, 9)}\n${sealed.slice(9)}`]) {
    expect(seal.open(other), JSON.stringify(other)).toBeUndefined()
  }
})

test('it opens for its own purpose only', () => {
  const seals = createSeals([newKey])
  const sealed = seals('session').seal('Alex')
  expect(seals('session').open(sealed)).toBeDefined()
  expect(seals('sign-in').open(sealed)).toBeUndefined()
})

test('while keys rotate, the first one seals and every one opens', () => {
  const before = createSeals([oldKey])('session')
  const during = createSeals([newKey, oldKey])('session')
  const after = createSeals([newKey])('session')
  expect(during.open(before.seal('Alex'))).toBeDefined()
  expect(after.open(during.seal('Alex'))).toBeDefined()
  expect(after.open(before.seal('Alex'))).toBeUndefined()
  expect(createSeals([foreignKey])('session').open(during.seal('Alex'))).toBeUndefined()
})

test('a key of another length, or none, is refused', () => {
  expect(() => createSeals([])).toThrow('no key')
  expect(() => createSeals([newKey, randomBytes(KEY_BYTES - 1)])).toThrow('32 bytes')
})
