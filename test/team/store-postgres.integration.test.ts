import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Asked, asked, claimed, type Ended, ended } from '../../src/change/change.ts'
import { systemClock as clock, elapsedMs, instantIn, remainingMs } from '../../src/lib/clock.ts'
import { parseExactly, writeExactly } from '../../src/lib/exact-json.ts'
import { connectionOptions, Database } from '../../src/team/postgres/database.ts'
import { migrate, SCHEMA_VERSION, schemaVersion } from '../../src/team/postgres/migrations.ts'
import { describeWithPostgres, openStore, passTime, sharedPostgres } from '../helpers/team-database.ts'
import { transitionsSuite } from '../helpers/transitions.ts'

const DAY_MS = 86_400_000

function question(members: { key?: string; customerId?: number; subject?: string } = {}): Asked {
  const { key = randomUUID(), customerId = 4211, subject = 'sam' } = members
  const caller = { client: 'test 1', person: { issuer: 'https://issuer.example', subject } }
  const request = { customerId, changes: { email: 'new@example.com' }, enterPrivately: [], dryRun: false } as const
  const identity = { id: randomUUID(), key, customerId, fields: ['email'], caller, request } as const
  const shown = { record: { id: customerId, email: 'old@example.com' } }
  return asked(identity, { round: 1, shown, expiresAt: instantIn(clock, 60_000), passed: [] })
}

function refusedNow(change: Asked): Ended {
  const decision = { kind: 'answered', answer: 'declined', channel: 'inbox', at: clock.now() } as const
  return ended(change, { status: 'declined', message: 'No.' }, { decision, endedAt: clock.now() })
}

await describeWithPostgres('the changes of a team in PostgreSQL', (postgres) => {
  const deployment = () => `https://${randomUUID()}.example`

  transitionsSuite({ runs: 5, shrink: false, share: async () => sharedPostgres(postgres()) })

  test('what one replica keeps another reads, with the time that is left; nobody else does', async () => {
    const address = deployment()
    const [one, other, foreign, withoutKey] = [
      openStore(postgres(), clock, { address }),
      openStore(postgres(), clock, { address }),
      openStore(postgres(), clock, { address: deployment() }),
      openStore(postgres(), clock, { address, keys: [new Uint8Array(32).fill(9)] }),
    ]
    const change = question()
    expect(await one.add(change)).toEqual({ kind: 'added' })
    const read = await other.get(change.id)
    expect(read).toMatchObject({ ...change, asking: { ...change.asking, expiresAt: expect.anything() } })
    const leftMs = read?.state === 'asked' ? remainingMs(clock, read.asking.expiresAt) : 0
    expect(leftMs).toBeGreaterThan(30_000)
    expect(leftMs).toBeLessThanOrEqual(60_000)
    expect(await other.add({ ...question(), key: change.key })).toMatchObject({ kind: 'existing' })
    expect(await foreign.get(change.id)).toBeUndefined()
    expect(await foreign.find(change.key)).toBeUndefined()
    expect(await withoutKey.get(change.id)).toBeUndefined()
    for (const store of [one, other, foreign, withoutKey]) await store.close()
  })

  test('a change of a field that only another version knows is shown, and sent, by that version alone', async () => {
    const store = openStore(postgres(), clock, { address: deployment() })
    const [known, unknown] = [question(), question({ customerId: 77 })]
    Object.assign(unknown.request.changes, { loyaltyTier: 'gold' })
    for (const each of [known, unknown]) expect(await store.add(each)).toEqual({ kind: 'added' })
    expect(await store.get(unknown.id)).toBeUndefined()
    expect((await store.waiting({}, 5)).map(({ id }) => id)).toEqual([known.id])
    await store.close()
  })

  test('what nobody can read any more is in nobody’s way, and over an hour after its time', async () => {
    const address = deployment()
    const database = new Database(postgres().url)
    const lost = openStore(postgres(), clock, { address, keys: [new Uint8Array(32).fill(9)] })
    const limits = { open: 1_000, onePerCustomer: true, pauses: false }
    const store = openStore(postgres(), clock, { address, limits })
    for (let customerId = 1; customerId <= 101; customerId += 1) await lost.add(question({ customerId }))
    await passTime(database, address, 61_000)
    const readable = question({ customerId: 200 })
    await store.add(readable)
    await passTime(database, address, 61_000)
    expect((await store.due()).map(({ id }) => id)).toEqual([readable.id])
    expect(await store.add(question({ customerId: 1 }))).toMatchObject({ refusal: { kind: 'customer_has_one' } })
    await passTime(database, address, 3_600_000)
    // However long nobody lived: what can be read has its end from those who read it.
    const due = [...(await store.due()), ...(await store.due())].map(({ id }) => id)
    expect(new Set(due)).toEqual(new Set([readable.id]))
    expect(await store.add(question({ customerId: 1 }))).toEqual({ kind: 'added' })
    for (const each of [lost, store, database]) await each.close()
  })

  test('what waits comes in the order in which it runs out, a few at a time, and for one person alone', async () => {
    const address = deployment()
    const store = openStore(postgres(), clock, { address })
    const inOrder = [3, 1, 2].map((customerId) => {
      const each = question({ customerId, subject: customerId === 1 ? 'sam' : 'robin' })
      return { ...each, asking: { ...each.asking, expiresAt: instantIn(clock, customerId * 60_000) } }
    })
    for (const each of inOrder) await store.add(each)
    const customers = async (by: string | undefined, limit: number) => {
      const person = by && { issuer: 'https://issuer.example', subject: by, name: 'As the session has it' }
      return (await store.waiting(person ? { by: person } : {}, limit)).map(({ customerId }) => customerId)
    }
    expect(await customers(undefined, 2)).toEqual([1, 2])
    expect(await customers('robin', 5)).toEqual([2, 3])
    expect(await customers('nobody', 5)).toEqual([])
    expect(await store.countWaiting({})).toBe(3)
    expect(await store.countWaiting({ by: { issuer: 'https://issuer.example', subject: 'sam' } })).toBe(1)
    await store.close()
  })

  test('a transaction that failed leaves nothing behind in a connection that others use', async () => {
    const database = new Database(postgres().url)
    await expect(database.transaction((query) => query('select 1 / 0', []))).rejects.toThrow()
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }])
    await database.close()
  })

  test('a lease that has lapsed by the clock of the database is not renewed', async () => {
    const address = deployment()
    const database = new Database(postgres().url)
    const store = openStore(postgres(), clock, { address })
    const { asking: _, state: _state, version: _version, ...identity } = question()
    const lease = { token: 'mine', until: instantIn(clock, 60_000) }
    await store.add(claimed(identity, lease))
    expect(await store.renew(identity.id, { ...lease, token: 'of another' })).toBe(false)
    expect(await store.renew(identity.id, lease)).toBe(true)
    await passTime(database, address, 60_001)
    expect(await store.renew(identity.id, lease)).toBe(false)
    for (const each of [store, database]) await each.close()
  })

  test('an outcome that nobody was told is found for a day', async () => {
    const address = deployment()
    const database = new Database(postgres().url)
    const store = openStore(postgres(), clock, { address })
    const change = question()
    await store.add(change)
    await store.swap(refusedNow(change))
    await passTime(database, address, DAY_MS - 60_000)
    expect(await store.find(change.key)).toMatchObject({ id: change.id, state: 'ended' })
    await passTime(database, address, 60_001)
    expect(await store.find(change.key)).toBeUndefined()
    for (const each of [store, database]) await each.close()
  })

  test('a body that somebody put into the row of another change is none', async () => {
    const address = deployment()
    const database = new Database(postgres().url)
    const store = openStore(postgres(), clock, { address })
    const [one, other] = [question({ customerId: 1 }), question({ customerId: 2 })]
    for (const each of [one, other]) await store.add(each)
    await database.query('update aifi_change set body = (select body from aifi_change where id = $1) where id = $2', [
      one.id,
      other.id,
    ])
    expect(await store.get(one.id)).toMatchObject({ id: one.id })
    expect(await store.get(other.id)).toBeUndefined()
    for (const each of [store, database]) await each.close()
  })

  test('one open question for a caller and customer, no more than the limit, and a pause after a no', async () => {
    const address = deployment()
    const database = new Database(postgres().url)
    const store = openStore(postgres(), clock, { address, limits: { open: 2, onePerCustomer: true, pauses: false } })
    const first = question({ customerId: 1 })
    await store.add(first)
    expect(await store.add(question({ customerId: 1 }))).toMatchObject({ refusal: { kind: 'customer_has_one' } })
    expect(await store.add(question({ customerId: 1, subject: 'kim' }))).toEqual({ kind: 'added' })
    await store.add(question({ customerId: 2 }))
    expect(await store.add(question({ customerId: 3 }))).toMatchObject({ refusal: { kind: 'too_many_open' } })

    const no = refusedNow(first)
    expect(await store.swap(no)).toBe('done')
    expect(await store.tell(no)).toBe(true)
    expect(await store.tell(no)).toBe(false)
    const again = { ...question({ customerId: 1 }), key: first.key }
    expect(await store.add(again)).toMatchObject({ refusal: { kind: 'declined_before' } })
    await passTime(database, address, 61_000)
    expect(await store.add(again)).toEqual({ kind: 'added' })
    await database.close()
    await store.close()
  })

  test('a body goes when its outcome was told, or after a day; who decided what stays, and nothing else', async () => {
    const address = deployment()
    const database = new Database(postgres().url)
    const store = openStore(postgres(), clock, { address })
    const [told, untold] = [question(), question()]
    for (const change of [told, untold]) {
      await store.add(change)
      await store.swap(refusedNow(change))
    }
    await store.tell(refusedNow(told))
    expect(await store.get(told.id)).toMatchObject({ state: 'ended' })
    expect(await store.find(told.key)).toBeUndefined()
    expect(await store.find(untold.key)).toMatchObject({ state: 'ended' })
    await passTime(database, address, 2 * 60_000)
    await store.erase()
    expect(await store.get(told.id)).toBeUndefined()
    expect(await store.get(untold.id)).toBeDefined()
    await passTime(database, address, DAY_MS)
    await store.erase()
    expect(await store.get(untold.id)).toBeUndefined()
    expect(await store.find(untold.key)).toBeUndefined()
    expect((await store.decided(10)).map(({ id, status }) => [id, status]).sort()).toEqual(
      [told, untold].map(({ id }) => [id, 'declined']).sort(),
    )
    await passTime(database, address, 90 * DAY_MS)
    await store.erase()
    expect(await store.decided(10)).toEqual([])
    await database.close()
    await store.close()
  })

  test('what was done before is known for a day: a new name, the same change, a form without a yes', async () => {
    const address = deployment()
    const database = new Database(postgres().url)
    const [store, other] = [openStore(postgres(), clock, { address }), openStore(postgres(), clock, { address })]
    const make = async (change: Asked) => {
      await store.add(change)
      const decision = { kind: 'answered', answer: 'approved', channel: 'inbox', at: clock.now() } as const
      await store.swap(ended(change, { status: 'updated', message: 'Done.' }, { decision, endedAt: clock.now() }))
    }
    const first = question()
    await make(first)
    expect(await other.past(first)).toEqual({})
    await make(question())
    expect(await other.past(first)).toEqual({ made: { at: expect.any(Number) } })
    expect(await other.past({ ...first, customerId: 1 })).toEqual({})
    await make({ ...question(), fields: ['firstName'] })
    expect(await other.past(question())).toEqual({ renamed: { at: expect.any(Number), byPerson: true } })
    await passTime(database, address, DAY_MS)
    expect(await other.past(first)).toEqual({})

    const unanswered = question()
    await store.add(unanswered)
    const decision = { kind: 'answered', answer: 'not_approved', channel: 'form', at: clock.now() } as const
    const unapproved = ended(unanswered, { status: 'declined', message: 'No.' }, { decision, endedAt: clock.now() })
    await store.swap(unapproved)
    await store.tell(unapproved)
    expect(await other.past(unanswered)).toEqual({ notApproved: true })
    expect(await other.add({ ...question(), key: unanswered.key })).toEqual({ kind: 'added' })
    await passTime(database, address, 11 * 60_000)
    expect(await other.past(unanswered)).toEqual({})
    for (const each of [store, other, database]) await each.close()
  })

  test('a number keeps its digits, and a form the moment at which it went out', async () => {
    const address = deployment()
    const [store, other] = [openStore(postgres(), clock, { address }), openStore(postgres(), clock, { address })]
    const base = question()
    const changes = { metadata: { big: parseExactly('9007199254740993') } }
    const rung = {
      channel: 'form',
      handle: 'a',
      standing: false,
      handedOutAt: { wall: clock.now() - 5_000, monotonic: 1e12 },
    } as const
    const change: Asked = { ...base, request: { ...base.request, changes }, asking: { ...base.asking, rung } }
    await store.add(change)
    const read = await other.get(change.id)
    const asked = read?.state === 'asked' ? read : expect.unreachable()
    expect(writeExactly(asked.request.changes)).toBe('{"metadata":{"big":9007199254740993}}')
    const elapsed = elapsedMs(clock, asked.asking.rung?.handedOutAt ?? expect.unreachable())
    expect(elapsed).toBeGreaterThanOrEqual(5_000)
    expect(clock.monotonic() - (asked.asking.rung?.handedOutAt?.monotonic ?? 0)).toBeGreaterThan(4_000)
    for (const each of [store, other]) await each.close()
  })

  test('a move is heard of elsewhere, with notifications and without', async () => {
    const address = deployment()
    const writer = openStore(postgres(), clock, { address })
    for (const listen of [true, false]) {
      const watcher = openStore(postgres(), clock, { address, listen })
      const change = question()
      await writer.add(change)
      const heard = new Promise<void>((resolve) => {
        const unwatch = watcher.watch(change.id, () => {
          unwatch()
          resolve()
        })
      })
      await writer.swap(refusedNow(change))
      await heard
      await watcher.close()
    }
    await writer.close()
  })

  test('a database that crashes in between is waited for, and a transition happens once', async () => {
    const store = openStore(postgres(), clock, { address: deployment() })
    const changes = Array.from({ length: 20 }, (_, customerId) => question({ customerId }))
    const added = changes.map((change) => store.add(change))
    await postgres().crash()
    expect(await Promise.all(added)).toEqual(changes.map(() => ({ kind: 'added' })))
    expect(await store.live()).toHaveLength(changes.length)
    await store.close()
  })

  test('several replicas that start at once make the tables once', async () => {
    await postgres().query('create database empty')
    const url = postgres().url.replace(/postgres$/, 'empty')
    const databases = Array.from({ length: 5 }, () => new Database(url))
    await Promise.all(databases.map(migrate))
    for (const database of databases) {
      expect(await schemaVersion(database)).toBe(SCHEMA_VERSION)
      await database.close()
    }
  })
})

test.each(['', '?sslmode=verify-full', '?sslmode=disable', '?sslmode=no-verify', '?ssl=0', '?host=127.0.0.1'])(
  'a database elsewhere is reached by TLS with its own certificate, whatever its address says (%s)',
  (parameters) => {
    const { host, ssl } = connectionOptions(`postgres://sam:pass@db.example/team${parameters}`)
    expect([host, ssl]).toEqual(['db.example', expect.objectContaining({ rejectUnauthorized: true })])
  },
)
