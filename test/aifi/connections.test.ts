import dns from 'node:dns'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createHttp } from '../../src/aifi/http.ts'
import type { ProxySettings } from '../../src/aifi/port.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { fault } from '../helpers/fault.ts'
import { startFaultServer } from '../helpers/fault-server.ts'

function http(proxy?: ProxySettings) {
  const made = createHttp({ timeoutMs: 10_000, clock: systemClock, ...(proxy && { proxy }) })
  onTestFinished(() => made.close())
  return (origin: string) => made.exchange({ method: 'GET', origin, path: '/', headers: {} })
}

/** From now on every name leads to these addresses, in this order, until the test ends. */
function resolveTo(...addresses: { address: string; family: number }[]): void {
  const spy = vi.spyOn(dns, 'lookup').mockImplementation((_name: string, ...rest: unknown[]) => {
    const done = rest.at(-1)
    if (typeof done === 'function') done(null, addresses)
  })
  onTestFinished(() => spy.mockRestore())
}

/** Accepts nobody as long as it sleeps. It says its port, sleeps when it is told to, and wakes when `memory` says so. */
const SLEEPER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}'))
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1', 1, () => parentPort.postMessage(server.address().port))
  parentPort.once('message', () => Atomics.wait(workerData, 0, 0))
`

/** A listener whose queue is full: whoever connects now gets through at the second try of the system, after 1 s. */
async function slowListener(): Promise<{ port: number; free(): void }> {
  const memory = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(SLEEPER, { eval: true, workerData: memory })
  const [port]: [number] = await once(worker, 'message').then(([first]) => [Number(first)])
  const waiting: Socket[] = []
  const free = () => {
    Atomics.store(memory, 0, 1)
    Atomics.notify(memory, 0)
  }
  onTestFinished(async () => {
    free()
    for (const socket of waiting) socket.destroy()
    await worker.terminate()
  })
  worker.postMessage('sleep')
  for (let isOpen = true; isOpen && waiting.length < 20; ) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    waiting.push(socket)
    isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, 200, false)),
    ])
  }
  return { port, free }
}

describe('a host with several addresses', () => {
  it('is reached although its handshake is slow and another of its addresses dead', async () => {
    const { port, free } = await slowListener()
    resolveTo({ address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 })
    const exchange = http()(`http://aifi.test:${port}`)
    // More than Node gives to an address, and less than the system takes to try again.
    setTimeout(free, 400)
    expect(await exchange).toMatchObject({ kind: 'answered', http: { status: 200 } })
  })
})

/** A SOCKS5 proxy (RFC 1928, RFC 1929) that leads to one port, whatever is asked for, and notes what it is told. */
async function socksProxy(port: number, accepts: (login: string) => boolean) {
  const logins: string[] = []
  const targets: string[] = []
  const server = createServer(async (socket) => {
    socket.on('error', () => undefined)
    const told = async (): Promise<Buffer> => {
      const [chunk] = await once(socket, 'data')
      return chunk
    }
    await told()
    socket.write(Buffer.from([5, 2]))
    const auth = await told()
    const name = auth.subarray(2, 2 + (auth[1] ?? 0))
    const login = `${name}:${auth.subarray(3 + name.length)}`
    logins.push(login)
    if (!accepts(login)) return socket.end(Buffer.from([1, 1]))
    socket.write(Buffer.from([1, 0]))
    const request = await told()
    // 3 is a name, which the proxy resolves.
    targets.push(request[3] === 3 ? String(request.subarray(5, -2)) : `an address of kind ${request[3]}`)
    socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
    const far = connect(port, '127.0.0.1').on('error', () => socket.destroy())
    return socket.pipe(far).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { host: `127.0.0.1:${address.port}`, logins, targets }
}

describe('a SOCKS proxy', () => {
  const PASSWORD = 'p@ss%41 ü'

  it('gets the login of its address as it was before it was percent-encoded, and the name of the host', async () => {
    const aifi = await startFaultServer()
    onTestFinished(() => aifi.close())
    aifi.always('GET', fault.answer(200, {}))
    const { host, logins, targets } = await socksProxy(Number(new URL(aifi.url).port), () => true)
    const send = http({ httpsProxy: `socks5://us%40er:${encodeURIComponent(PASSWORD)}@${host}` })
    expect(await send('http://aifi.test')).toMatchObject({ kind: 'answered', http: { status: 200 } })
    expect([logins, targets]).toEqual([[`us@er:${PASSWORD}`], ['aifi.test']])
  })

  it('that refuses the login is said to, without it', async () => {
    const { host } = await socksProxy(1, () => false)
    const send = http({ httpsProxy: `socks5://user:${encodeURIComponent(PASSWORD)}@${host}` })
    const exchange = await send('http://aifi.test')
    expect(exchange).toMatchObject({ kind: 'not_sent', cause: 'proxy' })
    expect(JSON.stringify(exchange)).not.toContain('p@ss')
  })
})
