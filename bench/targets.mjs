const MB = 1024 * 1024

/** @import { Summary } from './statistics.mjs' */

/** @typedef {{ what: string, measured: string, target: string, meets: boolean | undefined, beside: string }} Row */

/**
 * What was measured against what was set: one row per target, all as ratios or counts of this very run.
 *
 * @param {any} figures of bench.mjs.
 * @param {number} nodeMajor
 * @returns {Row[]}
 */
export function judge({ start, firstCall, call, throughput, memory, growth, tokens, size }, nodeMajor) {
  const startTarget = nodeMajor >= 24 ? 3.5 : 4.7
  const startRatio = (/** @type {string} */ name) => start[name].median / start.node.median
  const added = (/** @type {string} */ name) => call[name].median - call.barePatch.median
  const bareGet = call.bareGet.median
  const v2Added = added('minimalV2')
  const rate = (/** @type {string} */ name) => throughput[name].median / throughput.minimalV2.median
  /** @param {string} name @param {'atOnce' | 'loaded' | 'quiet'} when */
  const memoryRatio = (name, when) => (memory[name][when].median / memory.lineLoop[when].median).toFixed(2)
  const grown = growth.oursLogging
  const { first, warm } = firstCall.ours
  const firstTarget = 1.5 * warm.median + 30
  /** @type {number[]} */
  const counts = Object.values(tokens)
  const all = counts.reduce((sum, each) => sum + each, 0)
  return [
    row(
      'spawn → tools/list, second start onwards',
      `${startRatio('ours').toFixed(2)} × node -e 0 (${ms(start.ours)} against ${ms(start.node)})`,
      atMost(startRatio('ours'), startTarget, `${startTarget.toFixed(1)} ×`),
      `v2 ${startRatio('minimalV2').toFixed(2)} ×, v1 ${startRatio('minimalV1').toFixed(2)} ×, with log ${startRatio('oursLogging').toFixed(2)} ×`,
    ),
    ...(start.bridge
      ? [
          row(
            'the same of a generic OpenAPI bridge',
            `${(start.bridge.median / start.ours.median).toFixed(2)} × ours (${ms(start.bridge)})`,
            atLeast(start.bridge.median / start.ours.median, 1.5, '1.5 ×'),
            '@ivotoby/openapi-mcp-server 1.16.1',
          ),
        ]
      : []),
    row(
      'added to a bare PATCH, without reading, p50',
      `${micros(added('ours'))} (${ms(call.ours)} against ${ms(call.barePatch)})`,
      atMost(added('ours'), 1.3 * v2Added, micros(1.3 * v2Added)),
      `v2 ${micros(v2Added)}, v1 ${micros(added('minimalV1'))}, with log ${micros(added('oursLogging'))}`,
    ),
    row(
      'added to a bare PATCH, with reading, p50',
      `${micros(added('oursReading'))} (${ms(call.oursReading)})`,
      atMost(added('oursReading'), 1.3 * v2Added + bareGet, micros(1.3 * v2Added + bareGet)),
      `bare GET ${micros(bareGet)}`,
    ),
    row(
      'throughput, 64 calls in flight',
      `${rate('ours').toFixed(2)} × minimal v2 (${perSecond(throughput.ours)})`,
      atLeast(rate('ours'), 0.6, '0.6 ×'),
      `v2 ${perSecond(throughput.minimalV2)}, v1 ${perSecond(throughput.minimalV1)}, with reading ${perSecond(throughput.oursReading)}, with log ${perSecond(throughput.oursLogging)}`,
    ),
    row(
      'memory after tools/list, 12 s later',
      `${memoryRatio('ours', 'quiet')} × a line loop (${megabytes(memory.ours.quiet)} against ${megabytes(memory.lineLoop.quiet)})`,
      atMost(Number(memoryRatio('ours', 'quiet')), 1.5, '1.5 ×'),
      `at once ${memoryRatio('ours', 'atOnce')} ×, all loaded (2 s) ${memoryRatio('ours', 'loaded')} ×; 12 s later: with log ${memoryRatio('oursLogging', 'quiet')} ×, v2 ${memoryRatio('minimalV2', 'quiet')} ×, v1 ${memoryRatio('minimalV1', 'quiet')} ×`,
    ),
    row(
      `memory after ${growth.many} calls against after ${growth.few}`,
      `${grown.median.toFixed(2)} × [${grown.min.toFixed(2)}–${grown.max.toFixed(2)}]`,
      atMost(grown.median, 1.15, '1.15 ×'),
      `v2 ${growth.minimalV2.median.toFixed(2)} ×`,
    ),
    row('tools/list, both tools, o200k tokens', `${all}`, atMost(all, 900, '900')),
    row('update_customer alone', `${tokens.update_customer}`, atMost(tokens.update_customer, 650, '650')),
    row(
      'the .mcpb file',
      `${size.bundleBytes} bytes`,
      atMost(size.bundleBytes, 500_000, '500,000'),
      `dist/ ${size.distBytes} bytes`,
    ),
    row('packages that npm install brings besides', `${size.packages}`, atMost(size.packages, 0, '0')),
    row(
      'first call, right after tools/list',
      `${ms(first)} (warm ${ms(warm)})`,
      atMost(first.median, firstTarget, `${firstTarget.toFixed(1)} ms`),
      `v2 ${ms(firstCall.minimalV2.first)}`,
    ),
  ]
}

/** @param {string} what @param {string} measured @param {{ target: string, meets: boolean | undefined }} judged @param {string} beside */
function row(what, measured, { target, meets }, beside = '') {
  return { what, measured, target, meets, beside }
}

/** @param {number} value @param {number} limit @param {string} text */
function atMost(value, limit, text) {
  return { target: `≤ ${text}`, meets: Number.isNaN(value) ? undefined : value <= limit }
}

/** @param {number} value @param {number} limit @param {string} text */
function atLeast(value, limit, text) {
  return { target: `≥ ${text}`, meets: Number.isNaN(value) ? undefined : value >= limit }
}

/** @param {Summary} milliseconds */
function ms({ median, min, max }) {
  const digits = median < 10 ? 2 : 0
  return `${median.toFixed(digits)} ms [${min.toFixed(digits)}–${max.toFixed(digits)}]`
}

/** @param {number} milliseconds */
function micros(milliseconds) {
  return `${Math.round(milliseconds * 1000)} µs`
}

/** @param {Summary} rate */
function perSecond({ median, min, max }) {
  return `${Math.round(median)}/s [${Math.round(min)}–${Math.round(max)}]`
}

/** @param {Summary} bytes */
function megabytes({ median, min, max }) {
  return `${(median / MB).toFixed(0)} MB [${(min / MB).toFixed(0)}–${(max / MB).toFixed(0)}]`
}
