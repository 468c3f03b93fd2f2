import { describe, expect, test } from 'vitest'
import { controlledAifi } from '../../helpers/controlled-aifi.ts'
import { openedAddress, PageVisitor } from '../../helpers/page-visitor.ts'
import { recordingAudit } from '../../helpers/recording-audit.ts'

describe('what a person types into the page', () => {
  const spaced = '  pass word\t'
  test.each([
    ['spaces around it', spaced],
    ['letters of two code points', 'e\u0301clair-'.repeat(2)],
    ['a plus, a percent sign and an ampersand', 'a+b%20c&d=e;f'],
    ['a no-break space in front', '\u00a0password'],
    ['a zero-width space behind', 'password\u200b'],
    ['letters of all cases', 'PassWORD-ß-İ'],
  ])('is sent as it was typed: %s', async (_what, password) => {
    const aifi = await controlledAifi()
    const client = await aifi.harness.connect()
    const call = client.update({ customerId: 4211, enterPrivately: ['password', 'cardToken'] })
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.press('approve', {
      password,
      passwordAgain: password,
      cardToken: password,
      cardTokenAgain: password,
    })
    expect((await call).status).toBe('updated')
    expect(aifi.patches()).toEqual([{ password, cardToken: password }])
  })

  test('is not the same when only one of the two entries has a space', async () => {
    const aifi = await controlledAifi()
    const client = await aifi.harness.connect()
    const call = client.update({ customerId: 4211, enterPrivately: ['password'] })
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.press('approve', { password: 'a new password ', passwordAgain: 'a new password' })
    await client.client.listTools()
    expect(aifi.patches()).toEqual([])
    await page.press('approve', { password: 'a new password ', passwordAgain: 'a new password ' })
    expect((await call).status).toBe('updated')
    expect(aifi.patches()).toEqual([{ password: 'a new password ' }])
  })

  test('is in the audit by the names of its fields', async () => {
    const { audit, attempts, outcomes } = recordingAudit()
    const aifi = await controlledAifi({ audit, env: { AIFI_AUDIT_LOG: '/unused', AIFI_AUDIT_VALUES: 'true' } })
    const client = await aifi.harness.connect()
    const call = client.update({ customerId: 4211, phone: '+1', enterPrivately: ['password', 'cardToken'] })
    const page = new PageVisitor(await openedAddress(aifi.harness))
    const typed = { password: 'canary-password', cardToken: 'canary-token' }
    await page.press('approve', { ...typed, passwordAgain: typed.password, cardTokenAgain: typed.cardToken })
    await call
    expect(attempts.map(({ fields }) => [...fields].sort())).toEqual([['cardToken', 'password', 'phone']])
    expect(attempts[0]?.values).toEqual({ phone: '+1' })
    expect(JSON.stringify([attempts, outcomes])).not.toContain('canary')
  })
})
