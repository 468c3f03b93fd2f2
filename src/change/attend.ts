import { type InputRequiredResult, inputRequired } from '@modelcontextprotocol/server'
import type { Approval } from '../approval/approval.ts'
import type { Put } from '../approval/channel.ts'
import type { Ladder } from '../approval/ladder.ts'
import type { ChangeRequest } from '../customer/fields.ts'
import { type Clock, Deadline } from '../lib/clock.ts'
import type { Signal } from '../lib/signal.ts'
import type { Call } from '../mcp/call.ts'
import type { RequestStates } from '../mcp/request-state.ts'
import type { Change } from './change.ts'
import type { Changes, Watched } from './changes.ts'
import type { UpdateEnvelope } from './envelope.ts'
import { laterTold, pending, pendingCode, tooSlow, underWay, wrongCode } from './refusals.ts'

/** Kept back from the call's own deadline for writing the answer, milliseconds. */
const ANSWER_MS = 1_000
/** Between two looks at the clock, and two progress notifications, milliseconds at the most. */
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
  const late = change.outcome !== undefined
  deps.changes.join(watched, call)
  const patience = new Deadline(deps.clock, deps.waitMs)
  let put: Put | undefined
  let asked: Approval | undefined
  for (;;) {
    const { outcome, approval } = change
    if (outcome) {
      if (!call.cancelled.aborted) deps.changes.told(watched)
      return late ? laterTold(outcome) : outcome.envelope
    }
    const until = put?.kind === 'asked' ? put.until : undefined
    if (approval && (approval !== asked || until?.aborted)) {
      asked = approval
      put = await deps.ladder.put(approval, { call, request, alone: watched.calls.size <= 1 })
      const answer = await answerTo(put, approval, watched, { call, request, deps })
      if (answer) return answer
      continue
    }
    const leftMs = Math.min(timeLeftMs(call), approval ? patience.remainingMs : Number.POSITIVE_INFINITY)
    if (leftMs <= 0 || call.cancelled.aborted) {
      if (change.refused) {
        await change.settled
        continue
      }
      if (approval && put?.kind === 'asked') return stillAsked(approval, put, { call, request, deps })
      const isVoid = !change.asked && deps.changes.giveUp(watched, call)
      return isVoid ? tooSlow(request) : underWay(request, { sent: change.sent, approved: change.asked })
    }
    call.progress?.(put?.kind === 'asked' && approval ? put.waitingFor : 'Waiting for AiFi.')
    await nextEvent(change, Math.min(leftMs, PROGRESS_MS), [call.cancelled, ...(until ? [until] : [])], deps.clock)
  }
}

/** Milliseconds until the call has to be answered. */
export function timeLeftMs(call: Call): number {
  return call.deadline.remainingMs - ANSWER_MS
}

interface Asking {
  readonly call: Call
  readonly request: ChangeRequest
  readonly deps: AttendDeps
}

function stillAsked(approval: Approval, put: Extract<Put, { kind: 'asked' }>, { call, request, deps }: Asking) {
  if (!call.cancelled.aborted) deps.ladder.waitedInVain(approval)
  return pending(request, put)
}

/** What the way of asking means for this round of the call; undefined when it goes on watching. */
async function answerTo(
  put: Put,
  approval: Approval,
  watched: Watched,
  { call, request, deps }: Asking,
): Promise<UpdateEnvelope | InputRequiredResult | undefined> {
  switch (put.kind) {
    case 'client_asks': {
      const { channel } = put
      const requestState = await deps.states.seal({ approvalId: approval.id, channel })
      watched.asking = { approval, channel, call }
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

/** Resolves when the change moves on or one of `signals` aborts, after `ms` at the latest. */
function nextEvent(change: Change, ms: number, signals: readonly Signal[], clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const onEvent = () => {
      cancel()
      unwatch()
      for (const signal of signals) signal.removeEventListener('abort', onEvent)
      resolve()
    }
    const cancel = clock.after(ms, onEvent)
    const unwatch = change.watch(onEvent)
    for (const signal of signals) signal.addEventListener('abort', onEvent)
  })
}
