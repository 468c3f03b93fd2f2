import { applicable } from './scenarios.mjs'

/**
 * The page of a run.
 * @param {readonly import('../conformance.mjs').Run[]} runs
 * @param {readonly { scenario: string, revision: string, reason: string }[]} leftOut
 * @param {{ suite: string, suiteNode: string, serverNode: string }} versions
 * @param {Date} date
 */
export function report(runs, leftOut, versions, date) {
  return `# Conformance

Written by \`npm run test:conformance\` on ${date.toISOString().slice(0, 10)}, from what really happened: \`@modelcontextprotocol/conformance\` ${versions.suite} (on Node ${versions.suiteNode})
against the built server (on Node ${versions.serverNode}, \`--sandbox\`). This is no certificate.

The suite speaks HTTP alone, this server stdio alone: \`scripts/conformance/bridge.mjs\` passes the messages from one to the other
unchanged but for their ids, with a server's process for each session (2025-11-25), or one for the run (2026-07-28). HTTP statuses and
headers are therefore the bridge's: what the checks named \`…-http-…\` say about them says nothing about the server. Most scenarios
call tools that only the suite's own example server has; where a call of \`update_customer\` can take their place, it does (marked *).
On stdio, the first request decides for the whole connection of which era it is. So that of 2026-07-28 is opened with a proper request
before the suite's, and a request that names yet another revision has a connection of its own.

\`wire-schema-valid\` is the suite's check of every message against the JSON schema of the revision.

## What was run

${table(
  ['scenario', 'revision', 'passed', 'not passed, or not applicable'],
  runs.map(({ scenario, revision, checks }) => {
    const { stands, apart = {} } = applicable[scenario] ?? {}
    const passed = checks.filter(({ status }) => status === 'SUCCESS')
    const others = checks.filter(({ status }) => status !== 'SUCCESS')
    const rest = others.map(({ id, status, errorMessage }) => {
      return `\`${id}\`: ${apart[id] ?? (status === 'SKIPPED' ? 'skipped by the suite' : errorMessage)}`
    })
    return [`${scenario}${stands ? ' *' : ''}`, revision, summary(passed), rest.join('<br>')]
  }),
)}

## What does not apply

${table(
  ['scenario', 'revision', 'why'],
  [...grouped(leftOut)].map(([scenario, { revisions, reason }]) => [scenario, revisions.join(', '), reason]),
)}

The suite's scenarios for extensions (skills, tasks) and for clients and authorization servers are not about this server either.
`
}

/** @param {readonly { id: string }[]} checks */
function summary(checks) {
  const isChecked = checks.some(({ id }) => id === 'wire-schema-valid')
  const others = checks.length - (isChecked ? 1 : 0)
  return [`${others}`, ...(isChecked ? ['`wire-schema-valid`'] : [])].join(' and ')
}

/** @param {readonly { scenario: string, revision: string, reason: string }[]} entries */
function grouped(entries) {
  /** @type {Map<string, { revisions: string[], reason: string }>} */
  const found = new Map()
  for (const { scenario, revision, reason } of entries) {
    const revisions = found.get(scenario)?.revisions ?? []
    found.set(scenario, { revisions: [...revisions, revision], reason })
  }
  return found
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
