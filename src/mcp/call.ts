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
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { Person } from '../lib/person.ts'
import { harmless } from '../lib/text.ts'
import { readTraceparent } from '../lib/trace.ts'
import { argumentsIn, type RawArguments } from './raw-arguments.ts'
import type { RequestState } from './request-state.ts'

/** What a client says of itself. */
export const clientInfo = z.object({ name: z.string(), version: z.string() })

/** The same for people and models: `claude-ai 1.2.3`. */
export function clientNameOf({ name, version }: z.infer<typeof clientInfo>): string {
  return harmless(`${name} ${version}`, 80)
}

const capabilities = z.object({ elicitation: z.object({ form: z.unknown(), url: z.unknown() }).partial().optional() })
/** What a 2026-07-28 client says of itself with every request (`_meta` envelope); the SDK passes it on as it came. */
const envelope = z.object({
  [CLIENT_INFO_META_KEY]: clientInfo.optional().catch(undefined),
  [CLIENT_CAPABILITIES_META_KEY]: capabilities.optional().catch(undefined),
})

/** A call is answered this long after it arrived at the latest: clients give up at 60 s. */
export const CALL_LIFETIME_MS = 55_000
/** Kept back from that for writing the answer, milliseconds. */
const ANSWER_MS = 1_000

/** Milliseconds until a call with this deadline has to be answered; none or less when that is now. */
export function timeLeftMs(deadline: Deadline): number {
  return deadline.remainingMs - ANSWER_MS
}

/** A form stays open for as long as the question that it asks, and some; the question's own clock decides. */
const ELICITATION_MS = 15 * 60_000

/** How clients that have a limit of their own say that it is over: the SDKs, in TypeScript and Python, with these words. */
const TIMED_OUT = /time[d ]*\s*out/i

/** What a client answered to a question of ours. Untrusted. */
export interface ClientAnswer {
  readonly action: string
  readonly content?: unknown
}

/** Who calls over HTTP, by a token that was checked. */
export interface Principal {
  /** Absent for an application, and for a token that does not say who it is for. */
  readonly person?: Person
  /** The id of an application that calls on nobody's behalf. */
  readonly application?: string
  /** This person's own answer to what they asked for may count. */
  readonly mayAnswer: boolean
}

/** What is known of a message that came over HTTP besides the message itself. */
export interface HttpOrigin {
  readonly principal: Principal
  /** What a 2025-era client called itself when it initialized, `name version`. */
  readonly clientName: string | undefined
  /** Of its header; see {@link Call.traceparent}. */
  readonly traceparent: string | undefined
}

/** One call of a tool, as far as the program needs to know about it. */
export interface Call {
  readonly connection: Connection
  readonly arguments: RawArguments
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
  /** Who calls; absent on stdio, where it is whoever started the process. */
  readonly principal: Principal | undefined
  /** The caller's place in a distributed trace (W3C Trace Context), out of `_meta` (SEP-414) or the HTTP header. */
  readonly traceparent: string | undefined
  /** The client itself stopped waiting, rather than its user. */
  readonly gaveUp: boolean
  /** The end of the time in which it must be answered. */
  readonly deadline: Deadline
  /** What an earlier round of this call left with the client, after our own check; absent in the first round. */
  readonly state: RequestState | undefined
  /** The client's answers to what the earlier round asked. Untrusted; counts only together with `state`. */
  readonly answers: Record<string, unknown> | undefined
  /** Tells the client that the call goes on; absent when it did not ask for that. */
  readonly progress: ((message: string) => void) | undefined
}

/** The JSON text of a request that is open; undefined where the transport keeps none. */
export type RawRequest = (id: RequestId) => string | undefined

const clientAnswer = z.object({ action: z.string(), content: z.unknown().optional() })

/** What is known of one connection: the arguments of its calls as they came, and how its client behaves. */
export class Connection {
  /** Becomes false when the client answered a form without asking a person: for the rest of the connection. */
  asksPeople = true
  readonly #server: McpServer['server']
  readonly #clock: Clock
  readonly #rawRequest: RawRequest
  readonly #http: HttpOrigin | undefined
  /** The SDK's copy has rounded numbers, lacks a member that is named `__proto__`, and nobody would be told. */
  readonly #arguments = new Map<RequestId, RawArguments>()

  /** @param http absent on stdio. */
  constructor(server: McpServer['server'], clock: Clock, rawRequest: RawRequest, http?: HttpOrigin) {
    this.#server = server
    this.#clock = clock
    this.#rawRequest = rawRequest
    this.#http = http
  }

  /** Keeps the arguments of every call as they come. Changes nothing on the wire. For a transport that the server is connected to. */
  observe(transport: Transport): void {
    const receive = transport.onmessage
    transport.onmessage = (message, extra) => {
      if ('method' in message && 'id' in message && message.method === 'tools/call') {
        const raw = this.#rawRequest(message.id)
        this.#arguments.set(
          message.id,
          raw === undefined ? { value: message.params?.arguments ?? {} } : argumentsIn(raw),
        )
      }
      if ('method' in message && message.method === 'notifications/cancelled') this.#forget(message.params)
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
    const http = this.#http
    // Over HTTP a 2025-era client is served one message at a time: there is no way back to it.
    const canBeAsked = !http || said !== undefined
    const deadline = new Deadline(this.#clock, CALL_LIFETIME_MS)
    return {
      connection: this,
      arguments: args ?? { value: {} },
      clientName: info ? clientNameOf(info) : (http?.clientName ?? 'an unnamed client'),
      // `elicitation: {}` is the older way to declare forms.
      canForm:
        canBeAsked && elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined),
      canUrl: canBeAsked && elicitation?.url !== undefined,
      ...(!http &&
        mcpReq.envelope === undefined && {
          elicit: (params: JsonObject, signal: AbortSignal) =>
            mcpReq.send({ method: 'elicitation/create', params }, clientAnswer, { signal, timeout: ELICITATION_MS }),
        }),
      cancelled: mcpReq.signal,
      principal: http?.principal,
      traceparent: readTraceparent(mcpReq._meta?.traceparent) ?? http?.traceparent,
      get gaveUp() {
        const { aborted, reason } = mcpReq.signal
        return aborted && (deadline.passed || TIMED_OUT.test(String(reason)))
      },
      deadline,
      state: mcpReq.requestState<RequestState>(),
      answers: ownMembers(mcpReq.inputResponses),
      progress: progressOf(ctx),
    }
  }

  /** With another reason than a text, the SDK takes the message for no cancellation. */
  #forget({ requestId: id, reason }: JsonObject = {}): void {
    if (reason !== undefined && typeof reason !== 'string') return
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

/** What is its own at every depth: what came as `__proto__` may have become what an object inherits. */
function ownMembers(answers: unknown): Record<string, unknown> | undefined {
  if (answers === undefined) return undefined
  const own: unknown = JSON.parse(JSON.stringify(answers))
  return isJsonObject(own) ? own : {}
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
