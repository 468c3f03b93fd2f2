import { describe, expect, test } from 'vitest'
import { controlledAifi } from '../helpers/controlled-aifi.ts'
import { fault } from '../helpers/fault.ts'
import { jane } from '../helpers/fault-situation.ts'
import { accept, eras } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { RawClient } from '../helpers/raw-client.ts'

const onPage = { AIFI_APPROVAL: 'page', AIFI_APPROVAL_WAIT_SECONDS: '0' }
const promote = { customerId: 4211, role: 'employee' }
const moved = { ...jane, role: 'tester', firstName: 'Joan' }

describe('a record that moves while a person is asked, and moves back before the answer', () => {
  test('is not changed by the moves: only an Approve sends, and only one of the question that stands now', async () => {
    const aifi = await controlledAifi({ env: onPage })
    const client = await aifi.harness.connect()
    expect((await client.update(promote)).status).toBe('approval_pending')
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.get()
    const oldForm = page.form('approve')
    // The repeated call sees it moved; whoever looks after that sees it as it was at first.
    aifi.nextReadings(fault.answer(200, moved))
    expect((await client.update(promote)).status).toBe('approval_pending')
    expect(aifi.patches()).toEqual([])
    await page.send(oldForm)
    await client.client.listTools()
    expect(aifi.patches()).toEqual([])
    await page.get()
    await page.press('approve')
    // It may have been asked once more, if the question showed the record as it was for a moment.
    if (aifi.patches().length === 0) await page.press('approve')
    expect(aifi.patches()).toEqual([{ role: 'employee' }])
    expect(await client.update(promote)).toMatchObject({ status: 'updated', changes: [{ before: 'customer' }] })
  })

  test('is not changed by a yes to the form that was shown before (2026-07-28)', async () => {
    const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'form', AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    const raw = await RawClient.connect(aifi.harness, { era: '2026-07-28', elicitation: { form: {} } })
    const yes = { approve: { action: 'accept', content: { approve: true } } }
    const first = await raw.question(raw.call(promote))
    aifi.nextReadings(fault.answer(200, moved))
    await raw.question(raw.call(promote))
    const late = await raw.answerTo(raw.call(promote, { requestState: first.state, inputResponses: yes }))
    expect(late.result).not.toMatchObject({ structuredContent: { status: 'updated' } })
    expect(aifi.patches()).toEqual([])
  })

  test.each(eras)(
    'is asked about anew when it has moved at the answer, and back when it is asked about (%s)',
    async (era) => {
      const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'form' } })
      const asked: string[] = []
      const client = await aifi.harness.connect({
        era,
        answer: ({ message }) => {
          asked.push(message)
          if (asked.length === 1) aifi.nextReadings(fault.answer(200, moved))
          return accept()
        },
      })
      expect((await client.update(promote)).status).toBe('updated')
      expect(asked.length).toBeGreaterThan(1)
      expect(aifi.patches()).toEqual([{ role: 'employee' }])
    },
  )
})

describe('a first reading that is the record of another customer', () => {
  const other = { ...jane, id: 77, role: 'employee', email: 'marcus@example.com', firstName: 'Marcus' }

  test.each(eras)('is not shown to anybody as the record of this one (%s)', async (era) => {
    const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'form' } })
    aifi.nextReadings(fault.answer(200, other), fault.answer(200, other))
    const client = await aifi.harness.connect({ era, answer: () => accept() })
    // Marcus is an employee already: Jane is not.
    const envelope = await client.update(promote)
    expect(envelope.status).toBe('updated')
    expect(client.asked).toHaveLength(1)
    expect(envelope.changes?.[0]).not.toHaveProperty('before')
    expect(JSON.stringify([client.asked, envelope])).not.toMatch(/marcus/i)
    expect(aifi.patches()).toEqual([{ role: 'employee' }])
  })

  test('does not prove the expected email', async () => {
    const aifi = await controlledAifi()
    aifi.nextReadings(fault.answer(200, other))
    const client = await aifi.harness.connect()
    const envelope = await client.update({ customerId: 4211, phone: '+1', expectedEmail: 'marcus@example.com' })
    expect(envelope).toMatchObject({ status: 'invalid', errors: [{ field: 'expectedEmail' }] })
    expect(JSON.stringify(envelope)).not.toContain('Marcus')
    expect(aifi.patches()).toEqual([])
  })

  test('does not show that metadata loses nothing, so somebody is asked', async () => {
    const aifi = await controlledAifi({ env: { AIFI_APPROVAL: 'form' } })
    aifi.nextReadings(fault.answer(200, { ...other, metadata: null }), fault.answer(200, { ...other, metadata: null }))
    const client = await aifi.harness.connect({ answer: () => accept({ approve: false }) })
    expect((await client.update({ customerId: 4211, metadata: { store: 'Berlin' } })).status).toBe('declined')
    expect(client.asked).toHaveLength(1)
    expect(aifi.patches()).toEqual([])
  })

  test('shows nothing in a dry run', async () => {
    const aifi = await controlledAifi()
    aifi.nextReadings(fault.answer(200, other))
    const client = await aifi.harness.connect()
    const envelope = await client.update({ ...promote, dryRun: true })
    expect(envelope).toMatchObject({ status: 'preview', changes: [{ field: 'role', after: 'employee' }] })
    expect(envelope.changes?.[0]).not.toHaveProperty('before')
  })
})

describe('a record that cannot be read when the call is repeated', () => {
  test.each([
    ['AiFi fails', fault.answer(500)],
    ['AiFi knows it no more', fault.answer(404)],
    ['AiFi is not reached', fault.resetAfterBody()],
    ['AiFi answers with another one', fault.answer(200, { ...jane, id: 77 })],
  ])('leaves the question as it is: %s', async (_why, reading) => {
    const aifi = await controlledAifi({ env: onPage })
    const client = await aifi.harness.connect()
    await client.update(promote)
    const page = new PageVisitor(await openedAddress(aifi.harness))
    await page.get()
    aifi.everyReading(reading)
    expect((await client.update(promote)).status).toBe('approval_pending')
    expect(aifi.harness.browser.opened).toHaveLength(1)
    aifi.everyReading()
    // The form as it was shown first is still good.
    await page.press('approve')
    await expect.poll(aifi.patches).toEqual([{ role: 'employee' }])
    expect((await client.update(promote)).status).toBe('updated')
  })
})
