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
import type { JsonObject } from '../lib/json.ts'
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
/** A form stays open for as long as the question that it asks, and some; the question's own clock decides. */
const ELICITATION_MS = 15 * 60_000

/** What a client answered to a question of ours. Untrusted. */
export interface ClientAnswer {
  readonly action: string
  readonly content?: unknown
}

/** One call of a tool, as far as the program needs to know about it. */
export interface Call {
  readonly connection: Connection
  /** The arguments as they came. */
  readonly arguments: unknown
  /** The program that calls, by its own account. */
  readonly clientName: string
  /** The client can show a form, a link. */
  readonly canForm: boolean
  readonly canUrl: boolean
  /**
   * Asks the client inside this call (2025-era). Rejects when the client fails or `signal` aborts, which takes the
   * question back. Absent for a client that answers with a call of its own (2026-07-28).
   */
  readonly elicit?: (params: JsonObject, signal: AbortSignal) => Promise<ClientAnswer>
  /** Aborted when the client cancelled the call or the connection ended. */
  readonly cancelled: AbortSignal
  /** The end of the time in which it must be answered. */
  readonly deadline: Deadline
  /** What an earlier round of this call left with the client, after our own check; absent in the first round. */
  readonly state: RequestState | undefined
  /** The client's answers to what the earlier round asked. Untrusted; counts only together with `state`. */
  readonly answers: Record<string, unknown> | undefined
  /** Tells the client that the call goes on; absent when it did not ask for that. */
  readonly progress: ((message: string) => void) | undefined
}

const clientAnswer = z.object({ action: z.string(), content: z.unknown().optional() })

/** What is known of one connection: the arguments of its calls as they came, and how its client behaves. */
export class Connection {
  /** Becomes false when the client answered a form without asking a person: for the rest of the connection. */
  asksPeople = true
  readonly #server: McpServer['server']
  readonly #clock: Clock
  /** The SDK's copy lacks one that is named `__proto__`, and nobody would be told. */
  readonly #arguments = new Map<RequestId, unknown>()

  constructor(server: McpServer['server'], clock: Clock) {
    this.#server = server
    this.#clock = clock
  }

  /** Keeps the arguments of every call as they come. Changes nothing on the wire. For a transport that the server is connected to. */
  observe(transport: Transport): void {
    const receive = transport.onmessage
    transport.onmessage = (message, extra) => {
      if ('method' in message && 'id' in message && message.method === 'tools/call') {
        this.#arguments.set(message.id, message.params?.arguments)
      }
      if ('method' in message && message.method === 'notifications/cancelled') this.#forget(message.params?.requestId)
      receive?.(message, extra)
    }
    const send = transport.send.bind(transport)
    transport.send = (message, options) => {
      if (!('method' in message) && message.id !== undefined) this.#arguments.delete(message.id)
      return send(message, options)
    }
  }

  /** The call that the handler was entered for. */
  call(ctx: ServerContext): Call {
    const { mcpReq } = ctx
    const said = mcpReq.envelope && envelope.parse(mcpReq.envelope)
    const info = said ? said[CLIENT_INFO_META_KEY] : this.#server.getClientVersion()
    const { elicitation } = (said ? said[CLIENT_CAPABILITIES_META_KEY] : this.#server.getClientCapabilities()) ?? {}
    // Cancelled before it came here, another call may have its id by now.
    const args = mcpReq.signal.aborted ? undefined : this.#arguments.get(mcpReq.id)
    if (args !== undefined) this.#arguments.delete(mcpReq.id)
    return {
      connection: this,
      arguments: args ?? {},
      clientName: info ? harmless(`${info.name} ${info.version}`, 80) : 'an unnamed client',
      // `elicitation: {}` is the older way to declare forms.
      canForm: elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined),
      canUrl: elicitation?.url !== undefined,
      ...(mcpReq.envelope === undefined && {
        elicit: (params: JsonObject, signal: AbortSignal) =>
          mcpReq.send({ method: 'elicitation/create', params }, clientAnswer, { signal, timeout: ELICITATION_MS }),
      }),
      cancelled: mcpReq.signal,
      deadline: new Deadline(this.#clock, CALL_LIFETIME_MS),
      state: mcpReq.requestState<RequestState>(),
      answers: mcpReq.inputResponses,
      progress: progressOf(ctx),
    }
  }

  #forget(id: unknown): void {
    if (typeof id === 'string' || typeof id === 'number') this.#arguments.delete(id)
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
}

function progressOf({ mcpReq }: ServerContext): Call['progress'] {
  const progressToken = mcpReq._meta?.progressToken
  if (progressToken === undefined) return undefined
  let progress = 0
  return (message) => {
    progress += 1
    const params = { progressToken, progress, message }
    // A client that has gone needs no progress.
    mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined)
  }
}
