/** A shorter beginning says too little to be taken for the whole name. */
const PREFIX_LETTERS = 4

/**
 * The candidate that `name` was probably meant to be, for a "did you mean" hint; `undefined` when none is near.
 *
 * Case and separators do not count (`first_name` is `firstName`). After that a candidate is near when at most a third
 * of the letters differ, or when one of the two begins with the other (`phoneNumber`, `phone`). The first of equals wins.
 */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const wanted = letters(name)
  // No real name is that long, and the distance takes time and memory by the product of the lengths.
  if (wanted.length > 100) return undefined
  let nearest: string | undefined
  let shortest = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const known = letters(candidate)
    const distance = editDistance(wanted, known)
    if (distance < shortest && isNear(wanted, known, distance)) {
      nearest = candidate
      shortest = distance
    }
  }
  return nearest
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

function isNear(a: string, b: string, distance: number): boolean {
  if (distance <= Math.max(a.length, b.length) / 3) return true
  return Math.min(a.length, b.length) >= PREFIX_LETTERS && (a.startsWith(b) || b.startsWith(a))
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const at = (line: number[], column: number) => line[column] ?? Number.POSITIVE_INFINITY
      const substitution = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swap = swapped ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, substitution, swap))
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
