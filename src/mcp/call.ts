import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  type McpServer,
  type RequestId,
  type ServerContext,
  type Transport,
} from '@modelcontextprotocol/server'
import * as z from 'zod'
import { type Clock, Deadline } from '../lib/clock.ts'
import { type Signal, StopSignal } from '../lib/signal.ts'
import { harmless } from '../lib/text.ts'
import type { RequestState } from './request-state.ts'

const client = z.object({ name: z.string(), version: z.string() })
const capabilities = z.object({ elicitation: z.object({ form: z.unknown(), url: z.unknown() }).partial().optional() })
/** What a 2026-07-28 client says of itself with every request (`_meta` envelope); the SDK passes it on as it came. */
const envelope = z.object({
  [CLIENT_INFO_META_KEY]: client.optional().catch(undefined),
  [CLIENT_CAPABILITIES_META_KEY]: capabilities.optional().catch(undefined),
})

/** A call is answered this long after it arrived at the latest: clients give up at 60 s. */
export const CALL_LIFETIME_MS = 55_000

/** One call of a tool, as far as the program needs to know about it. Made for each entry of the handler. */
export interface Call {
  readonly connection: Connection
  /** The arguments as they came. */
  readonly arguments: unknown
  /** The program that calls, by its own account. */
  readonly clientName: string
  /** The client can show a form, a link. */
  readonly canForm: boolean
  readonly canUrl: boolean
  /** The client answers a question inside the call that asked it (2025-era), not with a call of its own (2026-07-28). */
  readonly answersWithin: boolean
  /** Aborted when the client cancelled the call or the connection ended. */
  readonly cancelled: Signal
  /** Aborted when the call was answered on the wire or cancelled. */
  readonly ended: Signal
  /** The end of the time in which it must be answered. */
  readonly deadline: Deadline
  /** What an earlier round of this call left with the client, after our own check; absent in the first round. */
  readonly state: RequestState | undefined
  /** The client's answers to what the earlier round asked. Untrusted; counts only together with `state`. */
  readonly answers: Record<string, unknown> | undefined
  /** Tells the client that the call goes on; absent when it did not ask for that. */
  readonly progress: ((message: string) => void) | undefined
}

/** A call that has not been answered on the wire yet. */
interface OpenCall {
  /** As they came: the SDK's copy lacks one that is named `__proto__`, and nobody would be told. */
  readonly arguments: unknown
  readonly cancelled: StopSignal
  readonly ended: StopSignal
  deadline: Deadline
  /** The last progress that was told: it has to grow as long as the request lasts. */
  progress: number
}

/** What is known of one connection: which of its calls are open, and how its client behaves. */
export class Connection {
  /** Becomes false when the client answered a form without asking a person: for the rest of the connection. */
  asksPeople = true
  readonly #server: McpServer['server']
  readonly #clock: Clock
  readonly #open = new Map<RequestId, OpenCall>()

  constructor(server: McpServer['server'], clock: Clock) {
    this.#server = server
    this.#clock = clock
  }

  /**
   * Notes every call that comes, every one that is cancelled, and every answer that leaves, so that a call knows when it
   * is over. Changes nothing on the wire. For a transport that the server is connected to.
   */
  observe(transport: Transport): void {
    const receive = transport.onmessage
    transport.onmessage = (message, extra) => {
      if (!('method' in message)) return receive?.(message, extra)
      const { method, params } = message
      if (method === 'tools/call' && 'id' in message) this.#open.set(message.id, this.#begun(params?.arguments))
      if (method === 'notifications/cancelled' && isReason(params?.reason)) this.#cancel(params?.requestId)
      receive?.(message, extra)
    }
    const send = transport.send.bind(transport)
    transport.send = (message, options) => {
      if (!('method' in message) && message.id !== undefined) this.#end(message.id)
      return send(message, options)
    }
    const closed = transport.onclose
    transport.onclose = () => {
      for (const id of [...this.#open.keys()]) this.#cancel(id)
      closed?.()
    }
  }

  /** The call that the handler was entered for. */
  call(ctx: ServerContext): Call {
    const { mcpReq } = ctx
    const said = mcpReq.envelope && envelope.parse(mcpReq.envelope)
    const info = said ? said[CLIENT_INFO_META_KEY] : this.#server.getClientVersion()
    const { elicitation } = (said ? said[CLIENT_CAPABILITIES_META_KEY] : this.#server.getClientCapabilities()) ?? {}
    const progressToken = mcpReq._meta?.progressToken
    const open = this.#opened(mcpReq.id, mcpReq.signal.aborted)
    return {
      connection: this,
      arguments: open.arguments ?? {},
      clientName: info ? harmless(`${info.name} ${info.version}`, 80) : 'an unnamed client',
      // `elicitation: {}` is the older way to declare forms.
      canForm: elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined),
      canUrl: elicitation?.url !== undefined,
      answersWithin: mcpReq.envelope === undefined,
      cancelled: open.cancelled,
      ended: open.ended,
      deadline: open.deadline,
      state: mcpReq.requestState<RequestState>(),
      answers: mcpReq.inputResponses,
      progress:
        progressToken === undefined
          ? undefined
          : (message) => {
              open.progress += 1
              const params = { progressToken, progress: open.progress, message }
              // A client that has gone needs no progress.
              mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined)
            },
    }
  }

  /** Tells a 2025-era client that what it opened by URL is done. Later protocol revisions have no such message. */
  completed(elicitationId: string): void {
    try {
      this.#server
        .createElicitationCompletionNotifier(elicitationId)()
        .catch(() => undefined)
    } catch {
      // The client does not know URL elicitation in this form; nobody waits for the message.
    }
  }

  #begun(args: unknown): OpenCall {
    const deadline = new Deadline(this.#clock, CALL_LIFETIME_MS)
    return { arguments: args, cancelled: new StopSignal(), ended: new StopSignal(), deadline, progress: 0 }
  }

  /** The handler is entered anew for each answer of a 2025-era client; it is the same call all the while. */
  #opened(id: RequestId, isCancelled: boolean): OpenCall {
    const open = this.#open.get(id)
    if (!open || isCancelled) {
      // Before the handler was entered; another call may have the id by now.
      const gone = this.#begun(undefined)
      gone.cancelled.abort()
      gone.ended.abort()
      return gone
    }
    // A client that kept the call open for longer, a form being shown, is not one that gives up at 60 s.
    if (open.deadline.passed) open.deadline = new Deadline(this.#clock, CALL_LIFETIME_MS)
    return open
  }

  #cancel(id: unknown): void {
    const isId = typeof id === 'string' || typeof id === 'number'
    if (isId) this.#open.get(id)?.cancelled.abort()
    if (isId) this.#end(id)
  }

  #end(id: RequestId): void {
    const open = this.#open.get(id)
    this.#open.delete(id)
    open?.ended.abort()
  }
}

/** With another reason the SDK takes the message for none, and answers the call. */
function isReason(reason: unknown): boolean {
  return reason === undefined || typeof reason === 'string'
}
