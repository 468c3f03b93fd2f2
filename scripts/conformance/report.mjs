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
against the built server over HTTP (\`http\` with real settings, on Node ${versions.serverNode}). This is no certificate.

The suite sends no bearer token, and most of its scenarios call tools that only its own example server has. So
\`scripts/conformance/token-proxy.mjs\` stands between: it adds the token and the public host name, and where a call of \`update_customer\`
can take the place of the suite's (marked *), it writes that one over it. Everything else, statuses and headers both ways, is as it was
sent. The token is an approver's, who may answer what they ask for themselves (\`AIFI_FOUR_EYES=false\`): so there are forms.
A scenario that did not come out as expected was run once more: on a busy machine the suite gives up before it has its answer.

\`wire-schema-valid\` is the suite's check of every message against the JSON schema of the revision.

## What was run

${table(
  ['scenario', 'revision', 'passed', 'not passed, or not applicable'],
  runs.map(({ scenario, revision, checks }) => {
    const { stands, apart = {} } = applicable[scenario] ?? {}
    const passed = checks.filter(({ status }) => status === 'SUCCESS')
    const others = checks.filter(({ status }) => !['SUCCESS', 'INFO'].includes(status))
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
