import { readFileSync } from 'node:fs'
import { createServer, type Server, STATUS_CODES } from 'node:http'
import { isIPv4, type Socket } from 'node:net'
import { endianness } from 'node:os'
import type { Duplex } from 'node:stream'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { createRoutes, type RouteDeps } from './routes.ts'
import { scriptHash } from './script.ts'
import { securityHeaders } from './security.ts'
import { styleHash } from './style.ts'
import { renderNotice } from './view.ts'

/** Bounds for slow and greedy visitors, milliseconds, counts and bytes. */
const HEADERS_MS = 5_000
const REQUEST_MS = 10_000
const KEEP_ALIVE_MS = 5_000
const CONNECTIONS = 32
const HEADER_BYTES = 64_000

const HEADERS = new Map(securityHeaders({ scriptHash, styleHash }))

/** Node's HTTP server with the approval page on it. Loaded when the first page is shown. */
export function createHttpServer(deps: Omit<RouteDeps, 'spare'>): Server {
  const connections = new Set<Duplex>()
  // There is at most one stream, for as long as a tab is open: it must not count as a visitor who does not leave.
  const spare = ({ incoming }: HttpBindings) => void connections.delete(incoming.socket)
  const listener = getRequestListener(createRoutes({ ...deps, spare }).fetch, { overrideGlobalObjects: false })
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: HEADER_BYTES,
      // The app refuses a request without `Host`, like one with a wrong one.
      requireHostHeader: false,
    },
    (request, response) => {
      // Before anything can go wrong: the adapter's own answers carry them too.
      response.setHeaders(HEADERS)
      return listener(request, response)
    },
  )
  // Ahead of the server's own listener, which begins to read.
  server.prependListener('connection', (socket: Socket) => {
    if (connections.size >= CONNECTIONS || isOtherUser(socket)) return void socket.destroy()
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'HPE_HEADER_OVERFLOW' && socket.writable) socket.end(overflown())
    else socket.destroy()
  })
  return server
}

/** What a request with more headers than anybody reads is told: they are cookies, if it is a person's. */
function overflown(): string {
  const body = renderNotice('too_many_cookies')
  const own = {
    'Content-Type': 'text/html; charset=UTF-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }
  const lines = [...HEADERS, ...Object.entries(own)].map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 431 ${STATUS_CODES[431]}\r\n${lines.join('')}\r\n${body}`
}

/** What Linux knows of every TCP socket: addresses as hexadecimal words of the machine, the owner's uid, the inode. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * Whether the program at the other end of a loopback connection runs as another user of this machine, who could have
 * read the page's address in the command line of a browser's launcher. Root can do anything anyway. Where the system
 * does not tell (macOS, Windows), nobody is taken for another user.
 */
function isOtherUser({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  const own = process.getuid?.()
  if (process.platform !== 'linux' || own === undefined) return false
  const tables = TABLES.map(textOf).filter((text) => text !== undefined)
  if (tables.length === 0) return false
  // As the other end has it, our remote address is the local one.
  const ends = [hexEnd(remoteAddress, remotePort), hexEnd(localAddress, localPort)]
  const uid = ends.every((end) => end !== undefined) ? ownerOf(tables.join('\n'), ends) : undefined
  return uid !== own && uid !== 0
}

/** Undefined when there is no such socket, or none that a process still holds: those are listed under uid 0. */
function ownerOf(table: string, [local = '', remote = '']: readonly string[]): number | undefined {
  for (const line of table.split('\n')) {
    const [, here, there, , , , , uid, , inode] = line.trim().split(/\s+/)
    if (here?.endsWith(local) && there?.endsWith(remote) && inode !== '0') return Number(uid)
  }
  return undefined
}

/** `0100007F:1F90`; in the table of IPv6 an address of IPv4 ends the same way. */
function hexEnd(address: string | undefined, port: number | undefined): string | undefined {
  const ipv4 = address?.replace(/^::ffff:/i, '')
  if (!ipv4 || !isIPv4(ipv4) || port === undefined) return undefined
  const bytes = Buffer.from(ipv4.split('.').map(Number))
  if (endianness() === 'LE') bytes.reverse()
  return `${bytes.toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
