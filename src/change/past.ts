import type { Decision, Ended, Past } from './change.ts'

/** What was sent is remembered for this long, milliseconds. */
export const REMEMBER_MS = 24 * 60 * 60_000

/** That a change was sent and may have been made: no values. */
export interface SentChange extends Pick<Ended, 'key' | 'fields'> {
  /** When it ended, wall clock, milliseconds since 1970. */
  readonly at: number
  readonly byPerson: boolean
}

/** Whether a person said yes, rather than the assistant or a setting. */
export function isByPerson(decision: Decision | undefined): boolean {
  return decision?.kind === 'answered' && !['chat', 'skipped'].includes(decision.channel)
}

/** @param sent of one customer, in the last {@link REMEMBER_MS}, the oldest first. */
export function pastOf(key: string, sent: readonly SentChange[]): Pick<Past, 'renamed' | 'made'> {
  const renamed = sent.findLast(({ fields }) => fields.includes('firstName') || fields.includes('lastName'))
  const same = sent.findLastIndex((each) => each.key === key)
  const made = sent[same]
  const isChangedSince = sent.slice(same + 1).some(({ fields }) => fields.some((field) => made?.fields.includes(field)))
  return {
    ...(renamed && { renamed: { at: renamed.at, byPerson: renamed.byPerson } }),
    ...(made && isChangedSince && { made: { at: made.at } }),
  }
}
