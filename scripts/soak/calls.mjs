// What the soak's assistant does: one case is one customer, and all that is asked about it.

/** @typedef {{ kind: string, calls: { args: object, cancelAfterMs?: number }[] }} Case */
/** @typedef {ReturnType<typeof random>} Draw */

/** Random numbers that are the same for the same seed (mulberry32). @param {number} seed */
export function random(seed) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    /**
     * One of `items`; with weights, in their proportion.
     *
     * @template Item
     * @param {readonly Item[]} items
     * @param {readonly number[]} weights
     * @returns {Item}
     */
    pick(items, weights = items.map(() => 1)) {
      let left = next() * weights.reduce((sum, each) => sum + each, 0)
      for (const [index, item] of items.entries()) {
        left -= weights[index] ?? 0
        if (left < 0) return item
      }
      throw new Error('There is nothing to pick from.')
    },
  }
}

const plain = [
  { firstName: 'Janet' },
  { lastName: 'Dough', phone: '+1 555 0199' },
  { priority: 5 },
  { metadata: { tier: 'gold', since: 2020 } },
]
const sensitive = [{ role: 'tester' }, { blocked: true }, { password: 'canary-password' }, { cardToken: null }]

/** The kinds of cases, and how many of a hundred there are. */
const kinds = {
  plain: 66,
  approved: 14,
  'two at once': 4,
  'the same twice': 4,
  cancelled: 5,
  'dry run': 3,
  invalid: 2,
  'already so if read': 2,
}

/**
 * The next case: what is asked about one customer, and at what kind of AiFi.
 *
 * @param {Draw} draw
 * @returns {Case}
 */
export function nextCase({ pick, next }) {
  const kind = pick(Object.keys(kinds), Object.values(kinds))
  const args = kind === 'approved' ? pick(sensitive) : pick(plain)
  switch (kind) {
    case 'two at once':
      return { kind, calls: [{ args: { firstName: 'Janet' } }, { args: { lastName: 'Dough' } }] }
    case 'the same twice':
      return { kind, calls: [{ args }, { args }] }
    case 'cancelled':
      return { kind, calls: [{ args, cancelAfterMs: Math.floor(next() * 40) }] }
    case 'dry run':
      return { kind, calls: [{ args: { ...args, dryRun: true } }] }
    case 'invalid':
      return { kind, calls: [{ args: { ...args, priority: 11 } }] }
    case 'already so if read':
      return { kind, calls: [{ args: { firstName: 'Jane' } }] }
    default:
      return { kind, calls: [{ args }] }
  }
}
