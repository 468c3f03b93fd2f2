import type { PrivateFieldName, TypedField } from '../customer/fields.ts'

/** The AiFi that is changed. */
export interface Deployment {
  /** `https://host[:port][/prefix]` */
  readonly address: string
  /** It is the embedded stand-in: nothing real would change. */
  readonly sandbox: boolean
}

/**
 * What a person is shown before agreeing to a change: exactly what is sent. Every text from elsewhere went through
 * `escaped()`: one line, in which every character shows itself. It is not escaped for any markup; whoever renders it does
 * that. Nothing is cut out of it, and a value that was shortened says so ({@link isWhole}).
 */
export interface Question extends Deployment {
  /** Whose record it is. */
  readonly customer: {
    readonly id: number
    /** First and last name as AiFi has them; absent when it has none or the record could not be read. */
    readonly name?: string
    /** What a person should know about the name, as a sentence: that it was changed a moment ago, say. */
    readonly nameNote?: string
    readonly email?: string
    /** Why the record could not be read, as a sentence; absent when it was read. */
    readonly unreadable?: string
  }
  /** The program that asks, by its own account: `claude-ai 1.2.3`. */
  readonly client: string
  /** Why, in the words of the assistant, which may be untrue. */
  readonly reason?: string
  /** One entry per changed field; `metadata` has one per member that changes. Never empty. */
  readonly changes: readonly ShownChange[]
  /** Secret fields that the person types; empty when there are none. Their changes stand in `changes` too. */
  readonly privateFields: readonly PrivateField[]
}

export interface ShownChange {
  /** The argument's name, dotted below: `role`, `metadata.tier`; the name of a member that is no word is in quotes. */
  readonly field: string
  /** The same for people: `Role`, `Metadata: tier`. */
  readonly label: string
  /** What is done, for a headline and a button, with {@link WHO} for the customer: `Block {who}`. Our own words only. */
  readonly action?: string
  readonly before: ShownValue
  readonly after: ShownValue
  /** Something that is there today would be gone. */
  readonly loss?: boolean
  /** What was there before cannot be brought back from here. */
  readonly final?: boolean
  /** What it does to the shopper or the store, in a sentence, when that is not obvious. */
  readonly consequence?: string
}

/** Stands for the customer in a {@link ShownChange.action}. */
export const WHO = '{who}'

export type ShownValue =
  /**
   * `type` tells what only looks like text: the number 5 from the text "5". `cut`: too long or too deep to be shown whole,
   * so nobody may be asked about it.
   */
  | {
      readonly kind: 'value'
      readonly text: string
      readonly type?: 'number' | 'boolean' | 'list' | 'object'
      readonly cut?: boolean
    }
  /** There is no value. */
  | { readonly kind: 'nothing' }
  /** There is a value, and it is `null`. */
  | { readonly kind: 'null' }
  /** A text without characters. */
  | { readonly kind: 'empty' }
  /** What is there today would be taken away. */
  | { readonly kind: 'removed' }
  /** AiFi does not show this field, or the record could not be read. */
  | { readonly kind: 'not_readable' }
  /** A secret; `text` says what it is without saying it: "a new password, given by the assistant". */
  | { readonly kind: 'hidden'; readonly text: string }

/** A secret that the person types. */
export interface PrivateField extends TypedField {
  readonly name: PrivateFieldName
}

/**
 * Whether a name may stand in a sentence of ours: letters alone, so that none reads like "customer 77" or a second
 * sentence; and short, for a button.
 */
export function isSpeakable(name: string): boolean {
  return /^\p{L}[\p{L}\p{M} '’.-]{0,59}$/u.test(name)
}

/**
 * No person reads a question and answers it in less, milliseconds: the answer is that of a client that asked nobody, or
 * was meant for what stood there before.
 */
export const UNREAD_MS = 700

/**
 * What a page shows at the most, in characters of values and in rows. Generous: so much is half a megabyte of page, made in
 * 0.15 s on a busy machine, and more than anybody reads.
 */
export const PAGE_CHARACTERS = 100_000
export const PAGE_ROWS = 1_000

/** True when all of it can be shown: nobody may agree to what is not. */
export function isWhole({ changes, customer, reason = '' }: Question): boolean {
  if (changes.length > PAGE_ROWS) return false
  const values = changes.flatMap(({ before, after }) => [before, after])
  if (values.some((value) => value.kind === 'value' && value.cut)) return false
  const texts = [
    ...changes.map(({ label }) => label),
    ...values.map((value) => (value.kind === 'value' ? value.text : '')),
    customer.name ?? '',
    customer.email ?? '',
    reason,
  ]
  return texts.reduce((sum, { length }) => sum + length, 0) <= PAGE_CHARACTERS
}
