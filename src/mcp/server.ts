import { McpServer, type Transport } from '@modelcontextprotocol/server'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { Connection, type RawRequest } from './call.ts'
import type { Tool } from './define-tool.ts'
import type { RequestStates } from './request-state.ts'

export const SERVER_NAME = 'aifi-customer-mcp'

export interface ServerDeps {
  readonly version: string
  /** In the order in which they are listed. */
  readonly tools: readonly Tool[]
  readonly states: RequestStates
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The MCP server for one connection: cheap and free of side effects; the SDK may make two and discard one.
 *
 * @param rawRequest of the transport, so that arguments are read as they were written. Without it they are taken as parsed.
 */
export function createServer(deps: ServerDeps, rawRequest: RawRequest = () => undefined): McpServer {
  const server = new CustomerServer(deps, rawRequest)
  const { connection } = server
  for (const tool of deps.tools) tool.register({ server, connection, clock: deps.clock, logger: deps.logger })
  return server
}

class CustomerServer extends McpServer {
  readonly connection: Connection

  constructor({ version, states, clock }: ServerDeps, rawRequest: RawRequest) {
    super(
      { name: SERVER_NAME, title: 'AiFi customers', version },
      {
        capabilities: { tools: { listChanged: false } },
        requestState: { verify: states.verify },
      },
    )
    this.connection = new Connection(this.server, clock, rawRequest)
  }

  override async connect(transport: Transport): Promise<void> {
    await super.connect(transport)
    this.connection.observe(transport)
  }
}
