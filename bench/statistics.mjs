/** @typedef {{ median: number, min: number, max: number, count: number }} Summary */

/** @param {readonly number[]} values @returns {Summary} */
export function summary(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (/** @type {number} */ index) => sorted[index] ?? Number.NaN
  return { median: at(sorted.length >> 1), min: at(0), max: at(sorted.length - 1), count: sorted.length }
}

/**
 * The value that this share of all values does not exceed (nearest rank).
 *
 * @param {readonly number[]} values
 * @param {number} share from 0 to 1
 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/**
 * Runs everything once per round, in turn, so that whatever else the machine does falls on all of them.
 *
 * @param {number} rounds
 * @param {Record<string, () => Promise<number | number[]>>} runs
 * @returns {Promise<Record<string, Summary>>}
 */
export async function interleaved(rounds, runs) {
  const kept = Object.entries(runs).map(([name, run]) => ({ name, run, values: /** @type {number[]} */ ([]) }))
  for (let round = 0; round < rounds; round++) {
    for (const { run, values } of kept) values.push(...[await run()].flat())
  }
  return Object.fromEntries(kept.map(({ name, values }) => [name, summary(values)]))
}

/**
 * The same run for each of several servers, under their names.
 *
 * @template Server
 * @param {Record<string, Server>} servers
 * @param {(server: Server, name: string) => Promise<number | number[]>} run
 */
export function forEach(servers, run) {
  return Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, () => run(server, name)]))
}
