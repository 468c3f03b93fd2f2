import type { PrivateFieldName } from '../customer/fields.ts'

/** The AiFi that is changed. */
export interface Deployment {
  /** `https://host[:port][/prefix]` */
  readonly address: string
  /** It is the embedded stand-in: nothing real would change. */
  readonly sandbox: boolean
}

/**
 * What a person is shown before agreeing to a change. Every text in here went through `harmless()`: one line, visible,
 * bounded. It is not escaped for any markup; whoever renders it does that.
 */
export interface Question {
  /** Whose record it is. */
  readonly customer: {
    readonly id: number
    /** First and last name as AiFi has them; absent when it has none or the record could not be read. */
    readonly name?: string
    readonly email?: string
    /** Why the record could not be read, as a sentence; absent when it was read. */
    readonly unreadable?: string
  }
  /** The AiFi deployment that would be changed: `https://host[:port][/prefix]`. */
  readonly address: string
  /** True when the address is the embedded stand-in: nothing real would change. */
  readonly sandbox: boolean
  /** The program that asks, by its own account: `claude-ai 1.2.3`. */
  readonly client: string
  /** One entry per changed field; `metadata` has one per member that changes. Never empty. */
  readonly changes: readonly ShownChange[]
  /** Secret fields that the person types; empty when there are none. Their changes stand in `changes` too. */
  readonly privateFields: readonly PrivateField[]
}

export interface ShownChange {
  /** The argument's name, dotted below: `role`, `metadata.tier`. */
  readonly field: string
  /** The same for people: `Role`, `Metadata: tier`. */
  readonly label: string
  readonly before: ShownValue
  readonly after: ShownValue
  /** What it does to the shopper or the store, in a sentence, when that is not obvious. */
  readonly consequence?: string
}

export type ShownValue =
  /** `cut`: too long to be shown whole, which the text says. */
  | { readonly kind: 'value'; readonly text: string; readonly cut?: boolean }
  /** There is no value: absent, null or empty. */
  | { readonly kind: 'nothing' }
  /** AiFi does not show this field, or the record could not be read. */
  | { readonly kind: 'not_readable' }
  /** A secret; `text` says what it is without saying it: "a new password, given by the assistant". */
  | { readonly kind: 'hidden'; readonly text: string }

export interface PrivateField {
  readonly name: PrivateFieldName
  readonly label: string
  /** Characters; absent where AiFi states no limit. */
  readonly minLength?: number
  readonly maxLength?: number
}
