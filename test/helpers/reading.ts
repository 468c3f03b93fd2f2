import type { TestClock } from './test-clock.ts'

/** As long as a person needs at least, milliseconds. */
const READING_MS = 700
/** The clocks of the servers in this process, by the origin of their page. */
const clocks = new Map<string, TestClock>()

/** The page at this address is of a server with this clock, which reading makes go on. */
export function clockOf(address: string, clock: TestClock): void {
  clocks.set(new URL(address).origin, clock)
}

/** Somebody reads the page at this address: no time passes but that of its server. */
export function reading(address: string): void {
  const clock = clocks.get(new URL(address).origin)
  if (!clock) throw new Error(`The clock of ${address} is not known.`)
  clock.advance(READING_MS)
}
