import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { type Fault, fault, onceRead, type ReceivedRequest } from './fault.ts'

/**
 * A stand-in for AiFi that speaks HTTP/1.1 by hand, so that it can do everything that a server should not.
 *
 *     const aifi = await startFaultServer()
 *     aifi.next('PATCH', fault.resetAfterBody())
 *     …
 *     expect(aifi.received('PATCH')).toHaveLength(1)
 *
 * A request is met by the next fault of its method, else by what its method `always` gets, else by an empty 404.
 */
export interface FaultServer {
  /** `http://127.0.0.1:<port>`, or https, or with the host that it was started with. */
  readonly url: string
  /** Queues what the next requests of this method meet, one after the other. */
  next(method: string, ...faults: Fault[]): void
  /** What requests of this method meet when nothing is queued; may depend on the request's head. */
  always(method: string, each: Fault | ((request: ReceivedRequest) => Fault)): void
  /** What the next new connections meet, before anything of them is read. */
  nextConnection(...faults: ConnectionFault[]): void
  /** The requests that were read to their end, in order. */
  received(method?: string): readonly ReceivedRequest[]
  /** The requests of which only a part was read. */
  partial(method?: string): readonly ReceivedRequest[]
  /** How many connections were accepted, and how many of them are open. */
  connections(): { accepted: number; open: number }
  /** Ends everything; from then on the address refuses connections. */
  close(): Promise<void>
}

/**
 * `reset`: at once, which the other side sees as a connection that failed; `resetUnread`: when a request may have come,
 * of which nothing is read; `hang`: accepted and never read; `plain`: HTTP without being asked, whoever speaks what.
 */
export type ConnectionFault = 'reset' | 'resetUnread' | 'hang' | 'plain'

export interface Certificate {
  readonly key: string
  readonly cert: string
}

export async function startFaultServer(options: { tls?: Certificate; host?: string } = {}): Promise<FaultServer> {
  const { host = '127.0.0.1' } = options
  const queues = new Map<string, Fault[]>()
  const standing = new Map<string, Parameters<FaultServer['always']>[1]>()
  const connectionFaults: ConnectionFault[] = []
  const requests: ReceivedRequest[] = []
  const sockets = new Set<Socket>()
  const context = options.tls && createSecureContext(options.tls)
  let accepted = 0
  const faultFor = (request: ReceivedRequest): Fault => {
    const each = queues.get(request.method)?.shift() ?? standing.get(request.method) ?? fault.answer(404)
    return typeof each === 'function' ? each(request) : each
  }

  const server = createServer((raw) => {
    accepted++
    sockets.add(raw)
    raw.on('error', () => undefined).on('close', () => sockets.delete(raw))
    const connectionFault = connectionFaults.shift()
    if (connectionFault === 'reset') raw.resetAndDestroy()
    if (connectionFault === 'resetUnread') onceRead(raw, () => raw.resetAndDestroy())
    if (connectionFault === 'plain') raw.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    if (connectionFault) return
    const socket = context ? new TLSSocket(raw, { isServer: true, secureContext: context }) : raw
    serve(socket, accepted, requests, faultFor, () => raw.resetAndDestroy())
  })
  server.listen(0, host.replace(/^\[(.*)\]$/, '$1'))
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')

  const those = (method: string | undefined, complete: boolean) =>
    requests.filter((each) => each.complete === complete && (method === undefined || each.method === method))
  return {
    url: `${options.tls ? 'https' : 'http'}://${host}:${address.port}`,
    next: (method, ...faults) => void queues.set(method, [...(queues.get(method) ?? []), ...faults]),
    always: (method, each) => void standing.set(method, each),
    nextConnection: (...faults) => void connectionFaults.push(...faults),
    received: (method) => those(method, true),
    partial: (method) => those(method, false),
    connections: () => ({ accepted, open: sockets.size }),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Reads one request after the other from a connection and lets its fault act on it. */
function serve(
  socket: Socket,
  connection: number,
  requests: ReceivedRequest[],
  faultFor: (request: ReceivedRequest) => Fault,
  reset: () => void,
): void {
  let unread = ''
  let current: { request: ReceivedRequest; fault: Fault } | undefined
  const step = (): boolean => {
    if (!current) {
      const end = unread.indexOf('\r\n\r\n')
      if (end < 0) return false
      const request = readHead(unread.slice(0, end), connection)
      unread = unread.slice(end + 4)
      requests.push(request)
      current = { request, fault: faultFor(request) }
    }
    const { request, fault } = current
    if (fault.after === 'body') {
      const length = Number(request.headers['content-length'] ?? 0)
      const body = unread.slice(0, length)
      request.body = Buffer.from(body, 'latin1').toString()
      if (body.length < length) return false
      request.complete = true
      unread = unread.slice(length)
      current = undefined
    } else {
      socket.off('data', read)
    }
    fault.act({ socket, request, reset })
    return fault.after === 'body'
  }
  const read = (chunk: Buffer) => {
    unread += chunk.toString('latin1')
    while (step());
  }
  socket.on('error', () => undefined).on('data', read)
}

function readHead(head: string, connection: number): ReceivedRequest {
  const [first = '', ...lines] = head.split('\r\n')
  const [method = '', path = ''] = first.split(' ')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { method, path, headers: Object.fromEntries(headers), body: '', complete: false, connection }
}

/** A certificate for 127.0.0.1 that nobody trusts; undefined where there is no `openssl` to make it. */
export function selfSignedCertificate(): Certificate | undefined {
  const command = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost'
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  try {
    const both = execFileSync('openssl', [...command.split(' '), ...names, '-keyout', '-', '-out', '-'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const part = (label: string) => new RegExp(`-----BEGIN ${label}-----[^]*?-----END ${label}-----`).exec(both)?.[0]
    const key = part('PRIVATE KEY')
    const cert = part('CERTIFICATE')
    return key && cert ? { key, cert } : undefined
  } catch {
    return undefined
  }
}
