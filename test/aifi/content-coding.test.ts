import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Fault, fault } from '../helpers/fault.ts'
import { startFaultServer } from '../helpers/fault-server.ts'
import { change, jane } from '../helpers/fault-situation.ts'
import { knowsPeakMemory, startServer } from '../helpers/process.ts'

const janet = { ...jane, firstName: 'Janet' }
const coded = (coding: string, content: Buffer, status = 200): Fault =>
  fault.bytes(status, content, { 'content-encoding': coding, 'content-type': 'application/json' })
const bytes = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

describe('an answer in another coding than was asked for', () => {
  it.each<[string, string, (content: Buffer) => Buffer]>([
    ['gzip', 'gzip', gzipSync],
    ['gzip by its old name, in capitals', 'X-GZIP', gzipSync],
    ['br', 'br', brotliCompressSync],
    ['deflate', 'deflate', deflateSync],
    ['deflate without its header', 'deflate', deflateRawSync],
    ['two codings', 'deflate, gzip', (content) => gzipSync(deflateSync(content))],
    ['identity', 'identity', (content) => content],
    ['gzip, and is not', 'gzip', (content) => content],
    ['a coding that nobody knows, and is not', 'x-own', (content) => content],
  ])('is read: %s', async (_, coding, encode) => {
    const at = (value: unknown) => coded(coding, encode(bytes(value)))
    const changed = await change({ firstName: 'Janet' }, { before: at(jane), patch: at(janet) })
    expect(changed.envelope).toMatchObject({
      status: 'updated',
      changes: [{ before: 'Jane', after: 'Janet', verified: 'as_requested' }],
    })
    const error = { error: '"phone" is not a phone number', rule: 'string.pattern.base', field: '"phone"' }
    const patch = coded(coding, encode(bytes({ message: 'Invalid', errors: [error] })), 422)
    expect((await change({ phone: 'x' }, { patch })).envelope).toMatchObject({
      status: 'invalid',
      errors: [{ field: 'phone', rule: 'string.pattern.base' }],
    })
  })

  it.each(['gzip', 'br', 'deflate'])('may have no content: %s', async (coding) => {
    const { envelope } = await change({ blocked: true }, { patch: coded(coding, Buffer.alloc(0)) })
    expect(envelope).toMatchObject({ status: 'updated' })
  })

  it('may be no record, or half of one: then the change is looked for in the record', async () => {
    const whole = gzipSync(bytes(janet))
    const after = fault.answer(200, janet)
    for (const content of [whole.subarray(0, -10), gzipSync(bytes('<html>'))]) {
      const { envelope } = await change({ firstName: 'Janet' }, { patch: coded('gzip', content), after })
      expect(envelope).toMatchObject({ status: 'updated', message: expect.stringContaining('the record read at') })
    }
  })
})

describe('an answer that unpacks to far more than it seems', () => {
  it.runIf(knowsPeakMemory)(
    'is unpacked no further than the cap, by a process that never holds what it would be',
    async () => {
      const zeros = Buffer.alloc(300_000_000)
      const bombs = [
        ['gzip', gzipSync(zeros)],
        ['br', brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
        ['deflate', deflateSync(zeros)],
        ['gzip, gzip', gzipSync(gzipSync(zeros))],
      ] as const
      const aifi = await startFaultServer()
      onTestFinished(() => aifi.close())
      const server = startServer({ env: { AIFI_BASE_URL: aifi.url, AIFI_TOKEN: 'token', AIFI_TIMEOUT_MS: '60000' } })
      await server.initialize()
      for (const [coding, bomb] of bombs) {
        aifi.next('GET', coded(coding, bomb))
        const found = await server.result(server.call('find_customers', { email: 'jane@example.com' }))
        expect(found).toMatchObject({
          status: 'failed',
          message: expect.stringContaining('too large'),
          http: { status: 200 },
        })
      }
      // Unpacked whole, one of them is more than that.
      expect(server.peakMemoryMb).toBeLessThan(250)
    },
  )

  it('packed again and again is not unpacked at all', async () => {
    const often = [1, 2, 3].reduce((content) => gzipSync(content), bytes(jane))
    const before = coded('gzip, gzip, gzip', often)
    const { envelope } = await change({ firstName: 'Janet' }, { before, patch: fault.answer(200, janet) })
    expect(envelope.changes).toEqual([{ field: 'firstName', after: 'Janet', verified: 'as_requested' }])
  })
})
