import { once } from 'node:events'
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { type Clock, systemClock } from '../lib/clock.ts'
import { errorCode } from '../lib/error-facts.ts'
import { Access } from './access.ts'
import { createApi, type SandboxRequest, TOKEN_PATH } from './api.ts'
import { type SandboxCustomer, seedCustomers } from './customers.ts'

const HOST = '127.0.0.1'

export interface SandboxOptions {
  /** 0 or absent: a free one. */
  port?: number | undefined
  /** `false`: `GET /customers/{customerId}`, which AiFi does not document, answers 404. */
  getById?: boolean | undefined
  /** Told of every request before it is answered, also of those that are then refused (but for a body over the limit). */
  onRequest?: ((request: SandboxRequest) => void) | undefined
  /** Decides when issued tokens expire. */
  clock?: Pick<Clock, 'now'> | undefined
}

/** A running stand-in for one AiFi deployment. */
export interface Sandbox extends Pick<Access, 'token' | 'clientId' | 'clientSecret'> {
  readonly baseUrl: string
  readonly tokenUrl: string
  /** What it holds now, by id: also what AiFi's answers never show (`blocked`, `card`, whether a password is set). */
  readonly customers: ReadonlyMap<number, SandboxCustomer>
  /** Stops it and ends its connections. */
  close(): Promise<void>
}

/**
 * Starts a stand-in for AiFi's Admin API on 127.0.0.1 with its own token, secret and customers.
 * It behaves as documented and never better; it has no faults to order either.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 0, getById = true, onRequest = () => {}, clock = systemClock } = options
  const customers = seedCustomers()
  const access = new Access(clock)
  const api = createApi({ customers, access, getById, onRequest })
  const server = createServer(getRequestListener(api.fetch, { overrideGlobalObjects: false }))
  server.listen(port, HOST)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw errorCode(error) === 'EADDRINUSE'
      ? new Error(`Port ${port} on ${HOST} is already in use. Choose another one.`, { cause: error })
      : error
  }
  const address = server.address()
  const baseUrl = `http://${HOST}:${typeof address === 'object' && address ? address.port : port}`
  const { token, clientId, clientSecret } = access
  return {
    baseUrl,
    token,
    clientId,
    clientSecret,
    tokenUrl: baseUrl + TOKEN_PATH,
    customers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
