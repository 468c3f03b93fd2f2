import { describe, expect, test } from 'vitest'

interface Row {
  readonly what: string
  readonly meets: boolean | undefined
}
interface Bench {
  summary(values: readonly number[]): object
  judge(measured: object, nodeMajor: number): Row[]
  table(rows: readonly Row[]): string
  judgeTeam(measured: object): Row[]
}
// Plain JavaScript, which the type checker does not read.
const files = ['statistics', 'table', 'targets', 'team/targets'].map(
  (name) => new URL(`../../bench/${name}.mjs`, import.meta.url).href,
)
const { summary, judge, table, judgeTeam }: Bench = Object.assign(
  {},
  ...(await Promise.all(files.map((file) => import(file)))),
)

const each = <Figure>(names: readonly string[], figure: Figure) =>
  Object.fromEntries(names.map((name) => [name, figure]))
const same = (names: readonly string[], value: number) => each(names, summary([value]))
const memory = (bytes: number) => each(['atOnce', 'loaded', 'quiet'], summary([bytes]))
const servers = ['ours', 'oursReading', 'oursLogging', 'minimalV1', 'minimalV2']

/** Figures of a server that is exactly as fast and as large as what it is compared with. */
const figures = {
  start: { ...same(servers, 100), node: summary([25]) },
  firstCall: { ours: { first: summary([30]), warm: summary([1]) }, minimalV2: { first: summary([20]) } },
  call: { ...same(servers, 0.7), barePatch: summary([0.3]), bareGet: summary([0.2]) },
  throughput: same(servers, 1_000),
  memory: { ...each(servers, memory(60_000_000)), lineLoop: memory(40_000_000) },
  growth: { few: 1_000, many: 10_000, oursLogging: summary([1.1]), minimalV2: summary([1.2]) },
  tokens: { update_customer: 500, find_customers: 200 },
  size: { bundleBytes: 400_000, distBytes: 1_000_000, packages: 0 },
}

test('the median is of what was measured, with its extremes', () => {
  expect(summary([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, count: 3 })
})

test('every target of the benchmark is judged, by the Node that ran it', () => {
  expect(judge(figures, 20).map(({ meets }) => meets)).toEqual(Array(11).fill(true))
  expect(judge(figures, 24).map(({ meets }) => meets)).toEqual([false, ...Array(10).fill(true)])
})

test('what cannot be measured is neither met nor missed', () => {
  const growth = { ...figures.growth, oursLogging: summary([Number.NaN]) }
  expect(judge({ ...figures, growth }, 20)[5]?.meets).toBeUndefined()
})

test('the table has a line for each target and says which one is missed', () => {
  const lines = table(judge({ ...figures, tokens: { update_customer: 651 } }, 20)).split('\n')
  expect(lines).toHaveLength(13)
  expect(new Set(lines.map((line) => line.length)).size).toBe(1)
  expect(lines.filter((line) => line.includes('MISSES'))).toEqual([expect.stringContaining('update_customer alone')])
})

describe('the benchmark of a team', () => {
  const twenty = (value: number, last: number) => [...Array(19).fill(value), last]
  const told = (value: number, last: number) => ({ fromPress: twenty(value, last), fromTaken: twenty(value, last) })
  const times = { proposals: [10], looks: [20] }
  const figures = {
    calls: {
      sequential: same(['bare', 'minimal', 'memory', 'postgres'], 1),
      throughput: same(['minimal', 'memory', 'postgres'], 500),
    },
    decisions: { listen: told(10, 900), poll: told(500, 9_000) },
    questions: { open: 10_000, empty: times, full: { proposals: [20], looks: [90] } },
    memory: { few: 1_000, many: 10_000, afterFew: 1e8, afterMany: 1e8 },
  }
  const verdicts = (given: object) => judgeTeam(given).flatMap(({ meets }) => (meets === undefined ? [] : [meets]))

  test('judges what has a target, by the 95th of a hundred', () => {
    expect(verdicts(figures)).toEqual([true, true, true])
    const decisions = { listen: told(60, 60), poll: told(1_600, 1_600) }
    const questions = { ...figures.questions, full: { proposals: [21], looks: [20] } }
    expect(verdicts({ ...figures, decisions, questions })).toEqual([false, false, false])
  })

  test('says nothing of a target where none is set', () => {
    const [, first = ''] = table(judgeTeam(figures)).split(/\n(?=\| a plain call)/)
    expect(first.split('\n')[0]).not.toMatch(/meets|MISSES|unknown/)
  })
})
