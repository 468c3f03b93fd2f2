import { isInputRequiredResult, McpServer, type ServerContext, type Transport } from '@modelcontextprotocol/server'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { findArguments } from '../tools/find-arguments.ts'
import {
  FIND_CUSTOMERS,
  type FindCustomersDeps,
  findCustomers,
  findCustomersAnnotations,
  findCustomersDescription,
  findCustomersTitle,
} from '../tools/find-customers.ts'
import { type FindEnvelope, findEnvelope } from '../tools/find-result.ts'
import { updateCustomerArguments } from '../tools/update-arguments.ts'
import {
  UPDATE_CUSTOMER,
  type UpdateCustomerDeps,
  updateCustomer,
  updateCustomerAnnotations,
  updateCustomerDescription,
  updateCustomerTitle,
} from '../tools/update-customer.ts'
import { Connection } from './call.ts'
import { advertised } from './json-schema.ts'
import type { RequestStates } from './request-state.ts'
import { toToolResult, type UpdateEnvelope, updateEnvelope } from './result.ts'

export const SERVER_NAME = 'aifi-customer-mcp'

export interface ServerDeps {
  readonly version: string
  readonly states: RequestStates
  readonly clock: Clock
  readonly logger: Logger
  readonly find: FindCustomersDeps
  /** Undefined when only reading is allowed: then nothing that can change a customer is at hand. */
  readonly update: UpdateCustomerDeps | undefined
}

/** The MCP server for one connection: cheap and free of side effects; the SDK may make two and discard one. */
export function createServer(deps: ServerDeps): McpServer {
  const server = new CustomerServer(deps)
  if (deps.update) registerUpdate(server, deps.update, deps)
  registerFind(server, deps)
  return server
}

function registerUpdate(server: CustomerServer, update: UpdateCustomerDeps, deps: ServerDeps): void {
  const work = async (ctx: ServerContext) => {
    const result = await updateCustomer(server.connection.call(ctx), update)
    return { result, facts: isInputRequiredResult(result) ? { status: 'client_asked' } : updateFacts(result) }
  }
  const broken: UpdateEnvelope = {
    status: 'unknown',
    message:
      'This server failed. Whether anything was changed is not known: a person should look at the record in AiFi.',
  }
  server.registerTool(
    UPDATE_CUSTOMER,
    {
      title: updateCustomerTitle,
      description: updateCustomerDescription,
      inputSchema: advertised(updateCustomerArguments(update.arguments)),
      outputSchema: advertised(updateEnvelope),
      annotations: updateCustomerAnnotations,
    },
    async (_args, ctx) => {
      const result = await answered(UPDATE_CUSTOMER, () => work(ctx), broken, deps)
      return isInputRequiredResult(result) ? result : toToolResult(result)
    },
  )
}

function registerFind(server: CustomerServer, deps: ServerDeps): void {
  const work = async (ctx: ServerContext) => {
    const result = await findCustomers(server.connection.call(ctx), deps.find)
    const { status, returned, more, http } = result
    return { result, facts: { status, returned, more, http: http?.status } }
  }
  const broken: FindEnvelope = { status: 'failed', message: 'This server failed. Nobody is shown.' }
  server.registerTool(
    FIND_CUSTOMERS,
    {
      title: findCustomersTitle,
      description: findCustomersDescription,
      inputSchema: advertised(findArguments),
      outputSchema: advertised(findEnvelope),
      annotations: findCustomersAnnotations,
    },
    async (_args, ctx) => toToolResult(await answered(FIND_CUSTOMERS, () => work(ctx), broken, deps)),
  )
}

/** Nothing throws out of a handler: what is thrown would reach the model word for word. */
async function answered<Result>(
  tool: string,
  work: () => Promise<{ result: Result; facts: object }>,
  broken: Result,
  { clock, logger }: ServerDeps,
): Promise<Result> {
  const startedAt = clock.monotonic()
  try {
    const { result, facts } = await work()
    logger.info({ tool, ...facts, ms: Math.round(clock.monotonic() - startedAt) }, 'call')
    return result
  } catch (err) {
    logger.error({ err, tool }, 'a call failed inside this server')
    return broken
  }
}

/** Metadata only: field names, never a value. */
function updateFacts({ status, customerId, changes, approval, http }: UpdateEnvelope) {
  const fields = changes?.map(({ field }) => field)
  return { customerId, status, fields, channel: approval?.channel, http: http?.status }
}

class CustomerServer extends McpServer {
  readonly connection: Connection

  constructor({ version, states, clock }: ServerDeps) {
    super(
      { name: SERVER_NAME, title: 'AiFi customers', version },
      {
        capabilities: { tools: { listChanged: false } },
        requestState: { verify: states.verify },
      },
    )
    this.connection = new Connection(this.server, clock)
  }

  override async connect(transport: Transport): Promise<void> {
    await super.connect(transport)
    this.connection.observe(transport)
  }
}
