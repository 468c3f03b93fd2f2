import type { Clock } from '../lib/clock.ts'
import { minutesInWords } from '../lib/text.ts'
import { type Finding, ok, problem, skipped } from './report.ts'

/** What somebody else's clock said, beside this computer's. */
export interface ClockReading {
  /** `the issuer` */
  readonly whose: string
  /** Milliseconds by which it is certainly ahead of this computer's; negative: behind. 0 where the two may agree. */
  readonly aheadMs: number
}

/** What is accepted in the times of a token, milliseconds: whoever is further off has good tokens refused. */
const TOLERANCE_MS = 5_000

/** Asks for a time, and compares it. `resolutionMs` is that of the answer, which is cut off, not rounded. */
export async function readClock(
  whose: string,
  ask: () => Promise<number | undefined>,
  { clock, resolutionMs }: { readonly clock: Clock; readonly resolutionMs: number },
): Promise<ClockReading | undefined> {
  const before = clock.now()
  const time = await ask()
  const after = clock.now()
  if (time === undefined || Number.isNaN(time)) return undefined
  // It was read at some moment between the two: however long that took, only what lies outside is a difference.
  const aheadMs = time > after ? time - after : Math.min(0, time + resolutionMs - before)
  return { whose, aheadMs }
}

/** Whether this computer, the issuer and the database agree on the time. */
export function clockFinding(readings: readonly ClockReading[]): Finding {
  if (readings.length === 0) return skipped('nobody else’s clock was seen')
  const wrong = readings.filter(({ aheadMs }) => Math.abs(aheadMs) > TOLERANCE_MS)
  const names = readings.map(({ whose }) => whose).join(' and ')
  if (wrong.length === 0) return ok(`agrees with ${names}`)
  const found = wrong.map(({ whose, aheadMs }) => {
    const seconds = Math.round(Math.abs(aheadMs) / 1000)
    const span = seconds > 120 ? minutesInWords(Math.round(seconds / 60)) : `${seconds} s`
    return `this computer is ${span} ${aheadMs > 0 ? 'behind' : 'ahead of'} ${whose}`
  })
  const who = wrong.length === readings.length ? 'this computer' : `${wrong[0]?.whose} first: the other one agrees`
  return problem(
    found.join('\n'),
    `Have the clocks set by NTP; begin with ${who}. Beyond 5 s good tokens are refused, or old ones accepted.`,
  )
}
