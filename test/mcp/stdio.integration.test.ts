import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Lines } from '../../src/mcp/lines.ts'
import { StdioTransport } from '../../src/mcp/stdio.ts'
import { fault } from '../helpers/fault.ts'
import { startFaultServer } from '../helpers/fault-server.ts'
import { knowsPeakMemory, type Server, startServer } from '../helpers/process.ts'

const MB = 1024 * 1024

const ping = (id: number | string) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"ping"}\n`
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const call = (argument: string) =>
  `{"jsonrpc":"2.0","id":"refused","method":"tools/call","params":{"name":"update_customer","arguments":${argument}}}\n`
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))

describe('the process goes on answering after', () => {
  let server: Server
  beforeAll(async () => {
    server = startServer({ args: ['--sandbox'], shared: true })
    await server.initialize()
  })
  afterAll(async () => {
    server.child.kill()
    await server.ended
  })
  let round = 0

  test.each([
    ['words', 'hello?\n', 'not JSON'],
    ['half a message', '{"jsonrpc":"2.0","id":1,\n', 'not JSON'],
    ['NUL bytes', bytes([0, 0, 0], '\n'), 'not JSON'],
    ['bytes that are no text', bytes([0xff, 0xfe, 0xc0, 0x80], '\n'), 'not JSON'],
    ['a JSON value that is no message', '[1, "2", null]\n', 'no JSON-RPC message'],
    ['null', 'null\n', 'no JSON-RPC message'],
    ['a message of another version', '{"jsonrpc":"1.0","method":"ping"}\n', 'no JSON-RPC message'],
    ['an answer to nothing', '{"jsonrpc":"2.0","id":99,"result":{}}\n', ''],
    ['an array a hundred thousand levels deep', `${deep(1e5)}\n`, 'nested too deep'],
    ['an array a million levels deep', `${deep(1e6)}\n`, 'over 256 kB'],
    ['a line of 11 MB', `${'x'.repeat(11 * MB)}\n`, 'over 10 MB'],
  ])('%s', async (_, input, warning) => {
    const id = `round ${++round}`
    server.write(input)
    server.write(ping(id))
    expect(await server.answer(id)).toMatchObject({ result: {} })
    await server.until(() => server.stderr.includes(warning), `a warning "${warning}"`)
  })

  test('blank lines, without a word', async () => {
    const before = server.stderr
    server.write('\n\r\n  \n')
    server.write(ping('after blank lines'))
    await server.answer('after blank lines')
    expect(server.stderr).toBe(before)
  })

  test('a byte order mark and Windows line ends, which it takes as they come', async () => {
    server.write(`\uFEFF${ping('mark').trim()}\r\n`)
    expect(await server.answer('mark')).toMatchObject({ result: {} })
  })

  test.each([
    ['params', '"method":"tools/list","params":null', { tools: expect.any(Array) }],
    ['cursor', '"method":"tools/list","params":{"cursor":null}', { tools: expect.any(Array) }],
    [
      'arguments',
      '"method":"tools/call","params":{"name":"find_customers","arguments":null}',
      { structuredContent: { status: 'invalid', errors: [{ rule: 'object.missing' }] } },
    ],
  ])('null for %s, which counts as absent', async (name, members, result) => {
    server.write(`{"jsonrpc":"2.0","id":"null ${name}",${members}}\n`)
    expect(await server.answer(`null ${name}`)).toMatchObject({ result })
  })

  test('20,000 lines of garbage, with a handful of warnings', async () => {
    const before = server.stderr.split('\n').length
    server.write('{"jsonrpc":"2.0","id":[],"method":7}\n'.repeat(10_000))
    server.write('garbage\n'.repeat(10_000))
    server.write(ping('after the flood'))
    await server.answer('after the flood')
    expect(server.stderr.split('\n').length - before).toBeLessThan(20)
  })
})

describe('a request that cannot be read is answered, so that nobody waits for it:', () => {
  test.each([
    ['not UTF-8', bytes('{"jsonrpc":"2.0","id":"refused","method":"ping","params":{"a":"', [0xe9], '"}}\n')],
    ['nested a hundred thousand levels deep', call(`{"customerId":4211,"metadata":{"a":${deep(1e5)}}}`)],
    ['no JSON-RPC', '{"id":"refused","method":"ping"}\n'],
  ])('%s', async (_, input) => {
    const server = startServer({ args: ['--sandbox'] })
    await server.initialize()
    server.write(input)
    const answer = await server.answer('refused')
    expect(answer).toMatchObject({ error: { message: expect.stringContaining('Nothing was done.') } })
    server.write(ping('still there'))
    await server.answer('still there')
  })

  test('but not one over 10 MB, of which nothing is known, nor an answer of the client', async () => {
    const server = startServer({ args: ['--sandbox'] })
    await server.initialize()
    server.write(call(`{"metadata":{"note":"${'x'.repeat(11 * MB)}"}}`))
    server.write('{"id":"an answer","result":{}}\n')
    server.write(ping('next'))
    await server.answer('next')
    expect(server.messages.map(({ id }) => id)).toEqual([1, 'next'])
  })
})

test.runIf(knowsPeakMemory)('a line that never ends takes no memory, and the line after it is read', async () => {
  const server = startServer({ args: ['--sandbox'] })
  await server.initialize()
  const part = Buffer.alloc(MB, 'x')
  for (let i = 0; i < 300; i++) {
    if (!server.child.stdin?.write(part)) await new Promise((resolve) => server.child.stdin?.once('drain', resolve))
  }
  server.write(`\n${ping('next')}`)
  await server.answer('next')
  expect(server.peakMemoryMb).toBeLessThan(250)
})

test('half a line at the end of the input is left out, and the process ends as ever', async () => {
  const server = startServer({ args: ['--sandbox'] })
  await server.initialize()
  server.child.stdin?.end('{"jsonrpc":"2.0","id":2,"method":"pi')
  expect(await server.ended).toEqual({ code: 0, signal: null })
  expect(server.messages).toHaveLength(1)
})

test('a client that does not read for a while loses no answer', async () => {
  const server = startServer({ args: ['--sandbox'] })
  await server.initialize()
  server.child.stdout?.pause()
  const requests = 500
  for (let id = 1; id <= requests; id++) server.write(`{"jsonrpc":"2.0","id":"${id}","method":"tools/list"}\n`)
  server.child.stdout?.resume()
  await server.answer(`${requests}`)
  expect(server.messages).toHaveLength(requests + 1)
})

test.skipIf(process.platform === 'win32')(
  'a client that does not read cannot keep the process from ending',
  async () => {
    const server = startServer({ args: ['--sandbox'] })
    await server.initialize()
    server.child.stdout?.pause()
    for (let i = 0; i < 300; i++) server.send('tools/list')
    await new Promise((resolve) => setTimeout(resolve, 500))
    server.child.kill()
    expect(await once(server.child, 'exit')).toEqual([0, null])
    server.child.stdout?.resume()
  },
)

test('more than a thousand requests at once are turned away, and welcome again when there is room', async () => {
  const aifi = await startFaultServer()
  aifi.always('GET', fault.silence())
  const server = startServer({
    env: { AIFI_BASE_URL: aifi.url, AIFI_TOKEN: 'token', AIFI_MAX_CHANGES_PER_MINUTE: '2000' },
  })
  await server.initialize()
  for (let i = 0; i < 1_000; i++) server.call('update_customer', { customerId: i, firstName: 'X' })
  const first = 2
  const late = server.send('ping')
  expect(await server.answer(late)).toMatchObject({ error: { code: -32000, message: expect.stringContaining('1000') } })
  server.notify('notifications/cancelled', { requestId: first })
  expect(await server.answer(server.send('ping'))).toMatchObject({ result: {} })
  await aifi.close()
})

test('a second request under an open id is not made, and the first keeps its answer', async () => {
  const aifi = await startFaultServer()
  aifi.always('GET', fault.silence())
  const server = startServer({ env: { AIFI_BASE_URL: aifi.url, AIFI_TOKEN: 'token', AIFI_TIMEOUT_MS: '300' } })
  await server.initialize()
  const dryRun = call('{"customerId":4211,"firstName":"X","dryRun":true}')
  server.write(dryRun + dryRun)
  await server.answer('refused')
  server.write(ping('next'))
  await server.answer('next')
  expect(server.messages.map(({ id }) => id)).toEqual([1, 'refused', 'next'])
  expect(server.stderr).toContain('the id of one that is still open')
  await aifi.close()
})

const cancelled = (id: number | string, more = '') =>
  `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${JSON.stringify(id)}${more}}}\n`

test('an id that is used again after a cancellation belongs to the new call alone', async () => {
  const server = startServer({ args: ['--sandbox'] })
  await server.initialize({ elicitation: {} })
  const sensitive = call('{"customerId":4211,"blocked":false}')
  server.write(call('{"customerId":4211,"firstName":"X"}') + cancelled('refused') + sensitive)
  const form = await server.form()
  const result = { action: 'accept', content: { approve: true } }
  server.write(`${JSON.stringify({ jsonrpc: '2.0', id: form.id ?? null, result })}\n`)
  const answer = await server.answer('refused')
  expect(answer).toMatchObject({
    result: { structuredContent: { status: 'updated', changes: [{ field: 'blocked' }] } },
  })
  expect(server.messages.filter(({ id }) => id === 'refused')).toEqual([answer])
})

test('a cancellation that is none, by its reason, cancels nothing', async () => {
  const server = startServer({ args: ['--sandbox'] })
  await server.initialize()
  server.write(call('{"customerId":4211,"firstName":"X"}') + cancelled('refused', ',"reason":5'))
  const answer = await server.answer('refused')
  expect(answer).toMatchObject({ result: { structuredContent: { status: 'updated' } } })
})

test('lines come out the same however the bytes are cut', () => {
  const line = fc.uint8Array({ maxLength: 12 }).map((bytes) => bytes.filter((byte) => byte !== 0x0a))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(40), { maxLength: 12 }), (lines, cuts) => {
      const stream = Buffer.concat(lines.flatMap((each) => [each, Buffer.from('\n')]))
      const seen: string[] = []
      const reader = new Lines(8, {
        line: (bytes) => seen.push(bytes.toString('latin1')),
        tooLong: () => seen.push('too long'),
      })
      let from = 0
      for (const to of [...cuts.toSorted((a, b) => a - b), stream.length]) {
        reader.push(stream.subarray(from, Math.max(from, to)))
        from = Math.max(from, to)
      }
      const expected = lines.map((each) => {
        const text = Buffer.from(each).toString('latin1')
        return text.length <= 8 ? text : 'too long'
      })
      expect(seen).toEqual(expected)
    }),
  )
})

describe('the transport', () => {
  /** Between two streams that nobody else reads or writes. */
  async function open() {
    const [input, output] = [new PassThrough(), new PassThrough()]
    const warnings: string[] = []
    const received: JSONRPCMessage[] = []
    const transport = new StdioTransport(input, output, (reason) => warnings.push(reason))
    transport.onmessage = (message) => received.push(message)
    await transport.start()
    return { input, output, transport, warnings, received }
  }
  const request = (id: number, params: string) => `{"jsonrpc":"2.0","id":${id},"method":"ping","params":${params}}`
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  test('gives the text of a request as it came, until it is answered or cancelled', async () => {
    const { input, transport, received } = await open()
    const [first, second] = [request(1, '{"__proto__":{"n":9007199254740993}}'), request(2, '{}')]
    input.write(`\uFEFF${first}\r\n${second}\n${cancelled(2, ',"reason":5')}`)
    await turn()
    expect(received).toHaveLength(3)
    expect(transport.rawRequest(1)).toBe(`${first}\r`)
    expect(transport.rawRequest(2)).toBe(second)
    expect(transport.rawRequest(3)).toBeUndefined()
    await transport.send({ jsonrpc: '2.0', id: 1, result: {} })
    input.write(cancelled(2, ',"reason":"enough"'))
    await turn()
    expect([transport.rawRequest(1), transport.rawRequest(2)]).toEqual([undefined, undefined])
  })

  test('keeps no text of what it leaves out, nor the text of another request under an open id', async () => {
    const { input, transport, warnings } = await open()
    const first = request(1, '{"a":1}')
    input.write(`${first}\n${request(1, '{"a":2}')}\n{"jsonrpc":"1.0","id":2,"method":"ping"}\n`)
    await turn()
    expect(warnings).toHaveLength(2)
    expect([transport.rawRequest(1), transport.rawRequest(2)]).toEqual([first, undefined])
  })

  test('answers nothing under the id of a request that is open', async () => {
    const { input, output, warnings } = await open()
    input.write(`${request(1, '{}')}\n${request(1, '{}')}\n{"jsonrpc":"1.0","id":1,"method":"ping"}\n`)
    await expect.poll(() => warnings).toHaveLength(2)
    await turn()
    expect(output.readableLength).toBe(0)
  })

  test('gives the text of a request in a batch without that of the others', async () => {
    const { input, transport } = await open()
    const [first, second] = [request(1, '{"n":9007199254740993}'), request(2, '{"s":"],["}')]
    input.write(`[ ${first},${second} ]\n`)
    await turn()
    expect([transport.rawRequest(1), transport.rawRequest(2)]).toEqual([first, second])
  })

  test('holds at most 32 MB of open requests, and takes more once some are answered', async () => {
    const { input, output, transport, received } = await open()
    output.resume()
    const params = `{"arguments":{"a":"${'x'.repeat(8 * MB - 100)}"}}`
    for (let id = 1; id <= 5; id++) input.write(`${request(id, params)}\n`)
    await expect.poll(() => received.length).toBe(4)
    expect(transport.rawRequest(4)).toHaveLength(request(4, params).length)
    expect(transport.rawRequest(5)).toBeUndefined()
    await transport.send({ jsonrpc: '2.0', id: 2, result: {} })
    input.write(`${request(6, params)}\n`)
    await expect.poll(() => received.length).toBe(5)
    expect(transport.rawRequest(6)).toBeDefined()
  })

  test('reads nothing more while the client has not taken a megabyte of answers', async () => {
    const { input, output, transport, received } = await open()
    const answer = { text: 'x'.repeat(MB / 4) }
    transport.onmessage = (message) => {
      received.push(message)
      if ('id' in message && message.id !== undefined)
        void transport.send({ jsonrpc: '2.0', id: message.id, result: answer })
    }
    const ask = async (from: number, to: number) => {
      for (let id = from; id <= to; id++) {
        input.write(`${request(id, '{}')}\n`)
        await turn()
      }
    }
    await ask(1, 100)
    expect(received.length).toBeLessThan(10)
    expect(output.writableLength + output.readableLength).toBeLessThan(3 * MB)
    output.resume()
    await expect.poll(() => received.length).toBe(100)
  })
})
