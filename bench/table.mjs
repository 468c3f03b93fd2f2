/** The rows as a Markdown table that is readable as it stands; ranges in it are [min–max]. */
export function table(rows) {
  const lines = [
    ['what', 'measured', 'target', '', 'beside it'],
    ...rows.map(({ what, measured, target, meets, beside }) => [what, measured, target, verdict(meets), beside]),
  ]
  const widths = lines[0].map((_, column) => Math.max(3, ...lines.map((line) => line[column].length)))
  const printed = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`)
  return [printed[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...printed.slice(1)].join('\n')
}

function verdict(meets) {
  if (meets === undefined) return 'unknown'
  return meets ? 'meets' : 'MISSES'
}
