import { describe, expect, test, vi } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { type HarnessOptions, start } from '../helpers/harness.ts'
import { RawClient } from '../helpers/raw-client.ts'
import { block, changeElsewhere, expectNothingSent } from '../helpers/situations.ts'

const MINUTE_MS = 60_000
const byForm: HarnessOptions = { env: { AIFI_APPROVAL: 'form', AIFI_APPROVAL_WAIT_SECONDS: '0' } }
const yes = { approve: { action: 'accept', content: { approve: true } } }
const no = { approve: { action: 'decline' } }

/** A 2026-07-28 client that has been asked, and the state that it was asked with. */
async function asked() {
  const harness = await start(byForm)
  harness.clock.hold()
  const raw = await RawClient.connect(harness, { era: '2026-07-28', elicitation: { form: {} } })
  const answer = (requestState: string, inputResponses: JsonObject = yes) =>
    raw.call(block, { requestState, inputResponses })
  const { state } = await raw.question(raw.call(block))
  return { harness, raw, state, answer }
}

describe('a request state', () => {
  test('of another process answers nothing here, and is found to be none of ours', async () => {
    const stranger = await asked()
    const { harness, raw, state, answer } = await asked()
    const refused = await raw.envelope(answer(stranger.state))
    expect(refused.status).toBe('declined')
    expectNothingSent(harness)
    expectNothingSent(stranger.harness)
    // No more than what somebody made up: it is refused in the same words, not as one that was used already.
    expect(refused.message).toBe((await raw.envelope(answer('made.up'))).message)
    expect((await raw.envelope(answer(state))).status).toBe('updated')
    expect((await raw.envelope(answer(state))).message).not.toBe(refused.message)
  })

  test('is good as long as its question is', async () => {
    const { harness, raw, state, answer } = await asked()
    const passed = 9.9 * MINUTE_MS
    harness.clock.advance(passed)
    const { now } = Date
    vi.spyOn(Date, 'now').mockImplementation(() => now() + passed)
    const envelope = await raw.envelope(answer(state))
    vi.restoreAllMocks()
    expect(envelope.status).toBe('updated')
  })

  test.each<[string, (situation: Awaited<ReturnType<typeof asked>>) => Promise<unknown>]>([
    ['was declined', ({ raw, state, answer }) => raw.envelope(answer(state, no))],
    [
      'lapsed',
      ({ harness, raw }) => {
        harness.clock.advance(10 * MINUTE_MS)
        return raw.envelope(raw.call(block))
      },
    ],
    ['was about the record before it moved', ({ harness }) => changeElsewhere(harness, 77, { firstName: 'Mark' })],
  ])('of a question that %s does not answer the next question about the same change', async (_how, happen) => {
    const situation = await asked()
    const { harness, raw, state, answer } = situation
    await happen(situation)
    harness.clock.advance(2 * MINUTE_MS)
    const anew = await raw.question(raw.call(block))
    expect(anew.state).not.toBe(state)
    const { result } = await raw.answerTo(answer(state))
    expect(result).not.toMatchObject({ structuredContent: { status: 'updated' } })
    expectNothingSent(harness)
  })

  test('of an older question does not take the answer away from the one that stands', async () => {
    const { harness, raw, state, answer } = await asked()
    await raw.envelope(answer(state, no))
    harness.clock.advance(2 * MINUTE_MS)
    const anew = await raw.question(raw.call(block))
    expect((await raw.envelope(answer(state))).status).toBe('declined')
    expect((await raw.envelope(answer(anew.state))).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })
})
