// Which of the suite's scenarios say something about a server that has tools alone.

/** @typedef {{ name: string, arguments: Record<string, unknown> }} Call */
/**
 * @typedef {object} Scenario
 * @property {Readonly<Record<string, Call>>} [stands] calls of ours in the place of the suite's own tools
 * @property {Readonly<Record<string, string>>} [settings] of the server
 * @property {Readonly<Record<string, string>>} [apart] checks that do not apply or are not met, each with the reason
 */

/** @param {Record<string, unknown>} change @returns {Call} */
const update = (change) => ({ name: 'update_customer', arguments: { customerId: 4211, ...change } })
const plain = update({ firstName: 'Janet' })
const wrong = update({ priority: 99 })
const sensitive = update({ blocked: true })

const question = { stands: { test_input_required_result_elicitation: sensitive } }
const noSampling = 'needs a tool that requires sampling; no tool here requires a capability'
const noPrompts = 'this server has no prompts'
const noResources = 'this server has no resources'

const noResuming =
  'not met, on purpose: no replica keeps anything of an answer that it has sent, so none can be resumed'

/** @type {Readonly<Record<string, Scenario>>} */
export const applicable = {
  'server-initialize': {},
  'server-session-lifecycle': {},
  'dns-rebinding-protection': {},
  'server-sse-polling': {
    apart: { 'server-sse-priming-event': noResuming, 'server-sse-retry-field': noResuming },
  },
  'server-sse-multiple-streams': {},
  'http-header-validation': {},
  ping: {},
  'tools-list': {},
  'tools-call-simple-text': { stands: { test_simple_text: plain } },
  'tools-call-error': { stands: { test_error_handling: wrong } },
  'tools-call-with-progress': {
    stands: { test_tool_with_progress: sensitive },
    // It stands in the inbox, and nobody answers.
    settings: { AIFI_APPROVAL: 'inbox', AIFI_APPROVAL_WAIT_SECONDS: '12' },
    apart: {
      'tools-call-with-progress':
        'not met on 2026-07-28: progress is told at once and every 5 s, and the suite gives up after 10 s, before the third',
    },
  },
  'server-stateless': {
    stands: { test_streaming_elicitation: sensitive, test_logging_tool: plain },
    apart: {
      'sep-2575-server-rejects-undeclared-capability': noSampling,
      'sep-2575-missing-capability-http-400': noSampling,
    },
  },
  caching: {
    apart: {
      'sep-2549-prompts-list-caching-hints': noPrompts,
      'sep-2549-resources-list-caching-hints': noResources,
      'sep-2549-resources-templates-list-caching-hints': noResources,
    },
  },
  'input-required-result-result-type': question,
  'input-required-result-missing-input-response': question,
  'input-required-result-unsupported-methods': {},
  'input-required-result-request-state': { stands: { test_input_required_result_request_state: sensitive } },
  'input-required-result-tampered-state': {
    stands: { test_input_required_result_tampered_state: sensitive },
    apart: {
      'sep-2322-reject-tampered-state':
        'not met, on purpose: the altered state is rejected and nothing is sent, but in a result (`declined`), not in an error of the protocol',
    },
  },
  'input-required-result-ignore-extra-params': {
    ...question,
    apart: {
      'sep-2322-ignore-unexpected-params':
        'not met, on purpose: the suite answers a question that was never asked; without a `requestState` no answer counts',
    },
  },
  'input-required-result-validate-input': {
    ...question,
    apart: {
      'sep-2322-error-on-protocol-error':
        'not met: `inputResponses: null` is taken for no answer, and the question goes to the inbox (`approval_pending`); nothing is sent',
    },
  },
}

const onlyText = 'the results of this server are text and structured content'
const noSuchQuestion = 'this server asks one yes or no at a time, and never for sampling or roots'
const ownTool = 'looks for a tool with a particular schema of the suite’s own in `tools/list`'
const extension = 'an extension of the protocol that this server does not have'

/** The others, by how their names begin, and why they are left out. */
export const leftOut = [
  ['resources-', noResources],
  ['sep-2164-', noResources],
  ['prompts-', noPrompts],
  ['input-required-result-non-tool-request', noPrompts],
  ['completion-', 'this server completes nothing'],
  ['logging-', 'this server does not log over the protocol'],
  ['tools-call-with-logging', 'this server does not log over the protocol'],
  ['tools-call-image', onlyText],
  ['tools-call-audio', onlyText],
  ['tools-call-embedded-resource', onlyText],
  ['tools-call-mixed-content', onlyText],
  ['tools-call-sampling', noSuchQuestion],
  ['elicitation-', 'needs forms with fields of the suite’s own; the form of this server is one yes or no'],
  [
    'input-required-result-basic-elicitation',
    'needs a question named `user_name`; the one of this server is `approve`',
  ],
  ['input-required-result-basic-', noSuchQuestion],
  ['input-required-result-multi', noSuchQuestion],
  ['input-required-result-capability-check', noSuchQuestion],
  ['json-schema-2020-12', ownTool],
  [
    'tools-call-elicitation',
    'over HTTP, nobody can ask a client of 2025 anything without keeping its connection; the question goes to the inbox',
  ],
  ['http-custom-header-server-validation', 'needs a tool with `x-mcp-header` in its schema'],
  ['sep-2640-', extension],
  ['tasks-', extension],
]

/** Why a scenario is left out; undefined if it applies, or is not known. @param {string} name */
export function reasonAgainst(name) {
  if (Object.hasOwn(applicable, name)) return undefined
  return leftOut.find(([prefix = '-']) => name.startsWith(prefix))?.[1]
}
