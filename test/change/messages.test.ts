import { expect, test } from 'vitest'
import type { Delivery, Reading } from '../../src/aifi/port.ts'
import { statusWords } from '../../src/aifi/status-words.ts'
import { ALERTS, NOTES, NOTICES, OUTCOMES, PROGRESS } from '../../src/approval/page/words.ts'
import type { Ended } from '../../src/change/change.ts'
import * as unsent from '../../src/change/unsent.ts'
import { verifyOutcome } from '../../src/change/verify.ts'
import { readConfig } from '../../src/config/config.ts'
import { settings } from '../../src/config/settings.ts'
import { RecordViews } from '../../src/customer/record-view.ts'
import { keysOf } from '../../src/lib/keys.ts'

/**
 * Every sentence that a user or a model can be told about a change, from the functions that make them, as one page to
 * read and to edit: `messages.snap.md`. Elsewhere tests look at statuses, rules and fields.
 */

/** 10:02:13 and 4:12, wherever this runs. */
const AT = new Date(2026, 0, 1, 10, 2, 13).getTime()
const customerId = 4211
const request = { customerId, changes: { firstName: 'Janet', blocked: true }, enterPrivately: [], dryRun: false }
const before = { firstName: 'Jane', lastName: 'Doe', blocked: false }

type Texts = readonly (readonly [when: string, text: string])[]

const section = (title: string, texts: Texts) =>
  [`## ${title}`, ...texts.map(([when, text]) => `### ${when}\n\n${text}`)].join('\n\n')

const says = (outcome: { status: string; message: string }) => `\`${outcome.status}\`: ${outcome.message}`

function unsentTexts(): Texts {
  const refusals = [
    { kind: 'declined_before', retryAfterSeconds: 41 },
    { kind: 'quiet', retryAfterSeconds: 540 },
    { kind: 'customer_has_one' },
    { kind: 'too_many_open' },
  ] as const
  const answers = ['declined', 'cancelled'] as const
  const people = [
    ['by the client', { channel: 'form', at: AT }],
    ['on the page', { channel: 'page', at: AT }],
    ['by a person', { channel: 'inbox', at: AT, by: { issuer: 'https://id.example', subject: 'alex', name: 'Alex' } }],
  ] as const
  const yes = (channel: 'skipped' | 'chat') =>
    unsent.toldWhoAgreed(
      { status: 'updated', customerId, message: '(Outcome.)' },
      { kind: 'answered', answer: 'approved', channel, at: AT },
    )
  const outcome = { status: 'updated', customerId, message: '(Outcome.)' } as const
  const ended: Ended = {
    state: 'ended',
    id: 'id',
    key: 'key',
    version: 3,
    customerId,
    fields: ['blocked'],
    caller: { client: 'client' },
    outcome,
    endedAt: AT,
  }
  return [
    ...refusals.map((refusal) => [`Nobody may be asked: ${refusal.kind}`, says(unsent.mayNotAsk(request, refusal))]),
    ['The record kept changing', says(unsent.keptChanging(request))],
    ...answers.flatMap((answer) =>
      people.map(([how, decision]) => [`${answer}, ${how}`, says(unsent.refused(request, answer, decision))]),
    ),
    ['A form came back without a yes', says(unsent.refused(request, 'not_approved', { channel: 'form', at: AT }))],
    ...[1, 10, 90, 480].map((minutes) => [
      `Nobody answered in ${minutes} min`,
      says(unsent.expired(request, minutes * 60_000)),
    ]),
    ['Withdrawn', says(unsent.withdrawn(request, '(Reason.)'))],
    ['Nobody to ask', says(unsent.nobodyToAsk(request, '(Reason.)'))],
    ['Cancelled before it was sent', says(unsent.stoppedBeforeSending(request))],
    ['The holder of the claim stopped', says(unsent.holderStopped(request))],
    ['The sender stopped', says(unsent.senderStopped(request))],
    ['A fault of this server before sending', says(unsent.interrupted(request, false))],
    ['A fault of this server after sending', says(unsent.interrupted(request, true))],
    ['Too many changes', says(unsent.tooMany(request, 30))],
    ['Too many lookups', says(unsent.tooManyPreviews(request, 30))],
    ['The audit cannot be written', says(unsent.unwritableAudit(request))],
    ['Another change of the customer takes too long', says(unsent.customerBusy(request))],
    ['Nobody was asked', says(yes('skipped'))],
    ['The yes was relayed', says(yes('chat'))],
    ['A question waits', says(unsent.pending(request, { channel: 'page', waitingFor: '(Where the question is.)' }))],
    ['A code waits', says(unsent.pendingCode(request, { code: '123456', words: '(The question.)' }))],
    ...[2, 1].map((left) => [`A wrong code, ${left} left`, says(unsent.wrongCode(request, left))]),
    ['A code without a question', says(unsent.noQuestion(request))],
    ['AiFi is too slow', says(unsent.tooSlow(request))],
    ...(['waiting', 'approved', 'answer_not_taken', 'sent', 'out_of_sight'] as const).map((how) => [
      `Not over when the call has to be answered: ${how}`,
      says(unsent.inProgress(request, how)),
    ]),
    ['An outcome is picked up', says(unsent.earlierOutcome(ended))],
    ['It was told to another call', says(unsent.toldElsewhere(request))],
    ['An answer that is not for this', says(unsent.notThisAnswer(request, '(Reason.)'))],
  ].map(([when = '', text = '']) => [when, text] as const)
}

const answered = (status: number, value?: unknown, retryAfterSeconds?: number): Delivery => ({
  kind: 'answered',
  http: { status, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
  body: value === undefined ? { kind: 'empty' } : { kind: 'json', value },
  attempts: 1,
})
const record = (value: object): Reading => ({
  kind: 'record',
  record: { id: customerId, ...value },
  http: { status: 200 },
})
const asAsked = { id: customerId, firstName: 'Janet', lastName: 'Doe', blocked: true }
const invalid = {
  message: 'Invalid request body',
  errors: ['firstName', 'phone', 'role', 'email'].map((field) => ({
    field,
    error: `"${field}" is not allowed`,
    rule: 'any.only',
  })),
}

/** How each exchange ended, and what is read afterwards where that is looked at. */
const exchanges: readonly (readonly [when: string, delivery: Delivery, after?: Reading])[] = [
  ['AiFi shows the record as asked', answered(200, asAsked)],
  ['AiFi shows no field that was asked for', answered(200, { id: customerId, lastName: 'Doe' })],
  ['AiFi shows something else', answered(200, { ...asAsked, firstName: 'Joan' })],
  ['AiFi changed more than was asked', answered(200, { ...asAsked, lastName: 'Smith' })],
  ['AiFi sent a field in another form', answered(200, { ...asAsked, lastName: 7 })],
  ['accepted without the record; it is as asked', answered(204), record(asAsked)],
  ['accepted without the record; it is as before', answered(204), record(before)],
  ['accepted without the record, which cannot be read', answered(204)],
  ['202; the record is as before', answered(202), record(before)],
  ['200 with something else; the record is as asked', answered(200, []), record(asAsked)],
  ['200 with something else; the record is a third one', answered(200, []), record({ ...before, firstName: '' })],
  ['no answer; the record cannot be read', { kind: 'no_answer', cause: 'timeout', detail: '(Detail.)' }],
  ['no answer; the record is as before', { kind: 'no_answer', cause: 'reset', detail: '(Detail.)' }, record(before)],
  [
    'cut off; the record is as before',
    { kind: 'answered', http: { status: 200 }, body: { kind: 'incomplete', cause: 'cut_off' }, attempts: 1 },
    record(before),
  ],
  ['500; the record is as before', answered(500), record(before)],
  ['504; the record is as before', answered(504), record(before)],
  ['refused as invalid', answered(422, invalid)],
  ['refused, with words', answered(403, { message: 'No.' })],
  ['asked too often', answered(429, undefined, 30)],
  ['the current password was wrong', answered(401, { type: 'E_CUSTOMER_LOGIN_FAIL' })],
  ['not reached', { kind: 'not_sent', cause: 'dns', detail: '(Detail.)' }],
  ['no way through the proxy', { kind: 'not_sent', cause: 'proxy', detail: '(Detail.)' }],
  ['no token', { kind: 'not_sent', cause: 'token', detail: '(Detail.)' }],
  ['cancelled', { kind: 'not_sent', cause: 'cancelled', detail: '(Detail.)' }],
]

function sentTexts(): Promise<Texts> {
  const views = new RecordViews(new Uint8Array(32), 'all')
  const clock = { now: () => AT, monotonic: () => 0, after: () => () => undefined }
  const unreadable: Reading = { kind: 'unreadable', cause: 'failed', reason: '(Reason.)' }
  return Promise.all(
    exchanges.map(async ([when, delivery, after = unreadable]) => {
      const { changes } = request
      const aifi = { readCustomer: () => Promise.resolve(after) }
      const outcome = await verifyOutcome(
        { request, changes, before, delivery },
        { aifi, readBack: true, views, clock },
      )
      return [when, says(outcome)] as const
    }),
  )
}

async function withheld(): Promise<Texts> {
  const changes = { password: 'a new password' }
  const views = new RecordViews(new Uint8Array(32), 'all')
  const clock = { now: () => AT, monotonic: () => 0, after: () => () => undefined }
  const aifi = { readCustomer: () => Promise.resolve(record(before)) }
  const delivery = answered(422, { message: 'x', errors: [{ field: 'password', error: 'x', rule: 'string.min' }] })
  const sent = { request: { ...request, changes }, changes, before, delivery }
  const look = { aifi, views, clock, readBack: true }
  return [
    ['refused, of a secret', says(await verifyOutcome(sent, look))],
    ['made, of a secret', says(await verifyOutcome({ ...sent, delivery: answered(200, asAsked) }, look))],
    [
      'unknown, reading switched off',
      says(await verifyOutcome({ ...sent, delivery: answered(504) }, { ...look, readBack: false })),
    ],
  ]
}

function statusTexts(): Texts {
  const statuses = [200, 302, 400, 401, 403, 404, 405, 409, 418, 422, 429, 500, 501, 503]
  const asked = [{ for: 'change', customerId }, { for: 'lookup' }, { for: 'reading' }] as const
  return asked.map((each) => [
    `Asked for a ${each.for}`,
    statuses.map((status) => `- ${statusWords(status, each)}`).join('\n'),
  ])
}

function pageTexts(): Texts {
  return [
    ...keysOf(OUTCOMES).map((name) => [
      `Card: ${name}`,
      `${OUTCOMES[name].sign} ${OUTCOMES[name].headline}. ${OUTCOMES[name].advice ?? ''}`.trim(),
    ]),
    ...keysOf(PROGRESS).map((name) => [`Card: ${name}`, PROGRESS[name].join(': ')]),
    ...keysOf(ALERTS).map((name) => [`Alert: ${name}`, ALERTS[name].join(' ')]),
    ...keysOf(NOTES).map((name) => [`Note: ${name}`, NOTES[name]]),
    ...keysOf(NOTICES).map((name) => [
      `Page: ${name}`,
      [`**${NOTICES[name].headline}**`, ...NOTICES[name].sentences].join('\n\n'),
    ]),
  ].map(([when = '', text = '']) => [when, text] as const)
}

function settingTexts(): Texts {
  const complete = { AIFI_BASE_URL: 'https://aifi.example', AIFI_TOKEN: 'token' }
  const problems = (environment: Record<string, string>) => {
    const result = readConfig(environment, { readFile: () => Buffer.from('') })
    const texts = result.ok ? result.warnings : result.problems
    return texts.map((text) => `- ${text}`).join('\n')
  }
  const wrong = settings.map(({ name }) => [`${name}=%`, problems({ ...complete, [name]: '%' })] as const)
  return [
    ['no settings', problems({})],
    ...wrong.filter(([, text]) => text !== ''),
    ['a slip', problems({ ...complete, AIFI_APROVAL: 'page' })],
    ['values without an audit', problems({ ...complete, AIFI_AUDIT_VALUES: 'true' })],
  ]
}

test('every sentence is as it was read last', async () => {
  const page = [
    '# What people and models are told',
    'Made by `messages.test.ts`; `npx vitest run test/change/messages.test.ts --update` writes it anew.',
    section('A change that was not sent, and calls that cannot wait', unsentTexts()),
    section('A change that was sent, or tried to be', [...(await sentTexts()), ...(await withheld())]),
    section('What a status of AiFi means', statusTexts()),
    section('The approval page', pageTexts()),
    section('Settings', settingTexts()),
  ]
  const text = page.join('\n\n').replaceAll(/(?<=10:02:13 )[A-Z][\w+:-]*/g, 'UTC')
  await expect(`${text}\n`).toMatchFileSnapshot('messages.snap.md')
})
