import { randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Ask, Channel } from '../../src/approval/channel.ts'
import { Ladder } from '../../src/approval/ladder.ts'
import type { Asked, TypedSecrets } from '../../src/change/change.ts'
import type { Changes } from '../../src/change/changes.ts'
import { saidBy } from '../../src/change/said.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { fault } from '../helpers/fault.ts'
import { startFaultServer } from '../helpers/fault-server.ts'
import { change, jane } from '../helpers/fault-situation.ts'
import { type HarnessOptions, start } from '../helpers/harness.ts'
import { recordingAudit } from '../helpers/recording-audit.ts'

const WORDS = 'zq-own-words'
const PASSWORD = 'Hunter2-hunter2'
const UUID = '3f0c2a4e-9b1d-4c7a-8e55-0d2f6b7a9c11'
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** What is told of a refusal with these names, of a change with these arguments. */
async function told(args: JsonObject, error: { type?: string; id?: string; errors?: readonly JsonObject[] } = {}) {
  const { type = 'E_INVALID_BODY', id = UUID, errors = [] } = error
  const patch = fault.answer(422, { message: WORDS, type, errors }, { 'x-request-id': id })
  const { envelope, patches } = await change(args, { patch, env: { AIFI_APPROVAL: 'dangerously-skip' } })
  expect(patches).toBe(1)
  expect(envelope.status).toBe('invalid')
  return envelope
}

describe('of a refusal of a change with a secret', () => {
  test.each<[string, JsonObject]>([
    ['a password', { password: PASSWORD }],
    ['the current password', { firstName: 'J', currentPassword: PASSWORD }],
    ['the token of a card', { cardToken: PASSWORD }],
    ['a card', { card: { provider: 'STRIPE' } }],
    ['an empty card', { card: {} }],
  ])('no text of AiFi is told: %s', async (_, args) => {
    const errors = [
      { error: WORDS, rule: WORDS, field: WORDS },
      { error: WORDS, rule: `string.${WORDS}`, field: '"x"' },
    ]
    const envelope = await told(args, { type: WORDS, id: WORDS, errors })
    expect(JSON.stringify(envelope)).not.toContain('zq')
    expect(envelope).toMatchObject({ errors: [], http: { status: 422 } })
    expect(envelope.message).toContain('What else it says is left out')
  })

  test('the names of fields that were sent and of rules are, in our words', async () => {
    const args = { password: PASSWORD, card: { cardToken: 'tok' }, metadata: { a: 1 }, phone: '1' }
    const named: readonly [field: string, rule: string, told: readonly string[] | undefined][] = [
      ['"password"', 'string.min', ['password', 'string.min', "password breaks AiFi's rule string.min"]],
      ['"card.cardToken"', 'any.only', ['card', 'any.only', "card breaks AiFi's rule any.only"]],
      ['"card[0].tok"', '', ['card', '', 'AiFi refuses card']],
      [
        '"metadata.a.b"',
        'object.unknown',
        ['metadata', 'object.unknown', "metadata breaks AiFi's rule object.unknown"],
      ],
      [
        '"phone"',
        'string.pattern.base',
        ['phone', 'string.pattern.base', "phone breaks AiFi's rule string.pattern.base"],
      ],
      ['"email"', 'any.required', ['', 'any.required', "A value breaks AiFi's rule any.required"]],
      ['"hunter2"', 'String.min', undefined],
      ['toString', 'string.min1', undefined],
      ['', `string.${'x'.repeat(60)}`, undefined],
    ]
    const { errors, message } = await told(args, {
      errors: named.map(([field, rule]) => ({ error: WORDS, rule, field })),
    })
    expect(errors?.map((each) => [each.field, each.rule, each.message])).toEqual(
      named.flatMap(([, , expected]) => (expected ? [expected] : [])),
    )
    const [first, second] = errors ?? []
    expect(message).toContain(`${first?.message}; ${second?.message};`)
    expect(message).toContain('(3 more in errors)')
  })

  test.each<[string, { type?: string; id?: string }, JsonObject]>([
    ['a type and an id', {}, { type: 'E_INVALID_BODY', requestId: UUID }],
    ['a trace', { id: TRACE }, { type: 'E_INVALID_BODY', requestId: TRACE }],
    ['another type', { type: 'Error: E_X', id: 'req-7' }, {}],
    ['a type with the secret in capitals', { type: 'E_XHUNTERX', id: 'zq' }, {}],
    [
      'an id that is the secret in hexadecimal',
      { id: `48756e74-6572-322d-6875-6e7465723200` },
      { type: 'E_INVALID_BODY' },
    ],
  ])('the type and the request id are if they are plain ones: %s', async (_, error, http) => {
    const envelope = await told({ password: PASSWORD }, error)
    expect(envelope.http).toEqual({ status: 422, ...http })
  })

  test('that the current password was refused is', async () => {
    const patch = fault.answer(401, { type: 'E_CUSTOMER_LOGIN_FAIL', message: WORDS })
    const { envelope } = await change({ currentPassword: 'login_fail_login' }, { patch })
    expect(envelope.message).toContain("the shopper's current password")
  })

  test('nothing is that could be a part of the secret, wherever it stands', () => {
    const secret = fc.string({ minLength: 8, maxLength: 40, unit: fc.constantFrom(...'abcXYZ._-7e') })
    const spell = fc.constantFrom<(text: string) => string>(
      (text) => text,
      (text) => text.toUpperCase(),
      (text) => text.toLowerCase(),
      (text) => text.slice(0, 8),
      (text) => text.slice(2),
      (text) => `x${text}`,
      (text) => Buffer.from(text).toString('hex'),
    )
    fc.assert(
      fc.property(secret, spell, (password, spelt) => {
        const echo = spelt(password)
        const errors = [
          { error: echo, rule: echo, field: echo },
          { error: echo, rule: `string.${echo}`, field: `card.${echo}` },
        ]
        const said = saidBy(
          {
            kind: 'answered',
            attempts: 1,
            http: { status: 422, requestId: echo },
            body: { kind: 'json', value: { message: echo, type: `E_${echo}`, errors } },
          },
          { password },
        )
        expect(said).toEqual({ errors: [], isWithheld: true })
      }),
    )
  })
})

test('of a refusal of a change without a secret, AiFi is told as it speaks', async () => {
  const errors = [{ error: WORDS, rule: 'own rule', field: '"anything"' }]
  const envelope = await told({ cardToken: null, phone: '1' }, { type: 'own type', id: 'req-7', errors })
  expect(envelope).toMatchObject({
    message: expect.stringContaining(`It says: "${WORDS}". ${WORDS}. Nothing`),
    errors: [{ field: 'anything', message: WORDS, rule: 'own rule' }],
    http: { type: 'own type', requestId: 'req-7' },
  })
})

/** Somebody who types these secrets as soon as they are asked. */
class Typist implements Channel {
  readonly names = ['page'] as const
  readonly heard: string[] = []
  readonly #changes: Changes
  readonly #typed: TypedSecrets

  constructor(changes: Changes, typed: TypedSecrets) {
    this.#changes = changes
    this.#typed = typed
  }

  unavailable(): undefined {
    return undefined
  }

  async ask(asked: Asked): Promise<Ask> {
    const rung = { channel: 'page', handle: randomUUID(), standing: true } as const
    await this.#changes.put(asked, rung)
    const given = { round: asked.asking.round, handle: rung.handle, answer: 'approved', channel: 'page' } as const
    await this.#changes.decide(asked.id, given, this.#typed, (words) => this.heard.push(words))
    return { kind: 'moved' }
  }
}

describe("AiFi's own words", () => {
  async function typing(typed: TypedSecrets, args: JsonObject) {
    const aifi = await startFaultServer()
    onTestFinished(() => aifi.close())
    aifi.always('GET', fault.answer(200, jane))
    const error = { error: `"password" with value "HUNTER2…" \u001b[31mis <b>weak</b>`, rule: 'x', field: '"password"' }
    aifi.always('PATCH', fault.answer(422, { message: 'Invalid\nbody', errors: [error] }))
    const people: Typist[] = []
    const ladder: HarnessOptions['ladder'] = ({ changes }) => {
      const typist = new Typist(changes, typed)
      people.push(typist)
      return new Ladder([typist], 'Type it.')
    }
    const { audit, entries } = recordingAudit()
    const harness = await start({ baseUrl: aifi.url, ladder, audit, env: { LOG_LEVEL: 'trace' } })
    const client = await harness.connect()
    const envelope = await client.update({ customerId: 4211, ...args })
    expect(envelope.status).toBe('invalid')
    expect(aifi.received('PATCH')).toHaveLength(1)
    const elsewhere = [...client.wire, ...harness.log, JSON.stringify(entries)].join('\n')
    return { heard: people.flatMap((each) => each.heard), elsewhere }
  }

  test('reach the person who typed the secrets, and nobody else', async () => {
    const { heard, elsewhere } = await typing({ password: PASSWORD }, { enterPrivately: ['password'] })
    expect(heard).toEqual(['Invalid body; "password" with value "HUNTER2…" is <b>weak</b>'])
    expect(elsewhere).not.toMatch(/hunter2|Invalid body|weak/i)
  })

  test('reach nobody when the assistant gave one of the secrets, or nothing was typed', async () => {
    const both = { enterPrivately: ['currentPassword'], password: PASSWORD }
    expect(await typing({ currentPassword: 'another-one' }, both)).toMatchObject({ heard: [] })
    expect(await typing({}, { blocked: true })).toMatchObject({ heard: [] })
  })
})
