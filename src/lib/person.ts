import { harmless } from './text.ts'

/** Somebody whom an OpenID Connect issuer vouches for. Two are the same if issuer and subject are; names prove nothing. */
export interface Person {
  readonly issuer: string
  /** What the issuer calls them, in the claim that names a person in every kind of its tokens. */
  readonly subject: string
  /** For people to read. */
  readonly name?: string
}

export function isSamePerson(a: Person | undefined, b: Person | undefined): boolean {
  return a !== undefined && b !== undefined && a.issuer === b.issuer && a.subject === b.subject
}

/** As people and models read it: the name, else the subject, as one harmless line. */
export function personName({ name, subject }: Person): string {
  return harmless(name ?? subject, 80)
}
