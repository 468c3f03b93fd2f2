import { describe, expect, test } from 'vitest'
import { decline, eras, start } from '../helpers/harness.ts'
import { openedAddress, PageVisitor } from '../helpers/page-visitor.ts'
import { RawClient } from '../helpers/raw-client.ts'
import { block, expectNothingSent } from '../helpers/situations.ts'

/** Of a customer whose record fits into a form. */
const unblock = { customerId: 4211, blocked: false }

/** No person reads and answers a question in less than 0.7 s. */
describe.each(eras)('a no to a form (%s)', (era) => {
  async function declinedAfter(ms: number) {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    harness.clock.hold()
    const answer = () => {
      harness.clock.advance(ms)
      return decline()
    }
    const client = await harness.connect({ era, answer, readingMs: 0 })
    const envelope = await client.update(block)
    expectNothingSent(harness)
    return { envelope, opened: harness.browser.opened.length }
  }

  test.each([0, 69, 71, 150, 400, 699])('after %s ms is not that of a person: the page is opened', async (ms) => {
    const { envelope, opened } = await declinedAfter(ms)
    expect(envelope).toMatchObject({ status: 'approval_pending', approval: { channel: 'page' } })
    expect(opened).toBe(1)
  })

  test.each([700, 1_000, 60_000])('after %s ms is that of a person', async (ms) => {
    const { envelope, opened } = await declinedAfter(ms)
    expect(envelope).toMatchObject({ status: 'declined', approval: { channel: 'form', answer: 'declined' } })
    expect(opened).toBe(0)
  })
})

describe('after a form was handed on to the page', () => {
  const yes = { approve: { action: 'accept', content: { approve: true } } }

  test.each([
    ['no content', { approve: { action: 'accept', content: {} } }],
    ['a yes', yes],
    ['nothing that is an answer', { approve: 'yes' }],
  ])('%s that comes back from it decides nothing', async (_, inputResponses) => {
    const harness = await start({ env: { AIFI_APPROVAL_WAIT_SECONDS: '0' } })
    harness.clock.hold()
    const raw = await RawClient.connect(harness, { era: '2026-07-28', elicitation: { form: {} } })
    const { state } = await raw.question(raw.call(unblock))
    const tooQuick = raw.call(unblock, { requestState: state, inputResponses: yes }, {}, 0)
    expect((await raw.envelope(tooQuick)).approval).toMatchObject({ channel: 'page' })
    const late = raw.call(unblock, { requestState: state, inputResponses })
    expect((await raw.envelope(late)).status).toBe('approval_pending')
    expectNothingSent(harness)
    // Nobody had looked at the first page.
    const page = new PageVisitor(await openedAddress(harness, 2))
    await page.get()
    harness.clock.advance(1_000)
    await page.press('approve')
    expect((await raw.envelope(raw.call(unblock))).status).toBe('updated')
  })
})
