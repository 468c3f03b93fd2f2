import { percentile, summary } from '../statistics.mjs'

const MB = 1024 * 1024

/** @import { Row } from '../targets.mjs' */

/**
 * What was measured against what was set, where something was.
 *
 * @param {any} figures of bench/team.mjs.
 * @returns {Row[]}
 */
export function judgeTeam({ calls: { sequential, throughput }, decisions, questions, memory }) {
  const added = (/** @type {string} */ name) => sequential[name].median - sequential.bare.median
  const rate = (/** @type {string} */ name) => throughput[name].median
  const times = (/** @type {number} */ value, /** @type {number} */ beside) => `${(value / beside).toFixed(2)} ×`
  const rows = ['memory', 'postgres'].flatMap((name) => [
    row(
      `a plain call, ${storeOf(name)}: added to a bare PATCH, p50`,
      `${ms(added(name))} (${ms(sequential[name].median)} against ${ms(sequential.bare.median)})`,
      undefined,
      `${times(added(name), added('minimal'))} minimal (${ms(added('minimal'))})`,
    ),
    row(
      `calls per second, ${storeOf(name)}`,
      `${Math.round(rate(name))}/s`,
      undefined,
      `${times(rate(name), rate('minimal'))} minimal (${Math.round(rate('minimal'))}/s)`,
    ),
  ])
  return [
    ...rows,
    learned('LISTEN', decisions.listen, 50),
    learned('polling', decisions.poll, 1_500),
    within('a question is asked', questions, 'proposals'),
    within('the inbox is looked at', questions, 'looks'),
    row(
      `memory of a replica after ${memory.many} calls, PostgreSQL`,
      `${(memory.afterMany / MB).toFixed(0)} MB`,
      undefined,
      `after ${memory.few}: ${(memory.afterFew / MB).toFixed(0)} MB`,
    ),
  ]
}

/** @param {string} name */
function storeOf(name) {
  return name === 'postgres' ? 'PostgreSQL' : 'memory'
}

/** @param {string} how @param {{ fromPress: number[], fromTaken: number[] }} durations @param {number} limitMs */
function learned(how, { fromPress, fromTaken }, limitMs) {
  const p95 = percentile(fromTaken, 0.95)
  const target = { text: `≤ ${limitMs} ms`, meets: p95 <= limitMs }
  const beside = `p50 ${ms(summary(fromTaken).median)}; from the press of the button ${ms(summary(fromPress).median)}, p95 ${ms(percentile(fromPress, 0.95))}`
  return row(`a decision that was taken is told at another replica, ${how}, p95`, ms(p95), target, beside)
}

/** @param {string} what @param {any} questions @param {'proposals' | 'looks'} which */
function within(what, { open, empty, full }, which) {
  const [before, now] = [summary(empty[which]).median, summary(full[which]).median]
  const target = which === 'proposals' ? { text: '≤ 2 ×', meets: now <= 2 * before } : undefined
  const beside = `${ms(now)} against ${ms(before)}`
  return row(`${what}, ${open} open, p50`, `${(now / before).toFixed(2)} × as with few`, target, beside)
}

/**
 * @param {string} what
 * @param {string} measured
 * @param {{ text: string, meets: boolean } | undefined} target
 * @param {string} beside
 * @returns {Row}
 */
function row(what, measured, target, beside) {
  return { what, measured, target: target?.text ?? '', meets: target?.meets, beside }
}

/** @param {number} milliseconds */
function ms(milliseconds) {
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`
}
