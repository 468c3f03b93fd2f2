import type { Caller } from '../change/change.ts'
import { isSamePerson } from '../lib/person.ts'
import type { BrowserSession } from './inbox/session.ts'

/** What somebody who has signed in may do with a change. */
export interface Rights {
  readonly see: boolean
  readonly decide: boolean
  /** Whoever proposed it may take it back. */
  readonly withdraw: boolean
}

/** @param fourEyes nobody approves what they asked for themselves. */
export function rightsOf({ person, approver }: BrowserSession, caller: Caller, fourEyes: boolean): Rights {
  const isOwn = isSamePerson(person, caller.person)
  return { see: approver || isOwn, decide: approver && !(fourEyes && isOwn), withdraw: isOwn }
}
