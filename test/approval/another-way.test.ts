import { describe, expect, test } from 'vitest'
import type { Approval } from '../../src/approval/approval.ts'
import type { Channel, Put } from '../../src/approval/channel.ts'
import { Ladder } from '../../src/approval/ladder.ts'
import { start } from '../helpers/harness.ts'
import { RawClient } from '../helpers/raw-client.ts'
import { atOnce, block, changeElsewhere, expectNothingSent } from '../helpers/situations.ts'

describe('another way to ask', () => {
  /** A team's approval service, in one class. */
  class TeamChannel implements Channel {
    readonly asked: Approval[] = []
    unavailable(): undefined {
      return undefined
    }
    async put(approval: Approval): Promise<Put> {
      if (!this.asked.includes(approval)) this.asked.push(approval)
      return { kind: 'asked', channel: 'page', waitingFor: 'The team has been asked.' }
    }
  }

  async function withTeam(fallback: readonly Channel[] = []) {
    const harness = await start({ env: atOnce })
    const team = new TeamChannel()
    const ladder = new Ladder([...fallback, team], 'Ask the team.')
    const { update: deps } = harness.app.deps
    if (!deps) throw new Error('read only')
    const app = { ...harness.app, deps: { ...harness.app.deps, update: { ...deps, ladder } } }
    const raw = await RawClient.connect({ ...harness, app }, { era: '2026-07-28' })
    return { harness, team, raw }
  }

  test('is one class: it is asked, it answers, the engine does the rest', async () => {
    const { harness, team, raw } = await withTeam()
    const pending = await raw.envelope(raw.call(block))
    expect(pending.message).toContain('The team has been asked.')
    expect((await raw.envelope(raw.call(block))).status).toBe('approval_pending')
    expect(team.asked).toHaveLength(1)
    expect(team.asked[0]?.question).toMatchObject({ customer: { id: 77, name: 'Marcus Weber' } })
    expectNothingSent(harness)
    expect(team.asked[0]?.decide({ answer: 'approved', channel: 'page' })).toBe(true)
    expect(team.asked[0]?.decide({ answer: 'declined', channel: 'page' })).toBe(false)
    await team.asked[0]?.over
    expect((await raw.envelope(raw.call(block))).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('is asked anew when the record has moved, and after one that cannot', async () => {
    const broken: Channel = {
      unavailable: () => undefined,
      put: async () => ({ kind: 'cannot', reason: 'The service is down.' }),
    }
    const { harness, team, raw } = await withTeam([broken])
    await raw.envelope(raw.call(block))
    await changeElsewhere(harness, 77, { firstName: 'Mark' })
    team.asked[0]?.decide({ answer: 'approved', channel: 'page' })
    await team.asked[0]?.over
    expectNothingSent(harness)
    expect((await raw.envelope(raw.call(block))).status).toBe('approval_pending')
    expect(team.asked.map(({ question }) => question.customer.name)).toEqual(['Marcus Weber', 'Mark Weber'])
    team.asked[1]?.decide({ answer: 'declined', channel: 'page' })
    expect((await raw.envelope(raw.call(block))).status).toBe('declined')
    expectNothingSent(harness)
  })

  test('that cannot be used says why, and so do the others', async () => {
    const ladder = [
      { unavailable: () => 'One is away.', put: async (): Promise<Put> => ({ kind: 'cannot', reason: 'unused' }) },
    ]
    const { harness } = await withTeam()
    const { update: deps } = harness.app.deps
    if (!deps) throw new Error('read only')
    const nobody = { ...deps, ladder: new Ladder([...ladder, ...ladder], 'Ask the team.') }
    const app = { ...harness.app, deps: { ...harness.app.deps, update: nobody } }
    const raw = await RawClient.connect({ ...harness, app }, { era: '2025-11-25' })
    const envelope = await raw.envelope(raw.call(block))
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain('One is away. One is away. Ask the team.')
  })
})
