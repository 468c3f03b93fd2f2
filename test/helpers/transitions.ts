import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Asked, Change, Rung } from '../../src/change/change.ts'
import type { ChangeStore } from '../../src/change/store.ts'
import type { ChangeRequest } from '../../src/customer/fields.ts'
import type { Clock } from '../../src/lib/clock.ts'
import type { GiveUp } from '../../src/lib/keyed-work.ts'
import { type Answering, answerings, Customers, CutOff, faults, handle, Replica, settled } from './faulty-replica.ts'
import { Ledger } from './ledger.ts'
import { ManualClock } from './manual-clock.ts'

/** What two processes share. */
export interface SharedStore {
  /** The store as a process with this clock has it. */
  open(clock: Clock): ChangeStore
  /** Time passes for the store itself. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

export interface TransitionsOptions {
  readonly share: () => Promise<SharedStore>
  readonly runs: number
  /** A failure is made small first, which takes many runs more. */
  readonly shrink: boolean
}

/** How long nothing may be held up by a process that is gone, milliseconds. */
const LONG_MS = 20 * 60_000
const replica = fc.nat({ max: 1 })
const change = fc.nat({ max: 3 })
const what = fc.nat({ max: 5 })
const fault = fc.record({ steps: fc.nat({ max: 7 }), fault: fc.constantFrom(...faults) })
const perhapsFault = fc.option(fault, { nil: undefined, freq: 1 })
const which = fc.constantFrom('current', 'current', 'current', 'older round', 'stale handle')
const ms = fc.constantFrom(500, 6_000, 30_000, 30_000, 650_000)
const standing = fc.boolean()
const answering = fc.constantFrom(...answerings)

function does<const Name extends string, Fields extends object>(
  name: Name,
  weight: number,
  fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> },
): { weight: number; arbitrary: fc.Arbitrary<Fields & { do: Name }> } {
  return { weight, arbitrary: fc.record(fields).map((each) => ({ ...each, do: name })) }
}

const action = fc.oneof(
  does('propose', 8, { replica, what, standing, perhapsFault }),
  does('put', 2, { replica, change, standing }),
  does('decide', 12, { replica, change, yes: fc.constantFrom(true, true, false), which, perhapsFault }),
  does('double', 2, { change, contradict: fc.boolean() }),
  does('rush', 2, {}),
  does('withdraw', 1, { replica, change }),
  does('look', 1, { replica, change }),
  does('hand on', 1, { replica, change }),
  does('tell', 1, { replica, change }),
  does('move', 1, { what }),
  does('pass', 4, { ms }),
  does('fail', 1, { replica, fault }),
  does('go on', 5, { replica }),
  does('answer', 1, { answering }),
)
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never

/** Whatever people, processes and clocks do, in whatever order: the rules of a change hold. */
export function transitionsSuite({ share, runs, shrink }: TransitionsOptions): void {
  test('whatever happens between two steps: one PATCH at most for an approval, and what is told is so', async () => {
    const actions = fc.array(action, { minLength: 20, maxLength: 50, size: 'max' })
    await fc.assert(
      fc.asyncProperty(actions, answering, fc.constantFrom(0, 7 * 60_000, -7 * 60_000), async (all, first, aheadMs) => {
        const world = new World(await share(), first, aheadMs)
        try {
          for (const each of all) await world.act(each)
          await world.end()
        } finally {
          await world.close()
        }
      }),
      { numRuns: runs, endOnFailure: !shrink },
    )
  })
}

/** Two processes over one store, and everybody who deals with them. */
class World {
  readonly #shared: SharedStore
  readonly #aheadMs: number
  readonly #customers = new Customers()
  readonly #ledger = new Ledger()
  readonly #looker: ChangeStore
  #replicas: Replica[]
  readonly #pending = new Set<{ readonly replica: Replica; readonly what: string }>()

  constructor(shared: SharedStore, first: Answering, aheadMs: number) {
    this.#customers.answering = first
    this.#shared = shared
    this.#aheadMs = aheadMs
    this.#looker = shared.open(new ManualClock())
    this.#replicas = [this.#start(0), this.#start(1)]
  }

  async act(action: Action): Promise<void> {
    switch (action.do) {
      case 'propose':
        if (action.perhapsFault) this.#replica(action.replica).failAfter(action.perhapsFault)
        this.#propose(this.#replica(action.replica), action)
        break
      case 'put': {
        await this.#withAsked(action, (replica, asked) => put(replica, asked, action.standing))
        break
      }
      case 'decide':
        if (action.perhapsFault) this.#replica(action.replica).failAfter(action.perhapsFault)
        await this.#withAsked(action, (replica, asked) => this.#decide(replica, asked, action.yes, action.which))
        break
      case 'double':
        for (const [replica, yes] of [
          [0, true],
          [0, true],
          [1, true],
          [1, !action.contradict],
        ] as const) {
          await this.#withAsked(
            { ...action, replica },
            (each, asked) => this.#decide(each, asked, yes, 'current'),
            false,
          )
        }
        break
      case 'rush':
        for (const at of [0, 1, 2, 3]) {
          const rushed = { replica: at % 2, change: at }
          await this.#withAsked(rushed, (each, asked) => this.#decide(each, asked, true, 'current'), false)
        }
        break
      case 'withdraw':
        await this.#withAsked(action, (replica, { id }) =>
          this.#ledger.withdrawn(id, replica.changes.withdraw(id, 'It was withdrawn.', { unwanted: false })),
        )
        break
      case 'look':
        await this.#withAsked(action, (replica, asked) => replica.changes.look(asked, patient()))
        break
      case 'hand on':
        await this.#withAsked(action, async (replica, { id, asking }) => {
          if (!asking.rung) return
          await replica.changes.handOn(id, asking.rung.handle, 'It could not.')
        })
        break
      case 'tell':
        await this.#tell(action)
        break
      case 'move':
        this.#customers.set(customerOf(action.what), { email: `${handle()}@example.com` })
        break
      case 'pass':
        await this.#pass(action.ms)
        break
      case 'fail':
        this.#replica(action.replica).failAfter(action.fault)
        break
      case 'go on':
        this.#goOn(action.replica)
        break
      case 'answer':
        this.#customers.answering = action.answering
    }
    await settled(() => this.#replicas)
    this.#ledger.check(await this.#looker.live())
  }

  /** Every process that still is goes on, time passes, and then: everything has ended as it was told, nobody waits. */
  async end(): Promise<void> {
    for (const at of [0, 1]) this.#goOn(at)
    this.#customers.answering = 'accepts'
    for (let passed = 0; passed < LONG_MS; passed += 60_000) await this.#pass(60_000)
    this.#ledger.check(await this.#looker.live())
    expect([...this.#pending].filter(({ replica }) => !replica.isDead).map(({ what }) => what)).toEqual([])
    expect((await this.#looker.live()).map(({ state }) => state)).toEqual([])
    await this.#ledger.checkEnds((id) => this.#looker.get(id))
    await this.#checkTurns()
  }

  /** Nothing that went wrong keeps a customer's turn: every process carries out a new change of each. */
  async #checkTurns(): Promise<void> {
    for (const replica of this.#replicas) {
      for (const what of [4, 5]) {
        const request = { ...requestOf(what), changes: { firstName: `Jo ${handle()}` } }
        let proposed: Change | undefined
        const propose = async () => {
          proposed = await replica.changes.propose(replica.changes.proposal(request, caller), patient())
        }
        this.#await(replica, 'propose', propose())
        await this.#pass(10_000)
        const now = proposed && (await this.#looker.get(proposed.id))
        const status = now?.state === 'ended' ? now.outcome.status : now?.state
        expect(status, 'the customer is still being waited for').toBe('updated')
      }
    }
  }

  async close(): Promise<void> {
    for (const replica of this.#replicas) await replica.die()
    await this.#looker.close()
    await this.#shared.close()
  }

  #start(at: number): Replica {
    const aheadMs = at === 1 ? this.#aheadMs : 0
    return new Replica((clock) => this.#shared.open(clock), {
      customers: this.#customers,
      observer: this.#ledger,
      aheadMs,
    })
  }

  #replica(at: number): Replica {
    const replica = this.#replicas[at]
    if (!replica) throw new Error('There is no such process.')
    return replica
  }

  #goOn(at: number): void {
    const replica = this.#replica(at)
    if (replica.isDead) {
      void replica.die()
      this.#replicas = this.#replicas.with(at, this.#start(at))
    } else replica.goOn()
  }

  /** In slices: what is renewed in time is renewed. */
  async #pass(ms: number): Promise<void> {
    const slice = Math.min(ms, ms > 40_000 ? 60_000 : 3_000)
    for (let passed = 0; passed < ms; passed += slice) {
      await this.#shared.pass(slice)
      for (const replica of this.#replicas) replica.pass(slice)
      await settled(() => this.#replicas)
      for (const replica of this.#replicas) this.#await(replica, 'sweep', replica.changes.sweep())
      await settled(() => this.#replicas)
    }
  }

  #propose(replica: Replica, { what, standing }: { what: number; standing: boolean }): void {
    const propose = async () => {
      const request = requestOf(what)
      const found = await replica.changes.find(replica.changes.proposal(request, caller))
      const change = found ?? (await replica.changes.propose(replica.changes.proposal(request, caller), patient()))
      if (change) this.#ledger.proposed(change)
      if (change?.state === 'asked') await put(replica, change, standing)
    }
    this.#await(replica, 'propose', propose())
  }

  async #decide(replica: Replica, asked: Asked, yes: boolean, which: string): Promise<void> {
    const { id, asking } = asked
    const isStale = which === 'stale handle'
    const given = {
      round: which === 'older round' ? asking.round - 1 : asking.round,
      handle: isStale ? 'another' : (asking.rung?.handle ?? 'nobody asks'),
      answer: yes ? ('approved' as const) : ('declined' as const),
      channel: 'page' as const,
    }
    this.#ledger.answered(asked, given)
    const verdict = await replica.changes.decide(id, given)
    this.#ledger.judged(id, given, verdict)
  }

  async #tell({ replica, change }: { replica: number; change: number }): Promise<void> {
    const { changes } = this.#replica(replica)
    const id = this.#ledger.idAt(change)
    if (id === undefined) return
    const tell = async () => {
      const now = await changes.get(id)
      if (now?.state === 'ended' && (await changes.tell(now))) this.#ledger.told(id)
    }
    this.#await(this.#replica(replica), 'tell', tell())
  }

  /** What somebody does who sees the question as it stands. */
  async #withAsked(
    { replica, change }: { replica: number; change: number },
    act: (replica: Replica, asked: Asked) => Promise<unknown>,
    wait = true,
  ): Promise<void> {
    const id = this.#ledger.idAt(change)
    const now = id === undefined ? undefined : await this.#looker.get(id)
    if (now?.state !== 'asked') return
    const process = this.#replica(replica)
    this.#await(process, act.name || 'act', act(process, now))
    if (wait) await settled(() => this.#replicas)
  }

  #await(replica: Replica, what: string, result: Promise<unknown>): void {
    const pending = { replica, what }
    this.#pending.add(pending)
    result
      .catch((err) => {
        if (!(err instanceof CutOff)) this.#ledger.broken(err)
      })
      .finally(() => this.#pending.delete(pending))
  }
}

const caller = { client: 'test 1' }

async function put(replica: Replica, asked: Asked, standing: boolean): Promise<void> {
  const rung: Rung = { channel: 'page', handle: handle(), standing }
  if (!asked.asking.rung) await replica.changes.put(asked, rung)
}

function customerOf(what: number): number {
  return 1 + (what % 2)
}

/** Three changes of two customers each; the last of the three needs nobody's approval. */
function requestOf(what: number): ChangeRequest {
  const changes = what < 2 ? { blocked: true } : what < 4 ? { email: 'jane@example.com' } : { firstName: 'Joan' }
  return { customerId: customerOf(what), changes, enterPrivately: [], dryRun: false }
}

/** Gives up after longer than anything takes here. */
function patient(): GiveUp {
  return { signal: new AbortController().signal, afterMs: 10 * 60_000 }
}
