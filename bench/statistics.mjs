/** @param {number[]} values @returns {{ median: number, min: number, max: number, count: number }} */
export function summary(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1), count: sorted.length }
}

/**
 * Runs everything once per round, in turn, so that whatever else the machine does falls on all of them.
 *
 * @param {number} rounds
 * @param {Record<string, () => Promise<number | number[]>>} runs
 * @returns {Promise<Record<string, ReturnType<typeof summary>>>}
 */
export async function interleaved(rounds, runs) {
  const values = Object.fromEntries(Object.keys(runs).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) values[name].push(...[await run()].flat())
  }
  return Object.fromEntries(Object.entries(values).map(([name, each]) => [name, summary(each)]))
}

/**
 * The same run for each of several servers, under their names.
 *
 * @param {Record<string, any>} servers
 * @param {(server: any, name: string) => Promise<number | number[]>} run
 */
export function forEach(servers, run) {
  return Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, () => run(server, name)]))
}
