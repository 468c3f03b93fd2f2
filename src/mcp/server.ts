import { McpServer, type Transport } from '@modelcontextprotocol/server'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { Connection, type HttpOrigin, type RawRequest } from './call.ts'
import type { Tool, ToolHost } from './define-tool.ts'
import type { RequestStates } from './request-state.ts'

export const SERVER_NAME = 'aifi-customer-mcp'

export interface ServerDeps {
  readonly version: string
  /** In the order in which they are listed. */
  readonly tools: readonly Tool[]
  readonly states: RequestStates
  readonly clock: Clock
  readonly logger: Logger
  readonly onCall?: ToolHost['onCall']
}

/**
 * The MCP server for one connection, or for one message over HTTP: cheap and free of side effects; the SDK may make two
 * and discard one.
 *
 * @param rawRequest of the transport, so that arguments are read as they were written. Without it they are taken as parsed.
 * @param http absent on stdio.
 */
export function createServer(deps: ServerDeps, rawRequest: RawRequest = () => undefined, http?: HttpOrigin): McpServer {
  const server = new CustomerServer(deps, rawRequest, http)
  const { connection } = server
  const { clock, logger, onCall } = deps
  for (const tool of deps.tools) tool.register({ server, connection, clock, logger, onCall })
  return server
}

class CustomerServer extends McpServer {
  readonly connection: Connection

  constructor({ version, states, clock }: ServerDeps, rawRequest: RawRequest, http: HttpOrigin | undefined) {
    super(
      { name: SERVER_NAME, title: 'AiFi customers', version },
      {
        capabilities: { tools: { listChanged: false } },
        requestState: { verify: states.verify },
      },
    )
    this.connection = new Connection(this.server, clock, rawRequest, http)
  }

  override async connect(transport: Transport): Promise<void> {
    await super.connect(transport)
    this.connection.observe(transport)
  }
}
