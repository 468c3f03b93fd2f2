import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Ask, Channel } from '../../src/approval/channel.ts'
import { Ladder } from '../../src/approval/ladder.ts'
import type { AnswerKind, Asked } from '../../src/change/change.ts'
import type { Changes } from '../../src/change/changes.ts'
import { type HarnessOptions, start } from '../helpers/harness.ts'
import { RawClient } from '../helpers/raw-client.ts'
import { atOnce, block, changeElsewhere, expectNothingSent } from '../helpers/situations.ts'

/** A team's approval service, in one class. */
class TeamChannel implements Channel {
  readonly names = ['page'] as const
  readonly asked: Asked[] = []
  readonly #changes: Changes

  constructor(changes: Changes) {
    this.#changes = changes
  }

  unavailable(): undefined {
    return undefined
  }

  async ask(change: Asked): Promise<Ask> {
    if (!change.asking.rung) {
      const rung = { channel: 'page', handle: randomUUID(), standing: false } as const
      if (!(await this.#changes.put(change, rung))) return { kind: 'moved' }
      const now = await this.#changes.get(change.id)
      if (now?.state === 'asked') this.asked.push(now)
    }
    return { kind: 'asked', channel: 'page', waitingFor: 'The team has been asked.' }
  }

  /** What somebody says to the question that was put as number `index`. */
  async say(index: number, answer: AnswerKind): Promise<string> {
    const asking = this.asked[index]?.asking
    const id = this.asked[index]?.id ?? ''
    const given = { round: asking?.round ?? 0, handle: asking?.rung?.handle ?? '', answer, channel: 'page' } as const
    return (await this.#changes.decide(id, given)).kind
  }
}

async function withTeam(before: readonly Channel[] = []) {
  let team: TeamChannel | undefined
  const ladder: HarnessOptions['ladder'] = ({ changes }) => {
    team = new TeamChannel(changes)
    return new Ladder([...before, team], 'Ask the team.')
  }
  const harness = await start({ env: atOnce, ladder })
  const raw = await RawClient.connect(harness, { era: '2026-07-28' })
  if (!team) throw new Error('no team')
  return { harness, team, raw }
}

describe('another way to ask', () => {
  test('is one class: it is asked, it answers, the engine does the rest', async () => {
    const { harness, team, raw } = await withTeam()
    const pending = await raw.envelope(raw.call(block))
    expect(pending.message).toContain('The team has been asked.')
    expect((await raw.envelope(raw.call(block))).status).toBe('approval_pending')
    expect(team.asked).toMatchObject([{ customerId: 77, asking: { shown: { record: { firstName: 'Marcus' } } } }])
    expectNothingSent(harness)
    expect(await team.say(0, 'approved')).toBe('counted')
    expect(await team.say(0, 'declined')).toBe('too_late')
    expect((await raw.envelope(raw.call(block))).status).toBe('updated')
    expect(harness.sent('PATCH')).toHaveLength(1)
  })

  test('is asked anew when the record has moved, and after one that cannot', async () => {
    const broken: Channel = {
      names: ['form'],
      unavailable: () => undefined,
      ask: async () => ({ kind: 'cannot', reason: 'The service is down.' }),
    }
    const { harness, team, raw } = await withTeam([broken])
    await raw.envelope(raw.call(block))
    await changeElsewhere(harness, 77, { firstName: 'Mark' })
    expect(await team.say(0, 'approved')).toBe('counted')
    expect((await raw.envelope(raw.call(block))).status).toBe('approval_pending')
    expectNothingSent(harness)
    expect(team.asked.map(({ asking }) => asking.shown.record?.firstName)).toEqual(['Marcus', 'Mark'])
    expect(await team.say(0, 'approved')).toBe('too_late')
    expect(await team.say(1, 'declined')).toBe('counted')
    expect((await raw.envelope(raw.call(block))).status).toBe('declined')
    expectNothingSent(harness)
  })

  test('that cannot be used says why, and so do the others', async () => {
    const away: Channel = {
      names: ['form'],
      unavailable: () => 'One is away.',
      ask: async () => ({ kind: 'cannot', reason: 'unused' }),
    }
    const harness = await start({ env: atOnce, ladder: () => new Ladder([away, away], 'Ask the team.') })
    const raw = await RawClient.connect(harness, { era: '2025-11-25' })
    const envelope = await raw.envelope(raw.call(block))
    expect(envelope.status).toBe('approval_unavailable')
    expect(envelope.message).toContain('One is away. One is away. Ask the team.')
  })
})
