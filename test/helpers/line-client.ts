import { PassThrough } from 'node:stream'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { expect, onTestFinished } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts'
import { createServer } from '../../src/mcp/server.ts'
import { StdioTransport } from '../../src/mcp/stdio.ts'
import type { Harness } from './harness.ts'

/** A client of the server in this process that writes its calls as text, so that every digit of them is its own. */
export class LineClient {
  readonly #input: PassThrough
  readonly #lines: string[] = []
  #lastId = 0

  private constructor(input: PassThrough, output: PassThrough) {
    this.#input = input
    let held = ''
    output.setEncoding('utf8').on('data', (text: string) => {
      const lines = (held + text).split('\n')
      held = lines.pop() ?? ''
      this.#lines.push(...lines)
    })
  }

  static async connect({ app }: Harness): Promise<LineClient> {
    const [input, output] = [new PassThrough(), new PassThrough()]
    const transport = new StdioTransport(input, output, () => undefined)
    const handle = serveStdio(() => createServer(app.deps, (id) => transport.rawRequest(id)), { transport })
    onTestFinished(() => handle.close())
    const client = new LineClient(input, output)
    const clientInfo = '{"name":"line-client","version":"1.0.0"}'
    await client.#request('initialize', `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":${clientInfo}}`)
    input.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    return client
  }

  /** Calls a tool; resolves with the JSON text of the envelope. */
  async callText(name: string, args: string): Promise<string> {
    const answer: unknown = JSON.parse(await this.#request('tools/call', `{"name":"${name}","arguments":${args}}`))
    const result = isJsonObject(answer) ? answer.result : undefined
    const content: unknown = isJsonObject(result) ? result.content : undefined
    const block: unknown = Array.isArray(content) ? content[0] : undefined
    expect(isJsonObject(block), JSON.stringify(answer)).toBe(true)
    return isJsonObject(block) ? String(block.text) : ''
  }

  async call(name: string, args: string): Promise<JsonObject> {
    return JSON.parse(await this.callText(name, args))
  }

  async #request(method: string, params: string): Promise<string> {
    this.#lastId += 1
    const id = this.#lastId
    this.#input.write(`{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}\n`)
    const find = () => this.#lines.find((line) => JSON.parse(line).id === id)
    await expect.poll(find, { interval: 2 }).toBeDefined()
    const found = find() ?? ''
    this.#lines.length = 0
    return found
  }
}
