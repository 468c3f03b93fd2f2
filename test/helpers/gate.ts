import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { freePort } from './free-port.ts'

/** The only way to a server: as long as it is shut, the server is away. */
export interface Gate {
  /** The address of what is behind it, with the gate's own port. */
  readonly url: string
  shut(): Promise<void>
  open(): Promise<void>
}

/** Ends with the test. @param behind the address of what is behind it */
export async function openGate(behind: string): Promise<Gate> {
  const target = new URL(behind)
  const port = await freePort()
  const sockets = new Set<Socket>()
  let server: Server | undefined
  /** One ends with the other. */
  const join = (socket: Socket, other: Socket) => {
    sockets.add(socket)
    socket.on('error', () => other.destroy())
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
  }
  const open = async () => {
    server = createServer((near) => {
      const far = connect(Number(target.port), target.hostname)
      join(near, far)
      join(far, near)
      near.pipe(far).pipe(near)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const shut = async () => {
    const closed = server && once(server, 'close')
    server?.close()
    for (const socket of sockets) socket.destroy()
    await closed
    server = undefined
  }
  await open()
  onTestFinished(shut)
  const url = new URL(behind)
  url.port = String(port)
  return { url: url.href.replace(/\/$/, ''), shut, open }
}
