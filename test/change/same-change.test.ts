import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { accept, eras, start } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import {
  atOnce,
  block,
  changeElsewhere,
  expectNothingSent,
  onPage,
  rename,
  roundTrip,
  statusesOf,
} from '../helpers/situations.ts'

describe('what is typed privately', () => {
  test('makes two changes of two calls that want different things typed', async () => {
    const aifi = await controlledAifi({ env: { ...onPage, ...atOnce } })
    const client = await aifi.harness.connect()
    const password = { customerId: 4211, enterPrivately: ['password'] }
    const card = { customerId: 4211, enterPrivately: ['cardToken'] }
    for (const args of [password, card]) expect((await client.update(args)).status).toBe('approval_pending')
    const page = new PageVisitor(await openedAddress(aifi.harness))
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
    const aifi = await controlledAifi({ env: { ...onPage, ...atOnce } })
    const client = await aifi.harness.connect()
    for (const args of [one, other]) await client.update({ customerId: 4211, ...args })
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.get()
    expect(page.tokens).toHaveLength(2)
  })
})

test.each<[string, string, JsonObject]>([
  ['expects another email', 'expectedEmail', { expectedEmail: 'jane@example.com' }],
  ['has a marker of nothing that is stored', 'phone', { phone: '⟦altered 000000⟧' }],
])('a call that %s does not pick up the outcome of one without it', async (_what, field, more) => {
  const harness = await start({ env: { ...onPage, ...atOnce } })
  const client = await harness.connect()
  await client.update(block)
  const page = new PageVisitor(await openedAddress(harness))
  await page.get()
  await page.press('approve')
  expect(await client.update({ ...block, ...more })).toMatchObject({ status: 'invalid', errors: [{ field }] })
  expect(await client.update(block)).toMatchObject({ status: 'updated' })
  expect(harness.sent('PATCH')).toHaveLength(1)
})

describe('the same call', () => {
  test('in another key order is the same change: one question, one window', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    harness.clock.hold()
    const client = await harness.connect()
    await client.update({ customerId: 77, role: 'tester', metadata: { a: { x: 1, y: [1, 2] }, b: 2 } })
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    const again = await client.update({ metadata: { b: 2, a: { y: [1, 2], x: 1 } }, role: 'tester', customerId: 77 })
    expect(again.status).toBe('approval_pending')
    expect(harness.browser.opened).toHaveLength(1)
    await page.press('approve')
    const told = await client.update({ role: 'tester', customerId: 77, metadata: { a: { y: [1, 2], x: 1 }, b: 2 } })
    expect(told.status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('with another order in a list is another change', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    await client.update({ customerId: 77, metadata: { list: [1, 2] } })
    await client.update({ customerId: 77, metadata: { list: [2, 1] } })
    const { body } = await new PageVisitor(harness.browser.opened.at(-1) ?? '').get()
    expect(body).toContain('2 questions')
  })

  test('after a plain change is a second change, which finds nothing to do', async () => {
    const harness = await start()
    const { update } = await harness.connect()
    expect(await update(rename)).toMatchObject({ status: 'updated' })
    const second = await update(rename)
    expect(second).toMatchObject({ status: 'unchanged' })
    expect(second.message).not.toContain('was the outcome')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('finds the question withdrawn when the record has moved: the old form decides nothing', async () => {
    const harness = await start({ env: { ...onPage, ...atOnce } })
    const client = await harness.connect()
    const args = { customerId: 77, role: 'employee' }
    await client.update(args)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    const oldForm = page.form('approve')
    await changeElsewhere(harness, 77, { role: 'tester' })
    expect((await client.update(args)).status).toBe('approval_pending')
    await page.send(oldForm)
    await roundTrip(client)
    expectNothingSent(harness)
    const { body } = await page.get()
    expect(body).toContain('tester')
    // Nor does it when it is sent again, the new question having been read meanwhile.
    await page.send(oldForm)
    await roundTrip(client)
    expectNothingSent(harness)
    await page.get()
    await page.press('approve')
    expect(harness.sent('PATCH')).toHaveLength(1)
    expect(await client.update(args)).toMatchObject({ status: 'updated', changes: [{ before: 'tester' }] })
  })

  test('that is waiting is told of the new question too when another one finds the record moved', async () => {
    const harness = await start({ env: onPage })
    const client = await harness.connect()
    const args = { customerId: 77, role: 'employee' }
    const first = client.update(args)
    const page = new PageVisitor(await openedAddress(harness))
    await page.get()
    await changeElsewhere(harness, 77, { role: 'tester' })
    const second = client.update(args)
    await expect.poll(async () => (await page.get()).body).toContain('tester')
    await page.press('approve')
    expect(statusesOf(await Promise.all([first, second]))).toEqual(['updated', 'updated'])
    expect(harness.sent('PATCH')).toHaveLength(1)
  })
})

test.each(eras)(
  'a call that comes while the same change is being decided has its outcome, not another one (%s)',
  async (era) => {
    const aifi = await controlledAifi()
    let answer: () => void = () => undefined
    const asked = new Promise<void>((resolve) => {
      answer = resolve
    })
    const client = await aifi.harness.connect({
      era,
      answer: async () => {
        await asked
        aifi.harness.clock.advance(2_000)
        return accept()
      },
    })
    const blockJane = { customerId: 4211, blocked: true }
    const first = client.update(blockJane)
    await expect.poll(() => client.asked.length).toBe(1)
    // Its look at the record is slow; meanwhile the person answers, and the first call has its outcome.
    aifi.hold('GET')
    const second = client.update(blockJane)
    await aifi.held()
    aifi.letThrough()
    answer()
    expect(await first).toMatchObject({ status: 'updated' })
    await aifi.letGo()
    expect(await second).toMatchObject({
      status: 'updated',
      message: expect.stringContaining('nothing was sent again'),
    })
    expect(client.asked).toHaveLength(1)
    expect(aifi.patches()).toEqual([{ blocked: true }])
  },
)
