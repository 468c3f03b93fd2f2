import { isInputRequiredResult, McpServer, type ServerContext, type Transport } from '@modelcontextprotocol/server'
import { APPROVAL_LIFETIME_MS } from './approval/approval.ts'
import { updateCustomerArguments } from './arguments.ts'
import { Connection } from './call.ts'
import { advertised } from './json-schema.ts'
import type { Logger } from './logger.ts'
import { toToolResult, type UpdateEnvelope, updateEnvelope } from './result.ts'
import {
  UPDATE_CUSTOMER,
  type UpdateCustomerDeps,
  updateCustomer,
  updateCustomerAnnotations,
  updateCustomerDescription,
  updateCustomerTitle,
} from './update-customer.ts'

export const SERVER_NAME = 'aifi-customer-mcp'

export interface ServerDeps extends UpdateCustomerDeps {
  readonly version: string
  readonly logger: Logger
}

/** The MCP server for one connection: cheap and free of side effects; the SDK may make two and discard one. */
export function createServer(deps: ServerDeps): McpServer {
  const server = new CustomerServer(deps)
  const { connection } = server
  server.registerTool(
    UPDATE_CUSTOMER,
    {
      title: updateCustomerTitle,
      description: updateCustomerDescription,
      inputSchema: advertised(updateCustomerArguments(deps.arguments)),
      outputSchema: advertised(updateEnvelope),
      annotations: updateCustomerAnnotations,
    },
    async (args, ctx) => {
      const result = await answered(args, ctx, connection, deps)
      return isInputRequiredResult(result) ? result : toToolResult(result)
    },
  )
  return server
}

/** Nothing throws out of a handler: what is thrown would reach the model word for word. */
async function answered(args: unknown, ctx: ServerContext, connection: Connection, deps: ServerDeps) {
  const startedAt = deps.clock.monotonic()
  try {
    const result = await updateCustomer(args, connection.call(ctx), deps)
    logCall(result, deps, startedAt)
    return result
  } catch (err) {
    deps.logger.error({ err, tool: UPDATE_CUSTOMER }, 'a call failed inside this server')
    const message =
      'This server failed. Whether anything was changed is not known: a person should look at the record in AiFi.'
    return { status: 'unknown', message } satisfies UpdateEnvelope
  }
}

/** Metadata only: field names, never a value. */
function logCall(result: Awaited<ReturnType<typeof updateCustomer>>, { logger, clock }: ServerDeps, startedAt: number) {
  const ms = Math.round(clock.monotonic() - startedAt)
  if (isInputRequiredResult(result)) return logger.info({ tool: UPDATE_CUSTOMER, status: 'client_asked', ms }, 'call')
  const { status, customerId, changes, approval, http } = result
  const fields = changes?.map(({ field }) => field)
  logger.info(
    { tool: UPDATE_CUSTOMER, customerId, status, fields, channel: approval?.channel, http: http?.status, ms },
    'call',
  )
}

class CustomerServer extends McpServer {
  readonly connection: Connection

  constructor({ version, states, clock }: ServerDeps) {
    super(
      { name: SERVER_NAME, title: 'AiFi customers', version },
      {
        capabilities: { tools: { listChanged: false } },
        requestState: { verify: states.verify },
        // A form stays open for as long as the question it asks.
        inputRequired: { roundTimeoutMs: APPROVAL_LIFETIME_MS },
      },
    )
    this.connection = new Connection(this.server, clock)
  }

  override async connect(transport: Transport): Promise<void> {
    await super.connect(this.connection.observe(transport))
  }
}
