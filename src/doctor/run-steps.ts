import { type Clock, Deadline } from '../lib/clock.ts'
import { type Check, type CheckName, type Finding, lacking, problem, type Step, titles } from './check.ts'

/** Everything together ends within this long, milliseconds. */
const ALL_MS = 28_000
/** What waits for the network has to leave some of it to the rest. */
const NETWORK_MS = 22_000
/** A step that looks at this machine only. */
const LOCAL_MS = 2_000

/** Takes the steps one after the other; one that needs what failed is skipped. Ends early when `stop` is aborted. */
export async function* runSteps(
  steps: readonly Step[],
  { clock, stop, onStart }: { clock: Clock; stop: AbortSignal; onStart: (name: CheckName) => void },
): AsyncGenerator<Check> {
  const all = new Deadline(clock, ALL_MS)
  const network = new Deadline(clock, NETWORK_MS)
  const failed = new Set<CheckName>()
  for (const step of steps) {
    onStart(step.name)
    const limitMs = Math.min(all.remainingMs, step.network ? network.remainingMs : LOCAL_MS)
    const missing = step.needs?.find((name) => failed.has(name))
    const finding = missing ? skippedFor(missing) : await runWithin(limitMs, step, clock, stop)
    if (stop.aborted) return
    if (finding.status === 'problem' || (finding.status === 'skipped' && finding.blocks)) failed.add(step.name)
    yield { name: step.name, ...finding }
  }
}

function skippedFor(name: CheckName): Finding {
  return lacking(`not looked at: it needs “${titles[name]}” first`)
}

async function runWithin(limitMs: number, step: Step, clock: Clock, stop: AbortSignal): Promise<Finding> {
  if (limitMs <= 0) return lacking(`not looked at: the ${NETWORK_MS / 1000} seconds for the network were used up`)
  const end = new AbortController()
  const signal = AbortSignal.any([stop, end.signal])
  const cancel = clock.after(limitMs, () => end.abort())
  try {
    return await Promise.race([step.run(signal), endOf(signal)])
  } catch {
    // Whatever it was, its text may be anything.
    return problem('could not be looked at, because of an error in this program', 'Please report it.')
  } finally {
    cancel()
    end.abort()
  }
}

function endOf(signal: AbortSignal): Promise<Finding> {
  const late = problem(
    'came to no end in time',
    'Something hangs: look at what this step needs, and at the network, and run doctor again.',
  )
  return new Promise((resolve) => {
    if (signal.aborted) resolve(late)
    else signal.addEventListener('abort', () => resolve(late), { once: true })
  })
}
