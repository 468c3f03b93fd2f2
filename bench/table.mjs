/**
 * The rows as a Markdown table that is readable as it stands; ranges in it are [min–max].
 *
 * @param {readonly import('./targets.mjs').Row[]} rows
 */
export function table(rows) {
  const head = ['what', 'measured', 'target', '', 'beside it']
  const lines = [
    head,
    ...rows.map(({ what, measured, target, meets, beside }) => [
      what,
      measured,
      target,
      target === '' ? '' : verdict(meets),
      beside,
    ]),
  ]
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)))
  const printed = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
  return [printed[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...printed.slice(1)].join('\n')
}

/** @param {boolean | undefined} meets */
function verdict(meets) {
  if (meets === undefined) return 'unknown'
  return meets ? 'meets' : 'MISSES'
}
