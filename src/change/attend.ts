import { type InputRequiredResult, inputRequired } from '@modelcontextprotocol/server'
import type { Approval } from '../approval/approval.ts'
import type { Put } from '../approval/channel.ts'
import type { Ladder } from '../approval/ladder.ts'
import type { RequestStates } from '../approval/request-state.ts'
import type { Call } from '../call.ts'
import { type Clock, Deadline, sleep } from '../clock.ts'
import type { ChangeRequest } from '../customer.ts'
import type { UpdateEnvelope } from '../result.ts'
import type { Changes, Watched } from './changes.ts'
import { laterTold, pending, pendingCode, underWay, wrongCode } from './refusals.ts'

/** Kept back from the call's own deadline for writing the answer, milliseconds. */
const ANSWER_MS = 1_000
/** Between two progress notifications, milliseconds. */
const PROGRESS_MS = 5_000

export interface AttendDeps {
  readonly changes: Changes
  readonly ladder: Ladder
  readonly states: RequestStates
  readonly clock: Clock
  /** How long a call waits for a person's answer, milliseconds. */
  readonly waitMs: number
}

/**
 * Lets a call watch a change until it has its outcome, or the call has to be answered. On the way the call puts the
 * question to a person, since only a call can reach the client.
 */
export async function attend(
  watched: Watched,
  request: ChangeRequest,
  call: Call,
  deps: AttendDeps,
): Promise<UpdateEnvelope | InputRequiredResult> {
  const { change } = watched
  const late = watched.outcome !== undefined
  deps.changes.join(watched, call)
  const patience = new Deadline(deps.clock, deps.waitMs)
  let put: Put | undefined
  let asked: Approval | undefined
  for (;;) {
    const moved = change.moved()
    if (watched.outcome) {
      if (!call.cancelled.aborted) deps.changes.told(watched)
      return late ? laterTold(watched.outcome) : watched.outcome.envelope
    }
    const { approval } = change
    if (approval && approval !== asked) {
      asked = approval
      put = await deps.ladder.put(approval, { call, request, alone: watched.calls.size <= 1 })
      const answer = await answerTo(put, approval, request, deps)
      if (answer) return answer
      continue
    }
    const leftMs = Math.min(
      call.deadline.remainingMs - ANSWER_MS,
      approval ? patience.remainingMs : Number.POSITIVE_INFINITY,
    )
    if (leftMs <= 0 || call.cancelled.aborted) {
      if (approval) deps.ladder.waitedInVain(approval)
      return approval && put?.kind === 'asked' ? pending(request, put) : underWay(request, change.sent)
    }
    const message = put?.kind === 'asked' && approval ? put.waitingFor : 'Waiting for AiFi.'
    await waitFor(
      Promise.race([moved, change.settled]),
      leftMs,
      () => call.progress?.(message),
      call.cancelled,
      deps.clock,
    )
  }
}

/** What the way of asking means for this round of the call; undefined when it goes on watching. */
async function answerTo(
  put: Put,
  approval: Approval,
  request: ChangeRequest,
  { states }: AttendDeps,
): Promise<UpdateEnvelope | InputRequiredResult | undefined> {
  switch (put.kind) {
    case 'client_asks': {
      const requestState = await states.seal({ approvalId: approval.id, channel: put.channel })
      return inputRequired({ inputRequests: put.requests, requestState })
    }
    case 'code':
      return pendingCode(request, put)
    case 'wrong_code':
      return put.triesLeft > 0 ? wrongCode(request, put.triesLeft) : undefined
    case 'cannot':
      approval.decide({ answer: 'unavailable', reason: put.reason })
      return undefined
    case 'asked':
      return undefined
  }
}

/** Until `event`, at most `ms`, with a sign of life now and then. */
async function waitFor(
  event: Promise<unknown>,
  ms: number,
  signOfLife: () => void,
  cancelled: AbortSignal,
  clock: Clock,
) {
  const stop = new AbortController()
  const onCancelled = () => stop.abort()
  cancelled.addEventListener('abort', onCancelled, { once: true })
  void event.then(() => stop.abort())
  try {
    for (let left = ms; left > 0 && !stop.signal.aborted; left -= PROGRESS_MS) {
      signOfLife()
      await sleep(clock, Math.min(left, PROGRESS_MS), stop.signal)
    }
  } finally {
    cancelled.removeEventListener('abort', onCancelled)
  }
}
