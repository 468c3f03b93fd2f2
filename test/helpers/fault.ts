import { connect } from 'node:net'
import type { Duplex } from 'node:stream'

/** One request as it arrived. */
export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** As far as it was read. */
  body: string
  /** The body was read to its end. */
  complete: boolean
  /** Counted from 1 over the life of the server. */
  readonly connection: number
}

export interface Faulty {
  readonly socket: Duplex
  readonly request: ReceivedRequest
  /** Ends the connection with RST. */
  reset(): void
}

/** What the server does with one request. */
export interface Fault {
  /** How much of the request is read before it acts. After `headers`, nothing more of the connection is read. */
  readonly after: 'headers' | 'body'
  readonly act: (faulty: Faulty) => void
}

type Headers = Readonly<Record<string, string | readonly string[]>>

/** Time for what was written to reach the other side, milliseconds; a machine that is slower still gets the turns. */
const DELIVERY_MS = 30
/** Turns of the event loop in which the other side, which is in this process, reads what has reached it. */
const DELIVERY_TURNS = 5
const DRIBBLE_MS = 10

const afterBody = (act: Fault['act']): Fault => ({ after: 'body', act })
const writing = (text: string): Fault => afterBody(({ socket }) => void socket.write(text))
const ending = (text: string): Fault => afterBody(({ socket }) => void socket.end(text))

/** The verbs of the server: the ordinary answer, and everything that can go wrong with one. */
export const fault = {
  /** An ordinary answer. A string goes out as it is, `undefined` is an empty body, anything else becomes JSON. */
  answer(status: number, body?: unknown, headers: Headers = {}): Fault {
    return writing(answerText(status, body, headers))
  },
  /** An ordinary answer that is made from the request. */
  answerWith(make: (request: ReceivedRequest) => { status: number; body?: unknown; headers?: Headers }): Fault {
    return afterBody(({ socket, request }) => {
      const { status, body, headers = {} } = make(request)
      socket.write(answerText(status, body, headers))
    })
  },
  /** The same, after a while. */
  answerAfter(delayMs: number, status: number, body?: unknown): Fault {
    return afterBody(({ socket }) => later(socket, delayMs, () => socket.write(answerText(status, body, {}))))
  },

  /** An ordinary answer whose content is no text. */
  bytes(status: number, content: Buffer, headers: Headers = {}): Fault {
    const head = headText(status, { 'content-length': String(content.length), ...headers })
    return afterBody(({ socket }) => void socket.write(Buffer.concat([Buffer.from(head), content])))
  },

  resetAfterHeaders: (): Fault => ({ after: 'headers', act: ({ reset }) => reset() }),
  resetAfterBody: (): Fault => afterBody(({ reset }) => reset()),
  /** An orderly end without an answer. */
  closeAfterBody: (): Fault => ending(''),
  resetMidHeaders: (): Fault => cutOffBy('HTTP/1.1 200 OK\r\ncontent-ty'),
  closeMidHeaders: (): Fault => ending('HTTP/1.1 200 OK\r\ncontent-ty'),
  resetMidBody: (): Fault => cutOffBy('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id":'),
  /** Never answers. */
  silence: (): Fault => writing(''),
  slowHeaders: (): Fault => dribbling('HTTP/1.1 200 OK\r\nx: ', 'y'),
  slowBody: (): Fault => dribbling('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n', ' '),
  endlessBody: (): Fault =>
    flooding('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', `4000\r\n${' '.repeat(0x4000)}\r\n`),
  endlessHeaders: (): Fault => flooding('HTTP/1.1 200 OK\r\n', `x: ${'y'.repeat(0x1000)}\r\n`),
  /** Ends before `content-length` is reached. */
  truncatedBody: (status = 200): Fault => ending(`HTTP/1.1 ${status} X\r\ncontent-length: 100\r\n\r\n{"id":4211}`),
  truncatedChunked: (): Fault => ending('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{"id":1\r\n'),
  malformedChunked: (): Fault => writing('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{"id":1}\r\n'),
  garbage: (): Fault => writing('SSH-2.0-OpenSSH_9.2\r\n'),
  /** 1xx before the answer; 100 was not asked for. */
  informational(status: 100 | 102 | 103, then: Fault): Fault {
    return afterBody((faulty) => {
      faulty.socket.write(`HTTP/1.1 ${status} X\r\nlink: </a>; rel=preload\r\n\r\n`)
      then.act(faulty)
    })
  },
  /** An answer, and a whole second one that nobody asked for. */
  answerTwice: (status: number, body?: unknown): Fault => writing(answerText(status, body, {}).repeat(2)),
  switchingProtocols: (): Fault => writing('HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
  redirect: (status: number, location: string): Fault => fault.answer(status, undefined, { location }),
  /** What a proxy does with CONNECT. */
  tunnel: (): Fault => ({
    after: 'headers',
    act({ socket, request }) {
      const [host, port] = request.path.split(':')
      const target = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(target).pipe(socket)
      })
      target.on('error', () => socket.destroy())
    },
  }),
  noContent: (): Fault => writing('HTTP/1.1 204 No Content\r\n\r\n'),
}

function answerText(status: number, body: unknown, headers: Headers): string {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  return headText(status, { 'content-length': String(Buffer.byteLength(text)), ...headers }) + text
}

function headText(status: number, headers: Headers): string {
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((each) => `${name}: ${each}\r\n`))
  return `HTTP/1.1 ${status} X\r\n${lines.join('')}\r\n`
}

function cutOffBy(text: string): Fault {
  return afterBody(({ socket, reset }) => {
    socket.write(text)
    // A reset takes back what was not read yet.
    onceRead(socket, reset)
  })
}

function dribbling(start: string, drop: string): Fault {
  return afterBody(({ socket }) => {
    socket.write(start)
    const timer = setInterval(() => socket.write(drop), DRIBBLE_MS)
    socket.on('close', () => clearInterval(timer))
  })
}

function flooding(start: string, wave: string): Fault {
  return afterBody(({ socket }) => {
    const pour = () => {
      while (!socket.destroyed && socket.write(wave));
    }
    socket.on('drain', pour).write(start)
    pour()
  })
}

/** The same; once what came of it was read, `pass` makes the time go on until the patience of the other side is over. */
export function outwaited({ after, act }: Fault, pass: () => void): Fault {
  return {
    after,
    act(faulty) {
      act(faulty)
      onceRead(faulty.socket, pass)
    },
  }
}

/** Acts once the other side has had the time to read what was written. */
export function onceRead(socket: Duplex, act: () => void): void {
  later(socket, DELIVERY_MS, async () => {
    for (let turn = 0; turn < DELIVERY_TURNS; turn++) await new Promise(setImmediate)
    act()
  })
}

function later(socket: Duplex, delayMs: number, act: () => void): void {
  const timer = setTimeout(act, delayMs)
  socket.on('close', () => clearTimeout(timer))
}
