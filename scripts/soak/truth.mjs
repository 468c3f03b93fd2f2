// What was said, against what became of it.

/**
 * Every way in which the answers about one customer contradict what its AiFi knows.
 *
 * @param {{ kind: string, statuses: readonly string[], arrived: number, processed: number }} facts
 */
export function contradictions({ kind, statuses, arrived, processed }) {
  const count = (/** @type {string[]} */ ...wanted) => statuses.filter((status) => wanted.includes(status)).length
  // The same call twice is one change, and both hear of it.
  const changes = kind === 'the same twice' ? 1 : statuses.length
  const made = Math.min(changes, count('updated'))
  const open = count('unknown')
  const wrong = []
  if (processed < made) wrong.push(`said to be updated ${made} times, processed ${processed} times`)
  if (processed > made + open) wrong.push(`processed ${processed} times, said to be at most ${made + open} times`)
  if (processed > changes) wrong.push(`processed ${processed} times for ${changes} changes`)
  // Again once for a 429 and once for a 401, both of which were refused.
  if (arrived > 3 * changes) wrong.push(`sent ${arrived} times for ${changes} changes`)
  if (['dry run', 'invalid'].includes(kind) && arrived > 0) wrong.push(`sent ${arrived} times`)
  return wrong
}

/**
 * Every way in which the audit contradicts what AiFi knows.
 *
 * @param {readonly any[]} records
 * @param {readonly number[]} customers
 * @param {import('../../test/helpers/model-aifi.ts').ModelAifi} model
 */
export function auditContradictions(records, customers, model) {
  /** @type {Map<string, number>} */
  const attempts = new Map(
    records.flatMap((each) => (each.event === 'attempt' ? [[each.changeId, each.customerId]] : [])),
  )
  /** @type {Map<number, string[]>} */
  const outcomes = new Map(customers.map((customerId) => [customerId, []]))
  for (const { event, changeId, status } of records) {
    if (event === 'outcome') outcomes.get(attempts.get(changeId) ?? Number.NaN)?.push(status)
  }
  return customers.flatMap((customerId) => {
    const statuses = outcomes.get(customerId) ?? []
    const made = statuses.filter((status) => status === 'updated').length
    const open = statuses.filter((status) => status === 'unknown').length
    const processed = model.processed(customerId)
    if (model.arrived(customerId) > 0 && statuses.length === 0) return [`customer ${customerId}: sent, and not audited`]
    if (processed >= made && processed <= made + open) return []
    return [`customer ${customerId}: audited as ${statuses.join(', ')}, processed ${processed} times`]
  })
}
