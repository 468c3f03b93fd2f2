import { once } from 'node:events'
import { createServer, request } from 'node:http'

/** The network between the server and the stand-in, which can lose a change. */
export class Network {
  address = ''
  /** The next change is lost on its way, and the connection with it. */
  losesNextChange = false
  #target = ''
  #server = createServer((incoming, outgoing) => this.#pass(incoming, outgoing))

  /** @param {string} target address of the stand-in */
  async start(target) {
    this.#target = target
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    const at = this.#server.address()
    if (at === null || typeof at === 'string') throw new Error('The network of the demo has no port.')
    this.address = `http://127.0.0.1:${at.port}`
  }

  stop() {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  /** @param {import('node:http').IncomingMessage} incoming @param {import('node:http').ServerResponse} outgoing */
  #pass(incoming, outgoing) {
    if (this.losesNextChange && incoming.method === 'PATCH') {
      this.losesNextChange = false
      incoming.resume().on('end', () => outgoing.destroy())
      return
    }
    const { method, headers } = incoming
    const onward = request(new URL(incoming.url ?? '/', this.#target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  }
}
