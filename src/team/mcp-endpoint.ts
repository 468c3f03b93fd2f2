import { isUtf8 } from 'node:buffer'
import { type AuthInfo, createMcpHandler, INVALID_REQUEST, PARSE_ERROR } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { readBody } from '../lib/body.ts'
import type { Clock } from '../lib/clock.ts'
import { isJsonObject, type JsonObject, nestsWithin, readJson } from '../lib/json.ts'
import { readTraceparent } from '../lib/trace.ts'
import type { Warnings } from '../lib/warnings.ts'
import { clientInfo, clientNameOf, type HttpOrigin, type Principal } from '../mcp/call.ts'
import { MESSAGE_LEVELS, SERVER_ERROR, withoutNullMembers } from '../mcp/message.ts'
import { createServer, type ServerDeps } from '../mcp/server.ts'
import { type Admission, admit, type BearerRules } from './bearer.ts'
import { type Seal, sealedJson } from './seal.ts'

/** Several times the largest arguments that a tool takes, bytes. */
const BODY_LIMIT = 1024 * 1024
const SESSION_HEADER = 'Mcp-Session-Id'
/** Milliseconds. */
const SESSION_MS = 24 * 60 * 60_000

export interface McpEndpointDeps {
  readonly server: ServerDeps
  readonly rules: BearerRules
  /** Of session ids. */
  readonly seal: Seal
  readonly clock: Clock
  /** Nobody approves what they asked for themselves. */
  readonly fourEyes: boolean
  readonly warnings: Warnings
  /** The process ends: no new call is taken. */
  readonly ending: AbortSignal
}

export interface McpEndpoint {
  fetch(request: Request): Promise<Response>
  /** Cuts what is still under way. */
  close(): Promise<void>
}

/** `/mcp`: every message with a token that is checked, and a server of its own. Any replica can take it. */
export function createMcpEndpoint(deps: McpEndpointDeps): McpEndpoint {
  const origins = new WeakMap<AuthInfo, Origin>()
  const handler = createMcpHandler(
    ({ authInfo }) => {
      const origin = authInfo && origins.get(authInfo)
      if (!origin) throw new TypeError('a message came without its token')
      return createServer(deps.server, () => origin.text, origin.http)
    },
    { onerror: (err) => deps.warnings.warn('a message over HTTP could not be handled', { err }) },
  )
  return {
    async fetch(request) {
      if (deps.ending.aborted)
        return problem(503, SERVER_ERROR, 'This server is being stopped. Try again.', { 'Retry-After': '1' })
      const admission = await admit(request.headers.get('Authorization'), deps.rules)
      if (!admission.ok) return admission.response
      if (request.method !== 'POST') {
        origins.set(admission.authInfo, { text: undefined, http: originOf(admission, request, deps) })
        return handler.fetch(request, { authInfo: admission.authInfo })
      }
      const read = await readMessage(request)
      if (read instanceof Response) return read
      const { message, text } = read
      origins.set(admission.authInfo, { text, http: originOf(admission, request, deps) })
      const response = await handler.fetch(request, { authInfo: admission.authInfo, parsedBody: message })
      return withSession(response, admission, message, deps)
    },
    close: () => handler.close(),
  }
}

/** Where a message came from, and its JSON text, in which digits and members are what they were. */
interface Origin {
  readonly text: string | undefined
  readonly http: HttpOrigin
}

type Admitted = Extract<Admission, { ok: true }>

function originOf(admitted: Admitted, request: Request, deps: McpEndpointDeps): HttpOrigin {
  const { person, application, approver } = admitted.claims
  const principal: Principal = {
    ...(person && { person }),
    ...(application !== undefined && { application }),
    mayAnswer: !deps.fourEyes && approver && person !== undefined,
  }
  return {
    principal,
    clientName: clientNameIn(request.headers.get(SESSION_HEADER), admitted, deps),
    traceparent: readTraceparent(request.headers.get('traceparent')),
  }
}

/** One JSON-RPC message; or the answer to what is none. */
async function readMessage(request: Request): Promise<{ message: JsonObject; text: string } | Response> {
  const body = await readBody(request, BODY_LIMIT)
  if (!body) return problem(413, INVALID_REQUEST, 'The body is over 1 MB. Nothing was done.', { Connection: 'close' })
  // What stands in for wrong bytes would be sent to AiFi as if it had been asked for.
  const text = body.toString()
  const value = isUtf8(body) ? readJson(text) : undefined
  if (value === undefined) return problem(400, PARSE_ERROR, 'The body is not JSON in UTF-8. Nothing was done.')
  if (Array.isArray(value)) return problem(400, INVALID_REQUEST, 'Send one message at a time. Nothing was done.')
  if (!nestsWithin(value, MESSAGE_LEVELS))
    return problem(400, INVALID_REQUEST, 'The body nests too deep. Nothing was done.')
  const message = withoutNullMembers(value)
  return isJsonObject(message)
    ? { message, text }
    : problem(400, INVALID_REQUEST, 'The body is no JSON-RPC message. Nothing was done.')
}

/**
 * What a 2025-era client said of itself when it initialized. It does not repeat it, and the next message may reach another
 * replica, so it travels as the session id, sealed.
 */
const sessionContents = z.object({
  subject: z.string(),
  clientId: z.string(),
  clientName: z.string(),
  until: z.number(),
})

/** Gives a client that has just said who it is the session id to show with what follows. */
function withSession(
  response: Response,
  { subject, claims: { clientId } }: Admitted,
  message: JsonObject,
  { seal, clock }: McpEndpointDeps,
): Response {
  if (message.method !== 'initialize' || response.status !== 200) return response
  const { data: info } = clientInfo.safeParse(isJsonObject(message.params) && message.params.clientInfo)
  if (!info) return response
  const until = clock.now() + SESSION_MS
  const headers = new Headers(response.headers)
  headers.set(
    SESSION_HEADER,
    sealedJson(seal, sessionContents).seal({ subject, clientId, clientName: clientNameOf(info), until }),
  )
  return new Response(response.body, { status: response.status, headers })
}

/** Undefined for a session that cannot be read, is over, or was given to another token. */
function clientNameIn(id: string | null, { subject, claims }: Admitted, { seal, clock }: McpEndpointDeps) {
  const said = sealedJson(seal, sessionContents).open(id)
  const isTheirs = said?.subject === subject && said.clientId === claims.clientId
  return isTheirs && said.until >= clock.now() ? said.clientName : undefined
}

function problem(status: number, code: number, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ jsonrpc: '2.0', id: null, error: { code, message } }, { status, headers })
}
