import type { ChangeRequest, CustomerField, PrivateFieldName } from '../customer/fields.ts'
import type { CustomerRecord } from '../customer/record.ts'
import type { Instant } from '../lib/clock.ts'
import { isSamePerson, type Person } from '../lib/person.ts'
import type { ChannelName, UpdateEnvelope } from './envelope.ts'

/**
 * One change of one customer as a value: what it is, the states that it can be in, and the only ways from one to the
 * next. Pure data, so that a store can keep it and any process can carry it on.
 *
 *     (new) ──► asked ──claim──► claimed ──commit──► sending ──end──► ended
 *                │  ▲              │ │                                  ▲
 *                │  └──ask again───┘ └───────────────end────────────────┤
 *                └──────────────────────refuse──────────────────────────┘
 *     (new, nobody has to agree) ──► claimed
 *
 * A PATCH leaves only after the record says `sending`, written by the holder of the claim, and nothing turns `sending`
 * back: one PATCH at most for an approval, whatever crashes.
 */
export type Change = Asked | Claimed | Sending | Ended

/** What a change is, in every state. No value of a record or an argument is in here. */
interface Identity {
  readonly id: string
  /** Counts the transitions: a version replaces only its predecessor. */
  readonly version: number
  /** Equal for equal requests of one caller to one deployment: an HMAC, never the arguments. */
  readonly key: string
  readonly customerId: number
  /** Everything that is to be changed, what a person still has to type included. */
  readonly fields: readonly CustomerField[]
  readonly caller: Caller
}

/** Who proposes a change. On stdio that is the process; over HTTP, the person or the application whose token came along. */
export interface Caller {
  /** The program that calls, by its own account: `claude-ai 1.2.3`. */
  readonly client: string
  readonly person?: Person
  /** The id that the issuer knows an application by which calls on nobody's behalf. */
  readonly application?: string
  /** Its place in a distributed trace. */
  readonly traceparent?: string
}

/** The program does not count: by its own account it may be any. */
export function isSameCaller(a: Caller, b: Caller): boolean {
  if (a.person || b.person) return isSamePerson(a.person, b.person)
  return a.application === b.application
}

/** A person has been, or is to be, asked. Nothing has been sent. */
export interface Asked extends Identity {
  readonly state: 'asked'
  readonly request: ChangeRequest
  readonly asking: Asking
}

/** One process has taken it, and reads the record again. Nothing has been sent. */
export interface Claimed extends Identity {
  readonly state: 'claimed'
  readonly request: ChangeRequest
  /** The question whose yes it was; absent when nobody has to agree. */
  readonly asking?: Asking
  readonly decision?: Decision
  readonly lease: Lease
}

/** Written before the request leaves: from here on only the holder of the lease knows what becomes of it. */
export interface Sending extends Identity {
  readonly state: 'sending'
  readonly request: ChangeRequest
  readonly decision?: Decision
  readonly lease: Lease
}

/** What is kept of a question that was decided: who, when and how it ended; no value. */
export interface Decided extends Pick<Ended, 'id' | 'customerId' | 'fields' | 'caller' | 'endedAt'> {
  readonly decision: Decision
  readonly status: UpdateEnvelope['status']
}

export interface Ended extends Identity {
  readonly state: 'ended'
  readonly decision?: Decision
  readonly outcome: UpdateEnvelope
  /** Wall clock, milliseconds since 1970. */
  readonly endedAt: number
  /** Nobody wants to be told: nothing was sent, and the same request is a new change. */
  readonly unwanted?: true
  /** The lease of what was being sent lapsed, so its outcome is not known: whoever held it may know better, once. */
  readonly presumed?: Lease
}

/** The question about a change. */
export interface Asking {
  /** From 1; a record that moved is asked about anew. An answer counts for the round that it was given to. */
  readonly round: number
  readonly shown: Shown
  readonly expiresAt: Instant
  /** How it is being asked; absent while it is put to nobody. */
  readonly rung?: Rung
  /** Rungs that handed it on, and why, as a sentence: a yes that comes from there is void, a no still counts. */
  readonly passed: readonly { readonly rung: Rung; readonly reason: string }[]
}

/** The record as it was read, or why it could not be. */
export interface Shown {
  readonly record?: CustomerRecord
  /** Why there is no record, as a sentence. */
  readonly unreadable?: string
  /** What was done to this customer, and by the same request, when it was read. */
  readonly past?: Past
}

/** What was done through this server before, as far as a person who is asked now has to know. */
export interface Past {
  /** The customer got another name lately; the name itself is not kept. `at` is wall clock, milliseconds since 1970. */
  readonly renamed?: { readonly at: number; readonly byPerson: boolean }
  /** The very same change was made then, and one of its fields was changed again since. */
  readonly made?: { readonly at: number }
  /** The question about this change came back from a form without a yes a moment ago. */
  readonly notApproved?: true
}

/** One way in which a question is put to somebody. */
export interface Rung {
  readonly channel: ChannelName
  /** Random; an answer names the rung that it came through. */
  readonly handle: string
  /** It stands where the person looks, whether or not a call waits, and shows what it is asked about anew by itself. */
  readonly standing: boolean
  /** The client has it, and answers with a call of its own: no call that ends takes it back. */
  readonly withClient?: true
  /** When a form was handed out: a yes counts only once it can have been read. */
  readonly handedOutAt?: Instant
  /** An answer came: no other one counts for it. */
  readonly answered?: true
  /** A call has waited its whole time for the answer in vain. */
  readonly waitedInVain?: true
  /** `AIFI_APPROVAL=chat`: the code that the assistant relays. */
  readonly code?: { readonly text: string; readonly triesLeft: number }
}

/** The holder of a claim, by whose renewal it is known to live. */
export interface Lease {
  readonly token: string
  readonly until: Instant
}

/** What a person typed into the private fields. An argument of the decision, held by nobody. */
export type TypedSecrets = Partial<Record<PrivateFieldName, string>>

/** How a question ended. `at` is wall clock, milliseconds since 1970. */
export type Decision =
  | {
      readonly kind: 'answered'
      readonly answer: AnswerKind
      readonly channel: ChannelName
      /** Who answered, where that is known. */
      readonly by?: Person
      readonly at: number
    }
  /** Nobody answered in time. */
  | { readonly kind: 'expired'; readonly channel?: ChannelName; readonly at: number }
  /** Who asked wants it no longer; `reason` is a sentence. */
  | {
      readonly kind: 'withdrawn'
      readonly channel?: ChannelName
      readonly by?: Person
      readonly at: number
      readonly reason: string
    }
  /** There turned out to be nobody to ask; `reason` is one or more sentences. */
  | { readonly kind: 'nobody_to_ask'; readonly at: number; readonly reason: string }

/** What the client or the page answered; never a claim about what a human did. */
export type AnswerKind = 'approved' | 'declined' | 'cancelled' | 'not_approved'

/** What a change is before it is anywhere. */
export type New = Omit<Identity, 'version'> & { readonly request: ChangeRequest }

export function asked(identity: New, asking: Asking): Asked {
  return { ...identity, version: 1, state: 'asked', asking }
}

/** For a change to which nobody has to agree. */
export function claimed(identity: New, lease: Lease): Claimed {
  return { ...identity, version: 1, state: 'claimed', lease }
}

/** A change that ended before it was anywhere: nothing was sent, and nobody was asked. */
export function endedAtOnce({ request: _, ...identity }: New, outcome: UpdateEnvelope, endedAt: number): Ended {
  return { ...identity, version: 1, state: 'ended', outcome, endedAt }
}

/** The question is put to somebody, or to nobody for the time being. */
export function putThrough({ asking: { rung: _, ...asking }, ...change }: Asked, rung: Rung | undefined): Asked {
  return { ...change, version: change.version + 1, asking: { ...asking, ...(rung && { rung }) } }
}

/** The rung could not bring an answer: the next one may. */
export function handedOn(change: Asked, reason: string): Asked {
  const { rung, passed, ...asking } = change.asking
  const handed = rung ? [...passed, { rung, reason }] : passed
  return { ...change, version: change.version + 1, asking: { ...asking, passed: handed } }
}

/** The record is no longer as it was shown: the same question about what it is now. */
export function askedAgain(change: Asked | Claimed, was: Asking, shown: Shown, expiresAt: Instant): Asked {
  const { id, version, key, customerId, fields, caller, request } = change
  const rung = was.rung?.standing && { rung: was.rung }
  const asking: Asking = { round: was.round + 1, shown, expiresAt, passed: [], ...rung }
  return { id, version: version + 1, key, customerId, fields, caller, request, state: 'asked', asking }
}

/** Somebody said yes to this round. */
export function claimedBy(change: Asked, decision: Decision, lease: Lease): Claimed {
  return { ...change, version: change.version + 1, state: 'claimed', decision, lease }
}

/** The stopped holder of a claim had sent nothing: the yes has to be given again. */
export function unclaimed(change: Claimed, was: Asking): Asked {
  return askedAgain(change, was, was.shown, was.expiresAt)
}

/** From here on it may have been sent. */
export function committed({ asking: _, ...change }: Claimed, until: Instant): Sending {
  return { ...change, version: change.version + 1, state: 'sending', lease: { ...change.lease, until } }
}

/** The end of a change; what was asked for is not kept. */
export function ended(
  change: Asked | Claimed | Sending,
  outcome: UpdateEnvelope,
  how: Pick<Ended, 'endedAt' | 'presumed' | 'unwanted'> & { readonly decision: Decision | undefined },
): Ended {
  const { decision, ...facts } = how
  const { id, version, key, customerId, fields, caller } = change
  const identity = { id, version: version + 1, key, customerId, fields, caller }
  return { ...identity, state: 'ended', outcome, ...facts, ...(decision && { decision }) }
}

/** Whoever held the lease came back after all, and knows the outcome. */
export function corrected({ presumed: _, ...change }: Ended, outcome: UpdateEnvelope, endedAt: number): Ended {
  return { ...change, version: change.version + 1, outcome, endedAt }
}

/** When the question, or the claim, lapses. */
export function lapseOf(change: Exclude<Change, Ended>): Instant {
  return change.state === 'asked' ? change.asking.expiresAt : change.lease.until
}

/** One process holds it, by a lease. */
export function isHeld(change: Change): change is Claimed | Sending {
  return change.state === 'claimed' || change.state === 'sending'
}

/** What is kept of it; undefined when nobody decided. */
export function decidedOf({ decision, outcome, ...change }: Ended): Decided | undefined {
  const { id, customerId, fields, caller, endedAt } = change
  return decision && { id, customerId, fields, caller, endedAt, decision, status: outcome.status }
}
