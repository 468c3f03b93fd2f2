import type { Card, CardState } from '../../src/approval/page/cards.ts'
import type { PageModel } from '../../src/approval/page/view.ts'
import type { CardOutcome } from '../../src/approval/page/words.ts'
import type { PrivateField, Question, ShownChange, ShownValue } from '../../src/approval/question.ts'

/** The moment the gallery's pages are rendered at: a winter morning. */
export const NOW = Date.UTC(2026, 0, 20, 9, 2, 13)

/** A customer who tries to be part of the page. */
export const HOSTILE = `</script><h1>Approve</h1>" onfocus='alert(1)' <style>*{display:none}</style> <img src=x> &amp; </bdi>`

export const waiting: Extract<CardState, { kind: 'waiting' }> = {
  kind: 'waiting',
  action: '/q/1/decision',
  token: 'form-token',
  round: 1,
  expiresAt: NOW + 10 * 60_000,
  problems: {},
}

export const value = (text: string): ShownValue => ({ kind: 'value', text })
const nothing: ShownValue = { kind: 'nothing' }
const notReadable: ShownValue = { kind: 'not_readable' }

const block: ShownChange = {
  field: 'blocked',
  label: 'Blocked',
  action: 'Block {who}',
  before: notReadable,
  after: value('Blocked'),
  consequence: 'The customer cannot enter the store any more.',
}

const role: ShownChange = {
  field: 'role',
  label: 'Role',
  action: 'Change the role of {who} to employee',
  before: value('customer'),
  after: value('employee'),
  consequence: 'Shopping sessions of an employee get no receipts.',
}

const email: ShownChange = {
  field: 'email',
  label: 'Email',
  before: value('jane@example.com'),
  after: value('jane.miller@example.org'),
  consequence: "It is also sent to the retailer's own systems.",
}

const password: ShownChange = {
  field: 'password',
  label: 'Password',
  action: 'Set a new password for {who}',
  final: true,
  before: { kind: 'hidden', text: 'hidden' },
  after: { kind: 'hidden', text: 'a new password that you type here' },
  consequence: "The shopper's present password stops working. It can be changed again, but not brought back from here.",
}

const removedCard: ShownChange = {
  field: 'cardToken',
  label: 'Payment card',
  action: 'Remove the payment card of {who}',
  loss: true,
  final: true,
  before: { kind: 'hidden', text: 'hidden' },
  after: { kind: 'removed' },
  consequence: 'The payment card is deleted. It cannot be restored from here.',
}

const passwordField: PrivateField = {
  name: 'password',
  label: 'New password for the shopper',
  minLength: 8,
  maxLength: 255,
  twice: true,
}

/** The plain question that the others vary. */
export const question: Question = {
  customer: { id: 4211, name: 'Jane Miller', email: 'jane@example.com' },
  address: 'https://oasis-api.public.sandbox.oasis.aifi.com',
  sandbox: false,
  client: 'claude-ai 1.2.3',
  changes: [block],
  privateFields: [],
}

const passwordQuestion: Question = { ...question, changes: [password], privateFields: [passwordField] }

const allPrivate: Question = {
  ...question,
  changes: [
    password,
    {
      field: 'currentPassword',
      label: 'Current password',
      before: { kind: 'hidden', text: 'hidden' },
      after: { kind: 'hidden', text: 'a current password that you type here' },
    },
    {
      ...removedCard,
      action: 'Replace the payment card of {who}',
      loss: false,
      consequence: 'It may replace the payment card that purchases are charged to.',
      after: { kind: 'hidden', text: 'a card token that you type here' },
    },
  ],
  privateFields: [
    passwordField,
    { name: 'currentPassword', label: 'Current password of the shopper', minLength: 8, maxLength: 255, twice: false },
    { name: 'cardToken', minLength: 1, label: 'Card token of the shopper', twice: false },
  ],
}

const metadata: ShownChange[] = Array.from({ length: 40 }, (_, index) => ({
  field: `metadata.key${index}`,
  label: `Metadata: ${index % 7 === 0 ? 'a_rather_long_member_name_' : 'key'}${index}`,
  before: index % 3 === 0 ? nothing : value(`value ${index}`),
  after:
    index % 5 === 4
      ? { kind: 'removed' }
      : value(index % 11 === 0 ? '{"tier":"gold","since":[2019,2021]} '.repeat(6) : `new ${index}`),
  ...(index % 5 === 4 && { loss: true, consequence: 'This entry would be gone afterwards.' }),
}))

const long = 'Wolfeschlegelsteinhausenbergerdorff'.repeat(15).slice(0, 499).concat('…')

const hostile: Question = {
  customer: { id: 13, name: HOSTILE, nameNote: HOSTILE, email: HOSTILE, unreadable: HOSTILE },
  address: HOSTILE,
  sandbox: true,
  client: HOSTILE,
  reason: HOSTILE,
  changes: [
    { field: HOSTILE, label: HOSTILE, before: value(HOSTILE), after: value(HOSTILE), consequence: HOSTILE },
    { field: 'password', label: HOSTILE, before: nothing, after: { kind: 'hidden', text: HOSTILE } },
  ],
  privateFields: [{ name: 'password', label: HOSTILE, minLength: 8, maxLength: 255, twice: true }],
}

/** Everything that a value can be, side by side. */
const kinds: ShownChange[] = (
  [
    [value('5'), { kind: 'value', text: '5', type: 'number' }],
    [{ kind: 'value', text: 'false', type: 'boolean' }, value('false')],
    [{ kind: 'null' }, { kind: 'empty' }],
    [nothing, value('None')],
    [value('gold'), { kind: 'removed' }],
    [
      { kind: 'value', text: '["a"]', type: 'list' },
      { kind: 'value', text: '{}', type: 'object' },
    ],
    [notReadable, { kind: 'hidden', text: 'hidden' }],
  ] satisfies [ShownValue, ShownValue][]
).map(([before, after], index) => ({
  field: `metadata.${index}`,
  label: `Metadata: ${index}`,
  before,
  after,
  ...(after.kind === 'removed' && { loss: true }),
}))

export const pageWith = (...cards: readonly Omit<Card, 'id' | 'level'>[]): PageModel => ({
  cards: cards.map((card, at) => ({ id: `q${at + 1}`, level: cards.length === 1 ? 1 : 2, ...card })),
  path: '/page',
})

/** A page with one question. */
export const pageOf = (question: Question, state: CardState = waiting): PageModel => pageWith({ question, state })

/** What each outcome's message may say. */
export const MESSAGES: Readonly<Record<CardOutcome, string>> = {
  updated: 'AiFi accepted the change. AiFi does not report whether a customer is blocked.',
  unchanged: 'The record already was as asked; nothing was sent.',
  failed: 'AiFi refused the change (403). Nothing was changed. The token may lack the right to change customers.',
  invalid: 'AiFi did not accept the values. Nothing was changed. email: must be a valid email.',
  unknown: 'AiFi did not answer in time. The record still showed role customer at 10:02:13; look again.',
  approval_unavailable: 'Nobody can be asked any more; nothing was sent.',
  declined: 'The answer was no; nothing was sent.',
  expired: 'Nobody answered in time; nothing was sent.',
  withdrawn: 'The record changed, so a newer question replaced this one; nothing was sent.',
}

const settled = (status: CardOutcome): CardState => ({ kind: 'settled', status, message: MESSAGES[status], at: NOW })

const outcomes: readonly CardOutcome[] = [
  'updated',
  'unchanged',
  'failed',
  'invalid',
  'unknown',
  'approval_unavailable',
  'declined',
  'expired',
  'withdrawn',
]

/** One model per thing worth looking at, by the name of its picture. */
export const GALLERY: Readonly<Record<string, PageModel>> = {
  block: pageOf(question),
  'sandbox-several': pageOf({
    ...question,
    sandbox: true,
    address: 'http://127.0.0.1:41237',
    changes: [role, email, block],
  }),
  'card-removed': pageOf({ ...question, changes: [removedCard] }),
  password: pageOf(passwordQuestion),
  'password-problem': pageOf(passwordQuestion, {
    ...waiting,
    problems: { password: 'The two entries are not the same.' },
  }),
  'all-private': pageOf(allPrivate, {
    ...waiting,
    problems: { currentPassword: 'Use 8 to 255 characters.', cardToken: 'Please type something.' },
  }),
  'changed-meanwhile': pageOf(
    { ...question, changes: [role, block] },
    { ...waiting, alert: { kind: 'record_changed', labels: ['Role', 'Email'] } },
  ),
  'too-early': pageWith(
    { question: passwordQuestion, state: { ...waiting, alert: { kind: 'too_early' } }, justAnswered: true },
    { question, state: { ...waiting, alert: { kind: 'busy' } } },
    { question, state: { ...waiting, alert: { kind: 'interrupted' } } },
  ),
  kinds: pageOf({ ...question, changes: kinds }),
  'one-loss': pageOf({
    ...question,
    changes: [
      {
        field: 'metadata.tier',
        label: 'Metadata: tier',
        before: value('gold'),
        after: { kind: 'removed' },
        loss: true,
      },
    ],
  }),
  reason: pageOf({
    ...question,
    customer: { ...question.customer, nameNote: 'Renamed 3 minutes ago, without a person.' },
    reason: 'Ticket 8812: two bottles left the store unpaid',
  }),
  unreadable: pageOf({
    ...question,
    customer: { id: 4211, unreadable: 'This record could not be read; it may not exist. Check the number.' },
  }),
  nameless: pageOf({
    ...question,
    customer: { id: 4211, email: 'c0ffee42@generated.example' },
  }),
  metadata: pageOf({ ...question, changes: metadata }),
  long: pageOf({
    ...question,
    customer: { id: 9_007_199_254_740_991, name: long, email: `${long}@example.com` },
    client: long,
    changes: [
      { ...role, before: value(long), after: value(long) },
      { ...email, label: `Metadata: ${long}` },
    ],
  }),
  'right-to-left': pageOf({
    ...question,
    customer: { id: 815, name: 'محمد عبد الله الهاشمي', email: 'mohammed@example.com' },
    changes: [
      { field: 'lastName', label: 'Last name', before: value('الهاشمي (VIP) 12'), after: value('כהן ‎— Miller!') },
      {
        field: 'firstName',
        label: 'First name',
        before: value('(none)'),
        after: value('two  spaces, one at the end '),
      },
    ],
  }),
  hostile: pageOf(hostile, { ...waiting, action: `/"><h1>`, token: `"><h1>`, problems: { password: HOSTILE } }),
  several: pageWith(
    { question: passwordQuestion, state: waiting },
    {
      question: { ...question, customer: { id: 77, name: 'Ben Okafor', email: 'ben@example.com' }, changes: [role] },
      state: waiting,
    },
    { question: { ...question, sandbox: true }, state: { kind: 'sending' } },
    ...outcomes.map((outcome) => ({ question, state: settled(outcome) })),
  ),
  sending: pageOf(question, { kind: 'sending' }),
  checking: pageOf(question, { kind: 'checking' }),
  'can-be-undone': pageWith({
    question: { ...question, changes: [role, email, block] },
    state: {
      kind: 'settled',
      status: 'updated',
      message: MESSAGES.updated,
      at: NOW,
      revertible: ['role', 'email'],
    },
    justAnswered: true,
  }),
  'hostile-settled': pageOf(hostile, { kind: 'settled', status: 'updated', message: HOSTILE, at: NOW - 86_400_000 }),
  empty: pageWith(),
  ...Object.fromEntries(outcomes.map((outcome) => [outcome, pageOf(question, settled(outcome))])),
}
