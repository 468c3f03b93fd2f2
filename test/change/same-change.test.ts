import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'

const onPage = { AIFI_APPROVAL: 'page', AIFI_APPROVAL_WAIT_SECONDS: '0' }

describe('what is typed privately', () => {
  test('makes two changes of two calls that want different things typed', async () => {
    const aifi = await controlledAifi({ env: onPage })
    const client = await aifi.harness.connect()
    const password = { customerId: 4211, enterPrivately: ['password'] }
    const card = { customerId: 4211, enterPrivately: ['cardToken'] }
    for (const args of [password, card]) expect((await client.update(args)).status).toBe('approval_pending')
    const page = new PageVisitor(aifi.harness.browser.opened[0] ?? '')
    await page.get()
    expect(page.tokens).toHaveLength(2)
    await page.press('approve', { password: 'a new password', passwordAgain: 'a new password' })
    await page.press('approve', { cardToken: 'tok_1', cardTokenAgain: 'tok_1' })
    expect(aifi.patches()).toEqual([{ password: 'a new password' }, { cardToken: 'tok_1' }])
    expect(await client.update(password)).toMatchObject({ status: 'updated', changes: [{ field: 'password' }] })
    expect(await client.update(card)).toMatchObject({ status: 'updated', changes: [{ field: 'cardToken' }] })
    expect(aifi.patches()).toHaveLength(2)
  })

  test.each<[string, JsonObject, JsonObject]>([
    ['one of two', { enterPrivately: ['password'] }, { enterPrivately: ['password', 'cardToken'] }],
    ['nothing', { role: 'employee' }, { role: 'employee', enterPrivately: ['password'] }],
  ])('makes two changes of two calls of which one wants %s typed', async (_what, one, other) => {
    const aifi = await controlledAifi({ env: onPage })
    const client = await aifi.harness.connect()
    for (const args of [one, other]) await client.update({ customerId: 4211, ...args })
    const page = new PageVisitor(aifi.harness.browser.opened[0] ?? '')
    await page.get()
    expect(page.tokens).toHaveLength(2)
  })
})
