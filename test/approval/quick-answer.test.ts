import { describe, expect, test } from 'vitest'
import { decline, eras, start } from '../helpers/harness.ts'
import { block, expectNothingSent } from '../helpers/situations.ts'

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
