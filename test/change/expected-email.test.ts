import { describe, expect, test } from 'vitest'
import { start } from '../helpers/harness.ts'
import { block, expectNothingSent, rename } from '../helpers/situations.ts'

describe('expectedEmail', () => {
  test('lets a change through in any case of the letters, a plain one too', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    expect((await update({ ...rename, expectedEmail: 'Marcus.WEBER@Example.com' })).status).toBe('updated')
  })

  test('refuses a change of somebody else before anybody is asked, a plain one too', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    for (const args of [block, rename]) {
      const envelope = await update({ ...args, expectedEmail: 'jane@example.com' })
      expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'expectedEmail', rule: 'any.only' }] })
      expect(envelope.message).toContain('does not carry the expected email')
      expect(JSON.stringify(envelope)).not.toContain('marcus.weber')
    }
    expect(harness.browser.opened).toEqual([])
    expectNothingSent(harness)
  })

  test.each([
    ['there is nothing to read', { getById: false }],
    ['reading is off', { env: { AIFI_READ_BACK: 'off' } }],
  ])('refuses a change when %s', async (_when, options) => {
    const harness = await start(options)
    const { update } = await harness.connect()
    const envelope = await update({ ...rename, expectedEmail: 'marcus.weber@example.com' })
    expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'expectedEmail' }] })
    expect(envelope.message).toContain('could not be read')
    expectNothingSent(harness)
  })
})
