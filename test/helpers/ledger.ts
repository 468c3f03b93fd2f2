import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import type { Asked, Change, Ended, Shown } from '../../src/change/change.ts'
import type { GivenAnswer, Verdict } from '../../src/change/changes.ts'
import { sensitiveFields } from '../../src/customer/compare.ts'
import type { Observer, Replica } from './faulty-replica.ts'

/** What came of one change. */
interface Account {
  readonly isPlain: boolean
  /** What each round asked about. */
  readonly shown: Map<number, Shown>
  /** Rounds that somebody said yes to, the way they were asked. */
  readonly yes: Set<number>
  readonly counted: Map<number, GivenAnswer['answer'][]>
  claimedRound: number | undefined
  sendings: number
  patches: number
  told: number
  withdrawn: boolean
}

/** Keeps account of what was asked, answered, stored and sent, and says where a rule was broken. */
export class Ledger implements Observer {
  readonly #accounts = new Map<string, Account>()
  /** The change that each process last wrote down as being sent, by customer. */
  readonly #sending = new Map<Replica, Map<number, string>>()
  readonly #violations: string[] = []

  idAt(index: number): string | undefined {
    const ids = [...this.#accounts.keys()]
    // The latest ones: those are under way.
    return ids[ids.length - 1 - index]
  }

  stored(replica: Replica, change: Change): void {
    const account = this.#account(change)
    switch (change.state) {
      case 'asked': {
        const { round, shown } = change.asking
        const before = account.shown.get(round)
        if (before && !isDeepStrictEqual(before, shown)) this.#violations.push('one round showed two things')
        account.shown.set(round, shown)
        break
      }
      case 'claimed':
        account.claimedRound = change.asking?.round
        break
      case 'sending': {
        const byCustomer = this.#sending.get(replica) ?? new Map()
        this.#sending.set(replica, byCustomer.set(change.customerId, change.id))
        account.sendings += 1
        if (account.sendings > 1) this.#violations.push('a change was written down as being sent twice')
        if (account.withdrawn) this.#violations.push('a withdrawn change was written down as being sent')
        break
      }
      case 'ended':
    }
  }

  patched(replica: Replica, customerId: number): void {
    const id = this.#sending.get(replica)?.get(customerId)
    const account = id === undefined ? undefined : this.#accounts.get(id)
    if (!account) return void this.#violations.push('a PATCH left that no store knows about')
    account.patches += 1
    if (account.patches > 1) this.#violations.push('a second PATCH left')
    if (account.isPlain) return
    const round = account.claimedRound
    if (round === undefined || !account.yes.has(round)) return void this.#violations.push('a PATCH left without a yes')
    const shown = account.shown.get(round)?.record
    const read = replica.read.get(customerId)
    if (shown?.email !== read?.email || shown?.firstName !== read?.firstName) {
      this.#violations.push('a PATCH left for a record that was not the one shown')
    }
  }

  proposed(change: Change): void {
    if (change.state !== 'ended') this.#account(change)
  }

  answered(asked: Asked, { round, handle, answer }: GivenAnswer): void {
    const isAsAsked = asked.asking.round === round && asked.asking.rung?.handle === handle
    if (answer === 'approved' && isAsAsked) this.#account(asked).yes.add(round)
  }

  judged(id: string, given: GivenAnswer, verdict: Verdict): void {
    const account = this.#accounts.get(id)
    if (!account || verdict.kind !== 'counted') return
    const counted = [...(account.counted.get(given.round) ?? []), given.answer]
    account.counted.set(given.round, counted)
    if (counted.length > 1) this.#violations.push(`two answers to one round counted: ${counted.join(', ')}`)
    if (given.answer === 'approved' && !account.yes.has(given.round)) {
      this.#violations.push('a yes counted that was given to something else')
    }
  }

  async withdrawn(id: string, result: Promise<boolean>): Promise<void> {
    const account = this.#accounts.get(id)
    if (!(await result) || !account) return
    account.withdrawn = true
    if (account.patches > 0) this.#violations.push('a change that was sent was said to be withdrawn')
  }

  told(id: string): void {
    const account = this.#accounts.get(id)
    if (!account) return
    account.told += 1
    if (account.told > 1) this.#violations.push('an outcome was told twice')
  }

  broken(err: unknown): void {
    this.#violations.push(`it threw: ${String(err)}`)
  }

  /** The rules that hold at any time. */
  check(live: readonly Change[]): void {
    const keys = live.map(({ key }) => key)
    const held = live.filter(({ state }) => state === 'claimed' || state === 'sending').map((each) => each.customerId)
    expect(this.#violations).toEqual([])
    expect(new Set(keys).size, 'one live change per key').toBe(keys.length)
    expect(new Set(held).size, 'one sender per customer').toBe(held.length)
  }

  /** The rules of what has ended, once nothing moves any more. */
  async checkEnds(get: (id: string) => Promise<Change | undefined>): Promise<void> {
    expect(this.#violations).toEqual([])
    for (const [id, account] of this.#accounts) {
      const change = await get(id)
      if (change?.state === 'ended') expectTruth(change, account)
    }
  }

  #account(change: Change): Account {
    const known = this.#accounts.get(change.id)
    if (known) return known
    const isPlain = change.state !== 'ended' && sensitiveFields(change.request, { email: 'x' }, []).length === 0
    const account: Account = {
      isPlain,
      shown: new Map(),
      yes: new Set(),
      counted: new Map(),
      claimedRound: undefined,
      sendings: 0,
      patches: 0,
      told: 0,
      withdrawn: false,
    }
    this.#accounts.set(change.id, account)
    return account
  }
}

function expectTruth({ outcome, presumed }: Ended, { patches, sendings, counted }: Account): void {
  const { status, message } = outcome
  const what = `${status}: ${message}`
  if (status === 'updated') expect(patches, what).toBe(1)
  else if (status === 'unknown') expect(sendings, what).toBe(1)
  else expect(patches, what).toBe(0)
  if (presumed) expect(status).toBe('unknown')
  const refused = [...counted.values()].flat().some((answer) => answer !== 'approved')
  if (refused) expect(status, 'a no that counted').toBe('declined')
}
