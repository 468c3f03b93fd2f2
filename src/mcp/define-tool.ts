import {
  type InputRequiredResult,
  isInputRequiredResult,
  type McpServer,
  type ScopeChallengeHandler,
  type ToolAnnotations,
} from '@modelcontextprotocol/server'
import type * as z from 'zod'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { traceIdOf } from '../lib/trace.ts'
import type { Call, Connection } from './call.ts'
import { advertised } from './json-schema.ts'
import { type Envelope, toToolResult } from './result.ts'

/** What a token may allow, the least first. */
export const scopes = ['customers.read', 'customers.write'] as const
export type Scope = (typeof scopes)[number]

/** A tool: what the client is told about it, and what it does. */
export interface ToolDefinition<Status extends string, Result extends Envelope<Status>> {
  readonly name: string
  /** For people. */
  readonly title: string
  /** For the model. */
  readonly description: string
  /** The arguments, as they are advertised; `handle` gets them as they came, and checks them itself. */
  readonly input: z.ZodObject
  /** The one shape of all its answers, and which of its statuses are errors. */
  readonly output: { readonly schema: z.ZodType<Result>; readonly isError: Readonly<Record<Status, boolean>> }
  readonly annotations: Required<Omit<ToolAnnotations, 'title'>>
  /** What a caller's token has to allow; on stdio there is none. */
  readonly scope: Scope
  readonly handle: (call: Call) => Promise<Result | InputRequiredResult>
  /** The answer when `handle` throws: what is thrown would reach the model word for word. */
  readonly broken: Result
  /** What the log keeps of an answer: metadata only, never a value. */
  readonly logged: (result: Result) => object
}

/** What a tool needs of the server that it is registered with. */
export interface ToolHost {
  readonly server: McpServer
  readonly connection: Connection
  readonly clock: Clock
  readonly logger: Logger
  /** Told of every answer. */
  readonly onCall?: ((call: ToolCall) => void) | undefined
}

/** One answered call, for whoever counts them. */
export interface ToolCall {
  readonly tool: string
  readonly status: string
  readonly ms: number
}

/** A tool that can be registered with the server of any connection. */
export interface Tool {
  readonly name: string
  register(host: ToolHost): void
}

/** Makes a tool of its definition: nothing throws out of it, every answer is made in one place, every call is logged. */
export function defineTool<Status extends string, Result extends Envelope<Status>>(
  definition: ToolDefinition<Status, Result>,
): Tool {
  const { name, title, description, input, output, annotations, scope, handle, broken, logged } = definition
  const inputSchema = advertised(input, 'input')
  const outputSchema = advertised(output.schema, 'output')
  const answer = (envelope: Result) => toToolResult(envelope, output.isError[envelope.status])
  return {
    name,
    register: ({ server, connection, clock, logger, onCall }) => {
      const config = { title, description, inputSchema, outputSchema, annotations, scopeChallenge: stepUp(scope) }
      server.registerTool(name, config, async (_args, ctx) => {
        const startedAt = clock.monotonic()
        const tellOf = (status: string) => onCall?.({ tool: name, status, ms: clock.monotonic() - startedAt })
        try {
          const call = connection.call(ctx)
          const result = await handle(call)
          const facts = isInputRequiredResult(result) ? { status: 'client_asked' } : logged(result)
          logger.info(
            { tool: name, ...traceIdOf(call), ...facts, ms: Math.round(clock.monotonic() - startedAt) },
            'call',
          )
          tellOf(isInputRequiredResult(result) ? 'client_asked' : result.status)
          return isInputRequiredResult(result) ? result : answer(result)
        } catch (err) {
          logger.error({ err, tool: name }, 'a call failed inside this server')
          tellOf('broken')
          return answer(broken)
        }
      })
    },
  }
}

/** Asks for a token that also allows this, and what the present one allows. */
function stepUp(needed: Scope): ScopeChallengeHandler {
  return ({ authInfo }) => {
    if (!authInfo || authInfo.scopes.includes(needed)) return undefined
    const granted = scopes.filter((scope) => scope !== needed && authInfo.scopes.includes(scope))
    return { scopes: [needed, ...granted], errorDescription: `This tool needs the scope ${needed}.` }
  }
}
